/// How the rows of a file lie in the upright picture (EXIF, tag 0x0112).
package struct StoredOrientation: Sendable {
  /// 1...8.
  let exif: Int

  /// - Parameter exif: what is no orientation is 1, upright.
  package init(exif: Int) { self.exif = (1...8).contains(exif) ? exif : 1 }

  /// A stored picture becomes the upright one when its columns are put in the opposite order, its rows are, and rows
  /// become columns, in this order.
  private var mirrorsColumns: Bool { [2, 3, 7, 8].contains(exif) }
  private var mirrorsRows: Bool { [3, 4, 6, 7].contains(exif) }
  private var transposes: Bool { exif > 4 }

  /// The size of the upright picture.
  func size(_ width: Int, _ height: Int) -> (width: Int, height: Int) {
    transposes ? (height, width) : (width, height)
  }

  /// Where stored rows are in the upright picture.
  /// - Parameters:
  ///   - width, height: the size of the stored picture.
  func area(top: Int, rows: Int, _ width: Int, _ height: Int) -> Area {
    let first = mirrorsRows ? height - top - rows : top
    return transposes
      ? Area(x: first, y: 0, width: rows, height: width) : Area(x: 0, y: first, width: width, height: rows)
  }

  /// The pixels of stored rows among those of their area.
  struct Places {
    let width, rows: Int
    private let first, across, down: Int

    fileprivate init(_ orientation: StoredOrientation, width: Int, rows: Int) {
      (self.width, self.rows) = (width, rows)
      let across = orientation.transposes ? rows : 1
      let down = orientation.transposes ? 1 : width
      first =
        (orientation.mirrorsColumns ? (width - 1) * across : 0)
        + (orientation.mirrorsRows ? (rows - 1) * down : 0)
      self.across = orientation.mirrorsColumns ? -across : across
      self.down = orientation.mirrorsRows ? -down : down
    }

    /// The index of a stored pixel.
    @inline(__always) subscript(x: Int, y: Int) -> Int { first + x * across + y * down }
  }

  func places(width: Int, rows: Int) -> Places { Places(self, width: width, rows: rows) }
}
