import AttackAlgorithms
import CRTool
import RTool

private let photo = Parameter<Image>.image("image", "the photo to attack")
private let to = Parameter<[WeightedClass]>.classes(
  "to", letter: "c", "the class it is to be taken for; without it, any but the one it is taken for now")
private let norm = Parameter<Norm>.choice("norm", initial: .l2, help: \.help, "what is to be small")
private let targets = Parameter<Int>.integer(
  "targets", flags: .advanced, initial: 9, in: 1...1000,
  "how many of the likeliest other classes are tried, to find the nearest")
private let limit = Parameter<Double?>.automaticReal(
  "limit", flags: .advanced, in: 0...10_000,
  "give up beyond this radius (auto: \(Norm.l2.limit) with l2, \(Norm.linf.limit) with linf)")
private let within = Parameter<Double?>.automaticReal(
  "within", in: 0...10_000,
  "instead of looking for the smallest change, raise the cross-entropy of what the photo is taken for (or lower that "
    + "of --to) within this radius (auto: do not)")
private let step = Parameter<Double?>.automaticReal(
  "step", flags: .advanced, in: 0...10_000,
  "with --within: length of a step, measured as the radius is (auto: 2.5 times the radius over the steps)")
/// What is done sets the rule, the set and its radius.
private let options = AscentOptions(
  "steps=25 best=on", group: "Options", offering: "steps momentum",
  help: [
    "steps": "steps towards the boundary of each class that is tried; with --within, of the ascent",
    "momentum": "with --within: share of the earlier gradients in the average that each step follows",
  ])
private let amplify = Parameter<Double>.real(
  "amplify", initial: 0, in: 0...1000,
  "also write the change, amplified N times and centred on grey, as FILE-change beside the result; 0: do not")
private let transferTo = Parameter<String?>.model(
  "transfer-to", "tell whether the change fools this other model as well")

extension Norm {
  var help: String {
    switch self {
    case .l2: "the length of the change, over all pixels together"
    case .linf: "the largest change of a value"
    }
  }

  /// Beyond this a change leaves little of any photo.
  var limit: Double { self == .l2 ? 40 : 1 }
}

let manifest = Manifest(
  name: "attack", version: "1.1.0",
  summary: "Find the smallest change that makes the model see another class",
  description: """
    Looks for the smallest change of a photo that makes the model name another class, and tells its radius: an L2 length \
    for images of the model's side, to be compared with the radius that the model was trained to resist.

    The change is made to what the model sees: the photo reduced so that its shorter side is the model's. \
    The result has that size, because enlarging the change to the photo's own resolution would alter it. \
    The radius is that of the file, which has 16 bits per channel where its format holds them; with --bit-depth 8 the \
    best rounding is looked for, and the radius is larger. JPEG would alter the change: write PNG, TIFF, or WebP with \
    --lossless.

    The boundaries between the photo's class and the likeliest others are approached step by step, and the nearest is \
    crossed. The radius is the smallest that was found: there may be a smaller one. With --within the change is instead \
    the worst one within a radius, by projected gradient steps, whether or not it has another class named.
    """,
  examples: [
    ("photo.jpg -o attacked.png", "Find what makes the model name any other class"),
    ("photo.jpg --to flower -o attacked.png", "Have it taken for a flower"),
    ("photo.jpg --within 2 --steps 20 -o attacked.png", "Do the worst within a radius of 2"),
    ("photo.jpg --amplify 10 -o attacked.png", "See the change as well"),
    ("photo.jpg --transfer-to photos-standard -o attacked.png", "Try it on another model"),
  ],
  presets: [
    (
      "balanced", "25 steps towards each of 9 classes, as long as it may be the nearest", "steps=25 targets=9"
    ),
    ("fast", "8 steps towards each of 4 classes", "steps=8 targets=4"),
    (
      "paper", "the published setting: 10 steps of the cross-entropy within a radius of 0.5",
      "within=0.5 step=0.1 steps=10"
    ),
  ],
  parameters: [
    photo, to, norm, within, amplify, transferTo,
  ] + options.definitions + [step, targets, limit], needs: 3)

@c(rtool_plugin)
public func plugin(_ hostABI: UInt32) -> UnsafePointer<rtool_manifest>? {
  manifest.published(running: attack)
}

