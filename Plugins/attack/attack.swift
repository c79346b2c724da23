import CRTool
import RTool

private let photo = Parameter<Image>.image("image", "the photo to attack")
private let to = Parameter<[WeightedClass]>.classes(
  "to", letter: "c", "the class it is to be taken for; without it, any but the one it is taken for now")
private let norm = Parameter<Norm>.choice("norm", initial: .l2, help: \.help, "what is to be small")
/// The search sets the rule, the set and its radius.
private let options = AscentOptions(
  "steps=30 best=on", group: "Options", offering: "steps momentum",
  help: ["steps": "steps of the ascent at each radius that is tried"])
private let halvings = Parameter<Int>.integer(
  "halvings", flags: .advanced, initial: 7, in: 0...40,
  "how many times to halve the range that contains the smallest radius")
private let limit = Parameter<Double?>.automaticReal(
  "limit", flags: .advanced, in: 0...10_000,
  "give up beyond this radius (auto: \(Norm.l2.limit) with l2, \(Norm.linf.limit) with linf)")
private let amplify = Parameter<Double>.real(
  "amplify", initial: 0, in: 0...1000,
  "also write the change as a second image, amplified N times and centred on grey; 0: do not")
private let transferTo = Parameter<String?>.model(
  "transfer-to", "tell whether the change fools this other model as well")

/// How large a change is.
enum Norm: String, CaseIterable, Sendable {
  case l2, linf

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
  name: "attack", version: "1.0.0",
  summary: "Find the smallest change that makes the model see another class",
  description: """
    Looks for the smallest change of a photo that makes the model name another class, and tells its radius: an L2 length \
    for images of the model's side, to be compared with the radius that the model was trained to resist.

    The change is made to what the model sees: the photo reduced so that its shorter side is the model's. \
    The result has that size, because enlarging the change to the photo's own resolution would alter it. \
    Write the result in a lossless format such as PNG, because JPEG would alter the change too.

    The radius is the smallest that was found, by halving the range it lies in, with projected gradient steps at each \
    radius: there may be a smaller one.
    """,
  examples: [
    ("photo.jpg -o attacked.png", "Find what makes the model name any other class"),
    ("photo.jpg --to flower -o attacked.png", "Have it taken for a flower"),
    ("photo.jpg --amplify 10 -o attacked.png", "See the change as well"),
    ("photo.jpg --transfer-to photos-standard -o attacked.png", "Try it on another model"),
  ],
  presets: [
    ("balanced", "30 steps at each radius", "steps=30 halvings=7"),
    ("fast", "10 steps at each radius", "steps=10 halvings=4"),
  ],
  parameters: [
    photo, to, norm, amplify, transferTo,
  ] + options.definitions + [halvings, limit], needs: 3)

@c(rtool_plugin)
public func plugin(_ hostABI: UInt32) -> UnsafePointer<rtool_manifest>? {
  manifest.published(running: attack)
}

private func attack(_ host: Host, _ values: Values) throws {
  guard values[to].count <= 1 else {
    throw TaskFailure.usage("--to is one class, not a mixture")
  }
  let start = try WorkingCopy(values[photo], mask: nil, host: host).image
  let before = try host.prediction(start)
  let target = values[to].first.map { Int($0.index) }
  let names = host.model.classes
  if before.best == target {
    throw TaskFailure.message(
      "\(values.names(photo)[0]) is taken for \(names[before.best]) as it is; name another class with --to")
  }
  let search = Search(
    host: host, start: start, goal: Goal(from: before.best, to: target), norm: values[norm],
    ascent: try options.ascent(values, width: start.width, height: start.height))
  let limit = values[limit] ?? values[norm].limit
  guard let found = try search.smallest(halvings: values[halvings], limit: limit) else {
    let wish = target.map { "has it taken for \(names[$0])" } ?? "has it taken for another class"
    throw TaskFailure.message(
      "no change up to radius \(Text.fixed(limit, 2)) was found that \(wish); give more --steps or a higher --limit"
    )
  }
  let transfer = try values[transferTo].map { name in
    try Transfer(of: found.image, from: start, to: target.map { names[$0] }, asking: host.with(model: name))
  }
  try report(found, before, transfer, host, values)
  try host.emit(
    found.image, caption: "\(names[found.after.best]), radius \(Text.fixed(found.radius, 2))")
  if values[amplify] > 0 {
    let change = try host.image(width: start.width, height: start.height, channels: 3)
    let factor = Float(values[amplify])
    change.fill { x, y, c in
      min(max(0.5 + factor * (found.image.row(y)[3 * x + c] - start.row(y)[3 * x + c]), 0), 1)
    }
    try host.emit(change, caption: "change times \(Text.fixed(values[amplify], 1))")
  }
}

private func report(
  _ found: Finding, _ before: Prediction, _ transfer: Transfer?, _ host: Host, _ values: Values
) throws {
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

  let size = "\(found.image.width)x\(found.image.height)"
  let length = values[norm] == .l2 ? "L2 radius" : "largest change"
  host.note(
    Text.printable(
      "\(names[from]) (\(Text.percent(share))) became \(names[into]) (\(Text.percent(newShare))) "
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
  if host.wantsJSON { try host.emit(text: "\(json(found, before, transfer, host, values))\n") }
}

/// What a model sees.
func seen(_ prediction: Prediction, _ classes: [String]) -> JSON {
  JSON([
    "class": JSON(classes[prediction.best]), "probability": JSON(prediction.probabilities[prediction.best]),
  ])
}

private func json(
  _ found: Finding, _ before: Prediction, _ transfer: Transfer?, _ host: Host, _ values: Values
) -> JSON {
  let names = host.model.classes
  return JSON([
    "from": seen(before, names), "to": seen(found.after, names), "norm": JSON(values[norm].rawValue),
    "radius": JSON(found.radius), "eps": JSON(host.model.eps), "width": JSON(found.image.width),
    "height": JSON(found.image.height), "transfer": transfer?.json,
  ])
}
