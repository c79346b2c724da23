import CRTool
import RTool

private let first = Parameter<Image>.image("first", withAlpha: true, "where the morph begins")
private let second = Parameter<Image>.image(
  "second", withAlpha: true, "where it ends, cut to the aspect of the first")
private let stages = Parameter<Int>.integer(
  "stages", letter: "n", initial: 13, in: 2...1000, "images from the first to the second, both included")
private let loop = Parameter<Bool>.flag("loop", letter: "l", "go back to the first one at the end")
private let frameTime = Parameter<Int>.integer(
  "frame-time", unit: "ms", initial: 120, in: 10...60_000, "how long each frame of an animation is shown")
private let side = Parameter<Int?>.automaticInteger(
  "side", group: "Size", unit: "px", in: 1...4096,
  "shorter side at which the gradient is followed, and of the images unless a size is given (auto: the model's)"
)
private let width = Parameter<Int?>.automaticInteger(
  "width", letter: "W", group: "Size", unit: "px", in: 1...16384,
  "width of the images (auto: by the height and the aspect of the first); with --height both are cut to that aspect"
)
private let height = Parameter<Int?>.automaticInteger(
  "height", letter: "H", group: "Size", unit: "px", in: 1...16384, "height of the images")
private let layer = Parameter<String>.layer(
  "of which layer the features are mixed; all but the last keep things in their places")
private let softness = Parameter<Double>.real(
  "softness", unit: "px", flags: .advanced, initial: 2, in: 0...100,
  "blur of the blend from which the middle starts, against double exposure; less towards the ends")
private let carry = Parameter<Double>.real(
  "carry", flags: .advanced, initial: 0.5, in: 0...1,
  "share of the change of one frame with which the next one starts, so that the series moves evenly")

private let options = AscentOptions("steps=80 step-size=0.7 radius=40 levels=2 gradient-blur=0.5")

let manifest = Manifest(
  name: "interpolate", version: "1.0.0",
  summary: "Morph one image into another through their representations",
  description: """
    Makes a series of images between two: each starts from a soft blend of the two and follows the gradient until its \
    representation is the same mixture of theirs, so that things turn into one another rather than fade. Written as \
    WebP or GIF the series is an animation, in other formats numbered files. Transparency goes over with the rest.
    """,
  examples: [
    ("daisy.jpg rose.jpg -o morph.webp", "Make an animation"),
    ("daisy.jpg rose.jpg --loop --stages 25 -o morph.gif", "Go there and back, in finer steps"),
    ("daisy.jpg rose.jpg --stages 5 -o morph.png", "Make five numbered files"),
    ("daisy.jpg rose.jpg --width 800 -o morph.webp", "Make it 800 pixels wide"),
  ],
  presets: [
    ("balanced", "from a softened blend, with smoothed gradients", ""),
    ("fast", "the same with fewer steps", "steps=30 step-size=1.5"),
    (
      "paper", "the published method: from the plain blend, 10000 steps with the gradient as it is",
      "softness=0 carry=0 steps=10000 step-size=1 radius=1000 levels=1 gradient-blur=0 pass-relu=yes best=yes"
    ),
  ],
  parameters: [
    first, second, stages, loop, frameTime,
    side, width, height, layer, softness, carry,
  ] + options.definitions)

@c(rtool_plugin)
public func plugin(_ hostABI: UInt32) -> UnsafePointer<rtool_manifest>? {
  manifest.published(running: interpolate)
}

private func interpolate(_ host: Host, _ values: Values) throws {
  let layer = values[layer]
  let ends = try Ends(values[first], values[second], side: values[side], size: size(values), host)
  let (a, b) = ends.small
  let features = (try host.features(a, layer: layer), try host.features(b, layer: layer))
  let count = values[stages]
  var frames = [try ends.frame(ends.large.0, share: 0)]
  var distances: [Double] = []
  var change: Image?
  for k in 1..<max(count - 1, 1) {
    let share = Double(k) / Double(count - 1)
    let blend = try softBlend(a, b, share: share, scale: 1, host, values)
    let start = try change.map { try moved(blend, by: $0, values[carry] * 4 * share * (1 - share), host) }
    let target = try host.blended(features.0, features.1, share: share)
    let term = Term(1, .features(layer: layer, targets: [target], relative: true))
    var ascent = try options.ascent(values, width: a.width, height: a.height)
    ascent.centres = [blend]
    ascent.progress = Double(k - 1) / Double(count - 2)...Double(k) / Double(count - 2)
    ascent.note = "frame \(k + 1)/\(count)"
    let outcome = try host.ascend(
      ascent, from: [start ?? blend], minimising: [term] + options.smoothnessTerms(values))
    change = try moved(outcome.images[0], by: blend, -1, host)
    let picture = try ends.enlarged(outcome.images[0], from: blend) {
      try softBlend(ends.large.0, ends.large.1, share: share, scale: ends.scale, host, values)
    }
    frames.append(try ends.frame(picture, share: share))
    distances.append(try host.losses([term], at: outcome.images)[0])
  }
  frames.append(try ends.frame(ends.large.1, share: 1))
  if let farthest = distances.max() {
    host.record("relative-distance", "\((farthest * 10000).rounded() / 10000)")
  }
  let back = values[loop] ? frames.dropFirst().dropLast().reversed() : []
  for frame in frames + back { try host.emit(frame, frameDuration: values[frameTime]) }
}

/// The size that is wanted, by the aspect of the first image where one side alone is; nil: none is.
private func size(_ values: Values) -> (width: Int, height: Int)? {
  let image = values[first]
  func scaled(_ length: Int, _ side: Int, _ other: Int) -> Int {
    max(1, Int((Double(length) * Double(side) / Double(other)).rounded()))
  }
  switch (values[width], values[height]) {
  case (nil, nil): return nil
  case (let width?, let height?): return (width, height)
  case (let width?, nil): return (width, scaled(image.height, width, image.width))
  case (nil, let height?): return (scaled(image.width, height, image.height), height)
  }
}

/// - Parameter scale: of the images, next to those that the gradient is followed in.
private func softBlend(
  _ a: Image, _ b: Image, share: Double, scale: Double, _ host: Host, _ values: Values
) throws -> Image {
  let blend = try host.blended(a, b, share: share)
  let sigma = values[softness] * 4 * share * (1 - share) * scale
  return sigma > 0 ? try host.blurred(blend, sigma: min(sigma, 1000)) : blend
}

/// image + factor * change, which may lie outside of 0...1.
private func moved(_ image: Image, by change: Image, _ factor: Double, _ host: Host) throws -> Image {
  let result = try host.image(width: image.width, height: image.height, channels: 3)
  result.fill { x, y, c in image.row(y)[3 * x + c] + Float(factor) * change.row(y)[3 * x + c] }
  return result
}
