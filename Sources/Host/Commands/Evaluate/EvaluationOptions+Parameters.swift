import RobustRuntime

extension EvaluationOptions {
  static let parameters: [Parameter] = {
    var model = Parameter(
      name: "model", kind: .text,
      help: "models, by names or .safetensors files; the default one where none is named", flags: .positional)
    model.value = "[MODEL...]"
    let data = Parameter(
      name: "data", kind: .text,
      help: "photos: folders of class folders, archives of CLASS/NAME, or lists of path, tab and class",
      flags: [.positional, .repeated])
    return [
      model, data,
      option("models", .text, value: "A,B", "models, by name or file, beside those before the data"),
      option(
        "part", .choice, choices: Part.allCases.map(\.rawValue),
        "which photos, by a hash of their names; training, selection and report are as `rtool train` has them"
      ),
      option(
        "held-out", .real, value: "SHARE", initial: 0.08, limits: 0...1,
        "the share of photos that is held out: selection and report"),
      option(
        "limit", .int, flags: .auto, limits: 1...1e9,
        "the most photos, as many of each class as of the others; auto is all"),
      option(
        "classes", .text, value: "A,B", "ask for these classes alone; else for those that all know"),
      option(
        "size", .int, flags: .auto, limits: 8...4096, "side of the images in pixels; auto is the model's own"),
      option(
        "attack", .choice, choices: AttackSettings.Method.allCases.map(\.rawValue) + ["none"],
        "how photos are attacked: apgd finds its steps itself, fab the nearest boundary; ensemble is both"
      ),
      option(
        "norm", .choice, choices: PerturbationNorm.allCases.map(\.rawValue), "how perturbations are measured"),
      option(
        "eps", .text, value: "R,R", initialText: "auto",
        "their largest sizes, for values in 0...1 at the model's own size; auto is the first model's training radius"
      ),
      option(
        "loss", .choice, choices: AttackSettings.Loss.allCases.map(\.rawValue),
        "what pgd and apgd raise: cross-entropy, the best other logit, or each of the likely ones in turn"),
      option(
        "steps", .int, flags: .auto, limits: 1...100_000, "steps of a run; auto is 20 for pgd, else 100"),
      option("step-size", .real, flags: .auto, limits: 1e-9...1e6, "of pgd; auto is 2.5 eps / steps"),
      option("restarts", .int, initial: 1, limits: 1...10_000, "runs, each with a random start of its own"),
      option("targets", .int, initial: 9, limits: 1...100_000, "the most classes that targeted runs aim at"),
      option(
        "seed", .int, letter: "s", limits: 0...Double(HostOption.largestSeed), "of the random starts"),
      option("per-class", .bool, "tell the accuracy of each class"),
      option("confusion", .bool, "tell how often photos of one class are taken for another"),
      option("per-photo", .bool, "with --json: name each photo and what it is taken for"),
      option(
        "cache", .text, value: "DIR", "where decoded photos are kept; else rtool's folder of the user's cache"
      ),
      option(
        "batch", .int, initial: 32, limits: 1...1024,
        "images at once; the result depends on it by rounding alone"),
      option("threads", .int, letter: "t", limits: 0...256, "processors to use, 0 for all"),
      HostOption.precision, ListCommands.json, ListCommands.help,
    ]
  }()

  private static func option(
    _ name: String, _ kind: Parameter.Kind, letter: Character? = nil, value: String? = nil,
    choices: [String] = [], flags: Parameter.Flags = [], initial: Double = 0, initialText: String? = nil,
    limits: ClosedRange<Double>? = nil, _ help: String
  ) -> Parameter {
    var parameter = Parameter(name: name, kind: kind, help: help, flags: flags)
    (parameter.letter, parameter.value, parameter.initial) = (letter, value, initial)
    (parameter.initialText, parameter.limits) = (initialText, limits)
    parameter.choices = choices.map { .init(name: $0, help: "") }
    return parameter
  }
}
