import Datasets
import RobustRuntime

/// The photos of an evaluation, decoded once for each size of images.
final class EvaluationData {
  private let paths: [String]
  private let options: EvaluationOptions
  private let threads: Int
  private var sets: [Int: PhotoSet] = [:]

  init(paths: [String], options: EvaluationOptions, threads: Int) {
    (self.paths, self.options, self.threads) = (paths, options, threads)
  }

  /// What could not be read, one line each.
  var problems: [String] { sets.min { $0.key < $1.key }?.value.problems ?? [] }

  /// The photos that are evaluated at one size.
  struct Photos {
    let names: [String]
    let images: LabelledImages
    var count: Int { images.count }
  }

  /// The classes that all know, in the data's order.
  /// - Throws: `Failure` if there are fewer than two.
  func classes(of models: [EvaluatedModel], wanted: [String]?) throws -> SharedClasses {
    try SharedClasses(data: set(size: models[0].size).classes, models: models, wanted: wanted)
  }

  /// - Throws: `Failure` if there are none.
  func photos(size: Int, classes: [String]) throws -> Photos {
    let set = try set(size: size)
    let split = set.split(heldOut: options.heldOut)
    let part =
      switch options.part {
      case .all: Array(0..<set.count)
      case .training: split.training
      case .selection: split.selection
      case .report: split.report
      case .heldOut: split.heldOut
      }
    let index = Dictionary(uniqueKeysWithValues: classes.enumerated().map { ($1, $0) })
    let known = part.filter { index[set.classes[set.label($0)]] != nil }
    let chosen = options.limit.map { balanced(known, of: set, atMost: $0) } ?? known
    guard !chosen.isEmpty else {
      throw Failure.failed(
        "there are no photos of these classes in the part \(options.part.rawValue) of the data; see --part and --held-out"
      )
    }
    let labels = chosen.map { index[set.classes[set.label($0)]]! }
    let names = chosen.map(set.name)
    return Photos(
      names: names,
      images: LabelledImages(
        count: chosen.count, label: { labels[$0] }, identifier: { nameHash(names[$0]) },
        read: { i, pixels in
          set.withPhoto(chosen[i]) { Augmentation.plain($0, size: size, out: pixels) }
        }))
  }

  /// Takes photos of the classes in turn, those of each in an order by the hash of their names.
  private func balanced(_ photos: [Int], of set: PhotoSet, atMost limit: Int) -> [Int] {
    guard photos.count > limit else { return photos }
    let groups = Dictionary(grouping: photos, by: set.label).sorted { $0.key < $1.key }.map { group in
      group.value.map { (order: Philox(seed: nameHash(set.name($0))).words(0), photo: $0) }
        .sorted { ($0.order.x, $0.order.y, $0.photo) < ($1.order.x, $1.order.y, $1.photo) }.map(\.photo)
    }
    var chosen: [Int] = []
    var round = 0
    while chosen.count < limit {
      for group in groups where round < group.count && chosen.count < limit { chosen.append(group[round]) }
      round += 1
    }
    return chosen.sorted()
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

/// FNV-1a of 64 bits, a number for a name. (Fowler, Noll and Vo.)
private func nameHash(_ name: String) -> UInt64 {
  name.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
}
