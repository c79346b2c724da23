import Imaging

/// Hands iterates to those who watch a run, as often as eyes can follow, and every step's loss. Nothing that a run makes
/// depends on it.
package final class LiveView {
  /// At most so many pictures in a second, besides those that begin the run or end an ascent.
  package static let picturesPerSecond = 15.0

  private let watch: (@Sendable (Iterate) -> Void)?
  private let follow: (@Sendable (CoursePoint) -> Void)?
  private let now: () -> Double
  private var count = StepCount()
  private var last: CoursePoint?
  /// When the last picture was handed over.
  private var shown = -Double.infinity

  /// nil: nobody watches.
  /// - Parameter now: seconds since whenever.
  package init?(_ console: Console, now: @escaping () -> Double = monotonicSeconds) {
    if console.watch == nil, console.follow == nil { return nil }
    (watch, follow, self.now) = (console.watch, console.follow, now)
  }

  /// A step of an ascent, or of a search that the task does itself; with step 0 it begins. Its image, 3 channels, is asked
  /// for only where it is shown.
  package func step(
    _ step: Int, loss: Double, probability: Double?, at place: Iterate.Place?, image: () -> FloatImage
  ) {
    count.advance(to: step)
    let point = CoursePoint(ascent: count.ascent, step: count.step, loss: loss, probability: probability)
    last = point
    follow?(point)
    if isDue { show(image(), at: place, point) }
  }

  /// What came of an ascent, which need not be its last step.
  package func end(with image: FloatImage, at place: Iterate.Place?) {
    if watch != nil { show(image, at: place, last) }
  }

  /// A picture that belongs to no step.
  package func picture(at place: Iterate.Place?, image: () -> FloatImage) {
    if isDue { show(image(), at: place, nil) }
  }

  private var isDue: Bool { watch != nil && now() - shown >= 1 / Self.picturesPerSecond }

  private func show(_ image: FloatImage, at place: Iterate.Place?, _ point: CoursePoint?) {
    // Where memory is too short for a small copy the run goes on unseen.
    guard let small = try? Thumbnail(image, longestSide: Iterate.longestSide) else { return }
    shown = now()
    watch?(
      Iterate(
        image: small, place: place, step: point?.step ?? count.step, loss: point?.loss,
        probability: point?.probability))
  }
}
