import Datasets
import RobustRuntime

/// The photos of a run.
enum TrainingData {
  /// Opens DATA and --test, and tells of what was left out.
  static func open(_ options: TrainingOptions, tellsProblems: Bool = true) throws -> (photos: PhotoSet, test: PhotoSet?) {
    func open(_ paths: [String], minimumClasses: Int) throws -> PhotoSet {
      let settings = PhotoSet.Options(
        largestSize: options.side, cacheFolder: options.cache, cacheLimit: options.cacheBytes,
        minimumClasses: minimumClasses, threads: options.threads > 0 ? options.threads : nil)
      if !options.isQuiet { ProgressBar.shared.begin("reading photos") }
      defer { ProgressBar.shared.end() }
      do throws(DatasetError) {
        let photos = try PhotoSet.open(
          paths, settings,
          onProgress: { stage in
            switch stage {
            case .waiting: ProgressBar.shared.show(0, "another run reads them")
            case .decoding(let done, let total):
              ProgressBar.shared.show(total.map { Double(done) / Double(max($0, 1)) } ?? 0, "\(done)")
            }
          },
          goesOn: { !Interrupt.isRequested })
        if tellsProblems { for problem in photos.problems { Terminal.warn("left out: \(problem)") } }
        return photos
      } catch {
        if error.kind == .interrupted { throw Failure.interrupted }
        throw error
      }
    }
    let photos = try open(options.data, minimumClasses: 2)
    if options.test.isEmpty { return (photos, nil) }
    let test = try open(options.test, minimumClasses: 1)
    try photos.requireNoneShared(with: test)
    return (photos, test)
  }
}

/// Some photos of a set, with the classes of a model.
struct PhotoPart {
  let photos: PhotoSet
  let indices: [Int]
  /// Of each of the indices.
  let labels: [Int]

  init(_ photos: PhotoSet, _ indices: [Int], labels: (Int) -> Int) {
    (self.photos, self.indices, self.labels) = (photos, indices, indices.map(labels))
  }

  /// At most so many photos, as many of each class as there are or as fit, the same ones each time.
  func limited(to count: Int) -> PhotoPart {
    guard indices.count > count else { return self }
    var byClass: [Int: [Int]] = [:]
    for place in indices.indices { byClass[labels[place], default: []].append(place) }
    var chosen: [Int] = []
    var turn = 0
    while chosen.count < count {
      for label in byClass.keys.sorted() where turn < byClass[label]!.count && chosen.count < count {
        chosen.append(byClass[label]![turn])
      }
      turn += 1
    }
    chosen.sort()
    return PhotoPart(photos, chosen.map { indices[$0] }, chosen.map { labels[$0] })
  }

  private init(_ photos: PhotoSet, _ indices: [Int], _ labels: [Int]) {
    (self.photos, self.indices, self.labels) = (photos, indices, labels)
  }

  /// As attacks see them, at one size.
  func images(side: Int) -> LabelledImages {
    LabelledImages(
      count: indices.count, label: { labels[$0] }, identifier: { UInt64(indices[$0]) },
      read: { place, out in photos.withPhoto(indices[place]) { Augmentation.plain($0, size: side, out: out) } })
  }
}
