import CVips

/// How the frames of an animation are shown.
public struct FrameTimes: Sendable, Equatable {
  /// How long each frame is shown.
  public let milliseconds: [Int]
  /// How often all are shown; 0: without end.
  public let loops: Int

  init(milliseconds: [Int], loops: Int) { (self.milliseconds, self.loops) = (milliseconds, loops) }

  /// nil: the file does not say.
  init?(_ image: NativeImage) {
    guard let delays = image.text("delay")?.split(separator: " ").compactMap({ Int($0) }), !delays.isEmpty
    else {
      return nil
    }
    milliseconds = delays.map { min(max($0, 0), 3_600_000) }
    loops = max(0, Int(cvips_int(image.pointer, "loop", 0)))
  }

  /// Browsers' own where the file has none.
  func milliseconds(ofFrame index: Int) -> Int {
    milliseconds.indices.contains(index) ? milliseconds[index] : 100
  }
}
