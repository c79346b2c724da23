import Imaging

/// What a task made of each frame of its image, to become one file.
struct FrameResults {
  let times: FrameTimes?
  private(set) var images: [ResultImage] = []
  private var texts: [String] = []

  init(times: FrameTimes?) { self.times = times }

  /// Throws where the task did not lay one image over the frame.
  mutating func add(_ run: Run) throws {
    guard run.emitted.count == 1, let emission = run.emitted.first, emission.name == nil,
      emission.frameDuration == 0, emission.source != nil, !run.hasParts
    else {
      throw Failure.failed(
        "--frames-of all needs a task that makes one image of each frame, and \(run.task) does not; "
          + "name one frame with --frames-of N")
    }
    images.append(emission.result)
    if !run.text.isEmpty { texts.append(run.text) }
  }

  var sequence: FrameSequence { FrameSequence(images, times: times) }

  /// What was printed, frame after frame; as JSON an array.
  func text(asJSON: Bool) -> String {
    guard asJSON, !texts.isEmpty else { return texts.joined() }
    return "[\(texts.joined(separator: ","))]"
  }
}
