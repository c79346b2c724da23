import RobustRuntime

/// The options of `rtool train-upscaler`.
enum UpscalerOption {
  static let data = Option<[String]>.texts(
    "data", value: "[DATA...]", flags: [.positional, .repeated],
    "folders of folders of photos, tar archives of them, or lists of lines path<TAB>class; none with --resume"
  )

  static let parameters: [CommandParameter] =
    [data.parameter] + run.grouped("Run") + photos.grouped("Photos") + network.grouped("Network")
    + course.grouped("Course") + machine.grouped("Machine")

  // MARK: Run

  static let output = Option<String?>.text(
    "output", letter: "o", value: "FILE", "the network to write, .safetensors")
  static let resume = Option<String?>.text(
    "resume", value: "STATE", "go on with an interrupted run, from its state file; --steps may be another")
  static let state = Option<String?>.text(
    "state", value: "FILE", "state of the run; else beside the network, .state")
  static let saveEvery = Option<Double>.real(
    "save-every", value: "MINUTES", initial: 5, limits: 0.0001...1440, "how often the state is written")
  static let quiet = Option<Bool>.flag("quiet", letter: "q", "say nothing but errors and warnings")

  private static let run: [any DeclaredOption] = [output, resume, state, saveEvery, quiet, ListCommands.help]

  // MARK: Photos

  static let quality = Option<String?>.text(
    "jpeg", value: "LOW-HIGH",
    "small images are JPEG files of a quality in this range, as in 60-95, so that the network learns to remove what that did"
  )
  static let cache = Option<String?>.text(
    "cache", value: "DIR",
    "where decoded photos are kept; else rtool's folder of the user's cache; safe to delete")

  private static let photos: [any DeclaredOption] = [quality, cache]

  // MARK: Network

  static let initial = Option<String?>.text(
    "init", value: "FILE", "begin with the weights of this network, and have its size")
  static let channels = Option<Int>.int("channels", initial: 32, limits: 1...512, "channels of each layer")
  static let blocks = Option<Int>.int(
    "blocks", initial: 4, limits: 0...UpscalerNetwork.mostBlocks, "residual blocks of two convolutions each")

  /// What --init says.
  static let architecture: [any DeclaredOption] = [channels, blocks]
  private static let network: [any DeclaredOption] = [initial] + architecture

  // MARK: Course

  static let steps = Option<Int>.int("steps", initial: 60_000, limits: 1...100_000_000, "steps of the run")
  static let batch = Option<Int>.int("batch", initial: 16, limits: 1...1024, "photos of one step")
  static let side = Option<Int>.int(
    "side", initial: 96, limits: 12...1020, "pixels along a side of the large images, a multiple of 12")
  static let rate = Option<Double>.real(
    "rate", initial: 1e-3, limits: 1e-7...1,
    "learning rate; it falls to 0 in the last three tenths of the steps")
  static let evaluateEvery = Option<Int>.int(
    "evaluate-every", value: "STEPS", initial: 2000, limits: 1...100_000_000,
    "how often held-out photos are measured")

  private static let course: [any DeclaredOption] = [steps, batch, side, rate, evaluateEvery]

  // MARK: Machine

  static let seed = Option<UInt64>.seed("the same seed gives the same weights")
  static let threads = Option<Int>.int(
    "threads", letter: "t", limits: 0...256,
    "processors to use, 0 for all; the result does not depend on it")

  private static let machine: [any DeclaredOption] = [seed, threads]
}
