import CRTool
import RTool
import SuperresAlgorithms

let photo = Parameter<Image>.image("image", withAlpha: true, "the image to enlarge")
private let factor = Parameter<Double>.real(
  "factor", letter: "x", group: "Size", initial: 2, in: 1...Enlargement.largestFactor,
  "how many times as wide and as high, as in 2 or 2.5; above 8 it is done in two stages")
private let width = Parameter<Int?>.automaticInteger(
  "width", letter: "W", group: "Size", unit: "px", in: 1...1_000_000,
  "width of the result instead; with --height the largest that fits into both")
private let height = Parameter<Int?>.automaticInteger(
  "height", letter: "H", group: "Size", unit: "px", in: 1...1_000_000, "height of the result instead")
private let megapixels = Parameter<Double?>.automaticReal(
  "megapixels", group: "Size", in: 0...10_000, "millions of pixels of the result instead")
let classes = Parameter<ClassChoice>.classChoice(
  "class", letter: "c", initial: .none,
  "follow what the image shows too, in four times the time: a class, a mixture like sea:2,mountain:1, or auto (what the model sees)"
)
let wrap = Parameter<Bool>.flag(
  "wrap", "the image is a texture that tiles: it goes on at its other side, and so does the result")
let measured = Parameter<Measured>.choice(
  "measured", group: "Measurement", initial: .box, help: \.help,
  "how the small image is assumed to have been made from the large one"
)
let consistent = Parameter<Bool>.flag(
  "consistent", group: "Measurement", flags: .advanced, initial: true,
  "see to it that the result, reduced again, is the image that was given")
let start = Parameter<Start>.choice(
  "start", group: "Start", initial: .drawn, help: \.help, "what the ascent starts from")
let compressed = Parameter<Compressed>.choice(
  "compressed", group: "Measurement", initial: .auto, help: \.help,
  "whether blocks and ringing are drawn away, as compression leaves them")
let network = Parameter<String?>.file(
  "network", group: "Start", flags: .advanced,
  "a file of `rtool train-upscaler` to draw with instead of the small network inside the program")
let prior = Parameter<Double>.real(
  "prior", group: "Start", flags: .advanced, initial: 1, in: 0...10,
  "weight of the bilateral total variation in a sharp start; more is smoother")
let classWeight = Parameter<Double>.real(
  "class-weight", group: "Ascent", flags: .advanced, initial: 0.1, in: 0...1000, "weight of the class")
let texture = Parameter<Double>.real(
  "texture", group: "Ascent", initial: 1, in: 0...1000,
  "weight of matching the statistics of shallow features to those of the input image; 0: none")
let fidelity = Parameter<Double>.real(
  "fidelity", group: "Ascent", flags: .advanced, initial: 300, in: 0...1_000_000,
  "weight of the squared difference from what was measured")
/// The stem reads every second pixel, so that its gradient as it is would lay a grid of two pixels over what is smooth.
let options = AscentOptions(
  "steps=8 step-size=0.5 radius=4 pass-relu=on chroma-damping=0.9 gradient-blur=1.2")

enum Measured: String, CaseIterable, Sendable {
  case box, cubic, lanczos

  var help: String {
    switch self {
    case .box: "each pixel is the mean over its area, as in a camera"
    case .cubic: "cubic, as in most programs"
    case .lanczos: "Lanczos, three lobes"
    }
  }

  var filter: Host.Filter {
    switch self {
    case .box: .box
    case .cubic: .cubic
    case .lanczos: .lanczos
    }
  }
}

enum Compressed: String, CaseIterable, Sendable {
  case auto, yes, no

  var help: String {
    switch self {
    case .auto: "where the image is a JPEG file of a quality below 95"
    case .yes: "always, as in a PNG that was a JPEG"
    case .no: "never"
    }
  }
}

enum Start: String, CaseIterable, Sendable {
  case drawn, sharp, cubic, nearest

  var help: String {
    switch self {
    case .drawn:
      "what a small network draws that has learned from photos what they lose where they are reduced"
    case .sharp: "the image of least bilateral total variation that reduces to the one given"
    case .cubic: "cubic interpolation"
    case .nearest: "blocks"
    }
  }
}

/// What the published enlargements have in common. Their gradient goes through the last ReLU as it is: the library's
/// option to pass it reaches the prediction that follows the loop, but not the loop.
private let published =
  "class=auto start=nearest consistent=no class-weight=1 texture=0 fidelity=0 chroma-damping=0 gradient-blur=0 step-size=1 pass-relu=no best=yes"

