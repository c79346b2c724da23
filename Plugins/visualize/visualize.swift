import CRTool
import RTool

private let features = Parameter<String?>.text(
  "feature", letter: "f", group: "What", value: "NAME",
  "units: a class they raise (flower, flower-2), a number, LAYER:NUMBER, or several, as in sea,17,layer3.1:0-7"
)
private let classes = Parameter<[WeightedClass]>.classes(
  "class", letter: "c", group: "What", "a class, or a mixture like sea:2,mountain:1")
private let all = Parameter<Bool>.flag("all", group: "What", "every unit of a layer, one image each")
private let layer = Parameter<String?>.text(
  "layer", group: "What", value: "NAME", "the layer for --all, without which it is the representation")
private let list = Parameter<Bool>.flag(
  "list", group: "What", "print the units of the representation with the classes they raise, and their names")

private let photos = Parameter<[String]>.photoSeries(
  "photo", required: false, "photos to look in, with --among")
private let among = Parameter<Bool>.flag(
  "among", letter: "a", group: "In photos",
  "show the places in the photos that raise it most, not a new image")
private let patches = Parameter<Int>.integer(
  "patches", letter: "n", group: "In photos", initial: 8, in: 1...1000,
  "how many places to show, with --among")

private let from = Parameter<Image?>.optionalImage(
  "from", group: "Start", "begin with a photo, not with noise")
private let side = Parameter<Int>.integer(
  "side", group: "Start", unit: "px", initial: 0, in: 0...4096, "pixels of a side; 0: the model's")
private let noise = Parameter<Double>.real(
  "start-noise", group: "Start", flags: .advanced, initial: 0.05, in: 0...1,
  "deviation of the noise, about grey, to begin with")

private let options = AscentOptions("steps=200 step-size=1 radius=1000 pass-relu=on")

let manifest = Manifest(
  name: "visualize", version: "1.0.0", summary: "Show what a feature or a class looks like",
  description: """
    Follows the gradient of one unit of the model, or of the logit of a class, from noise, so that an image appears that \
    raises it as much as possible. With --among it looks instead for the places in photos that raise it most. Together \
    they tell what a feature means.

    Units of the representation are named after the classes that the last linear layer has them raise: flower is the \
    unit that raises the class flower most, relative to the other classes, flower-2 the second.
    """,
  examples: [
    ("--list", "Print the features by name"),
    ("--feature flower-2 -o flower.png", "Show what one of them looks like"),
    ("--feature flower-2 --among *.jpg -o place.png", "Show where in photos it is found"),
    ("--class sea --from photo.jpg -o sea.png", "Make a photo more like a class"),
    ("--all --layer layer1.1 -o unit.png", "Show all units of a layer"),
  ],
  presets: [
    (
      "balanced",
      "160 steps of Adam in Fourier coefficients, at each of which the image is moved and enlarged",
      "steps=160 set=box parametrisation=fourier step-size=0.04 jitter=4 zoom=0.3 smoothness=1"
    ),
    (
      "fast", "the same with 60 steps",
      "steps=60 set=box parametrisation=fourier step-size=0.06 jitter=4 zoom=0.3 smoothness=1"
    ),
    (
      "paper", "the published method: 200 steps of one length in the pixels, of which the best counts",
      "best=yes"
    ),
  ],
  parameters: [
    photos, features, classes, all, layer,
    list,
    among, patches, from, side, noise,
  ] + options.definitions)

@c(rtool_plugin)
public func plugin(_ hostABI: UInt32) -> UnsafePointer<rtool_manifest>? {
  manifest.published(running: visualize)
}

/// What is to be raised.
struct Subject {
  let term: Term
  let name, caption: String
  /// What raises it at one position of a layer: the layer's channels with their weights.
  let layer: String?
  let weights: [(channel: Int, weight: Float)]
}

private func visualize(_ host: Host, _ values: Values) throws {
  let dictionary = FeatureDictionary(host)
  let subjects = try chosen(host, values, dictionary)
  if values[list] {
    return try host.emit(text: host.wantsJSON ? "\(try listJSON(dictionary))\n" : listText(dictionary))
  }
  if values[among] {
    return try emitPatches(of: subjects, values[patches], from: values.series(photos), host)
  }
  for (index, subject) in subjects.enumerated() {
    let progress = Double(index) / Double(subjects.count)...Double(index + 1) / Double(subjects.count)
    let (image, raised) = try picture(of: subject, index: index, host, values, progress: progress)
    if subjects.count == 1 { host.record("raised", raised) }
    try host.emit(image, caption: subject.caption)
  }
}

