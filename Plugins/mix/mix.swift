import CRTool
import RTool

private let image = Parameter<Image>.image("image", withAlpha: true, "the photo to change")
private let other = Parameter<Image?>.optionalImage(
  "other", flags: .positional, "a second photo, whose content is mixed into the first")
private let classes = Parameter<[WeightedClass]>.classes(
  "class", letter: "c", "mix in a class, or a mixture like sea:2,mountain:1")
private let share = Parameter<Double>.real(
  "share", initial: 0.7, in: 0...1, "how much of the second photo: 0 is the first alone, 1 the second alone")
private let strength = Parameter<Double>.real(
  "strength", initial: 1, in: 0...4, "factor of the whole change at the end")
private let keep = Parameter<Double>.real(
  "keep", letter: "k", initial: 0, in: 0...100_000,
  "weight of the mean squared change, which keeps the photo's composition")
private let context = Parameter<Double>.context
private let mask = Parameter<Image?>.mask(
  "mask", letter: "m", "where the photo may change: white may, grey in part, black is kept")
private let side = Parameter<Int?>.automaticInteger(
  "side", unit: "px", flags: .advanced, in: 1...4096,
  "shorter side at which the ascent works (auto: the model's)")
private let layer = Parameter<String>.layer(
  "the layer whose features are mixed, for two photos; all but the last keep things in their places")

private let options = AscentOptions("steps=60 step-size=1 radius=30 levels=4 gradient-blur=0.5")

let manifest = Manifest(
  name: "mix", version: "1.0.0", summary: "Mix classes, or a second photo, into a photo",
  description: """
    Follows the gradient of the robust classifier until the photo looks to it like a class, a mixture of classes, or a \
    mixture of itself and a second photo. This is done at the size the model knows; the change is then carried to the \
    photo's own resolution, whose detail and edges stay.
    """,
  examples: [
    ("valley.jpg --class forest:1,flower:1 -o mixed.jpg", "Mix two classes into a photo"),
    ("valley.jpg beach.jpg --share 0.5", "Mix the content of a second photo into the first"),
    ("valley.jpg --class glacier --mask sky.png --radius 15", "Change a part, and less"),
  ],
  presets: [
    ("balanced", "gradients of several resolutions, slightly smoothed", ""),
    ("fast", "the same with fewer steps", "steps=20 step-size=2"),
  ],
  parameters: [
    image, other, classes, share, strength,
    keep, mask, context, side, layer,
  ] + options.definitions)

@c(rtool_plugin)
public func plugin(_ hostABI: UInt32) -> UnsafePointer<rtool_manifest>? { manifest.published(running: mix) }

private func mix(_ host: Host, _ values: Values) throws {
  try checkWhatToMix(values)
  let layer = values[layer]
  // The result, and the other photo brought to its size.
  let images = values[other] == nil ? 1 : 2
  let bytes = 3 * MemoryLayout<Float>.stride * values[image].width * values[image].height
  try host.expect(over: values[image], memory: images * bytes)
  let copy = try WorkingCopy(
    values[image], mask: values[mask], side: values[side], context: values[context], host: host)
  let start = copy.image
  let goal: Term
  if let other = values[other] {
    let fitted = try host.covering(other, width: start.width, height: start.height)
    let target = try host.blended(
      host.features(start, layer: layer), host.features(fitted, layer: layer), share: values[share])
    goal = Term(1, .features(layer: layer, targets: [target], relative: true))
  } else {
    goal = Term(1, .crossEntropy(values[classes]))
  }
  var terms = try [goal] + options.smoothnessTerms(values)
  if values[keep] > 0 { terms.append(Term(values[keep], .pixels(targets: [start], regions: []))) }
  var ascent = try options.ascent(values, width: start.width, height: start.height)
  if let mask = copy.mask {
    if ascent.parameters == .fourier {
      throw TaskFailure.usage("--parametrisation fourier changes all pixels; leave out either it or --mask")
    }
    ascent.free = [mask]
  }
  let result = try copy.ascend(ascent, minimising: terms).images[0]
  let losses = try [start, result].map { try host.losses([goal], at: [$0])[0] }
  for (key, loss) in zip(["loss-before", "loss-after"], losses) {
    host.record(key, "\((loss * 10000).rounded() / 10000)")
  }
  try copy.emit(result, strength: values[strength])
}

private func checkWhatToMix(_ values: Values) throws {
  switch (values[other] == nil, values[classes].isEmpty) {
  case (true, true):
    throw TaskFailure.usage("nothing says what to mix in; name a second photo or a --class")
  case (false, false):
    throw TaskFailure.usage("a second photo and --class cannot be mixed in together; leave one out")
  case (true, false):
    if values.isGiven(share) || values.isGiven(layer) {
      throw TaskFailure.usage(
        "--share and --layer are for two photos; leave them out, or name a second photo")
    }
  case (false, true): break
  }
}
