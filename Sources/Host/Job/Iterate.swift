import Imaging

/// A picture of how far a run is, for those who watch it.
package struct Iterate: Sendable {
  /// Its longest side is `longestSide` at most.
  package let image: Thumbnail
  /// Where it lies in the task's first image; nil: it is the whole picture.
  package let place: Place?
  /// Steps of all ascents of the run up to here.
  package let step: Int
  /// Mean over the batch, of this step; nil: there is none.
  package let loss: Double?
  /// The probability of the classes that the ascent goes towards; nil: it goes towards none.
  package let probability: Double?

  package static let longestSide = 512

  /// A rectangle in pixels of the task's first image.
  package struct Place: Sendable, Equatable {
    package let x, y, width, height: Int

    package init(x: Int, y: Int, width: Int, height: Int) {
      (self.x, self.y, self.width, self.height) = (x, y, width, height)
    }

    /// As a plugin tells it; nil: it tells none.
    init?(x: Int32, y: Int32, width: Int32, height: Int32) throws {
      if width == 0, height == 0 { return nil }
      guard width > 0, height > 0 else {
        throw Failure.misuse("a picture cannot be shown on \(width)x\(height) pixels")
      }
      self.init(x: Int(x), y: Int(y), width: Int(width), height: Int(height))
    }
  }
}

/// How far the ascents of a run have come, step by step.
package struct CoursePoint: Sendable, Equatable {
  /// Which of the run's ascents, from 0 on.
  package let ascent: Int
  /// Steps of all ascents of the run up to here.
  package let step: Int
  /// Mean over the batch.
  package let loss: Double
  /// The probability of the classes that the ascent goes towards; nil: it goes towards none.
  package let probability: Double?
}

/// Counts the steps of a run's ascents, one after the other.
struct StepCount {
  private(set) var ascent = -1
  /// Steps of all ascents up to now.
  private(set) var step = 0
  /// Steps of the ascents before this one.
  private var before = 0

  /// - Parameter step: of the present ascent; with step 0 the next one begins.
  mutating func advance(to step: Int) {
    if step == 0 || ascent < 0 {
      ascent += 1
      before = self.step
    }
    self.step = before + step
  }
}