private func chosen(_ host: Host, _ values: Values, _ dictionary: FeatureDictionary) throws -> [Subject] {
  let wishes = [values[features] != nil, !values[classes].isEmpty, values[all], values[list]]
  guard wishes.filter({ $0 }).count == 1 else {
    throw TaskFailure.usage("give one of --feature, --class, --all and --list")
  }
  if values[layer] != nil && !values[all] {
    throw TaskFailure.usage("--layer goes with --all; a unit of a layer is --feature LAYER:NUMBER")
  }
  if values[among] && values[list] {
    throw TaskFailure.usage("--among needs a --feature or a --class to look for")
  }
  if values[among] && values[from] != nil {
    throw TaskFailure.usage("--from does nothing with --among; leave one of them out")
  }
  if values[among] && values[photos].isEmpty {
    throw TaskFailure.usage("--among needs photos to look in, as in --among *.jpg")
  }
  if !values[among] && !values[photos].isEmpty {
    throw TaskFailure.usage("photos are for --among; to start from a photo, use --from FILE")
  }
  let deepest = host.model.deepest?.name
  if !values[classes].isEmpty {
    let names = values[classes].map { host.model.classes[Int($0.index)] }
    let name = names.joined(separator: "+")
    var weights = [Float](repeating: 0, count: dictionary.unitCount)
    for choice in values[classes] {
      for (unit, weight) in try host.classWeights(Int(choice.index)).enumerated() {
        weights[unit] += Float(choice.weight) * weight
      }
    }
    return [
      Subject(
        term: Term(1, .logit(values[classes])), name: name, caption: "class \(name)", layer: deepest,
        weights: weights.enumerated().map { ($0, $1) })
    ]
  }
  var found: [Feature] = []
  if values[all] {
    let chosen = try values[layer].map { try host.model.layer(named: $0) } ?? host.model.layers.last!
    found = (0..<chosen.channels).map { Feature(layer: chosen.reduction == 0 ? nil : chosen.name, unit: $0) }
  }
  for word in values[features]?.split(separator: ",", omittingEmptySubsequences: false) ?? [] {
    found += try units(String(word), dictionary)
  }
  return try found.map { feature in
    try Subject(
      term: Term(1, .feature(layer: feature.layer, unit: feature.unit, region: [])),
      name: dictionary.name(of: feature), caption: dictionary.caption(of: feature),
      layer: feature.layer ?? deepest, weights: [(feature.unit, 1)])
  }
}

/// One unit, or a range of them: 3-7, LAYER:3-7.
private func units(_ word: String, _ dictionary: FeatureDictionary) throws -> [Feature] {
  let numbers = word.split(separator: ":", omittingEmptySubsequences: false).last ?? ""
  let ends = numbers.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
  guard ends.count == 2, let first = ends[0], let last = ends[1] else {
    return [try dictionary.feature(named: word)]
  }
  guard first <= last else { throw TaskFailure.message("\(Text.printable(word)) goes backwards") }
  let layer = word.dropLast(numbers.count)
  _ = try dictionary.feature(named: "\(layer)\(last)")
  return try (first...last).map { try dictionary.feature(named: "\(layer)\($0)") }
}

/// An image that raises a subject, and by how much it does.
private func picture(
  of subject: Subject, index: Int, _ host: Host, _ values: Values, progress: ClosedRange<Double>
) throws -> (Image, String) {
  let start = try startImage(index, host, values)
  var ascent = try options.ascent(values, width: start.width, height: start.height)
  ascent.progress = progress
  ascent.note = subject.name
  let terms = try [subject.term] + options.smoothnessTerms(values)
  let outcome = try host.ascend(ascent, from: [start], minimising: terms)
  let heights = try host.losses([subject.term], at: [start, outcome.images[0]]).map { Text.fixed(-$0, 3) }
  return (outcome.images[0], "\(heights[0]) to \(heights[1])")
}

private func startImage(_ index: Int, _ host: Host, _ values: Values) throws -> Image {
  let side = values[side] > 0 ? max(values[side], host.model.smallest) : host.model.side
  if let photo = values[from] { return try WorkingCopy(photo, mask: nil, side: side, host: host).image }
  let start = try host.image(width: side, height: side, channels: 3)
  let numbers = host.normal(stream: UInt64(index), count: 3 * side * side)
  let deviation = Float(values[noise])
  start.fill { x, y, c in min(max(0.5 + deviation * numbers[3 * (y * side + x) + c], 0), 1) }
  return start
}

/// Units in the order of the classes they raise.
private func ordered(_ dictionary: FeatureDictionary) throws -> [Int] {
  let places = try (0..<dictionary.unitCount).map { try dictionary.place(of: $0) }
  return places.indices.sorted {
    (places[$0].classIndex, places[$0].rank) < (places[$1].classIndex, places[$1].rank)
  }
}

private func listText(_ dictionary: FeatureDictionary) throws -> String {
  let rows = try ordered(dictionary).map { unit in
    let raised = try dictionary.classesRaised(by: unit).map {
      "\($0.name) \(Text.fixed(Double($0.weight), 2))"
    }
    return [
      Text.printable(try dictionary.name(of: Feature(layer: nil, unit: unit))), "\(unit)",
      Text.printable(raised.joined(separator: ", ")),
    ]
  }
  return Text.table([["name", "unit", "raises, relative to the other classes"]] + rows, right: [1])
}

private func listJSON(_ dictionary: FeatureDictionary) throws -> JSON {
  JSON(
    try ordered(dictionary).map { unit in
      JSON([
        "name": JSON(try dictionary.name(of: Feature(layer: nil, unit: unit))), "unit": JSON(unit),
        "raises": JSON(
          try dictionary.classesRaised(by: unit).map {
            JSON(["class": JSON($0.name), "weight": JSON($0.weight)])
          }),
      ])
    })
}
