import Datasets
import Glibc
import RobustRuntime

/// `rtool train`: a robust classifier from folders or archives of photos.
enum TrainCommand {
  static let parameters: [Parameter] =
    [
      .option(
        "data", .text, value: "DATA", flags: [.positional, .repeated],
        "folders of class folders, tar archives of CLASS/NAME, or lists of lines path<TAB>class")
    ] + run.grouped("Run") + photos.grouped("Photos") + network.grouped("Network")
    + method.grouped("Method") + course.grouped("Course") + views.grouped("Augmentation")
    + reports.grouped("Reports") + machine.grouped("Machine")

  /// The share of each class that is not learned from.
  static let heldOut = 0.08

  private static let run: [Parameter] = [
    .option("output", .text, letter: "o", value: "FILE", "the model to write, .safetensors"),
    .option("resume", .text, value: "STATE", "go on with an interrupted run, from its state file"),
    .option(
      "finish", .bool, "with --resume: train no more, and write the model of the best average so far"),
    .option(
      "check", .bool, "look at the data alone: balance, sizes, broken files, duplicates, leaks"),
    .option(
      "json", .bool, "print JSON at the end: files, figures, steps and time, or what --check has found"),
    .option("quiet", .bool, letter: "q", "say nothing but errors and warnings"),
    ListCommands.help,
  ]

  private static let photos: [Parameter] = [
    .option(
      "test", .text, value: "DATA", flags: .repeated,
      "photos to measure with, instead of a held-out share"),
    .option(
      "held-out", .real, value: "SHARE", initial: heldOut, limits: 0.001...0.5,
      "share of each class that is not learned from: half of it chooses the best average, the other half "
        + "is reported on; photos that look the same stay together"),
    .option(
      "selection-photos", .int, initial: 500, limits: 1...1_000_000,
      "the most photos to choose the best average by"),
    .option(
      "report-photos", .int, initial: 1000, limits: 1...1_000_000, "the most photos to report on"),
    .option(
      "cache", .text, value: "DIR",
      "where decoded photos are kept; else rtool's folder of the user's cache; safe to delete"),
    .option(
      "cache-limit", .real, value: "GIB", initial: 8, limits: 0.01...100_000,
      "GiB of decoded photos beyond which the oldest are removed"),
  ]

  private static let network: [Parameter] = [
    .option(
      "init", .text, value: "NAME|FILE",
      "begin with the weights of this model; rows of the last layer are kept for classes that it knows"),
    .option(
      "freeze", .text, value: "LAYER", flags: .repeated,
      "leave the weights of a layer of --init as they are: conv1, layer1, layer1.0, ..."),
    .option(
      "widths", .text, value: "N,N,...", initialText: "32,64,128,256", "channels of each stage"),
    .option(
      "blocks", .text, value: "N,N,...", initialText: "2,2,2,2", "residual blocks of each stage"),
    .option("block", .choice, choices: ["basic", "bottleneck"], "kind of the residual blocks"),
    .option(
      "stem", .choice, choices: ["3x3", "7x7"], "first convolution; behind 7x7 comes a max-pool"),
    .option(
      "stem-stride", .int, flags: .auto, limits: 1...4,
      "stride of the first convolution; auto is 2, or 1 for a 3x3 stem up to 64 px"),
  ]

  private static let method: [Parameter] = [
    .option(
      "eps", .real, flags: .auto, limits: 0...1e4,
      "radius of the perturbations at the largest size, for values in 0...1; auto is 1/64 of the side for "
        + "l2, 8/255 for linf"),
    .option("norm", .choice, choices: ["l2", "linf"], "how perturbations are measured"),
    .option(
      "attack-steps", .int, initial: 1, limits: 0...20,
      "gradient steps of each perturbation; 0 is ordinary training"),
    .option(
      "step-size", .real, flags: .auto, limits: 0...1e4,
      "of the attack; auto is 1.25 eps for one step, else 2 eps / steps"),
    .option("random-start", .bool, initial: 1, "begin each attack at a random place"),
    .option(
      "attack-norm", .choice, choices: ["training", "evaluation"],
      "mode of batch normalisation while attacking"),
    .option("method", .choice, choices: ["at", "trades"], "adversarial training, or TRADES"),
    .option("beta", .real, initial: 6, limits: 0...100, "weight of the divergence in TRADES"),
    .option(
      "label-smoothing", .real, initial: 0, limits: 0...0.9,
      "share of each label that is spread over all classes"),
    .option(
      "wanted-accuracy", .real, flags: .auto, limits: 0.01...0.99,
      "move eps on the way until accuracy under attacks of --wanted-eps is this; auto leaves it"),
    .option(
      "wanted-eps", .real, flags: .auto, limits: 0...1e4, "radius for --wanted-accuracy; auto is eps"),
  ]

