/// What an image is taken to be beyond its ends.
public enum Boundary: Sendable {
  /// Its mirror image; see `mirrored`.
  case mirrored
  /// Itself again, from its other end on: the image tiles.
  case wrapped

  /// The position within 0..<length that stands for one that may lie outside.
  public func position(_ position: Int, _ length: Int) -> Int {
    switch self {
    case .mirrored: PixelGrid.mirrored(position, length)
    case .wrapped: (position % length + length) % length
    }
  }
}
