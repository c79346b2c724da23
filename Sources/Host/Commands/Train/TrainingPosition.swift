import RobustRuntime

/// Where a run stands, beside its numbers: what is kept in its state file as JSON.
struct TrainingPosition: Codable {
  /// The command line, and the folder that its relative paths start from.
  var words: [String]
  var folder: String
  /// What tells these photos from others.
  var data: String
  var classes: [String]
  /// What --init was, or nil: the run began with random weights.
  var initialModel: String?
  var mean, deviation: [Float]
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
  /// Of training alone; pauses are not counted.
  var seconds = 0.0

  /// The step of the last evaluation.
  var evaluatedStep: Int?
  /// Of the best average.
  var bestStep: Int?
  var bestClean = 0.0
  var bestRobust = -1.0
  /// Accuracy on the training photos under their one-step attack, when the best average was found.
  var bestOneStep = 0.0
}