let manifest = Manifest(
  name: "superres", version: "1.0.0", summary: "Enlarge an image",
  description: """
    Enlarges an image up to 64 times. The image is treated as a measurement: the result, reduced again, is \
    the image that was given. Among all images with this property, the result is one with the edges that photos \
    have and with the texture of the image itself.

    The start is drawn by a small network of its own, which has learned from photos what they lose where they are \
    reduced, and brought to reduce to the image given; --start sharp does without: it is then the image of least \
    bilateral total variation that reduces to the one given. Then, window by window at \
    the size that the model knows, the gradient of the statistics of its shallow features, and of the class if one is \
    named, is followed within a small radius; what is flat, such as paper, stays as it is. Depth, profile, transparency and metadata are kept.

    With a whole factor each pixel of the image is the mean of its square in the result to one of 255 levels. With others \
    some pixels of the result lie on two of the image: it comes from the next whole factor and is fitted as nearly as that \
    allows. What is larger than --max-pixels is refused with what it would take.
    """,
  examples: [
    ("small.jpg --factor 4 -o large.png", "Enlarge four times"),
    ("small.jpg --width 3840 -o wide.png", "Enlarge to a width"),
    ("icon.png --factor 2 --measured cubic", "An image that a program has reduced"),
    ("huge.jpg --preset fast", "Without the classifier"),
    ("bricks.png --wrap --factor 4 -o large.png", "A texture that tiles"),
  ],
  presets: [
    ("balanced", "edges as photos have them, then texture", ""),
    ("fast", "the edges alone, without the classifier", "steps=0"),
    (
      "paper", "the published method at 8 times: from blocks, 40 steps towards the class, the best of them",
      published + " factor=8 steps=40 radius=8"
    ),
    (
      "paper-7x", "the same at 7 times: 50 steps within a wider radius",
      published + " factor=7 steps=50 radius=15"
    ),
  ],
  parameters: [
    photo, factor, width, height, megapixels,
    classes, wrap, measured, compressed, consistent, start, network, prior, classWeight, texture, fidelity,
  ] + options.definitions)

@c(rtool_plugin)
public func plugin(_ hostABI: UInt32) -> UnsafePointer<rtool_manifest>? {
  manifest.published(running: superres)
}

private func superres(_ host: Host, _ values: Values) throws {
  let way = try way(for: values[photo], values)
  let usesModel = try options.number("steps", values) != 0
  let work = Work(host: host, values: values, usesModel: usesModel)
  var small = try host.visibleColors(of: values[photo])
  let (memory, seconds) = try work.cost(of: way, from: small)
  try host.expect(over: values[photo], size: (way.width, way.height), memory: memory, seconds: seconds)

  var large = small
  for (index, factor) in way.stages.enumerated() {
    // The second stage of two has nearly all of the pixels.
    let isLast = index == way.stages.count - 1
    let end = way.isWhole && way.stages.count == 1 ? 1 : 0.95
    let isCompressed = index == 0 && work.isCompressed
    let stage = try work.enlarged(
      large, isCompressed: isCompressed, by: factor,
      progress: isLast ? (index == 0 ? 0 : 0.05)...end : 0...0.05)
    // What the photo is without what its compression did is what was measured.
    if isCompressed { small = stage.small }
    large = stage.large
  }
  if !way.isWhole {
    large = try host.resized(large, width: way.width, height: way.height, filter: .box)
  }
  if values[consistent], !way.isWhole || way.stages.count > 1 { try fit(large, to: small, host, values) }
  if values[wrap], values[photo].channels == 4 { large = try withAlpha(large, of: values[photo], host) }
  try host.emit([(large, 0, 0)], over: values[photo], size: (way.width, way.height))
}

/// A copy with the transparency of an image that tiles.
private func withAlpha(_ colors: Image, of photo: Image, _ host: Host) throws -> Image {
  let alpha = try host.image(width: photo.width, height: photo.height, channels: 1)
  alpha.fill { x, y, _ in photo.row(y)[4 * x + 3] }
  let large = try host.resized(alpha, width: colors.width, height: colors.height, wraps: true)
  let result = try host.image(width: colors.width, height: colors.height, channels: 4)
  result.fill { x, y, c in c == 3 ? large.row(y)[x] : colors.row(y)[3 * x + c] }
  return result
}

/// The way to the size that is wanted.
private func way(for image: Image, _ values: Values) throws -> Enlargement {
  let isSized = values[width] != nil || values[height] != nil
  let wishes = [values.isGiven(factor), isSized, values[megapixels] != nil]
  guard wishes.filter({ $0 }).count <= 1 else {
    throw TaskFailure.usage(
      "--factor, --megapixels, and --width or --height all say how large the result is; give one of them")
  }
  var scale = values[factor]
  if isSized {
    scale = min(
      values[width].map { Double($0) / Double(image.width) } ?? .infinity,
      values[height].map { Double($0) / Double(image.height) } ?? .infinity)
  } else if let megapixels = values[megapixels] {
    scale = (megapixels * 1_000_000 / Double(image.width * image.height)).squareRoot()
  }
  func scaled(_ length: Int) -> Int { max(1, Int((Double(length) * scale).rounded())) }
  let size = (width: scaled(image.width), height: scaled(image.height))
  guard let way = Enlargement(from: (image.width, image.height), to: size) else {
    throw TaskFailure.usage(
      "\(values.names(photo)[0]) has \(image.width)x\(image.height) pixels and would get \(size.width)x\(size.height); "
        + "an image is enlarged, and up to \(Int(Enlargement.largestFactor)) times")
  }
  return way
}

/// Brings an image near to reducing to the small one.
private func fit(_ large: Image, to small: Image, _ host: Host, _ values: Values) throws {
  try host.progress(0.95, "fit")
  let fit = Fit(
    small: small, large: large, filter: values[measured].filter, resampling: try host.resampling,
    wraps: values[wrap])
  host.crew.run(3) { fit.solve($0) }
}
