import CRTool
import RTool

// The parameters, in the order of help.

let image = Parameter<Image>.image("image", withAlpha: true, "the photo to repair")

let mask = Parameter<Image?>.mask(
  "mask", letter: "m", group: "Hole", "what to fill: white is filled, grey is blended, black is kept")
let boxes = Parameter<[Box]>.boxes("box", letter: "b", group: "Hole", "a rectangle to fill")
let maskInvert = Parameter<Bool>.flag(
  "mask-invert", letter: "i", group: "Hole", "fill what is black in the mask")
let maskAlpha = Parameter<Bool>.flag("mask-alpha", group: "Hole", "fill where the photo is transparent")

let classes = Parameter<ClassChoice>.classChoice(
  "class", letter: "c", group: "Fill",
  "what belongs in the hole: a class, a mixture like sea:2,mountain:1, auto (what the surroundings suggest) or none"
)
let start = Parameter<Start>.choice(
  "start", group: "Fill", initial: .exemplar, help: \.help, "what the hole is filled with before the ascent")
let context = Parameter<Double>.real(
  "context", group: "Fill", initial: 1.5, in: 0.1...10,
  "how far around a hole is looked, as a multiple of its size")

let constraint = Parameter<Constraint>.choice(
  "constraint", group: "Method", initial: .hard, help: \.help, "what keeps the surroundings as they are")
let steps = Parameter<Int>.integer(
  "steps", group: "Method", initial: 40, in: 0...100_000, "steps of the ascent; 0 leaves the start as it is")
let resolution = Parameter<Resolution>.choice(
  "resolution", group: "Method", flags: .advanced, initial: .native, help: \.help, "where the ascent works")
let stepSize = Parameter<Double>.real(
  "step-size", group: "Method", flags: .advanced, initial: 0.45, in: 0...1000,
  "length of the first step (L2), for 224x224 pixels that may move")
let decay = Parameter<Bool>.flag(
  "decay", group: "Method", flags: .advanced, initial: true, "let the steps become smaller towards the end")
let radius = Parameter<Double>.real(
  "radius", group: "Method", flags: .advanced, initial: 20, in: 0...10_000,
  "how far the ascent may go from its start (L2), for 224x224 pixels that may move")
let passReLU = Parameter<Bool>.flag(
  "pass-relu", group: "Method", flags: .advanced,
  "let the gradient through the last ReLU, so that features that are off can be raised")
let gradientBlur = Parameter<Double>.real(
  "gradient-blur", group: "Method", unit: "px", flags: .advanced, initial: 0.7, in: 0...50,
  "smooth the gradient, against noise")
let chromaDamping = Parameter<Double>.real(
  "chroma-damping", group: "Method", flags: .advanced, initial: 0.7, in: 0...1,
  "share of the gradient's colour that is taken away, against coloured noise")

let texture = Parameter<Double>.real(
  "texture", group: "Objective", flags: .advanced, initial: 1, in: 0...1000,
  "weight of the statistics of shallow features, hole against surroundings")
let classWeight = Parameter<Double>.real(
  "class-weight", group: "Objective", flags: .advanced, initial: 0, in: 0...1000,
  "weight of the cross-entropy to the class")
let anchor = Parameter<Double>.real(
  "anchor", group: "Objective", flags: .advanced, initial: 100, in: 0...100_000,
  "weight of the squared distance to the start, in the hole")
let smoothness = Parameter<Double>.real(
  "smoothness", group: "Objective", flags: .advanced, initial: 0, in: 0...1000,
  "weight of the total variation in the hole")
let penalty = Parameter<Double>.real(
  "penalty", group: "Objective", flags: .advanced, initial: 10, in: 0...100_000,
  "weight of the squared change outside the hole, with --constraint soft")

/// What a hole is filled with before the ascent.
enum Start: String, CaseIterable, Sendable {
  case exemplar, harmonic, mean

  var help: String {
    switch self {
    case .exemplar: "patches from elsewhere in the photo"
    case .harmonic: "the smoothest surface that meets the border"
    case .mean: "the mean colour of the surroundings"
    }
  }
}

/// What keeps the ascent from changing the surroundings.
enum Constraint: String, CaseIterable, Sendable {
  case hard, soft

  var help: String {
    switch self {
    case .hard: "only the hole moves"
    case .soft: "everything moves, change outside the hole is penalised and then undone"
    }
  }
}

/// Where the ascent works.
enum Resolution: String, CaseIterable, Sendable {
  case native, model

  var help: String {
    switch self {
    case .native: "at the photo's own resolution, in overlapping windows"
    case .model: "at the size that the model was trained on, the fill enlarged afterwards"
    }
  }
}