private func attack(_ host: Host, _ values: Values) throws {
  guard values[to].count <= 1 else {
    throw TaskFailure.usage("--to is one class, not a mixture")
  }
  let names = host.model.classes
  guard names.count > 1 else {
    throw TaskFailure.message("the model knows one class alone, so there is no other")
  }
  let scene = Scene(
    try WorkingCopy(values[photo], mask: nil, host: host).image, norm: values[norm], host: host)
  let before = try host.prediction(scene.start)
  let goal = Goal(from: before.best, to: values[to].first.map { Int($0.index) })
  if goal.from == goal.to {
    throw TaskFailure.message(
      "\(values.names(photo)[0]) is taken for \(names[before.best]) as it is; name another class with --to")
  }
  if host.bitDepth == 0 {
    host.warn(
      "the format of the result alters the change, so that nothing told of it holds for the file; write PNG")
  }
  let file = FileValues(bits: host.bitDepth == 16 ? 16 : 8)
  let found = try change(scene, goal, before, file, values)
  let transfer = try values[transferTo].map { name in
    try Transfer(
      of: scene.image(found.values), from: scene.start, to: goal.to.map { names[$0] },
      asking: host.with(model: name))
  }
  try report(found, before, transfer, scene, values)
  try emit(found, scene, values, bits: file.bits)
}

private func change(
  _ scene: Scene, _ goal: Goal, _ before: Prediction, _ file: FileValues, _ values: Values
) throws -> Finding {
  if let radius = values[within] {
    return try WorstChange(scene: scene, goal: goal, file: file, radius: radius, step: values[step]).found(
      by: options.ascent(values, width: scene.start.width, height: scene.start.height))
  }
  let limit = values[limit] ?? values[norm].limit
  let search = NearestChange(
    scene: scene, goal: goal, file: file, steps: Int(try options.number("steps", values) ?? 0),
    targets: values[targets])
  if let found = try search.smallest(before, limit: limit) { return found }
  let wish =
    goal.to.map { "has it taken for \(scene.host.model.classes[$0])" } ?? "has it taken for another class"
  throw TaskFailure.message(
    "no change up to radius \(Text.fixed(limit, 2)) was found that \(wish); give more --steps or a higher --limit"
  )
}

private func emit(_ found: Finding, _ scene: Scene, _ values: Values, bits: Int) throws {
  let (host, image) = (scene.host, try scene.image(found.values))
  let name = host.model.classes[found.after.best]
  try host.emit(image, caption: "\(name), radius \(Text.fixed(found.radius, 2))", bitDepth: bits)
  guard values[amplify] > 0 else { return }
  let change = try host.image(width: image.width, height: image.height, channels: 3)
  let factor = Float(values[amplify])
  change.fill { x, y, c in
    min(max(0.5 + factor * (image.row(y)[3 * x + c] - scene.start.row(y)[3 * x + c]), 0), 1)
  }
  try host.emit(change, name: "change", caption: "change times \(Text.fixed(values[amplify], 1))")
}

private func report(
  _ found: Finding, _ before: Prediction, _ transfer: Transfer?, _ scene: Scene, _ values: Values
) throws {
  let host = scene.host
  let names = host.model.classes
  let (from, into) = (before.best, found.after.best)
  let (share, newShare) = (before.probabilities[from], found.after.probabilities[into])
  let eps = host.model.eps
  let digits = values[norm] == .l2 ? 3 : 5
  host.record("from", names[from])
  host.record("from-probability", "\(share)")
  host.record("to", names[into])
  host.record("to-probability", "\(newShare)")
  host.record("norm", values[norm].rawValue)
  host.record("radius", Text.fixed(found.radius, digits))
  host.record("eps", "\(eps)")

  let size = "\(scene.start.width)x\(scene.start.height)"
  let length = values[norm] == .l2 ? "L2 radius" : "largest change"
  host.note(
    Text.printable(
      "\(names[from]) (\(Text.percent(share))) \(from == into ? "stayed" : "became") \(names[into]) "
        + "(\(Text.percent(newShare))) "
        + "at \(size) pixels, \(length) \(Text.fixed(found.radius, digits))"))
  switch values[norm] {
  case .linf: host.note("that is \(Text.fixed(255 * found.radius, 2)) of 255 levels")
  case .l2 where eps > 0:
    host.note(
      "the model was trained to resist \(Text.fixed(eps, 2)); this is \(Text.fixed(found.radius / eps, 2)) times as much"
    )
  case .l2: host.note("the model was not trained to resist any change")
  }
  transfer?.report(host)
  if host.wantsJSON { try host.emit(text: "\(json(found, before, transfer, scene, values))\n") }
}

/// What a model sees.
func seen(_ prediction: Prediction, _ classes: [String]) -> JSON {
  JSON([
    "class": JSON(classes[prediction.best]), "probability": JSON(prediction.probabilities[prediction.best]),
  ])
}

private func json(
  _ found: Finding, _ before: Prediction, _ transfer: Transfer?, _ scene: Scene, _ values: Values
) -> JSON {
  let (host, start) = (scene.host, scene.start)
  let names = host.model.classes
  return JSON([
    "from": seen(before, names), "to": seen(found.after, names), "norm": JSON(values[norm].rawValue),
    "radius": JSON(found.radius), "eps": JSON(host.model.eps), "width": JSON(start.width),
    "height": JSON(start.height), "transfer": transfer?.json,
  ])
}
