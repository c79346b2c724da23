import CRTool
import RTool

private let first = Parameter<Image>.image("first", "where the morph begins")
private let second = Parameter<Image>.image("second", "where it ends, cut to the first one's aspect")
private let stages = Parameter<Int>.integer(
  "stages", letter: "n", initial: 13, in: 2...1000, "images from the first to the second, both included")
private let loop = Parameter<Bool>.flag("loop", letter: "l", "go back to the first one at the end")
private let frameTime = Parameter<Int>.integer(
  "frame-time", unit: "ms", initial: 120, in: 10...60_000, "how long each frame of an animation is shown")
private let side = Parameter<Int?>.automaticInteger(
  "side", unit: "px", in: 16...2048, "shorter side of the images (auto: the model's)")
private let layer = Parameter<String?>.text(
  "layer", value: "NAME", flags: .advanced, initial: "representation",
  "of which layer the features are mixed")
private let softness = Parameter<Double>.real(
  "softness", unit: "px", flags: .advanced, initial: 0, in: 0...100,
  "blur the blend that a frame halfway starts from, so that it is no double exposure")
private let rounds = Parameter<Int>.integer(
  "rounds", flags: .advanced, initial: 1, in: 1...100,
  "ascents, between which each frame is smoothed with its neighbours in time")
private let ends = Parameter<Bool>.flag("ends", flags: .advanced, initial: true, "x")

private let options: AscentOptions = {
  var initial = AscentOptions.Initial(steps: 60, stepSize: 0.5, radius: 40)
  initial.levels = 4
  initial.gradientBlur = 0.5
  return AscentOptions(initial)
}()

private let description = Manifest(
  name: "interpolate", version: "1.0.0", summary: "Morph one image into another through their representations",
  description: "TODO",
  presets: [("balanced", "x", "")],
  parameters: [
    first.definition, second.definition, stages.definition, loop.definition, frameTime.definition,
    side.definition, layer.definition, softness.definition, rounds.definition,ends.definition
  ] + options.definitions)

nonisolated(unsafe) private let manifest = description.published { host, values in
  description.perform(host, values) { host, values in try interpolate(host, values) }
}

@c(rtool_plugin)
public func plugin(_ hostABI: UInt32) -> UnsafePointer<rtool_manifest>? { manifest }

private func interpolate(_ host: Host, _ values: Values) throws {
  let a = try WorkingCopy(values[first], mask: nil, side: values[side], host: host).image
  let b = try host.covering(values[second], width: a.width, height: a.height)
  let count = values[stages]
  let shares = (0..<count).map { Double($0) / Double(count - 1) }
  var frames = try shares.map { t in
    let blend = try host.blended(a, b, share: t)
    let sigma = values[softness] * 4 * t * (1 - t)
    return sigma > 0 ? try host.blurred(blend, sigma: sigma) : blend
  }
  let targets = try shares.map { try host.blendedFeatures(a, b, layer: values[layer], share: $0) }
  let ascent = try options.ascent(values, width: a.width, height: a.height)
  let centres = frames
  for round in 0..<values[rounds] {
    if round > 0 { frames = try smoothed(frames, host) }
    for k in 1..<count - 1 {
      var step = ascent
      step.centres = [centres[k]]
      let outcome = try host.ascend(
        step, from: [frames[k]],
        minimising: [Term(1, .features(layer: values[layer], targets: [targets[k]], relative: true))]
          + options.smoothnessTerms(values))
      frames[k] = outcome.images[0]
    }
  }
  let back = values[loop] ? frames.dropFirst().dropLast().reversed() : []
  for frame in frames + back { try host.emit(frame, frameDuration: values[frameTime]) }
}

private func smoothed(_ frames: [Image], _ host: Host) throws -> [Image] {
  try frames.indices.map { k in
    guard k > 0 && k < frames.count - 1 else { return frames[k] }
    return try host.blended(host.blended(frames[k - 1], frames[k + 1], share: 0.5), frames[k], share: 0.5)
  }
}
