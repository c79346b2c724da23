import Glibc
import RobustRuntime

/// 64 bits that are much the same for pictures that look much the same: the signs, about their median, of the
/// lowest 8 x 8 frequencies, but for the mean, of the luma brought to 32 x 32.
enum PerceptualHash {
  private static let side = 32, kept = 8

  static func of(_ photo: PhotoBytes) -> UInt64 {
    let count = side * side
    var colours = [Float](repeating: 0, count: 3 * count)
    Augmentation.stretched(photo, size: side, out: &colours)
    let small = (0..<count).map { i in
      0.299 * colours[i] + 0.587 * colours[count + i] + 0.114 * colours[2 * count + i]
    }
    // Rows, then columns, of the discrete cosine transform.
    var rows = [Float](repeating: 0, count: side * kept)
    for y in 0..<side {
      for u in 0..<kept {
        var sum: Float = 0
        for x in 0..<side { sum += small[y * side + x] * cosines[u * side + x] }
        rows[y * kept + u] = sum
      }
    }
    var frequencies: [Float] = []
    for v in 0..<kept {
      for u in 0..<kept {
        var sum: Float = 0
        for y in 0..<side { sum += rows[y * kept + u] * cosines[v * side + y] }
        frequencies.append(sum)
      }
    }
    frequencies[0] = 0
    let median = frequencies.sorted()[kept * kept / 2]
    return frequencies.enumerated().reduce(0) { $1.element > median ? $0 | 1 << UInt64($1.offset) : $0 }
  }

  private static let cosines: [Float] = (0..<kept).flatMap { u in
    (0..<side).map { x in Float(cos(Double.pi * Double(u) * (Double(x) + 0.5) / Double(side))) }
  }
}
