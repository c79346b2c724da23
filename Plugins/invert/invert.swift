import CRTool
import Glibc
import RTool

private let image = Parameter<Image>.image("image", "the photo whose features are inverted")
private let layer = Parameter<String>.layer(
  "the layer whose features are inverted, from stem to representation, or logits", or: [("logits", "")])
private let distance = Parameter<Distance>.choice(
  "distance", letter: "d", initial: .relative, help: \.help, "the distance to minimise")
private let views = Parameter<Int>.integer(
  "views", flags: .advanced, initial: 24, in: 2...10_000,
  "parts of the image from which the spread of each channel is taken, with --distance whitened")
private let spread = Parameter<Double>.real(
  "spread", flags: .advanced, initial: 0.05, in: 0...1,
  "deviation of the noise about grey that the image starts from")
private let side = Parameter<Int?>.automaticInteger(
  "side", unit: "px", in: 1...4096, "shorter side of the result (auto: the model's)")

// The default is Adam in the box; these are the lengths of the published method.
private let options = AscentOptions("steps=200 step-size=1 radius=1000")

private enum Distance: String, CaseIterable, Sendable {
  case relative, whitened, plain

  var help: String {
    switch self {
    case .relative: "the distance over the length of the features"
    case .whitened: "the same, each channel in units of its own spread, so that none outweighs the others"
    case .plain: "the distance itself"
    }
  }
}

let manifest = Manifest(
  name: "invert", version: "1.0.0", summary: "Reconstruct an image from its features alone",
  description: """
    Starts from grey with a little noise and follows the gradient until the image has the features of the photo at one \
    layer, so that one sees what these features know: places and textures in shallow layers, kinds of things in the \
    representation. Each seed gives another image with the same features.
    """,
  examples: [
    ("photo.jpg -o inverted.png", "See what the representation keeps"),
    ("photo.jpg --layer layer3.1", "See what a layer halfway keeps"),
    ("photo.jpg --seed 2", "Make another image of the same features"),
    ("photo.jpg --distance whitened", "Count all channels alike"),
  ],
  presets: [
    (
      "balanced", "Adam, with a little smoothness",
      "optimizer=adam set=box step-size=0.02 smoothness=0.2 gradient-blur=0.7"
    ),
    (
      "fast", "the same with fewer steps",
      "steps=60 optimizer=adam set=box step-size=0.04 smoothness=0.2 gradient-blur=0.7"
    ),
    (
      "paper", "the published method: 10000 steps of one length, the best of them",
      "steps=10000 pass-relu=yes best=yes"
    ),
  ],
  parameters: [
    image, layer, distance, views, spread,
    side,
  ] + options.definitions)

@c(rtool_plugin)
public func plugin(_ hostABI: UInt32) -> UnsafePointer<rtool_manifest>? {
  manifest.published(running: invert)
}

/// Streams of random numbers.
private enum Stream {
  static let start: UInt64 = 1
  static let views: UInt64 = 2
}

private func invert(_ host: Host, _ values: Values) throws {
  let copy = try WorkingCopy(values[image], mask: nil, side: values[side], host: host)
  let name = values[layer]
  let target = copy.image
  let weights = values[distance] == .whitened ? try inverseSpreads(name, of: target, host, values) : []
  let term = try distanceTerm(name, target, relative: values[distance] != .plain, weights, host)
  let start = try host.image(width: target.width, height: target.height, channels: 3)
  let noise = host.normal(stream: Stream.start, count: 3 * target.width * target.height)
  start.fill { x, y, c in 0.5 + Float(values[spread]) * noise[3 * (y * target.width + x) + c] }
  let ascent = try options.ascent(values, width: target.width, height: target.height)
  let outcome = try host.ascend(ascent, from: [start], minimising: [term] + options.smoothnessTerms(values))
  let result = outcome.images[0]
  let reached = try host.losses([distanceTerm(name, target, relative: true, [], host)], at: [result])[0]
  host.record("relative-distance", Text.fixed(reached, 4))
  host.record("psnr", Text.fixed(psnr(result, target), 2))
  try host.emit(result, caption: "\(name) \(Text.fixed(reached, 4))")
}

/// The distance of an image's features at a layer to the target's.
private func distanceTerm(
  _ layer: String, _ target: Image, relative: Bool, _ weights: [Float], _ host: Host
) throws -> Term {
  guard layer == "logits" else {
    return Term(
      1, .representation(layer: layer, targets: [target], relative: relative, channelWeights: weights))
  }
  let wanted = try host.logits(target)
  let factors = weights.isEmpty ? wanted.map { _ in Float(1) } : weights
  let length = zip(wanted, factors).reduce(Float(0)) { $0 + $1.0 * $1.0 * $1.1 * $1.1 }.squareRoot()
  let scale = relative ? 1 / max(length, 1e-12) : 1
  return Term(
    1,
    .custom(layers: []) { evaluation in
      let logits = evaluation.logits
      var squares: Float = 0
      for c in wanted.indices {
        let difference = factors[c] * (logits[c] - wanted[c])
        squares += difference * difference
      }
      let distance = squares.squareRoot()
      evaluation.loss = Double(scale * distance)
      guard distance > 0 else { return }
      for c in wanted.indices {
        evaluation.logitGradient[c] = scale * factors[c] * factors[c] * (logits[c] - wanted[c]) / distance
      }
    })
}

/// One over the deviation of each channel, over random parts of the image.
private func inverseSpreads(_ layer: String, of image: Image, _ host: Host, _ values: Values) throws
  -> [Float]
{
  let count = values[views]
  let draws = host.uniform(stream: Stream.views, count: 3 * count)
  var sums: [Double] = []
  var squares: [Double] = []
  var number = 0.0
  for n in 0..<count {
    let share = 0.4 + 0.6 * Double(draws[3 * n])
    let (width, height) = (
      max(Int(Double(image.width) * share), 1), max(Int(Double(image.height) * share), 1)
    )
    let part = try host.cropped(
      image,
      to: Box(
        x: Int(draws[3 * n + 1] * Float(image.width - width)),
        y: Int(draws[3 * n + 2] * Float(image.height - height)),
        width: width, height: height))
    let view = try host.resized(part, width: image.width, height: image.height)
    let features: [[Float]]
    if layer == "logits" {
      features = try host.logits(view).map { [$0] }
    } else {
      let tensor = try host.features(view, layer: layer)
      let area = tensor.height * tensor.width
      features = (0..<tensor.channels).map { c in Array(tensor.values[c * area..<(c + 1) * area]) }
    }
    if sums.isEmpty { (sums, squares) = (features.map { _ in 0 }, features.map { _ in 0 }) }
    number += Double(features[0].count)
    for (c, channel) in features.enumerated() {
      for value in channel {
        sums[c] += Double(value)
        squares[c] += Double(value) * Double(value)
      }
    }
  }
  let deviations = zip(sums, squares).map { sum, square in
    max(square / number - (sum / number) * (sum / number), 0).squareRoot()
  }
  // A channel that is hardly ever on must not outweigh all others.
  let least = 0.1 * deviations.reduce(0, +) / Double(max(deviations.count, 1)) + 1e-9
  return deviations.map { Float(1 / max($0, least)) }
}

private func psnr(_ a: Image, _ b: Image) -> Double {
  let error = a.meanSquaredDifference(to: b)
  return error > 0 ? -10 * log10(error) : 99
}
