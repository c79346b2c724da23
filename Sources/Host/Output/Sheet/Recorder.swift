import Imaging

/// Keeps how the ascents of a run went: loss and probability at every step, and some of the iterates, small.
final class Recorder {
  struct Frame {
    let step: Int
    /// Whether an ascent began or ended with it.
    let isEnd: Bool
    let image: Thumbnail
    /// Pixels of the iterate before it was shrunk.
    let width, height: Int
  }

  /// So many frames are enough to see a movement.
  static let mostFrames = 48
  static let longestSide = 512

  private(set) var points: [CoursePoint] = []
  private(set) var frames: [Frame] = []
  /// Every `stride`-th step becomes a frame.
  private var stride = 1
  private var count = StepCount()

  /// Notes a step. Its image is asked for only where it is kept.
  func record(step: Int, loss: Double, probability: Double?, image: () -> FloatImage) {
    count.advance(to: step)
    let now = count.step
    points.append(CoursePoint(ascent: count.ascent, step: now, loss: loss, probability: probability))
    if step == 0 || now % stride == 0 { keep(image(), step: now, isEnd: step == 0) }
  }

  /// Notes what came of an ascent, which need not be its last step.
  func finish(with image: FloatImage) {
    let now = count.step
    if let last = frames.last, last.step == now, !last.isEnd { frames.removeLast() }
    keep(image, step: now, isEnd: true)
  }

  private func keep(_ image: FloatImage, step: Int, isEnd: Bool) {
    // Where memory is too short for a small copy the animation goes without this frame.
    guard let small = try? Thumbnail(image, longestSide: Self.longestSide) else { return }
    frames.append(
      Frame(step: step, isEnd: isEnd, image: small, width: image.width, height: image.height))
    while frames.count > Self.mostFrames { thin() }
  }

  /// Drops every second frame; the first and the last of an ascent only when all others are gone.
  private func thin() {
    stride *= 2
    let count = frames.count
    frames.removeAll { !$0.isEnd && $0.step % stride != 0 }
    if frames.count == count {
      frames = frames.enumerated().filter { $0.offset % 2 == 0 || $0.offset == count - 1 }.map(\.element)
    }
  }
}
