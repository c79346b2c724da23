import CRTool
import RTool

private let photo = Parameter<Image>.image("image", withAlpha: true, "the photo to paint on")
private let mask = Parameter<Image?>.mask(
  "mask", letter: "m", "where to paint: white is painted, grey is blended, black is kept")
private let feature = Parameter<String?>.text(
  "feature", letter: "f", value: "NAME",
  "what to paint: a unit by a class it raises (flower, flower-2), a number, or LAYER:NUMBER; "
    + "`rtool visualize --list` prints them")
private let classes = Parameter<[WeightedClass]>.classes(
  "class", letter: "c", "what to paint: a class, or a mixture like sea:2,mountain:1")
private let constraint = Parameter<Constraint>.choice(
  "constraint", group: "Ascent", initial: .hard, help: \.help, "what keeps the rest as it is")
private let penalty = Parameter<Double>.real(
  "penalty", group: "Ascent", flags: .advanced, initial: 90, in: 0...100_000,
  "weight of the squared change outside the mask, with --constraint soft")
private let feather = Parameter<Double>.real(
  "feather", group: "Ascent", unit: "px", flags: .advanced, initial: 8, in: 0...100,
  "over how many pixels of the model's side the change fades in, with --constraint hard")
private let context = Parameter<Double>.context
private let strength = Parameter<Double>.real(
  "strength", initial: 1, in: 0...4, "how much of the change is put on the photo")

private let options = AscentOptions("steps=140 step-size=1 radius=70 pass-relu=on")

/// What keeps the rest of the photo as it is.
enum Constraint: String, CaseIterable, Sendable {
  case hard, soft

  var help: String {
    switch self {
    case .hard: "only what is masked moves"
    case .soft: "everything moves, change outside the mask is penalised and then undone"
    }
  }
}

let manifest = Manifest(
  name: "paint", version: "1.0.0", summary: "Paint a feature or a class into a part of a photo",
  description: """
    Follows the gradient of one unit of the model, or of the logit of a class, within the part of a photo that a mask \
    marks, at the size the model knows; the change is carried to the photo's own resolution. All other pixels stay as \
    they are.

    With --constraint hard, step size and radius are scaled to the masked part, so that a small part is \
    painted as strongly as a large one.
    """,
  examples: [
    ("photo.jpg --mask meadow.png --feature flower -o flowers.jpg", "Paint with a feature"),
    ("photo.jpg --mask slope.png --class forest -o wood.jpg", "Paint with a class"),
  ],
  presets: [
    (
      "balanced", "120 steps in the masked part, at each of which the photo is moved and enlarged",
      "steps=120 radius=80 jitter=4 zoom=0.3 momentum=0.5 levels=4 smoothness=0.1 context=0.2"
    ),
    (
      "fast", "the same with 50 steps",
      "steps=50 step-size=2 radius=80 jitter=4 zoom=0.3 momentum=0.5 levels=4 smoothness=0.1 context=0.2"
    ),
    (
      "paper", "the published method: 140 steps, with a penalty on change outside the mask",
      "constraint=soft context=100 best=yes"
    ),
  ],
  parameters: [
    photo, mask, feature, classes, strength,
    context,
    constraint, penalty, feather,
  ] + options.definitions)

@c(rtool_plugin)
public func plugin(_ hostABI: UInt32) -> UnsafePointer<rtool_manifest>? { manifest.published(running: paint) }

private func paint(_ host: Host, _ values: Values) throws {
  guard let marked = values[mask] else {
    throw TaskFailure.usage("nothing says where to paint; mark the place with --mask")
  }
  guard (values[feature] != nil) != !values[classes].isEmpty else {
    throw TaskFailure.usage("give one of --feature and --class, to say what to paint")
  }
  if try options.number("parametrisation", values) == 1 && values[constraint] == .hard {
    throw TaskFailure.usage("--parametrisation fourier moves every pixel; give --constraint soft with it")
  }
  try host.expect(over: values[photo])
  let copy = try WorkingCopy(values[photo], mask: marked, context: values[context], host: host)
  let region = copy.mask!
  let subject = try subject(host, values, region)
  var terms = try [Term(0.1, subject)] + options.smoothnessTerms(values)
  var ascent = try options.ascent(values, width: region.width, height: region.height)
  switch values[constraint] {
  case .hard:
    ascent.free = [region]
    fit(&ascent, to: region)
  case .soft:
    let kept = try host.image(width: region.width, height: region.height, channels: 1)
    kept.fill { x, y, _ in 1 - region.row(y)[x] }
    terms.append(Term(values[penalty], .pixels(targets: [copy.image], regions: [kept])))
  }
  let result = try copy.ascend(ascent, minimising: terms).images[0]
  if values[constraint] == .hard { try fade(result, into: copy.image, region, host, values) }
  let heights = try host.losses([Term(1, subject)], at: [copy.image, result]).map { Text.fixed(-$0, 3) }
  host.record("raised", "\(heights[0]) to \(heights[1])")
  try copy.emit(result, strength: values[strength])
}

/// Scales step size and radius to the area of the region, so that a small region is painted as strongly as a large one.
private func fit(_ ascent: inout Ascent, to region: Image) {
  var area = 0.0
  for y in 0..<region.height { for x in 0..<region.width { area += Double(region.row(y)[x]) } }
  let share = (area / Double(region.width * region.height)).squareRoot()
  if ascent.rule == .normalised { ascent.stepSize *= share }
  if case .l2(let radius) = ascent.set { ascent.set = .l2(radius: radius * share) }
}

/// What is raised, and where.
private func subject(_ host: Host, _ values: Values, _ region: Image) throws -> Term.Kind {
  if !values[classes].isEmpty { return .logit(values[classes]) }
  let dictionary = FeatureDictionary(host)
  let feature = try dictionary.feature(named: values[feature]!)
  host.record("feature", try dictionary.caption(of: feature))
  // The representation is the mean over the positions of the deepest layer; those in the region are what can change.
  if values[constraint] == .hard, feature.layer == nil, let deepest = host.model.deepest {
    return .feature(layer: deepest.name, unit: feature.unit, region: [region])
  }
  let isEverywhere = feature.layer == nil || values[constraint] == .soft
  return .feature(layer: feature.layer, unit: feature.unit, region: isEverywhere ? [] : [region])
}

/// Takes the change back towards the edge of the region.
private func fade(_ result: Image, into start: Image, _ region: Image, _ host: Host, _ values: Values) throws
{
  let scale = Double(min(region.width, region.height)) / Double(host.model.side)
  let sigma = values[feather] * scale / 2
  guard sigma > 0 else { return }
  let soft = try host.blurred(region, sigma: sigma)
  result.fill { x, y, c in
    let share = min(max(2 * soft.row(y)[x] - 1, 0), 1)
    let before = start.row(y)[3 * x + c]
    return before + share * (result.row(y)[3 * x + c] - before)
  }
}
