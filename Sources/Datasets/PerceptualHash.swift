import Glibc

/// 64 bits that are much the same for pictures that look much the same: the signs, about their median, of the
/// lowest 8 x 8 frequencies, but for the mean, of the luma brought to 32 x 32.
enum PerceptualHash {
  private static let side = 32, kept = 8

  /// - Parameter values: interleaved RGB, 3 · width · height bytes.
  static func of(_ values: UnsafeBufferPointer<UInt8>, width: Int, height: Int) -> UInt64 {
    let small = reduced(values, width, height)
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

  /// The mean luma of each of 32 x 32 fields; fields of less than a pixel take the one they lie in.
  static func reduced(_ values: UnsafeBufferPointer<UInt8>, _ width: Int, _ height: Int, side: Int = side)
    -> [Float]
  {
    var fields: [Float] = []
    fields.reserveCapacity(side * side)
    for row in 0..<side {
      let top = row * height / side
      let bottom = max((row + 1) * height / side, top + 1)
      for column in 0..<side {
        let left = column * width / side
        let right = max((column + 1) * width / side, left + 1)
        var sum = 0
        for y in top..<bottom {
          for x in left..<right {
            let at = 3 * (y * width + x)
            sum += 299 * Int(values[at]) + 587 * Int(values[at + 1]) + 114 * Int(values[at + 2])
          }
        }
        fields.append(Float(sum) / Float(1000 * (bottom - top) * (right - left)))
      }
    }
    return fields
  }
}