private let manifestOfInpaint = Manifest(
  name: "inpaint", version: "1.0.0", summary: "Fill holes in a photo",
  description: """
    Fills the part of a photo that a mask, boxes or its own transparency mark, so that it looks as if nothing had been \
    there. All other pixels stay exactly as they are.

    Each hole is first filled with patches from its surroundings, from a coarse resolution to the full one. Then the \
    gradient of a robust classifier is followed in the pixels of the hole, so that the statistics of its features \
    there come to agree with those of the surroundings.
    """,
  examples: [
    ("photo.jpg --mask mask.png -o repaired.jpg", "Fill what is white in a mask of the photo's size"),
    ("photo.jpg --box 120,40,64,64 --box 300,10,20,200", "Fill two rectangles"),
    ("cut-out.png --mask-alpha -o whole.png", "Fill what was erased in a paint program"),
    ("photo.jpg --mask mask.png --class sea --start harmonic --steps 200", "Paint a class into the hole"),
  ],
  presets: [
    ("balanced", "patches, then a short ascent", ""),
    ("fast", "patches alone", "steps=0"),
    (
      "paper", "the published method: the mean colour, then 720 steps towards the class",
      """
      start=mean context=1.4 constraint=soft resolution=model steps=720 step-size=0.1 decay=off radius=21.6 \
      pass-relu=on gradient-blur=0 chroma-damping=0 texture=0 class-weight=1 anchor=0
      """
    ),
  ],
  parameters: [
    image.definition, mask.definition, boxes.definition, maskInvert.definition, maskAlpha.definition,
    classes.definition, start.definition, context.definition, constraint.definition, steps.definition,
    resolution.definition, stepSize.definition, decay.definition, radius.definition, passReLU.definition,
    gradientBlur.definition, chromaDamping.definition, texture.definition, classWeight.definition,
    anchor.definition, smoothness.definition, penalty.definition,
  ])

nonisolated(unsafe) private let manifest = manifestOfInpaint.published { host, values in
  manifestOfInpaint.perform(host, values) { host, values in try inpaint(host, values) }
}

@c(rtool_plugin)
public func plugin(_ hostABI: UInt32) -> UnsafePointer<rtool_manifest>? { manifest }

private func inpaint(_ host: Host, _ values: Values) throws {
  let photo = values[image]
  let hole = try markedHole(in: photo, values)
  // Holes nearer than this share their surroundings and are filled together.
  let groups = hole.groups(distance: 24)
  var pieces: [Piece] = []
  for (number, group) in groups.enumerated() {
    let margin = max(48, Int(values[context] * Double(max(group.width, group.height))))
    let box = group.grown(by: margin).clipped(width: photo.width, height: photo.height)
    var window = Window(box: box, of: photo, hole: hole, filled: pieces)
    let progress = Double(number) / Double(groups.count)...Double(number + 1) / Double(groups.count)
    try fill(&window, host, values, progress: progress)
    pieces.append(try Piece(group, of: window, over: photo, hole: hole, host: host))
  }
  try host.emit(pieces.map { ($0.image, $0.box.x, $0.box.y) }, over: photo)
}

private func markedHole(in photo: Image, _ values: Values) throws -> Hole {
  if values[mask] == nil && values[boxes].isEmpty && !values[maskAlpha] {
    throw TaskFailure.usage("nothing says what to fill; mark the hole with --mask, --box or --mask-alpha")
  }
  if values[maskInvert] && values[mask] == nil {
    throw TaskFailure.usage("--mask-invert needs a --mask to invert")
  }
  var hole = Hole(width: photo.width, height: photo.height)
  if let mask = values[mask] { hole.add(mask, inverted: values[maskInvert]) }
  if values[maskAlpha] {
    guard photo.channels == 4 else {
      throw TaskFailure.message("the photo has nothing transparent for --mask-alpha to fill")
    }
    hole.addTransparency(of: photo)
  }
  for box in values[boxes] where !hole.add(box) {
    throw TaskFailure.message(
      "--box \(box.x),\(box.y),\(box.width),\(box.height) lies outside the photo of \(photo.width)x\(photo.height) pixels"
    )
  }
  if hole.isEmpty {
    throw TaskFailure.message("the mask is black everywhere, so there is nothing to fill; white is filled")
  }
  if hole.isFull {
    throw TaskFailure.message("all of the photo is to be filled; nothing is left to fill it from")
  }
  return hole
}

private func fill(_ window: inout Window, _ host: Host, _ values: Values, progress: ClosedRange<Double>) throws {
  let turn = progress.lowerBound + (values[steps] > 0 ? 0.5 : 1) * (progress.upperBound - progress.lowerBound)
  switch values[start] {
  case .mean: window.colors = SmoothFill.mean(window.colors, hole: window.hole)
  case .harmonic: window.colors = SmoothFill.harmonic(window.colors, hole: window.hole)
  case .exemplar:
    var exemplar = ExemplarFill()
    exemplar.seed = host.seed
    var stop: (any Error)?
    (window.colors, _) = exemplar.fill(window.colors, hole: window.hole) { fraction in
      do {
        try host.progress(progress.lowerBound + (turn - progress.lowerBound) * fraction, "patches")
        return true
      } catch {
        stop = error
        return false
      }
    }
    if let stop { throw stop }
  }
  try Refinement(host: host, values: values, progress: turn...progress.upperBound).apply(to: &window)
}
