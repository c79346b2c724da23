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
  /// A picture of a place that came too soon after another one.
  private var kept: Iterate?

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
    if step == 0 { flush() }
    count.advance(to: step)
    let point = CoursePoint(ascent: count.ascent, step: count.step, loss: loss, probability: probability)
    last = point
    follow?(point)
    if isDue { hand(iterate(image(), at: place, point)) }
  }

  /// What came of an ascent, which need not be its last step.
  package func end(with image: FloatImage, at place: Iterate.Place?) {
    guard isSeen else { return }
    flush()
    hand(iterate(image, at: place, last))
  }

  /// A picture that belongs to no step. The last one of a place is always seen.
  package func picture(at place: Iterate.Place, image: () -> FloatImage) {
    guard isSeen else { return }
    if kept?.place != place { flush() }
    let iterate = iterate(image(), at: place, nil)
    kept = isDue ? nil : iterate
    if kept == nil { hand(iterate) }
  }

  /// Hands over what has been kept until now.
  package func flush() {
    hand(kept)
    kept = nil
  }

  /// Whether pictures are looked at.
  package var isSeen: Bool { watch != nil }

  private var isDue: Bool { isSeen && now() - shown >= 1 / Self.picturesPerSecond }

  private func hand(_ iterate: Iterate?) {
    guard let iterate else { return }
    shown = now()
    watch?(iterate)
  }

  /// nil: memory is too short for a small copy, and the run goes on unseen.
  private func iterate(_ image: FloatImage, at place: Iterate.Place?, _ point: CoursePoint?) -> Iterate? {
    guard let small = try? Thumbnail(image, longestSide: Iterate.longestSide) else { return nil }
    return Iterate(
      image: small, place: place, step: point?.step ?? count.step, loss: point?.loss,
      probability: point?.probability)
  }
}
