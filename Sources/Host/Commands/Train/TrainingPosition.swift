import FoundationEssentials
import Glibc
import RobustRuntime

/// Where a run stands, beside its numbers: what is kept in its state file as JSON. With these two a run that
/// was interrupted takes the same steps as one that was not.
struct TrainingPosition: Codable {
  /// What was asked for, by option; paths are absolute.
  var options: [String: [String]]
  /// What tells these photos from others.
  var data: String
  var classes: [String]
  /// What --init was, or nil: the run began with random weights.
  var initialModel: String?
  var batch: Int
  var steps: Int

  /// Steps that have been taken.
  var step = 0
  /// The epoch, and how many photos of its order have been shown.
  var epoch = 0
  var shown = 0
  var photosSeen = 0
  /// As they stand now: both may change on the way.
  var eps: Double
  var attackSteps: Int
  /// Time of training alone, pauses not counted; and the part of it that was spent waiting for photos.
  var seconds = 0.0
  var loadingSeconds = 0.0

  /// The steps of the last evaluation and of the last row of the log.
  var evaluatedStep = 0
  var loggedStep = 0
  var choice = AverageChoice()
  var sums = Sums()

  /// What the next row of the log tells of the steps since the last.
  struct Sums: Codable {
    var loss = 0.0
    var correct = 0, photos = 0, steps = 0
    var seconds = 0.0
  }

  /// The step of the average that becomes the model.
  var bestStep: Int { choice.best?.step ?? step }
  /// The share of all steps.
  var done: Double { Double(step) / Double(steps) }
}

extension TrainingPosition {
  private static let key = "position"

  var texts: [String: String] {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = .sortedKeys
      return [Self.key: String(decoding: try encoder.encode(self), as: UTF8.self)]
    }
  }

  /// - Throws: `CheckpointError` or `Failure` if the bytes are no state of a run.
  init(state bytes: UnsafeRawBufferPointer, file: String) throws {
    let text = try TrainingState.texts(bytes, file: file)[Self.key] ?? ""
    do {
      self = try JSONDecoder().decode(TrainingPosition.self, from: Data(text.utf8))
    } catch {
      throw Failure.failed("\(file): the state does not say where the run stands")
    }
    // The numbers are counted with.
    let counts = [
      step, epoch, shown, photosSeen, evaluatedStep, loggedStep, sums.photos, sums.steps, sums.correct,
    ]
    guard batch > 0, steps > 0, step <= steps, counts.allSatisfy({ (0...(1 << 50)).contains($0) }),
      steps <= 1 << 50, batch <= 1 << 20, (0...20).contains(attackSteps), eps.isFinite, eps >= 0
    else { throw Failure.failed("\(file): the state is damaged: its step counts are impossible") }
  }
}
