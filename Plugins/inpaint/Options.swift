import RTool

// The parameters of inpaint, in the order of help.

let image = Parameter<Image>.image("image", withAlpha: true, "the photo to repair")

let mask = Parameter<Image?>.mask(
  "mask", letter: "m", group: "Hole", "what to fill: white is filled, grey is blended, black is kept")
let boxes = Parameter<[Box]>.boxes("box", letter: "b", group: "Hole", "a rectangle to fill")
let maskAlpha = Parameter<Bool>.flag("mask-alpha", group: "Hole", "fill where the photo is transparent")
let wrap = Parameter<Bool>.flag(
  "wrap", group: "Hole",
  "the photo is a texture that tiles: holes, boxes and what they are filled from go on at its other side")

let start = Parameter<Start>.choice(
  "start", group: "Fill", initial: .exemplar, help: \.help, "what the hole is filled with first")
let context = Parameter<Double>.real(
  "context", group: "Fill", initial: 1.5, in: 0.1...10,
  "how far around a hole to look, as a multiple of its size")
let features = Parameter<Double>.real(
  "features", group: "Fill", flags: .advanced, initial: 0, in: 0...100,
  "weight of robust features, against colour, in comparing patches")
let texture = Parameter<Double>.real(
  "texture", group: "Fill", initial: 1, in: 0...1000,
  "give the fill the texture of its sources: weight of the statistics of shallow features; 0 turns it off")
let classes = Parameter<ClassChoice>.classChoice(
  "class", letter: "c", group: "Fill", initial: .none,
  "move the fill towards a class, a mixture like sea:2,mountain:1, or auto (what the surroundings suggest)")

let constraint = Parameter<Constraint>.choice(
  "constraint", group: "Class ascent", initial: .hard, help: \.help, "what keeps the surroundings as they are"
)
/// The options of the class ascent, of which two hold for the texture ascent as well. The colour of each is damped by an option
/// of its own.
let options = AscentOptions(
  "steps=60 step-size=0.5 radius=10 pass-relu=on gradient-blur=0.7", group: "Class ascent",
  offering:
    "steps step-size radius set optimizer parametrisation pass-relu best jitter zoom noise momentum levels "
    + "gradient-blur smoothness patience",
  help: [
    "radius":
      "how far the fill may go from its start: L2 for 224x224 pixels (auto: AUTO), a value with --set linf",
    "gradient-blur": "smooth the gradient, against noise, in both ascents",
    "smoothness": "weight of the total variation in the hole, in both ascents",
  ])
let penalty = Parameter<Double>.real(
  "penalty", group: "Class ascent", flags: .advanced, initial: 10, in: 0...100_000,
  "weight of the squared change outside the hole, with --constraint soft")
let classChroma = Parameter<Double>.real(
  "class-chroma-damping", group: "Class ascent", flags: .advanced, initial: 0.6, in: 0...1,
  "share of the gradient's colour that is taken away, against coloured noise")

let textureSteps = Parameter<Int>.integer(
  "texture-steps", group: "Texture ascent", flags: .advanced, initial: 20, in: 0...100_000, "steps")
let textureStep = Parameter<Double>.real(
  "texture-step", group: "Texture ascent", flags: .advanced, initial: 0.003, in: 0...1,
  "root mean square of the first step; the later ones are shorter")
let anchor = Parameter<Double>.real(
  "anchor", group: "Texture ascent", flags: .advanced, initial: 150, in: 0...100_000,
  "weight of the mean squared distance to the fill as it was")
let gradientTrend = Parameter<Double>.real(
  "gradient-trend", group: "Texture ascent", unit: "px", flags: .advanced, initial: 8, in: 0...200,
  "take away what of the gradient is smoother than this, so that colour and shading stay; 0 turns it off")
let chromaDamping = Parameter<Double>.real(
  "chroma-damping", group: "Texture ascent", flags: .advanced, initial: 0.9, in: 0...1,
  "share of the gradient's colour that is taken away, against coloured noise")

/// What a hole is filled with first.
enum Start: String, CaseIterable, Sendable {
  case exemplar, harmonic, mean
  case photoMean = "photo-mean"

  var help: String {
    switch self {
    case .exemplar: "patches from elsewhere in the photo"
    case .harmonic: "the smoothest surface that meets the border"
    case .mean: "the mean colour of the surroundings"
    case .photoMean: "the mean colour of the whole photo, the hole included, as published"
    }
  }
}

/// What keeps the class ascent from changing the surroundings.
enum Constraint: String, CaseIterable, Sendable {
  case hard, soft

  var help: String {
    switch self {
    case .hard: "only the hole moves"
    case .soft: "everything moves, change outside the hole is penalised and then undone"
    }
  }
}

let manifest = Manifest(
  name: "inpaint", version: "1.0.0", summary: "Fill holes in a photo",
  description: """
    Fills the part of a photo that a mask, boxes or its own transparency mark, so that it looks as if nothing had been \
    there. All other pixels stay as they are, exactly so in formats without loss (PNG, TIFF, lossless WebP).

    First each hole is filled with patches from its surroundings, from a coarse resolution to the full one. If a class \
    is named, the gradient of the robust classifier then moves the fill towards it, at the size the model knows. \
    Finally the gradient of the statistics of its shallow features gives the fill the texture of what it was made from, \
    at the photo's own resolution.
    """,
  examples: [
    ("photo.jpg --mask mask.png -o repaired.jpg", "Fill what is white in a mask of the photo's size"),
    ("photo.jpg --box 120,40,64,64 --box 300,10,20,200", "Fill two rectangles"),
    ("cut-out.png --mask-alpha -o whole.png", "Fill what was erased in a paint program"),
    (
      "meadow.jpg --box 200,200,150,150 --class flower --radius 20",
      "Move what fills the hole towards a class"
    ),
  ],
  presets: [
    ("balanced", "patches, then their texture", ""),
    ("fast", "patches alone", "texture=0 steps=20"),
    (
      "paper", "the published method: from the photo's mean colour, 720 steps towards the class",
      "start=photo-mean context=1.37 class=auto constraint=soft steps=720 step-size=0.1 radius=21.6 "
        + "best=yes class-chroma-damping=0 gradient-blur=0 texture=0"
    ),
  ],
  parameters: [
    image, mask, boxes, maskAlpha, wrap,
    start, context, features, texture, classes,
    constraint, penalty, classChroma,
  ] + options.definitions + [textureSteps, textureStep, anchor, gradientTrend, chromaDamping])
