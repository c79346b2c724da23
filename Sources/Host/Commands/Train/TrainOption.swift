import RobustRuntime

/// The options of `rtool train`.
enum TrainOption {
  static let data = Option<[String]>.texts(
    "data", value: "[DATA...]", flags: [.positional, .repeated],
    "folders of class folders, tar archives of CLASS/NAME, or lists of lines path<TAB>class; none with --resume"
  )

  static let parameters: [CommandParameter] =
    [data.parameter] + run.grouped("Run") + photos.grouped("Photos")
    + (initialisation + architecture).grouped("Network") + method.grouped("Method")
    + course.grouped("Course") + views.grouped("Augmentation") + reports.grouped("Reports")
    + machine.grouped("Machine")

  // MARK: Run

  static let output = Option<String?>.text(
    "output", letter: "o", value: "FILE", "the model to write, .safetensors")
  static let resume = Option<String?>.text(
    "resume", value: "STATE", "go on with an interrupted run, from its state file")
  static let finish = Option<Bool>.flag(
    "finish", "with --resume: train no more, and write the model of the best average so far")
  static let check = Option<Bool>.flag(
    "check", "look at the data alone: balance, sizes, broken files, duplicates, leaks")
  static let json = Option<Bool>.flag(
    "json", "print JSON at the end: files, figures, steps and time, or what --check has found")
  static let quiet = Option<Bool>.flag("quiet", letter: "q", "say nothing but errors and warnings")

  private static let run: [any DeclaredOption] = [
    output, resume, finish, check, json, quiet, ListCommands.help,
  ]

  // MARK: Photos

  static let test = Option<[String]>.texts(
    "test", value: "DATA", "photos to measure with, instead of a held-out share")
  static let heldOut = Option<Double>.real(
    "held-out", value: "SHARE", initial: usualHeldOut, limits: 0.001...0.5,
    "share of each class that is not learned from: half of it chooses the best average, the other half "
      + "is reported on; photos that look the same stay together")
  static let selectionPhotos = Option<Int>.int(
    "selection-photos", initial: 500, limits: 1...1_000_000,
    "the most photos to choose the best average by")
  static let reportPhotos = Option<Int>.int(
    "report-photos", initial: 1000, limits: 1...1_000_000, "the most photos to report on")
  static let cache = Option<String?>.text(
    "cache", value: "DIR",
    "where decoded photos are kept; else rtool's folder of the user's cache; safe to delete")
  static let cacheLimit = Option<Double>.real(
    "cache-limit", value: "GIB", initial: 8, limits: 0.01...100_000,
    "GiB of decoded photos beyond which the oldest are removed")

  private static let photos: [any DeclaredOption] = [
    test, heldOut, selectionPhotos, reportPhotos, cache, cacheLimit,
  ]

  /// The share of each class that is not learned from.
  static let usualHeldOut = 0.08

  // MARK: Network

  static let initial = Option<String?>.text(
    "init", value: "NAME|FILE",
    "begin with the weights of this model; rows of the last layer are kept for classes that it knows")
  static let freeze = Option<[String]>.texts(
    "freeze", value: "LAYER",
    "leave a layer of --init as it is, with the statistics of its norms: conv1, bn1, layer1, layer1.0, ...")

  private static let initialisation: [any DeclaredOption] = [initial, freeze]

  static let widths = Option<String>.text(
    "widths", value: "N,N,...", initial: "32,64,128,256", "channels of each stage")
  static let blocks = Option<String>.text(
    "blocks", value: "N,N,...", initial: "2,2,2,2", "residual blocks of each stage")
  static let block = Option<Block>.choice("block", "kind of the residual blocks")
  static let stem = Option<Stem>.choice("stem", "first convolution; a max-pool follows 7x7")
  static let stemStride = Option<Int?>.int(
    "stem-stride", limits: 1...4,
    "stride of the first convolution; auto is 2, or 1 for a 3x3 stem up to 64 px")

  /// What a new network is made by, and --init excludes.
  static let architecture: [any DeclaredOption] = [widths, blocks, block, stem, stemStride]

  enum Block: String, CaseIterable { case basic, bottleneck }

  enum Stem: String, CaseIterable {
    case three = "3x3"
    case seven = "7x7"
  }

  // MARK: Method

  static let eps = Option<Double?>.real(
    "eps", limits: 0...1e4,
    "radius of the perturbations at the largest size, for values in 0...1; auto is 1/64 of the side for "
      + "l2, 8/255 for linf")
  static let norm = Option<TrainingAttack.Norm>.choice("norm", "how perturbations are measured")
  static let attackSteps = Option<Int>.int(
    "attack-steps", initial: 1, limits: 0...20,
    "gradient steps of each perturbation; 0 is ordinary training")
  static let stepSize = Option<Double?>.real(
    "step-size", limits: 0...1e4, "of the attack; auto is 1.25 eps for one step, else 2 eps / steps")
  static let randomStart = Option<Bool>.flag(
    "random-start", isOn: true, "begin each attack at a random place")
  static let attackNorm = Option<AttackNorm>.choice(
    "attack-norm", "mode of batch normalisation while attacking")
  static let trainingMethod = Option<Method>.choice("method", "adversarial training, or TRADES")
  static let beta = Option<Double>.real(
    "beta", initial: 6, limits: 0...100, "weight of the divergence in TRADES")
  static let labelSmoothing = Option<Double>.real(
    "label-smoothing", limits: 0...0.9, "share of each label that is spread over all classes")
  static let wantedAccuracy = Option<Double?>.real(
    "wanted-accuracy", limits: 0.01...0.99,
    "move eps on the way until accuracy under attacks of --wanted-eps is this; auto leaves it")
  static let wantedEps = Option<Double?>.real(
    "wanted-eps", limits: 0...1e4, "radius for --wanted-accuracy; auto is eps")

