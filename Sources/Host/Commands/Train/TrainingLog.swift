import FoundationEssentials
import Glibc

/// What the log tells of one moment of a training, one line of JSON.
struct TrainingLogRow: Codable, Equatable, Sendable {
  /// Steps done, from the beginning.
  var step: Int
  /// Passes over the training part.
  var epoch: Double
  /// Spent on training, without pauses.
  var seconds: Double
  var imagesPerSecond: Double
  /// The mean since the last row, under the training's attack; so is the share of images that were classified
  /// rightly.
  var loss: Double
  var trainAccuracy: Double
  var learningRate: Double
  /// Side of the images, in pixels.
  var size: Int
  /// Radius of the training's attack at the largest size.
  var eps: Double
  /// Shares of the selection part that the average of the weights classifies rightly: as they are, under an
  /// attack of several steps, and under one of one step. nil: not measured at this step.
  var cleanAccuracy: Double?
  var robustAccuracy: Double?
  var oneStepAccuracy: Double?
  /// What happened, for people.
  var note: String?

  enum CodingKeys: String, CodingKey {
    case step, epoch, seconds, loss, size, eps, note
    case imagesPerSecond = "images_per_second"
    case trainAccuracy = "train_accuracy"
    case learningRate = "learning_rate"
    case cleanAccuracy = "clean_accuracy"
    case robustAccuracy = "robust_accuracy"
    case oneStepAccuracy = "one_step_accuracy"
  }
}

/// The rows of a training in a file to which each is appended in one piece, so that whatever ends the program
/// leaves whole rows and at most one torn line at the end. Such a line is passed over when rows are read, and
/// cut off when rows are appended.
final class TrainingLog {
  let path: String
  private let file: Int32

  /// Begins a new log, in place of one that is there.
  /// - Throws: `Failure`, also if the file holds something else than a log; then it is left as it is.
  init(_ path: String) throws {
    (self.path, file) = (path, try Self.opened(path))
    try cut(at: 0)
  }

  /// Goes on with a log, or begins one where there is none: rows after a step are cut off, as the training
  /// that goes on from there will write them again.
  /// - Throws: `Failure`, as for a new one.
  init(_ path: String, after step: Int) throws {
    (self.path, file) = (path, try Self.opened(path))
    let lines = Self.lines(FileBytes.ofRegularFile(path) ?? [])
    let end = lines.first { $0.row.map { $0.step > step } ?? !$0.isWhole }
    try cut(at: end?.start ?? lines.last?.end ?? 0)
  }

  deinit { close(file) }

  /// - Throws: `Failure` if the row cannot be written; then the file is as it was before.
  func append(_ row: TrainingLogRow) throws {
    let line = Self.line(row)
    let before = lseek(file, 0, SEEK_END)
    var count = 0
    repeat {
      count = line.withUnsafeBytes { write(file, $0.baseAddress!, $0.count) }
    } while count < 0 && errno == EINTR
    if count == line.count { return }
    let code = count < 0 ? errno : ENOSPC
    if count > 0 { ftruncate(file, before) }
    throw failure(code)
  }

  /// Waits until the rows are on the disk.
  func synchronise() { fsync(file) }

  /// The rows of a log in their order; what is none is passed over.
  /// - Throws: `Failure` if there is no such file.
  static func rows(of path: String) throws -> [TrainingLogRow] {
    guard let bytes = FileBytes.ofRegularFile(path) else {
      throw Failure.failed("there is no log \(path) that can be read")
    }
    return lines(bytes).compactMap(\.row)
  }

  private static func opened(_ path: String) throws -> Int32 {
    // Without O_NONBLOCK opening a pipe that nobody reads would wait for ever.
    let file = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0o666)
    guard file >= 0 else { throw failure(path, errno) }
    var status = stat()
    guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(file)
      throw Failure.failed("\(path) is no regular file: --log needs one")
    }
    var first = [UInt8](repeating: 0, count: beginnings.map(\.count).max()!)
    let count = max(pread(file, &first, first.count, 0), 0)
    guard beginnings.contains(where: { zip($0, first.prefix(count)).allSatisfy { $0 == $1 } }) else {
      close(file)
      throw Failure.failed("\(path) exists and is not a training log: name another file with --log")
    }
    // Some file systems know no locks.
    if flock(file, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK {
      close(file)
      throw Failure.failed("\(path) is being written by another run; wait for it, or name other files")
    }
    return file
  }

  private func cut(at length: Int) throws {
    guard ftruncate(file, length) == 0 else { throw failure(errno) }
  }

  private func failure(_ code: Int32) -> Failure { Self.failure(path, code) }

  private static func failure(_ path: String, _ code: Int32) -> Failure {
    .failed("the log \(path) cannot be written: \(String(cString: strerror(code)))")
  }

  // MARK: Lines

  private struct Line {
    /// In bytes, with the line's end.
    let start, end: Int
    let isWhole: Bool
    /// nil: the line is none.
    let row: TrainingLogRow?
  }

  private static func lines(_ bytes: [UInt8]) -> [Line] {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    var lines: [Line] = []
    var start = 0
    while start < bytes.count {
      let newline = bytes[start...].firstIndex(of: UInt8(ascii: "\n"))
      let end = newline.map { $0 + 1 } ?? bytes.count
      let row = newline.flatMap { try? decoder.decode(TrainingLogRow.self, from: Data(bytes[start..<$0])) }
      lines.append(Line(start: start, end: end, isWhole: newline != nil, row: row))
      start = end
    }
    return lines
  }

  /// How every row begins, as their keys are sorted.
  private static let beginnings = [#"{"clean_accuracy":"#, #"{"epoch":"#].map { Array($0.utf8) }

  private static func line(_ row: TrainingLogRow) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // A training that fails does so with such a loss.
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    // Nothing of a row cannot be encoded.
    return [UInt8](try! encoder.encode(row)) + [UInt8(ascii: "\n")]
  }
}
