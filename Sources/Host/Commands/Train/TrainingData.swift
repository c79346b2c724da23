import Datasets
import RobustRuntime

/// The photos of a run: what is learned from, what chooses the best average, and what is reported on.
struct TrainingData {
  let photos: PhotoSet
  /// The photos of --test; nil: a share of the others is held out.
  let test: PhotoSet?
  let training, selection, report: PhotoPart
  /// A text that is the same for two runs exactly when they learn from the same photos.
  let identity: String

  /// Opens DATA and --test, tells of what was left out, and parts them.
  /// - Throws: `Failure`, `DatasetError`
  init(_ options: TrainingOptions) throws {
    let (photos, test) = try Self.open(options)
    (self.photos, self.test) = (photos, test)
    let split: PhotoSplit
    if let test {
      // Half of the test photos choose, the others are reported on.
      split = try test.parts(heldOut: 1)
      training = PhotoPart(photos, Array(0..<photos.count), labels: photos.label)
      identity = photos.identity + "-" + test.identity
    } else {
      split = try photos.parts(heldOut: options.heldOut)
      training = PhotoPart(photos, split.training, labels: photos.label)
      identity = photos.identity
    }
    func part(_ indices: [Int]) -> PhotoPart {
      guard let test else { return PhotoPart(photos, indices, labels: photos.label) }
      let known = test.restricted(toClasses: photos.classes)
      let labels = Dictionary(uniqueKeysWithValues: zip(known.indices, known.labels))
      return PhotoPart(test, indices.filter { labels[$0] != nil }) { labels[$0]! }
    }
    selection = part(split.selection).limited(to: options.selectionPhotos)
    report = part(test == nil ? split.report : (split.report + split.training).sorted())
      .limited(to: options.reportPhotos)
  }

  /// - Parameter tellsProblems: whether what was left out is told.
  static func open(
    _ options: TrainingOptions, tellsProblems: Bool = true
  ) throws -> (photos: PhotoSet, test: PhotoSet?) {
    func open(_ paths: [String], minimumClasses: Int) throws -> PhotoSet {
      let settings = PhotoSet.Options(
        largestSize: options.side, cacheFolder: options.cache, cacheLimit: options.cacheBytes,
        minimumClasses: minimumClasses, threads: options.threads > 0 ? options.threads : nil)
      return try PhotoReading.open(
        paths, settings, isQuiet: options.isQuiet, tellsProblems: tellsProblems)
    }
    let photos = try open(options.data, minimumClasses: 2)
    if options.test.isEmpty { return (photos, nil) }
    let test = try open(options.test, minimumClasses: 1)
    try photos.requireNoneShared(with: test)
    return (photos, test)
  }
}