  private static let method: [any DeclaredOption] = [
    eps, norm, attackSteps, stepSize, randomStart, attackNorm, trainingMethod, beta, labelSmoothing,
    wantedAccuracy, wantedEps,
  ]

  enum Method: String, CaseIterable {
    case adversarial = "at"
    case trades
  }

  enum AttackNorm: String, CaseIterable {
    case training, evaluation

    var statistics: NormMode.Statistics { self == .training ? .batch : .running }
  }

  // MARK: Course

  static let epochs = Option<Double>.real(
    "epochs", initial: 30, limits: 0.001...100_000, "passes over the photos")
  static let hours = Option<Double?>.real(
    "hours", limits: 0...10_000,
    "instead of --epochs: as many steps as this machine takes in this time, reckoned at the beginning")
  static let batch = Option<Int>.int("batch", initial: 64, limits: 1...4096, "photos of one step")
  static let sizes = Option<String>.text(
    "sizes", value: "SIDE[:SHARE],...", initial: "128",
    "sides of the images in pixels one after the other, with shares of the steps: 64:0.3,128:0.7")
  static let rate = Option<Double?>.real(
    "rate", limits: 1e-7...100,
    "peak learning rate; auto is 0.1 per 128 photos of --batch, a quarter of that with --init")
  static let warmUp = Option<Double>.real(
    "warm-up", initial: 0.03, limits: 0...0.9, "share of the steps in which the learning rate rises")
  static let momentum = Option<Double>.real(
    "momentum", initial: 0.9, limits: 0...0.9999, "Nesterov momentum")
  static let weightDecay = Option<Double>.real(
    "weight-decay", initial: 5e-4, limits: 0...1,
    "weight decay; biases and batch-normalisation parameters do not decay")
  static let average = Option<Double>.real(
    "average", initial: 0.999, limits: 0...0.99999,
    "decay of the running average that becomes the model")

  private static let course: [any DeclaredOption] = [
    epochs, hours, batch, sizes, rate, warmUp, momentum, weightDecay, average,
  ]

  // MARK: Augmentation

  static let crop = Option<Double>.real(
    "crop", initial: 0.3, limits: 0.01...1, "least share of a photo's area that a crop shows")
  static let flip = Option<Bool>.flag("flip", isOn: true, "mirror every second view")
  static let brightness = Option<Double>.real(
    "brightness", initial: 0.075, limits: 0...1, "random change of brightness")
  static let contrast = Option<Double>.real(
    "contrast", initial: 0.2, limits: 0...1, "random change of contrast")
  static let saturation = Option<Double>.real(
    "saturation", initial: 0.2, limits: 0...1, "random change of saturation")

  private static let views: [any DeclaredOption] = [crop, flip, brightness, contrast, saturation]

  // MARK: Reports

  static let log = Option<String?>.text(
    "log", value: "FILE", "log of the run, JSON lines; else beside the model, .jsonl")
  static let state = Option<String?>.text(
    "state", value: "FILE", "state of the run; else beside the model, .state")
  static let saveEvery = Option<Double>.real(
    "save-every", value: "MINUTES", initial: 5, limits: 0.0001...1440, "how often the state is written")
  static let evaluateEvery = Option<Double>.real(
    "evaluate-every", value: "EPOCHS", initial: 1, limits: 0.001...10_000,
    "how often held-out accuracy is measured")
  static let seedRank = Option<Int>.int(
    "seed-rank", initial: 32, limits: 0...256, "rank of the seed distributions; 0 is none")
  static let seedMixtures = Option<Int>.int(
    "seed-mixtures", initial: 1, limits: 1...16, "the most Gaussians of a class's seeds")

  private static let reports: [any DeclaredOption] = [
    log, state, saveEvery, evaluateEvery, seedRank, seedMixtures,
  ]

  // MARK: Machine

  static let seed = Option<UInt64>.seed("the same seed gives the same weights")
  static let threads = Option<Int>.int(
    "threads", letter: "t", limits: 0...256,
    "processors to use, 0 for all; the result does not depend on it")
  static let precision = Option<Precision>.choice(
    "precision",
    "of products; bfloat16 is faster on processors that have it, and weights are kept in float32 anyway")

  private static let machine: [any DeclaredOption] = [seed, threads, precision]
}
