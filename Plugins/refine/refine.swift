import CRTool
import RTool

let photo = Parameter<Image>.image("image", "the image to refine")
let mask = Parameter<Image?>.mask("mask", letter: "m", "where to refine: white fully, black not at all")
let classes = Parameter<ClassChoice>.classChoice(
  "class", letter: "c",
  "what the image shows: a class, a mixture like sea:2,mountain:1, or auto (what the model sees)")
let strength = Parameter<Double>.real(
  "strength", initial: 1, in: 0...4, "how much of the change is taken over")
// The published step: one and a half radii in all.
let options = AscentOptions("steps=7 step-size=0.32 radius=1.5 pass-relu=on")

let manifest = Manifest(
  name: "refine", version: "1.0.0", summary: "Make an image a little more like what it shows",
  description: """
    Takes a few steps towards the class that the model sees in an image, or the one that is named, within a small \
    radius. Meant for what other programs or tasks have synthesised, whose details it makes a little more typical; on \
    a photo it raises the contrast of what the class is known by.

    Works at the size that the model knows; the change is carried to the image's own size. The length of a step is 1.5 \
    radii divided by the number of steps, unless --step-size gives another.
    """,
  examples: [
    ("generated.png -o refined.png", "Refine towards what the model sees"),
    ("photo.jpg --class flower --radius 4", "Go further, towards a class"),
  ],
  presets: [
    ("balanced", "a radius that changes hardly more than contrast", ""),
    ("fast", "fewer steps", "steps=3"),
    ("paper", "7 steps with an L2 radius of 0.5", "radius=0.5 pass-relu=no best=yes"),
  ],
  parameters: [photo, mask, classes, strength]
    + options.definitions)

@c(rtool_plugin)
public func plugin(_ hostABI: UInt32) -> UnsafePointer<rtool_manifest>? {
  manifest.published(running: refine)
}

private func refine(_ host: Host, _ values: Values) throws {
  try host.expect(over: values[photo])
  let copy = try WorkingCopy(values[photo], mask: values[mask], host: host)
  guard let towards = try host.classes(values[classes], for: copy.image) else {
    throw TaskFailure.usage("--class none leaves nothing to go towards; name a class, or give auto")
  }
  var ascent = try options.ascent(values, width: copy.image.width, height: copy.image.height)
  if try !options.isGiven("step-size", values), ascent.rule == .normalised, case .l2(let radius) = ascent.set
  {
    ascent.stepSize = 1.5 * radius / Double(max(ascent.steps, 1))
  }
  ascent.free = copy.mask.map { [$0] } ?? []
  let terms = try [Term(1, .crossEntropy(towards))] + options.smoothnessTerms(values)
  let outcome = try copy.ascend(ascent, minimising: terms)
  host.record("loss", "\(outcome.startLosses[0]) to \(outcome.losses[0])")
  try copy.emit(outcome.images[0], strength: values[strength])
}
