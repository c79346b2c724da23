import CRTool
import RTool

let drawing = Parameter<Image>.image("image", withAlpha: true, "the drawing")
let classes = Parameter<[WeightedClass]>.classes(
  "class", letter: "c", flags: .required, "what it shows: a class, or a mixture like sea:2,mountain:1")
let keep = Parameter<Double>.real(
  "keep", group: "Drawing", initial: 8, in: 0...10_000,
  "weight of the drawing's colours, blurred, where it is drawn on")
let paper = Parameter<Double>.real(
  "paper", group: "Drawing", initial: 0.8, in: 0...1,
  "share of empty paper that is filled with colours of the class at the start")
let grain = Parameter<Double>.real(
  "grain", group: "Drawing", initial: 0.5, in: 0...4,
  "how much of the class's detail and of fine noise is laid over the drawing at the start")
let side = Parameter<Double?>.automaticReal(
  "side", group: "Drawing", unit: "px", in: 1...8192,
  "shorter side of the result (auto: the drawing's, but at least twice the model's)")
let detail = Parameter<Double>.real(
  "detail", group: "Ascent", initial: 0.5, in: 0...4,
  "radius of a second ascent at twice the size, as a share of the first; 0: none")
let options = AscentOptions("steps=60 step-size=1 radius=40 jitter=6 levels=4 pass-relu=on")

let manifest = Manifest(
  name: "sketch", version: "1.0.0", summary: "Turn a drawing into a photo",
  description: """
    Turns a drawing (lines on paper, blobs of colour, or both) into a picture that looks like a photo. \
    Transparent parts count as paper. The composition stays.

    Empty paper is first filled with colours of the class, a sample of its Gaussian, and detail of the same sample is \
    laid over all. Then the gradient of the cross-entropy to the class is followed, while the blurred colours of the \
    drawing are kept, at the size that the model knows and once more at twice that size.
    """,
  examples: [
    ("hill.png --class mountain -o photo.png", "Make a photo of a drawing"),
    ("rose.png --class flower --keep 40", "Keep nearer to the drawing's colours"),
  ],
  presets: [
    ("balanced", "class colours on the paper, two sizes", ""),
    ("fast", "one size, fewer steps", "steps=30 step-size=2 detail=0"),
    (
      "paper", "the published setting: from the drawing as it is, towards the class alone",
      "steps=60 step-size=1 radius=40 keep=0 paper=0 grain=0 detail=0 jitter=0 levels=1 pass-relu=no best=yes"
    ),
  ],
  parameters: [
    drawing, classes, keep, paper, grain,
    side, detail,
  ] + options.definitions)

@c(rtool_plugin)
public func plugin(_ hostABI: UInt32) -> UnsafePointer<rtool_manifest>? {
  manifest.published(running: sketch)
}

private func sketch(_ host: Host, _ values: Values) throws {
  let flat = try onPaper(values[drawing], host)
  let result = try resultSize(of: flat, host, values)
  try host.expect(over: nil, size: (result.width, result.height))
  let size = try WorkingCopy(flat, mask: nil, host: host).image
  let small =
    size.width < flat.width
    ? size : try host.resized(flat, width: size.width, height: size.height, filter: .box)
  let start = try Start(small, host, values)
  let hasDetail = values[detail] > 0
  var picture = try ascend(
    start, from: start.image, share: 1, progress: 0...(hasDetail ? 0.3 : 1), host, values)
  if hasDetail {
    let larger = try host.resized(picture, width: 2 * size.width, height: 2 * size.height, filter: .cubic)
    try addGrain(to: larger, amount: values[grain], stream: 2, host)
    picture = try ascend(start, from: larger, share: values[detail], progress: 0.3...1, host, values)
  }
  try host.emit(
    host.resized(
      picture, width: result.width, height: result.height,
      filter: result.width < picture.width ? .box : .cubic))
}

/// The size of the result.
private func resultSize(of drawing: Image, _ host: Host, _ values: Values) throws -> (width: Int, height: Int)
{
  let (shorter, longer) = (min(drawing.width, drawing.height), max(drawing.width, drawing.height))
  let least = 2 * host.model.side
  // A drawing that is very long and thin is not enlarged beyond a usual picture's length.
  let scale =
    values[side].map { $0 / Double(shorter) }
    ?? max(1, min(Double(least) / Double(shorter), Double(16 * least) / Double(longer)))
  func scaled(_ length: Int) -> Int { max(1, Int((Double(length) * scale).rounded())) }
  let size = (width: scaled(drawing.width), height: scaled(drawing.height))
  guard max(size.width, size.height) <= 1 << 16 else {
    throw TaskFailure.usage(
      "with --side \(Int(values[side] ?? 0)) the result would have \(size.width)x\(size.height) pixels; choose a smaller one"
    )
  }
  return size
}

