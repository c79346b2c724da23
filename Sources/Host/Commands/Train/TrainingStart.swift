import FoundationEssentials
import Glibc
import RobustRuntime

/// What a run begins with: its options as they are kept, its network, and how many steps it takes.
enum TrainingStart {
  // MARK: Options

  private static let paths: Set = ["data", "test", "output", "cache", "log", "state"]
  /// What may differ when a run goes on, as the weights do not depend on it.
  private static let changeable =
    paths.union([
      "cache-limit", "threads", "quiet", "save-every", "report-photos", "seed-rank", "seed-mixtures",
    ])
  /// What is said of one call alone.
  private static let passing: Set = ["resume", "finish", "json"]

  /// What was asked for, to be kept in the state.
  static func recorded(_ values: OptionValues) -> [String: [String]] {
    let folder = FileManager.default.currentDirectoryPath
    var options: [String: [String]] = [:]
    for (name, texts) in values.texts where !passing.contains(name) {
      options[name] = paths.contains(name) ? texts.map { absolute($0, in: folder) } : texts
    }
    return options
  }

  /// Has what is asked for now go before what was asked for when the run began.
  /// - Throws: `Failure` of usage if the run would be another one.
  static func merge(_ values: OptionValues, state: String, into position: inout TrainingPosition) throws {
    let names = values.texts.keys.sorted()
    if let name = names.first(where: { !changeable.contains($0) && !passing.contains($0) }) {
      throw Failure.usage("--\(name) cannot be changed while a run goes on; begin another one with --init")
    }
    position.options.merge(recorded(values)) { $1 }
    if !values.isGiven(TrainOption.state) {
      position.options["state"] = [absolute(state, in: FileManager.default.currentDirectoryPath)]
    }
  }

  static func absolute(_ path: String, in folder: String) -> String {
    path.hasPrefix("/") ? path : folder + "/" + path
  }

  // MARK: The network

  /// - Returns: the network, and what its weights were taken from.
  static func model(_ options: TrainingOptions, _ data: TrainingData) throws -> (TrainableModel, String?) {
    let classes = data.photos.classes
    guard let initial = options.initial else {
      let (mean, deviation) = pixelStatistics(data.training)
      let tensors = options.network.tensors(
        classes: classes.count, mean: mean, deviation: deviation, seed: options.seed)
      let bytes = try SafeTensorsWriter.bytes(
        tensors, metadata: ["stem_stride": "\(options.network.stemStride)"])
      let model = try bytes.withUnsafeBytes {
        try TrainableModel($0, name: "a new network", classes: classes, seed: options.seed)
      }
      try checkSizes(model, options)
      return (model, nil)
    }
    let source = try ModelSearch.find(initial)
    let name = try ModelSearch.facts(source).name
    let model = try ModelSearch.withBytes(source) {
      try TrainableModel($0, name: name, classes: classes, seed: options.seed)
    }
    for layer in options.frozen where model.parameters.freeze(layer) == 0 {
      let layers = model.parameters.entries.map { String($0.name[..<$0.name.lastIndex(of: ".")!]) }
      throw Failure.usage(
        "--freeze \(quoted(layer)): the model has no such layer\(Suggestion.text(layer, in: layers))")
    }
    try checkSizes(model, options)
    return (model, "\(name) (SHA-256 \(try ModelSearch.digest(source).prefix(12)))")
  }

  private static func checkSizes(_ model: TrainableModel, _ options: TrainingOptions) throws {
    let least = options.phases.map(\.side).min()!
    guard least >= model.facts.smallest else {
      throw Failure.usage(
        "--sizes: \(least) px are too few for this network, which takes images of at least "
          + "\(model.facts.smallest) px")
    }
  }

  /// Mean and deviation of the pixels, by channel, of up to a thousand photos.
  private static func pixelStatistics(_ part: PhotoPart) -> (mean: [Float], deviation: [Float]) {
    var (sums, squares, count) = ([0.0, 0, 0], [0.0, 0, 0], 0.0)
    for place in stride(from: 0, to: part.count, by: max(part.count / 1000, 1)) {
      part.photos.withPhoto(part.indices[place]) { photo in
        for pixel in stride(from: 0, to: photo.width * photo.height, by: 3) {
          for c in 0..<3 {
            let value = Double(photo.pixels[3 * pixel + c]) / 255
            sums[c] += value
            squares[c] += value * value
          }
          count += 1
        }
      }
    }
    let mean = sums.map { $0 / count }
    return (
      mean.map { Float($0) },
      zip(squares, mean).map { Float(max($0 / count - $1 * $1, 1e-4).squareRoot()) }
    )
  }

  // MARK: The number of steps

  /// As many steps as this machine takes in so many seconds, told from a few of each size, which leave no
  /// trace.
  static func steps(
    within seconds: Double, _ model: TrainableModel, _ options: TrainingOptions, _ training: PhotoPart,
    batch: Int
  ) throws -> Int {
    let parameters = model.parameters
    let before = parameters.entries.indices.map { parameters.values($0) }
    var ofStep = 0.0
    for phase in options.phases {
      let trainer = try Trainer(model, settings: options.trainer, images: batch, side: phase.side)
      let pixels = [Float](repeating: 0.5, count: batch * 3 * phase.side * phase.side)
      let labels = (0..<batch).map { training.labels[$0 % training.count] }
      var fastest = Double.infinity
      for step in 0..<3 {
        let start = monotonicSeconds()
        _ = try trainer.step(pixels, labels: labels, rate: 1e-6, step: step, random: (1, UInt64(step)))
        fastest = min(fastest, monotonicSeconds() - start)
        if Interrupt.isRequested { throw Failure.interrupted }
      }
      ofStep += phase.share * fastest
    }
    for (index, values) in before.enumerated() {
      parameters.pointer(index).update(from: values, count: values.count)
    }
    parameters.clear(.velocities)
    for kind in [Parameters.Kind.averages, .best] { parameters.copy(.values, to: kind) }
    parameters.touch()
    // Photos are read and averages measured in the time that is left.
    return max(Int(min(0.85 * seconds / ofStep, 1e12)), 1)
  }
}
