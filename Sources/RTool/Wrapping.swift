/// The position within 0..<length of one that may lie outside, where a side goes on at its other end.
public func wrapped(_ position: Int, _ length: Int) -> Int {
  (0..<length).contains(position) ? position : (position % length + length) % length
}

extension Host {
  /// A copy of a part; beyond the border the image goes on at its other side.
  public func cropped(wrapping image: Image, to box: Box) throws -> Image {
    let part = try self.image(width: box.width, height: box.height, channels: image.channels)
    let columns = (0..<box.width).map { wrapped(box.x + $0, image.width) * image.channels }
    for y in 0..<box.height {
      let (to, from) = (part.row(y), image.row(wrapped(box.y + y, image.height)))
      for (x, column) in columns.enumerated() {
        for c in 0..<image.channels { to[x * image.channels + c] = from[column + c] }
      }
    }
    return part
  }
}
