import Datasets
import RobustRuntime

/// The photos of an evaluation, decoded once for each size of images.
final class EvaluationData {
  private let paths: [String]
  private let options: EvaluationOptions
  private let threads: Int
  private var sets: [Int: PhotoSet] = [:]
  /// The parts of sets of so many photos.
  private var split: (count: Int, parts: PhotoSplit)?

  init(paths: [String], options: EvaluationOptions, threads: Int) {
    (self.paths, self.options, self.threads) = (paths, options, threads)
  }

  /// What could not be read, one line each.
  var problems: [String] { sets.min { $0.key < $1.key }?.value.problems ?? [] }

  /// The classes that all know, in the data's order.
  /// - Throws: `Failure` if there are fewer than two.
  func classes(of models: [EvaluatedModel], wanted: [String]?) throws -> SharedClasses {
    try SharedClasses(data: set(size: models[0].size).classes, models: models, wanted: wanted)
  }

  /// The photos that are evaluated, at one size; the same ones at each.
  /// - Throws: `Failure` if there are none.
  func photos(size: Int, classes: [String]) throws -> PhotoPart {
    let set = try set(size: size)
    let index = Dictionary(uniqueKeysWithValues: classes.enumerated().map { ($1, $0) })
    let known = try part(of: set).filter { index[set.classes[set.label($0)]] != nil }
    let part = PhotoPart(set, known) { index[set.classes[set.label($0)]]! }
    guard part.count > 0 else {
      throw Failure.failed(
        "there are no photos of these classes in the part \(options.part.rawValue) of the data; "
          + "see --part and --held-out")
    }
    return options.limit.map(part.limited) ?? part
  }

  private func part(of set: PhotoSet) throws -> [Int] {
    if options.part == .all { return Array(0..<set.count) }
    // Whether photos look the same is asked at one size, and the answer taken for all.
    if split?.count != set.count { split = (set.count, try set.parts(heldOut: options.heldOut)) }
    let split = split!.parts
    return switch options.part {
    case .all: []
    case .training: split.training
    case .selection: split.selection
    case .report: split.report
    case .heldOut: split.heldOut
    }
  }

  private func set(size: Int) throws -> PhotoSet {
    if let set = sets[size] { return set }
    let set = try open(size: size)
    for problem in sets.isEmpty ? set.problems : [] { Terminal.say("rtool evaluate: left out: \(problem)") }
    sets[size] = set
    return set
  }

  private func open(size: Int) throws -> PhotoSet {
    let settings = PhotoSet.Options(
      largestSize: size, cacheFolder: options.cache, minimumClasses: 1, threads: threads)
    do {
      return try PhotoSet.open(
        paths, settings, onProgress: Self.show, goesOn: { !Interrupt.isRequested })
    } catch {
      throw error.kind == .interrupted ? Failure.interrupted : Failure(error)
    }
  }

  private static func show(_ stage: PhotoSet.Stage) {
    switch stage {
    case .waiting: ProgressBar.shared.show(0, "another rtool decodes these photos")
    case .decoding(let done, let total):
      let share = total.map { Double(done) / Double(max($0, 1)) } ?? 0
      ProgressBar.shared.show(share, "decoding photos, \(done)")
    }
  }
}
