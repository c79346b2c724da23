import CRTool
import Glibc
import RTool

private let classes = Parameter<ClassChoice>.classChoice(
  "class", letter: "c",
  "what to make: a class, a mixture like sea:2,mountain:1, auto (a class drawn by the seed) or none (whatever the model becomes sure of)"
)
private let width = Parameter<Int?>.automaticInteger(
  "width", letter: "W", unit: "px", in: 1...32768,
  "width of the image (auto: the height, or the model's side)")
private let height = Parameter<Int?>.automaticInteger(
  "height", letter: "H", unit: "px", in: 1...32768,
  "height of the image (auto: the width, or the model's side)")
private let wrap = Parameter<Bool>.flag(
  "wrap", "make a texture that tiles: it goes on at its other side")
private let start = Parameter<Start>.choice(
  "start", group: "Start", initial: .gaussian, help: \.help, "what the ascent starts from")
private let from = Parameter<Image?>.optionalImage(
  "from", letter: "f", group: "Start",
  "an image to start from instead, cut to the result's aspect; without a width or height the result has its size"
)

private let refineSteps = Parameter<Int>.integer(
  "refine-steps", group: "Large images", flags: .advanced, initial: 40, in: 0...100_000,
  "steps of the ascent after each doubling")
private let refineRadius = Parameter<Double>.real(
  "refine-radius", group: "Large images", flags: .advanced, initial: 12, in: 0...10_000,
  "how far that ascent may go from the enlarged image: L2 for 224x224 pixels")
private let finest = Parameter<Int>.integer(
  "finest", group: "Large images", unit: "px", flags: .advanced, initial: 512, in: 1...4096,
  "the shorter side up to which there are ascents; beyond it the image is only enlarged")

private let options = AscentOptions("steps=100 step-size=1 radius=40 levels=4 gradient-blur=0.5 jitter=4")

private enum Start: String, CaseIterable, Sendable {
  case gaussian, noise

  var help: String {
    switch self {
    case .gaussian: "a sample of the normal distribution of the class's images"
    case .noise: "faint uniform noise about grey"
    }
  }
}

let manifest = Manifest(
  name: "generate", version: "1.0.0", summary: "Make an image of a class from nothing",
  description: """
    Starts from a sample of the normal distribution of a class's images, a blur of their colours and layout, and \
    follows the gradient of the robust classifier until it sees the class. Each seed gives another image.

    An image larger than those the model was trained on is composed at the size it was trained on, then enlarged to \
    twice the size again and again, with a shorter ascent over the whole image each time that adds detail.
    """,
  examples: [
    ("--class flower -o flower.png", "Make a flower, at the model's own size"),
    ("--class mountain --width 768 --height 384 -o mountain.jpg", "Make a landscape"),
    ("--class sea:2,mountain:1 --seed 5", "Mix two classes"),
    ("--class forest --from sketch.png", "Start from an image of your own"),
    ("--class flower --wrap -o flowers.png", "Make a texture that tiles"),
  ],
  presets: [
    ("balanced", "gradients of several resolutions, slightly smoothed", ""),
    ("fast", "the same with fewer steps", "steps=40 refine-steps=15"),
    (
      "paper", "the published method: 60 steps of the cross-entropy's own gradient",
      "steps=60 levels=1 gradient-blur=0 jitter=0 best=yes"
    ),
  ],
  parameters: [
    classes, width, height, wrap, start, from,
    refineSteps, refineRadius, finest,
  ] + options.definitions)

@c(rtool_plugin)
public func plugin(_ hostABI: UInt32) -> UnsafePointer<rtool_manifest>? {
  manifest.published(running: generate)
}

private func generate(_ host: Host, _ values: Values) throws {
  try Generation(host: host, values: values).run()
}

private typealias Size = (width: Int, height: Int)

private struct Generation {
  let host: Host
  let values: Values
  /// Empty: whatever the model becomes sure of.
  let target: [WeightedClass]
  let size: Size

