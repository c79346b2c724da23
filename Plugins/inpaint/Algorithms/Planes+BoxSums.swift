extension Planes {
  /// The sum over the square of `2 * radius + 1` pixels around each pixel, cut at the border, plane by plane.
  func boxSums(radius: Int) -> Planes {
    var rows = Planes(width: width, height: height, channels: channels)
    var result = rows
    for start in stride(from: 0, to: samples.count, by: width) {
      var sum: Float = 0
      for x in 0..<min(radius, width) { sum += samples[start + x] }
      for x in 0..<width {
        if x + radius < width { sum += samples[start + x + radius] }
        if x - radius > 0 { sum -= samples[start + x - radius - 1] }
        rows.samples[start + x] = sum
      }
    }
    // Row by row, all columns at once, as they lie in memory.
    var sums = [Float](repeating: 0, count: width)
    for c in 0..<channels {
      func add(_ y: Int, _ sign: Float) {
        let start = c * area + y * width
        for x in 0..<width { sums[x] += sign * rows.samples[start + x] }
      }
      for x in 0..<width { sums[x] = 0 }
      for y in 0..<min(radius, height) { add(y, 1) }
      for y in 0..<height {
        if y + radius < height { add(y + radius, 1) }
        if y - radius > 0 { add(y - radius - 1, -1) }
        let start = c * area + y * width
        for x in 0..<width { result.samples[start + x] = sums[x] }
      }
    }
    return result
  }
}
