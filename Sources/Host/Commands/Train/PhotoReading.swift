import Datasets

/// Photos of classes, read with a progress bar.
enum PhotoReading {
  /// - Parameter tellsProblems: whether what was left out is told.
  /// - Throws: `Failure.interrupted`, `DatasetError`
  static func open(
    _ paths: [String], _ settings: PhotoSet.Options, isQuiet: Bool, tellsProblems: Bool = true
  ) throws -> PhotoSet {
    if !isQuiet { ProgressBar.shared.begin("reading photos") }
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
}
