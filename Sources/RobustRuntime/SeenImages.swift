import PixelGrid

/// Images smaller than the network takes: it sees them mirrored beyond their borders.
extension ModelFacts {
  /// The size in which the network sees images of a size.
  func seenSize(height: Int, width: Int) -> (height: Int, width: Int) {
    (max(height, smallest), max(width, smallest))
  }

  /// The images as the network sees them.
  /// - Throws: `RuntimeError` where there are none.
  func seen(_ images: ImageBatch) throws -> ImageBatch {
    try Self.check(images)
    let (height, width) = seenSize(height: images.height, width: images.width)
    if (height, width) == (images.height, images.width) { return images }
    let rows = (0..<height).map { mirrored($0, images.height) * images.width }
    let columns = (0..<width).map { mirrored($0, images.width) }
    var seen = ImageBatch(count: images.count, height: height, width: width)
    for plane in 0..<3 * images.count {
      let from = plane * images.height * images.width
      for (y, row) in rows.enumerated() {
        let to = (plane * height + y) * width
        for (x, column) in columns.enumerated() { seen.pixels[to + x] = images.pixels[from + row + column] }
      }
    }
    return seen
  }

  static func check(_ images: ImageBatch) throws {
    guard images.count > 0, images.height > 0, images.width > 0 else {
      throw RuntimeError.invalid("there are no images")
    }
  }
}
