import RobustRuntime

/// The options of `rtool evaluate`.
enum EvaluationOption {
  static let parameters: [CommandParameter] =
    [model.parameter, data.parameter] + photos.grouped("Photos") + attacks.grouped("Attack")
    + output.grouped("Output") + run.grouped("Run")

  static let model = Option<[String]>.texts(
    "model", value: "[MODEL...]", flags: .positional,
    "models, by names or .safetensors files; the default one where none is named")
  static let data = Option<[String]>.texts(
    "data", flags: [.positional, .repeated],
    "photos: folders of class folders, archives of CLASS/NAME, or lists of path, tab and class")

  // MARK: Photos

  static let models = Option<String?>.text(
    "models", value: "A,B", "models, by name or file, beside those before the data")
  static let part = Option<EvaluationOptions.Part>.choice(
    "part",
    "which photos, by a hash of their names; training, selection and report are as `rtool train` has them")
  static let heldOut = Option<Double>.real(
    "held-out", value: "SHARE", initial: TrainOption.usualHeldOut, limits: 0...1,
    "the share of photos that is held out: selection and report")
  static let limit = Option<Int?>.int(
    "limit", limits: 1...1_000_000_000,
    "the most photos, as many of each class as of the others; auto is all")
  static let classes = Option<String?>.text(
    "classes", value: "A,B", "evaluate these classes only; else those that the data and all models share")
  static let size = Option<Int?>.int(
    "size", limits: 8...4096, "side of the images in pixels; auto is the model's own")
  static let cache = Option<String?>.text(
    "cache", value: "DIR", "where decoded photos are kept; else rtool's folder of the user's cache")

  private static let photos: [any DeclaredOption] = [
    models, part, heldOut, limit, classes, size, cache,
  ]

  // MARK: Attack

  static let attack = Option<Attack>.choice(
    "attack",
    "how photos are attacked: apgd adapts its step size, fab seeks the nearest decision boundary; ensemble "
      + "runs both")
  static let norm = Option<PerturbationNorm>.choice("norm", "how perturbations are measured")
  static let eps = Option<String>.text(
    "eps", value: "R,R", initial: "auto",
    "their largest sizes, for values in 0...1 at the model's own size; auto is the first model's training "
      + "radius")
  static let loss = Option<AttackSettings.Loss>.choice(
    "loss",
    "what pgd and apgd maximise: the cross-entropy, the margin of the best other logit, or that of each "
      + "likely class in turn")
  static let steps = Option<Int?>.int(
    "steps", limits: 1...100_000, "steps of a run; auto is 20 for pgd, else 100")
  static let stepSize = Option<Double?>.real(
    "step-size", limits: 1e-9...1e6, "of pgd; auto is 2.5 eps / steps")
  static let restarts = Option<Int>.int(
    "restarts", initial: 1, limits: 1...10_000, "runs, each with a random start of its own")
  static let targets = Option<Int>.int(
    "targets", initial: 9, limits: 1...100_000, "the most classes that targeted runs aim at")
  static let seed = Option<UInt64>.seed("of the random starts")

  private static let attacks: [any DeclaredOption] = [
    attack, norm, eps, loss, steps, stepSize, restarts, targets, seed,
  ]

  enum Attack: String, CaseIterable {
    case pgd, apgd, fab, ensemble, none

    /// Nil: none.
    var method: AttackSettings.Method? { AttackSettings.Method(rawValue: rawValue) }
  }

  // MARK: Output

  static let perClass = Option<Bool>.flag("per-class", "tell the accuracy of each class")
  static let confusion = Option<Bool>.flag(
    "confusion", "tell how often photos of one class are taken for another")
  static let perPhoto = Option<Bool>.flag(
    "per-photo", "with --json: name each photo and what it is taken for")

  private static let output: [any DeclaredOption] = [perClass, confusion, perPhoto, ListCommands.json]

  // MARK: Run

  static let batch = Option<Int>.int(
    "batch", initial: 32, limits: 1...1024,
    "images at once; the result depends on it by rounding alone")

  private static let run: [any DeclaredOption] = [
    batch, BenchCommand.threads, HostOption.precision, ListCommands.help,
  ]
}