  private static let course: [Parameter] = [
    .option("epochs", .real, initial: 30, limits: 0.001...100_000, "passes over the photos"),
    .option(
      "hours", .real, flags: .auto, limits: 0...10_000,
      "instead of --epochs: as many steps as this machine takes in this time, reckoned at the beginning"),
    .option("batch", .int, initial: 64, limits: 1...4096, "photos of one step"),
    .option(
      "sizes", .text, value: "SIDE[:SHARE],...", initialText: "128",
      "sides of the images in pixels one after the other, with shares of the steps: 64:0.3,128:0.7"),
    .option(
      "rate", .real, flags: .auto, limits: 1e-7...100,
      "peak step size; auto is 0.1 for 128 photos, with --init a quarter"),
    .option(
      "warm-up", .real, initial: 0.03, limits: 0...0.9,
      "share of the steps in which the step size rises"),
    .option("momentum", .real, initial: 0.9, limits: 0...0.9999, "Nesterov momentum"),
    .option(
      "weight-decay", .real, initial: 5e-4, limits: 0...1,
      "of weights; norms and biases do not decay"),
    .option(
      "average", .real, initial: 0.999, limits: 0...0.99999,
      "decay of the running average that becomes the model"),
  ]

  private static let views: [Parameter] = [
    .option(
      "crop", .real, initial: 0.3, limits: 0.01...1, "least share of a photo's area that a crop shows"),
    .option("flip", .bool, initial: 1, "mirror every second view"),
    .option("brightness", .real, initial: 0.075, limits: 0...1, "random change of brightness"),
    .option("contrast", .real, initial: 0.2, limits: 0...1, "random change of contrast"),
    .option("saturation", .real, initial: 0.2, limits: 0...1, "random change of saturation"),
  ]

  private static let reports: [Parameter] = [
    .option("log", .text, value: "FILE", "log of the run, JSON lines; else beside the model, .jsonl"),
    .option("state", .text, value: "FILE", "state of the run; else beside the model, .state"),
    .option(
      "save-every", .real, value: "MINUTES", initial: 5, limits: 0.0001...1440,
      "how often the state is written"),
    .option(
      "evaluate-every", .real, value: "EPOCHS", initial: 1, limits: 0.001...10_000,
      "how often held-out accuracy is measured"),
    .option(
      "seed-rank", .int, initial: 32, limits: 0...256, "rank of the seed distributions; 0 is none"),
    .option("seed-mixtures", .int, initial: 1, limits: 1...16, "the most Gaussians of a class's seeds"),
  ]

  private static let machine: [Parameter] = [
    .option(
      "seed", .int, letter: "s", initial: 0, limits: 0...Double(HostOption.largestSeed),
      "the same seed gives the same weights"),
    .option(
      "threads", .int, letter: "t", limits: 0...256,
      "processors to use, 0 for all; the result does not depend on it"),
    .option(
      "precision", .choice, choices: Precision.allCases.map(\.rawValue),
      "of products; bfloat16 is faster on processors that have it, and weights are kept in float32 anyway"),
  ]

  static func run(_ parsed: ParsedArguments) throws {
    if let state = parsed.last("resume") { return try TrainingRun.resume(state, parsed) }
    if parsed.isOn("finish") { throw Failure.usage("--finish needs --resume STATE") }
    let options = try TrainingOptions(parsed)
    if parsed.isOn("check") { return try check(options, json: parsed.isOn("json")) }
    guard options.output != nil else { throw Failure.usage("--output FILE is needed: the model to write") }
    try TrainingRun.begin(options, parsed)
  }

  private static func check(_ options: TrainingOptions, json: Bool) throws {
    _ = configureRuntime(threads: options.threads)
    let (photos, test) = try TrainingData.open(options, tellsProblems: false)
    let parts = try photos.parts(heldOut: options.heldOut)
    let report: DatasetReport
    do throws(DatasetError) {
      report = try DatasetReport(photos, parts, test: test, goesOn: { !Interrupt.isRequested })
    } catch {
      throw error.kind == .interrupted ? Failure.interrupted : error
    }
    try Terminal.print(
      json ? encodedJSON(report) + "\n" : report.lines().joined(separator: "\n") + "\n")
  }
}