  private enum Stream {
    static let choice: UInt64 = 1
    static let noise: UInt64 = 2
    static let seeds: UInt64 = 16
  }

  init(host: Host, values: Values) throws {
    (self.host, self.values) = (host, values)
    if values[from] != nil && values.isGiven(start) {
      throw TaskFailure.usage("--from and --start both say what to start from; give one of them")
    }
    switch values[classes] {
    case .mixture(let mixture): target = mixture
    case .none: target = []
    case .auto:
      let count = host.model.classes.count
      let draw = host.uniform(stream: Stream.choice, count: 1)[0]
      target = [WeightedClass(index: Int32(min(Int(draw * Float(count)), count - 1)), weight: 1)]
    }
    let side = host.model.side
    size =
      switch (values[width], values[height], values[from]) {
      case (nil, nil, let image?): (image.width, image.height)
      case (let width, let height, _): (width ?? height ?? side, height ?? width ?? side)
      }
  }

  func run() throws {
    try host.expect(over: nil, size: size)
    let sizes = self.sizes
    var source = try tiling(sizes[0], startImage)
    var result = try ascend(source, level: 0, of: sizes.count)
    for (level, next) in sizes.enumerated().dropFirst() {
      let enlarged = try resized(result, next)
      if let image = values[from] {
        // What was lost when the image was made small comes back.
        let finer = try tiling(next) { try host.covering(image, width: $0.width, height: $0.height) }
        let coarser = try resized(source, next)
        enlarged.fill { x, y, c in
          let i = 3 * x + c
          return min(max(enlarged.row(y)[i] + finer.row(y)[i] - coarser.row(y)[i], 0), 1)
        }
        source = finer
      }
      result = try ascend(enlarged, level: level, of: sizes.count)
    }
    let caption = try recognised(result)
    let image = try resized(result, size)
    // A texture has no place of its own, unless it is that of an image.
    let isPlaced = !values[wrap] || values[from] != nil
    try host.emit(isPlaced ? image : host.cutWhereCalmest(image), caption: caption)
  }

  /// From the model's side, doubled, to the size that is wanted or the finest one.
  private var sizes: [Size] {
    let least = Double(host.model.side)
    let shorter = Double(min(size.width, size.height))
    func scaled(_ side: Double) -> Size {
      func length(_ full: Int) -> Int {
        // A strip much longer than wide is stretched at the end.
        min(max(Int((Double(full) * side / shorter).rounded()), Int(side)), 16 * Int(side))
      }
      return (length(size.width), length(size.height))
    }
    let last = min(shorter, max(Double(values[finest]), least))
    var side = least
    var sizes = [scaled(side)]
    while side < last {
      side = min(2 * side, last)
      sizes.append(scaled(side))
    }
    return sizes
  }

  private func resized(_ image: Image, _ size: Size) throws -> Image {
    if (image.width, image.height) == size { return image }
    return try host.resized(
      image, width: size.width, height: size.height, filter: size.width < image.width ? .box : .cubic,
      wraps: values[wrap])
  }

  /// The image that `make` makes, which tiles where that is wanted: made larger, with what is too much laid over the other
  /// side.
  private func tiling(_ size: Size, _ make: (Size) throws -> Image) throws -> Image {
    guard values[wrap] else { return try make(size) }
    return try host.folded(
      make((size.width + size.width / 4, size.height + size.height / 4)), width: size.width,
      height: size.height)
  }

  private func startImage(_ size: Size) throws -> Image {
    if let image = values[from] { return try host.covering(image, width: size.width, height: size.height) }
    let image = try host.image(width: size.width, height: size.height, channels: 3)
    if values[start] == .gaussian && host.model.hasSeeds {
      try addSeeds(target.isEmpty ? someClasses : target, to: image)
      return image
    }
    if values[start] == .gaussian {
      host.note("the model \(host.model.name) has no seed distributions; the image starts from noise")
    }
    let noise = host.uniform(stream: Stream.noise, count: size.width * size.height * 3)
    image.fill { x, y, c in 0.475 + 0.05 * noise[(y * size.width + x) * 3 + c] }
    return image
  }

