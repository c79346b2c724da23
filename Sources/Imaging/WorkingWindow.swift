/// What of a photo is looked at, and at which size: a photo is worked on at the size that a model knows things at.
public struct WorkingWindow: Sendable, Equatable {
  public let x: Int, y: Int, width: Int, height: Int

  /// The whole of an image.
  public init(width: Int, height: Int) { self.init(x: 0, y: 0, width: width, height: height) }

  private init(x: Int, y: Int, width: Int, height: Int) {
    (self.x, self.y, self.width, self.height) = (x, y, width, height)
  }

  /// About what is not black in a mask; nil: all of it is black.
  /// - Parameter context: how far around it, as a multiple of its size; nil: the whole mask.
  public init?(around mask: ImageView, context: Double?) {
    var (left, top, right, bottom) = (mask.width, mask.height, 0, 0)
    for y in 0..<mask.height {
      let row = mask.row(y)
      for x in 0..<mask.width where row[x] > 0 {
        (left, right) = (min(left, x), max(right, x + 1))
        (top, bottom) = (min(top, y), max(bottom, y + 1))
      }
    }
    guard left < right else { return nil }
    guard let context else {
      self.init(width: mask.width, height: mask.height)
      return
    }
    // About square, since models are trained on squares.
    let side = Double(max(right - left, bottom - top)) * (1 + 2 * context)
    func span(_ low: Int, _ high: Int, _ length: Int) -> (first: Int, count: Int) {
      let wanted = min(max(Int(side.rounded(.up)), high - low), length)
      return (min(max((low + high - wanted) / 2, 0), length - wanted), wanted)
    }
    let (columns, rows) = (span(left, right, mask.width), span(top, bottom, mask.height))
    self.init(x: columns.first, y: rows.first, width: columns.count, height: rows.count)
  }

  /// The size of its working copy.
  /// - Parameters:
  ///   - side: pixels of the shorter side.
  ///   - least: pixels that a side has at least.
  public func size(side: Int, least: Int) -> (width: Int, height: Int) {
    let scale = Double(side) / Double(min(width, height))
    func scaled(_ length: Int) -> Int {
      // A strip that is a hundred times as long as wide has no working size; its far ends are squeezed.
      min(max(Int((Double(length) * scale).rounded()), side, least), 16 * side)
    }
    return (scaled(width), scaled(height))
  }
}
