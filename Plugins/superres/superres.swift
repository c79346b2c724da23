import CRTool
import RTool
import SuperresAlgorithms

let photo = Parameter<Image>.image("image", withAlpha: true, "the image to enlarge")
let factor = Parameter<Int>.integer(
  "factor", letter: "x", initial: 2, in: 2...8, "how many times as wide and as high")
let classes = Parameter<ClassChoice>.classChoice(
  "class", letter: "c",
  "what the image shows: a class, a mixture like sea:2,mountain:1, auto (what the model sees) or none")
let measured = Parameter<Measured>.choice(
  "measured", group: "Measurement", initial: .box, help: \.help,
  "how the small image is assumed to have been made from the large one"
)
let consistent = Parameter<Bool>.flag(
  "consistent", group: "Measurement", flags: .advanced, initial: true,
  "see to it that the result, reduced again, is the image that was given")
let start = Parameter<Start>.choice(
  "start", group: "Start", initial: .sharp, help: \.help, "what the ascent starts from")
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
let options = AscentOptions("steps=8 step-size=0.5 radius=4 pass-relu=on chroma-damping=0.9")

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

enum Start: String, CaseIterable, Sendable {
  case sharp, cubic, nearest

  var help: String {
    switch self {
    case .sharp: "the image of least bilateral total variation that reduces to the one given"
    case .cubic: "cubic interpolation"
    case .nearest: "blocks"
    }
  }
}

/// What the published enlargements have in common. Their gradient goes through the last ReLU as it is: the library's
/// option to pass it reaches the prediction that follows the loop, but not the loop.
private let published =
  "start=nearest consistent=no class-weight=1 texture=0 fidelity=0 chroma-damping=0 step-size=1 pass-relu=no best=yes"

let manifest = Manifest(
  name: "superres", version: "1.0.0", summary: "Enlarge an image",
  description: """
    Enlarges an image 2 to 8 times. The image is treated as a measurement: the result, reduced again, is \
    the image that was given. Among all images with this property, the result is one with sharp edges and \
    with the texture of the image itself.

    The start is the image of least bilateral total variation that reduces to the one given. Then, window by window at \
    the size that the model knows, the gradient of the statistics of its shallow features and of the class is followed \
    within a small radius. Depth, profile, transparency and metadata are kept.
    """,
  examples: [
    ("small.jpg --factor 4 -o large.png", "Enlarge four times"),
    ("icon.png --factor 2 --measured cubic", "An image that a program has reduced"),
    ("huge.jpg --preset fast", "Without the classifier"),
  ],
  presets: [
    ("balanced", "sharp edges, then texture", ""),
    ("fast", "sharp edges alone", "steps=0"),
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
    photo, factor, classes, measured, consistent,
    start, prior, classWeight, texture, fidelity,
  ] + options.definitions)

@c(rtool_plugin)
public func plugin(_ hostABI: UInt32) -> UnsafePointer<rtool_manifest>? {
  manifest.published(running: superres)
}

private func superres(_ host: Host, _ values: Values) throws {
  let small = try visibleColors(of: values[photo], host)
  let scale = values[factor]
  let (width, height) = (small.width * scale, small.height * scale)
  let large = try host.image(width: width, height: height, channels: 3)
  let usesModel = try options.number("steps", values) != 0
  var solver = EdgePrior(
    small: small, large: large, factor: scale, filter: values[measured].filter,
    resampling: try host.resampling)
  switch values[start] {
  case .sharp: solver.weight = Float(0.005 * values[prior])
  case .cubic: solver.iterations = 0
  case .nearest: (solver.iterations, solver.isNearest) = (0, true)
  }
  if !values[consistent] { solver.iterations = 0 }
  try run(solver, host, progress: 0...(usesModel ? 0.2 : 1), note: "edges")
  if usesModel {
    try WindowAscent(host: host, values: values, small: small, large: large).apply(progress: 0.2...0.95)
    if values[consistent] {
      solver.weight = 0
      solver.iterations = 3
      solver.isResumed = true
      try run(solver, host, progress: 0.95...1, note: "back-projection")
    }
  }
  try host.emit([(large, 0, 0)], over: values[photo], size: (width, height))
}

/// Solves all tiles, in bands so that progress can be told.
private func run(_ solver: EdgePrior, _ host: Host, progress: ClosedRange<Double>, note: String) throws {
  let length = progress.upperBound - progress.lowerBound
  // Tiles read what they are resumed from; another image keeps it as it was.
  var solver = solver
  if solver.isResumed { solver.base = try host.copy(solver.large) }
  let crew = host.crew
  for first in stride(from: 0, to: solver.tileCount, by: 8) {
    try host.progress(progress.lowerBound + length * Double(first) / Double(solver.tileCount), note)
    crew.run(min(8, solver.tileCount - first)) { [solver] in solver.solve(first + $0) }
  }
}

/// The three colours. Transparent pixels take the colour of visible ones nearby, so that nothing hidden bleeds in.
private func visibleColors(of photo: Image, _ host: Host) throws -> Image {
  if photo.channels == 3 { return photo }
  let colors = try host.colors(of: photo)
  guard photo.channels == 4 else { return colors }
  let weighed = try host.image(width: photo.width, height: photo.height, channels: 4)
  weighed.fill { x, y, c in
    let p = photo.row(y) + 4 * x
    return c == 3 ? p[3] : p[c] * p[3]
  }
  let near = try host.blurred(weighed, sigma: 2)
  colors.fill { x, y, c in
    let (own, around) = (photo.row(y) + 4 * x, near.row(y) + 4 * x)
    return own[3] > 0.004 || around[3] < 0.001 ? own[c] : min(max(around[c] / around[3], 0), 1)
  }
  return colors
}