  /// The mixture of the classes' means, and of their deviations from them with the variance of one class: plain
  /// averages of samples would be ever greyer.
  private func addSeeds(_ mixture: [WeightedClass], to image: Image) throws {
    let norm = mixture.reduce(0) { $0 + $1.weight * $1.weight }.squareRoot()
    for entry in mixture {
      func seed(_ stream: UInt64) throws -> Image {
        try host.classSeed(Int(entry.index), stream: stream, width: image.width, height: image.height)
      }
      let sample = try seed(Stream.seeds)
      let (ofSample, ofMean) = (Float(entry.weight / norm), Float(entry.weight - entry.weight / norm))
      image.fill { x, y, c in image.row(y)[3 * x + c] + ofSample * sample.row(y)[3 * x + c] }
      guard mixture.count > 1 else { continue }
      for k in 1...Generation.meanSamples {
        let other = try seed(Stream.seeds + k)
        let share = ofMean / Float(Generation.meanSamples)
        image.fill { x, y, c in image.row(y)[3 * x + c] + share * other.row(y)[3 * x + c] }
      }
    }
    image.fill { x, y, c in min(max(image.row(y)[3 * x + c], 0), 1) }
  }

  /// Weight of the logits of a mixture beside its cross-entropy.
  private static let raise = 0.3

  /// Samples from which the mean of a class is taken.
  private static let meanSamples: UInt64 = 12

  /// A few classes drawn by the seed, to be unsure between.
  private var someClasses: [WeightedClass] {
    let count = host.model.classes.count
    let draws = host.uniform(stream: Stream.choice, count: 3)
    let drawn = Set(draws.map { min(Int($0 * Float(count)), count - 1) }).sorted()
    return drawn.map { WeightedClass(index: Int32($0), weight: 1 / Double(drawn.count)) }
  }

  private func ascend(_ start: Image, level: Int, of count: Int) throws -> Image {
    var ascent = try options.ascent(values, width: start.width, height: start.height)
    if level > 0 {
      // The layout stands; only what is finer than before is wanted.
      let radius = values[refineRadius] * AscentOptions.scale(width: start.width, height: start.height)
      ascent.steps = values[refineSteps]
      ascent.set = .l2(radius: radius)
      ascent.rule = .normalised
      ascent.parameters = .pixels
      ascent.stepSize = 2 * radius / Double(max(values[refineSteps], 1))
      ascent.levels = 1
    }
    // A doubling makes each step four times as long.
    func work(_ level: Int) -> Double { pow(4, Double(level)) }
    let total = (0..<count).reduce(0) { $0 + work($1) }
    let done = (0..<level).reduce(0) { $0 + work($1) }
    ascent.progress = done / total...min((done + work(level)) / total, 1)
    ascent.wraps = values[wrap]
    ascent.note = "\(start.width)x\(start.height)"
    var terms = [Term(1, target.isEmpty ? .entropy : .crossEntropy(target))]
    // Where a mixture is balanced its cross-entropy has no gradient, however little there is of either class.
    if target.count > 1 { terms.append(Term(Generation.raise, .logit(target))) }
    return try host.ascend(
      ascent, from: [start], minimising: terms + options.smoothnessTerms(values)
    ).images[0]
  }

  /// What the model sees in the image, recorded and in words.
  private func recognised(_ image: Image) throws -> String {
    let prediction = try host.prediction(image)
    let wanted = target.isEmpty ? [prediction.best] : target.map { Int($0.index) }
    let names = wanted.map { host.model.classes[$0] }
    let shares = wanted.map { prediction.probabilities[$0] }
    host.record("class", names.joined(separator: ","))
    host.record("probability", shares.map { Text.fixed($0, 4) }.joined(separator: ","))
    return zip(names, shares).map { "\($0) \(Text.fixed(100 * $1, 0)) %" }.joined(separator: ", ")
  }
}
