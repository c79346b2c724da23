/// Some rows of a picture as its file stores them, and which of their pixels are others than before.
struct JPEGStrip {
  let width, rows: Int
  /// As they are stored, `channels` bytes each, row after row.
  private(set) var pixels: [UInt8]
  /// 1 for a pixel that is another than before.
  private(set) var changed: [UInt8]
  /// The columns in which one is.
  private(set) var columns: Range<Int>

  /// - Parameters:
  ///   - before, after: the pixels of the rows in the upright picture, of which at least one differs.
  ///   - places: where they are there.
  ///   - flip: the bits in which stored values differ.
  init(_ before: [UInt8], _ after: [UInt8], _ places: StoredOrientation.Places, channels: Int, flip: UInt8) {
    (width, rows) = (places.width, places.rows)
    var pixels = [UInt8](repeating: 0, count: after.count)
    var changed = [UInt8](repeating: 0, count: width * rows)
    var (first, last) = (width, -1)
    for y in 0..<rows {
      for x in 0..<width {
        let (from, to) = (places[x, y] * channels, (y * width + x) * channels)
        for channel in 0..<channels {
          let value = after[from + channel]
          pixels[to + channel] = value ^ flip
          if value != before[from + channel] { changed[y * width + x] = 1 }
        }
        if changed[y * width + x] != 0 { (first, last) = (min(first, x), max(last, x)) }
      }
    }
    (self.pixels, self.changed, columns) = (pixels, changed, min(first, last + 1)..<last + 1)
  }
}
