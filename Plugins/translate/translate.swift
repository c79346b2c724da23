import CRTool
import RTool

let photo = Parameter<Image>.image("image", "the photo to translate")
let to = Parameter<[WeightedClass]>.classes(
  "to", letter: "c", flags: .required,
  "the class that the photo should become, or a mixture like sea:2,mountain:1")
let from = Parameter<[WeightedClass]>.classes(
  "from", "the class that the photo should move away from, or a mixture")
let fromWeight = Parameter<Double>.real(
  "from-weight", flags: .advanced, initial: 0.1, in: 0...100,
  "weight of the logit of --from, which is lowered")
let mask = Parameter<Image?>.mask("mask", letter: "m", "where to change it: white fully, black not at all")
let context = Parameter<Double>.context
let strength = Parameter<Double>.real(
  "strength", initial: 1, in: 0...2, "how much of the change is taken over")
let side = Parameter<Double?>.automaticReal(
  "side", unit: "px", flags: .advanced, in: 16...2048,
  "shorter side of the copy that is worked on (auto: the model's)")
let options = AscentOptions("steps=60 step-size=1 radius=25 jitter=4 levels=4 pass-relu=on")

let manifest = Manifest(
  name: "translate", version: "1.0.0", summary: "Move a photo to another class",
  description: """
    Changes a photo so that the model sees another class in it, a mountain instead of a forest, say, while its \
    composition stays: the gradient of the cross-entropy to the class is followed within a radius around the photo.

    Works at the size that the model knows; the change is carried to the photo's own size along its edges, so that its \
    detail stays. With --mask, pixels where the mask is black keep their bytes.
    """,
  examples: [
    ("valley.jpg --to glacier -o glacier.jpg", "Make a valley icy"),
    ("lake.jpg --to sea --from forest --strength 1.5", "Also away from a class, and further"),
    ("street.jpg --to flower --mask sill.png", "Change a part only"),
  ],
  presets: [
    ("balanced", "a radius that keeps the photo's structure", ""),
    ("fast", "fewer steps", "steps=20 step-size=2"),
    (
      "paper", "the published setting: 200 steps within a wide radius",
      "steps=200 step-size=0.5 radius=80 jitter=0 levels=1 pass-relu=no best=yes context=100"
    ),
  ],
  parameters: [
    photo, to, from, fromWeight, mask,
    context,
    strength, side,
  ] + options.definitions)

@c(rtool_plugin)
public func plugin(_ hostABI: UInt32) -> UnsafePointer<rtool_manifest>? {
  manifest.published(running: translate)
}

private func translate(_ host: Host, _ values: Values) throws {
  try host.expect(over: values[photo])
  let copy = try WorkingCopy(
    values[photo], mask: values[mask], side: values[side].map { Int($0) }, context: values[context],
    host: host)
  var ascent = try options.ascent(values, width: copy.image.width, height: copy.image.height)
  ascent.free = copy.mask.map { [$0] } ?? []
  var terms = try [Term(1, .crossEntropy(values[to]))] + options.smoothnessTerms(values)
  if !values[from].isEmpty { terms.append(Term(-values[fromWeight], .logit(values[from]))) }
  let outcome = try copy.ascend(ascent, minimising: terms)
  host.record("loss", "\(outcome.startLosses[0]) to \(outcome.losses[0])")
  try copy.emit(outcome.images[0], strength: values[strength])
}
