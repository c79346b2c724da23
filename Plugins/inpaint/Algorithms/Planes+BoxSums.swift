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
    for c in 0..<channels {
      for x in 0..<width {
        let start = c * area + x
        var sum: Float = 0
        for y in 0..<min(radius, height) { sum += rows.samples[start + y * width] }
        for y in 0..<height {
          if y + radius < height { sum += rows.samples[start + (y + radius) * width] }
          if y - radius > 0 { sum -= rows.samples[start + (y - radius - 1) * width] }
          result.samples[start + y * width] = sum
        }
      }
    }
    return result
  }
}
