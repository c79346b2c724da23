import Glibc
import RTool

extension Host {
  /// An image of 3 channels that tiles, from a larger one: what is beyond its right and lower border fades into what is at the
  /// left and upper one. Shares are such that contrasts stay.
  func folded(_ image: Image, width: Int, height: Int) throws -> Image {
    let mean = (0..<3).map { c in
      (0..<image.height).reduce(Float(0)) { sum, y in
        sum + (0..<image.width).reduce(Float(0)) { $0 + image.row(y)[3 * $1 + c] } / Float(image.width)
      } / Float(image.height)
    }
    let (columns, rows) = (Fold(of: image.width, to: width), Fold(of: image.height, to: height))
    let folded = try self.image(width: width, height: height, channels: 3)
    folded.fill { x, y, c in
      var value = mean[c]
      for (v, share) in rows[y] {
        for (u, part) in columns[x] { value += share * part * (image.row(v)[3 * u + c] - mean[c]) }
      }
      return min(max(value, 0), 1)
    }
    return folded
  }

  /// An image that tiles, cut elsewhere: the border lies between the columns and the rows that differ least.
  func cutWhereCalmest(_ image: Image) throws -> Image {
    func difference(_ x: Int, _ y: Int, from u: Int, _ v: Int) -> Float {
      let (a, b) = (image.row(y) + 3 * x, image.row(v) + 3 * u)
      return (0..<3).reduce(0) { $0 + abs(a[$1] - b[$1]) }
    }
    func calmest(_ length: Int, _ difference: (Int) -> Float) -> Int {
      let differences = (0..<length).map(difference)
      return differences.indices.min { differences[$0] < differences[$1] }!
    }
    let (width, height) = (image.width, image.height)
    let left = calmest(width) { x in
      (0..<height).reduce(0) { $0 + difference(x, $1, from: wrapped(x - 1, width), $1) }
    }
    let top = calmest(height) { y in
      (0..<width).reduce(0) { $0 + difference($1, y, from: $1, wrapped(y - 1, height)) }
    }
    return try cropped(wrapping: image, to: Box(x: left, y: top, width: width, height: height))
  }
}

/// Which positions of a side make up each one of a shorter side, with shares whose squares add up to 1.
private struct Fold {
  let length, surplus: Int

  init(of whole: Int, to length: Int) { (self.length, surplus) = (length, whole - length) }

  subscript(position: Int) -> [(position: Int, share: Float)] {
    guard position < surplus else { return [(position, 1)] }
    let angle = Float.pi / 2 * (Float(position) + 0.5) / Float(surplus)
    return [(position, sin(angle)), (position + length, cos(angle))]
  }
}
