import CRTool
import RTool

private let image = Parameter<Image>.image("image", withAlpha: true, "the photo to change")
private let other = Parameter<Image?>.optionalImage(
  "other", flags: .positional, "a second photo, whose content is mixed into the first")
private let classes = Parameter<[ClassWeight]>.classes(
  "class", letter: "c", "mix in a class, or a mixture like sea:2,mountain:1")
private let share = Parameter<Double>.real(
  "share", initial: 0.5, in: 0...1, "how much of the second photo: 0 is the first alone, 1 the second alone")
private let layer = Parameter<String?>.text(
  "layer", letter: "l", value: "NAME", flags: .advanced, initial: "representation",
  "of which layer the features of two photos are mixed; shallower ones than the last have places, too")
private let keep = Parameter<Double>.real(
  "keep", letter: "k", initial: 0, in: 0...100_000,
  "weight of the mean squared change, which keeps the composition of the photo")
private let strength = Parameter<Double>.real(
  "strength", initial: 1, in: 0...4, "factor of the change at the end")
private let mask = Parameter<Image?>.mask(
  "mask", letter: "m", "where to change the photo: white may change, grey in part, black is kept")
private let side = Parameter<Int?>.automaticInteger(
  "side", unit: "px", flags: .advanced, in: 16...2048,
  "shorter side at which the ascent works (auto: the model's)")

private let options: AscentOptions = {
  var initial = AscentOptions.Initial(steps: 60, stepSize: 1, radius: 30)
  initial.levels = 4
  initial.gradientBlur = 0.5
  return AscentOptions(initial)
}()

private let description = Manifest(
  name: "mix", version: "1.0.0", summary: "Mix classes or a second photo into a photo",
  description: "TODO",
  presets: [("balanced", "x", "")],
  parameters: [
    image.definition, other.definition, classes.definition, share.definition, layer.definition,
    keep.definition, strength.definition, mask.definition, side.definition,
  ] + options.definitions)

nonisolated(unsafe) private let manifest = description.published { host, values in
  description.perform(host, values) { host, values in try mix(host, values) }
}

@c(rtool_plugin)
public func plugin(_ hostABI: UInt32) -> UnsafePointer<rtool_manifest>? { manifest }

private func mix(_ host: Host, _ values: Values) throws {
  let copy = try WorkingCopy(values[image], mask: values[mask], side: values[side], host: host)
  var terms = [try wanted(host, values, copy.image)]
  if values[keep] > 0 { terms.append(Term(values[keep], .pixels(targets: [copy.image], regions: []))) }
  var ascent = try options.ascent(values, width: copy.image.width, height: copy.image.height)
  if let mask = copy.mask { ascent.free = [mask] }
  let outcome = try host.ascend(
    ascent, from: [copy.image], minimising: terms + options.smoothnessTerms(values))
  try copy.emit(outcome.images[0], strength: values[strength])
}

private func wanted(_ host: Host, _ values: Values, _ start: Image) throws -> Term {
  switch (values[other], values[classes].isEmpty) {
  case (let other?, true):
    let fitted = try host.covering(other, width: start.width, height: start.height)
    let target = try host.blendedFeatures(start, fitted, layer: values[layer], share: values[share])
    return Term(1, .features(layer: values[layer], targets: [target], relative: true))
  case (nil, false):
    return Term(1, .crossEntropy(values[classes]))
  case (nil, true):
    throw TaskFailure.usage("nothing says what to mix in; name a second photo or a --class")
  case (_?, false):
    throw TaskFailure.usage("a second photo and --class cannot be mixed in together; leave one out")
  }
}
