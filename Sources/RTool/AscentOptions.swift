/// The options of an ascent that tasks have in common: their parameters, and the ascent they describe.
///
/// Lengths are given for 224x224 pixels, as they were published, and fitted to the size at hand: an L2 length grows with
/// the square root of the number of pixels.
public struct AscentOptions: Sendable {
  public let steps: Parameter<Int>
  public let stepSize: Parameter<Double?>
  public let radius: Parameter<Double?>
  public let set: Parameter<SetChoice>
  public let optimizer: Parameter<Optimizer>
  public let parametrisation: Parameter<Parametrisation>
  public let passReLU, best: Parameter<Bool>
  public let jitter, levels, patience: Parameter<Int>
  public let zoom, noise, momentum, gradientBlur, chromaDamping, smoothness: Parameter<Double>
  private let initial: Initial

  /// What a task starts from where its user says nothing.
  public struct Initial: Sendable {
    public var steps: Int
    /// Lengths for the L2 set at 224x224 pixels.
    public var stepSize, radius: Double
    public var set = SetChoice.l2
    public var passReLU = false
    public var best = false
    public var jitter = 0
    public var levels = 1
    public var momentum = 0.0
    public var gradientBlur = 0.0
    public var chromaDamping = 0.0
    public var smoothness = 0.0

    public init(steps: Int, stepSize: Double, radius: Double) {
      (self.steps, self.stepSize, self.radius) = (steps, stepSize, radius)
    }
  }

  public enum SetChoice: String, CaseIterable, Sendable {
    case l2, linf, box

    var help: String {
      switch self {
      case .l2: "within a radius of the start, over all pixels together"
      case .linf: "each value within a radius of the start"
      case .box: "anywhere"
      }
    }
  }

  public enum Optimizer: String, CaseIterable, Sendable {
    case auto, normalised, sign, plain, adam

    var help: String {
      switch self {
      case .auto: "normalised; sign with --set linf, adam with --parametrisation fourier"
      case .normalised: "steps of one length along the gradient"
      case .sign: "steps along the gradient's sign"
      case .plain: "steps as long as the gradient"
      case .adam: "Adam"
      }
    }
  }

  public enum Parametrisation: String, CaseIterable, Sendable {
    case pixels, fourier

    var help: String {
      switch self {
      case .pixels: "steps in the pixels"
      case .fourier: "steps in Fourier coefficients, scaled as in photos; needs --set box"
      }
    }
  }

  public init(_ initial: Initial) {
    self.initial = initial
    let group = "Ascent"
    steps = .integer("steps", group: group, initial: initial.steps, in: 0...100_000, "steps of the ascent")
    stepSize = .automaticReal(
      "step-size", group: group, in: 0...1000,
      "length of a step: L2 for 224x224 pixels (auto: \(initial.stepSize)), a value with sign and adam")
    radius = .automaticReal(
      "radius", group: group, in: 0...10_000,
      "how far the image may go: L2 for 224x224 pixels (auto: \(initial.radius)), a value with --set linf")
    set = .choice(
      "set", group: group, initial: initial.set, help: \.help, "where the image may go")
    optimizer = .choice(
      "optimizer", group: group, flags: .advanced, initial: .auto, help: \.help, "how steps are taken")
    parametrisation = .choice(
      "parametrisation", group: group, flags: .advanced, initial: .pixels, help: \.help, "what is stepped in")
    passReLU = .flag(
      "pass-relu", group: group, flags: .advanced, initial: initial.passReLU,
      "let the gradient through the last ReLU, so that features that are off can be raised")
    best = .flag(
      "best", group: group, flags: .advanced, initial: initial.best,
      "take the image of least loss on the way, not the last")
    jitter = .integer(
      "jitter", group: group, unit: "px", flags: .advanced, initial: initial.jitter, in: 0...1000,
      "at each step move the image at random by up to so much")
    zoom = .real(
      "zoom", group: group, flags: .advanced, initial: 0, in: 0...4,
      "at each step look at a random part of the image, enlarged by up to 1 + this")
    noise = .real(
      "noise", group: group, flags: .advanced, initial: 0, in: 0...10,
      "at each step look at the image with normal noise of this deviation")
    momentum = .real(
      "momentum", group: group, flags: .advanced, initial: initial.momentum, in: 0...0.999,
      "share of the gradients before in the one that is followed")
    levels = .integer(
      "levels", group: group, flags: .advanced, initial: initial.levels, in: 1...12,
      "follow the gradient at so many resolutions at once")
    gradientBlur = .real(
      "gradient-blur", group: group, unit: "px", flags: .advanced, initial: initial.gradientBlur, in: 0...50,
      "smooth the gradient, against noise")
    chromaDamping = .real(
      "chroma-damping", group: group, flags: .advanced, initial: initial.chromaDamping, in: 0...1,
      "share of the gradient's colour that is taken away, against coloured noise")
    smoothness = .real(
      "smoothness", group: group, flags: .advanced, initial: initial.smoothness, in: 0...1000,
      "weight of the total variation")
    patience = .integer(
      "patience", group: group, flags: .advanced, initial: 0, in: 0...100_000,
      "end when the loss has not come down in so many steps; 0: never")
  }

