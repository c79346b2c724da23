import CRTool
import RTool

// MARK: Parameters

private let image = Parameter<Image>.image("image", "the photo to repair", withAlpha: true)

private let mask = Parameter<Image?>.mask(
  "mask", letter: "m", group: "Hole", "what to fill: white is filled, grey is blended, black is kept")
private let boxes = Parameter<[Box]>.boxes("box", letter: "b", group: "Hole", "a rectangle to fill")
private let maskInvert = Parameter<Bool>.flag(
  "mask-invert", letter: "i", group: "Hole", "black is filled instead of white")
private let maskAlpha = Parameter<Bool>.flag(
  "mask-alpha", group: "Hole", "fill where the photo is transparent")

private let classes = Parameter<ClassChoice>.classChoice(
  "class", letter: "c", group: "Fill",
  "what should be in the hole: a class or a mixture like sea:2,mountain:1; auto takes what the surroundings suggest")
private let start = Parameter<Start>.choice(
  "start", group: "Fill", initial: .exemplar, help: \.help, "what the hole is filled with before the ascent")
private let context = Parameter<Double>.real(
  "context", group: "Fill", initial: 1, in: 0.1...8,
  "width of the surroundings that are looked at, as a share of the hole's size")

private let constraint = Parameter<Constraint>.choice(
  "constraint", group: "Method", initial: .hard, help: \.help, "what keeps the surroundings as they are")
private let steps = Parameter<Int>.integer(
  "steps", group: "Method", initial: 40, in: 0...100_000, "steps of the ascent, 0 for none")
private let stepSize = Parameter<Double>.real(
  "step-size", group: "Method", flags: .advanced, initial: 0.6, in: 0...1000,
  "length of the first step, for a window of the model's side")
private let radius = Parameter<Double>.real(
  "radius", group: "Method", flags: .advanced, initial: 4, in: 0...10_000,
  "how far the ascent may go from its start, for a window of the model's side")