/// The drawing without transparency: what is transparent is white.
private func onPaper(_ drawing: Image, _ host: Host) throws -> Image {
  let flat = try host.image(width: drawing.width, height: drawing.height, channels: 3)
  let channels = drawing.channels
  flat.fill { x, y, c in
    let p = drawing.row(y) + x * channels
    let value = p[channels < 3 ? 0 : c]
    return channels == 4 ? 1 + p[3] * (value - 1) : value
  }
  return flat
}

/// What the ascent starts from, and what it keeps to.
private struct Start {
  let image: Image
  /// The blurred drawing, reduced, and where it counts.
  let kept, keptRegion: Image

  /// Pixels of the working copy for one of the kept drawing.
  private static let reduction = 4
  /// Share of a drawing that must be blank to count as paper.
  private static let leastPaper: Float = 0.25

  init(_ drawing: Image, _ host: Host, _ values: Values) throws {
    let (width, height) = (drawing.width, drawing.height)
    let (across, down) = (max(1, width / Start.reduction), max(1, height / Start.reduction))
    let (share, amount) = (Float(values[paper]), Float(values[grain]))
    let blank = try Start.blankPaper(of: drawing, host)
    // Lines without the steps of their pixels; a drawing that is to be taken as it is stays so.
    let image = try share > 0 || amount > 0 ? host.blurred(drawing, sigma: 0.7) : host.copy(drawing)
    self.image = image
    if host.model.hasSeeds, share > 0 || amount > 0 {
      let most = values[classes].max { $0.weight < $1.weight }!.index
      let seed = try host.classSeed(Int(most), stream: 0, width: width, height: height)
      let smooth = try host.blurred(seed, sigma: Double(width + height) / 40)
      // Paper takes the colour as glass would, so that lines on it stay dark and have no bright rims.
      image.fill { x, y, c in
        let i = 3 * x + c
        return image.row(y)[i] * (1 + share * blank.row(y)[x] * (smooth.row(y)[i] - 1))
      }
      kept = try host.resized(image, width: across, height: down, filter: .linear)
      image.fill { x, y, c in
        let i = 3 * x + c
        return min(max(image.row(y)[i] + amount * (seed.row(y)[i] - smooth.row(y)[i]), 0), 1)
      }
    } else {
      kept = try host.resized(drawing, width: across, height: down, filter: .linear)
    }
    let region = try host.resized(blank, width: across, height: down, filter: .linear)
    region.fill { x, y, _ in 1 - share * region.row(y)[x] }
    keptRegion = region
  }

  /// Where there is empty paper with at most lines on it: 1, and 0 where it is coloured. A little white in a drawing is
  /// no paper.
  private static func blankPaper(of drawing: Image, _ host: Host) throws -> Image {
    let blank = try host.image(width: drawing.width, height: drawing.height, channels: 1)
    var sum: Float = 0
    blank.fill { x, y, _ in
      let p = drawing.row(y) + 3 * x
      let value = min(max((min(p[0], p[1], p[2]) - 0.85) / 0.1, 0), 1)
      sum += value
      return value
    }
    if sum < leastPaper * Float(drawing.width * drawing.height) {
      blank.fill { _, _, _ in 0 }
      return blank
    }
    let around = try host.blurred(blank, sigma: Double(drawing.width + drawing.height) / 80)
    around.fill { x, y, _ in min(max((around.row(y)[x] - 0.25) / 0.35, 0), 1) }
    return around
  }
}

private func addGrain(to image: Image, amount: Double, stream: UInt64, _ host: Host) throws {
  let noise = host.normal(stream: stream, count: image.width * image.height)
  let deviation = Float(0.015 * amount)
  image.fill { x, y, c in
    min(max(image.row(y)[3 * x + c] + deviation * noise[y * image.width + x], 0), 1)
  }
}

private func ascend(
  _ start: Start, from image: Image, share: Double, progress: ClosedRange<Double>, _ host: Host,
  _ values: Values
) throws -> Image {
  var ascent = try options.ascent(values, width: image.width, height: image.height)
  if share != 1, case .l2(let radius) = ascent.set {
    ascent.set = .l2(radius: radius * share)
    ascent.stepSize *= share
    ascent.steps = (ascent.steps + 1) / 2
  }
  ascent.progress = progress
  var terms = try [Term(1, .crossEntropy(values[classes]))] + options.smoothnessTerms(values)
  if values[keep] > 0 {
    terms.append(
      Term(
        values[keep],
        .measurement(targets: [start.kept], regions: [start.keptRegion], sigma: 0, filter: .linear)))
  }
  return try host.ascend(ascent, from: [image], minimising: terms).images[0]
}