  public var definitions: [any TaskParameter] {
    [
      steps, stepSize, radius, set, optimizer,
      parametrisation, passReLU, best, jitter, zoom,
      noise, momentum, levels, gradientBlur,
      chromaDamping, smoothness, patience,
    ]
  }

  /// The ascent for images of this size.
  /// - Throws: `TaskFailure.usage` where the options contradict one another.
  public func ascent(_ values: Values, width: Int, height: Int) throws -> Ascent {
    let isFourier = values[parametrisation] == .fourier
    if isFourier && values[set] != .box {
      throw TaskFailure.usage("--parametrisation fourier knows no radius; give --set box with it")
    }
    let rule: Ascent.Rule =
      switch values[optimizer] {
      case .auto: isFourier ? .adam : values[set] == .linf ? .sign : .normalised
      case .normalised: .normalised
      case .sign: .sign
      case .plain: .plain
      case .adam: .adam
      }
    let scale = AscentOptions.scale(width: width, height: height)
    let linfRadius = values[radius] ?? AscentOptions.linfRadius
    let length =
      switch rule {
      case .normalised: (values[stepSize] ?? initial.stepSize) * scale
      case .plain: values[stepSize] ?? initial.stepSize
      // Enough to cross the set two and a half times.
      case .sign: values[stepSize] ?? 2.5 * linfRadius / Double(max(values[steps], 1))
      case .adam: values[stepSize] ?? (isFourier ? 0.05 : 0.01)
      }
    var ascent = Ascent(steps: values[steps], stepSize: length)
    ascent.rule = rule
    switch values[set] {
    case .l2: ascent.set = .l2(radius: (values[radius] ?? initial.radius) * scale)
    case .linf: ascent.set = .linf(radius: linfRadius)
    case .box: ascent.set = .box
    }
    ascent.parameters = isFourier ? .fourier : .pixels
    ascent.passLastReLU = values[passReLU]
    ascent.keepBest = values[best]
    ascent.jitter = values[jitter]
    ascent.zoom = values[zoom]
    ascent.noise = values[noise]
    ascent.momentum = values[momentum]
    ascent.levels = values[levels]
    ascent.gradientBlur = values[gradientBlur]
    ascent.chromaDamping = values[chromaDamping]
    ascent.patience = values[patience]
    return ascent
  }

  /// The term that --smoothness asks for.
  public func smoothnessTerms(_ values: Values) -> [Term] {
    values[smoothness] > 0 ? [Term(values[smoothness], .smoothness(regions: []))] : []
  }

  /// What an L2 length for 224x224 pixels is multiplied with at another size.
  public static func scale(width: Int, height: Int) -> Double {
    (Double(width) * Double(height)).squareRoot() / 224
  }

  /// Where none is given.
  private static let linfRadius = 0.1
}
