/// Fills holes with no structure of their own: a constant, or the smoothest surface.
package enum SmoothFill {
  /// Every hole pixel becomes the mean of the known ones, channel by channel (0.5 where nothing is known).
  package static func mean(_ image: Planes, hole: [Bool]) -> Planes {
    let area = image.area
    let means = (0..<image.channels).map { c in
      var sum = 0.0
      var count = 0.0
      for i in 0..<area where !hole[i] {
        sum += Double(image.samples[c * area + i])
        count += 1
      }
      return count > 0 ? Float(sum / count) : 0.5
    }
    return constant(means, in: image, hole: hole)
  }

  /// Every hole pixel becomes one colour, a value for each channel.
  package static func constant(_ color: [Float], in image: Planes, hole: [Bool]) -> Planes {
    var result = image
    for (c, value) in color.enumerated() {
      for i in 0..<image.area where hole[i] { result.samples[c * image.area + i] = value }
    }
    return result
  }

  /// Every hole pixel becomes the mean of its four neighbours (Laplace's equation, no flow over the picture's
  /// border), from coarse to fine: each level starts from the next coarser solution and is relaxed with SOR.
  package static func harmonic(_ image: Planes, hole: [Bool]) -> Planes {
    guard hole.contains(true), hole.contains(false) else { return mean(image, hole: hole) }
    var result = image
    solve(&result, hole: hole, depth: 0)
    return result
  }

  private static func solve(_ image: inout Planes, hole: [Bool], depth: Int) {
    if depth < 12, min(image.width, image.height) >= 4 {
      var (coarse, coarseHole) = halve(image, hole: hole)
      if coarseHole.contains(true) { solve(&coarse, hole: coarseHole, depth: depth + 1) }
      adopt(coarse, in: &image, hole: hole)
    } else {
      image = mean(image, hole: hole)
    }
    relax(&image, hole: hole, sweeps: 40, factor: 1.7)
  }

  /// Half the size; a pixel is the mean of its known children, and a hole where none is known.
  static func halve(_ image: Planes, hole: [Bool]) -> (Planes, [Bool]) {
    let width = (image.width + 1) / 2
    let height = (image.height + 1) / 2
    var result = Planes(width: width, height: height, channels: image.channels)
    var coarseHole = [Bool](repeating: true, count: width * height)
    for y in 0..<height {
      for x in 0..<width {
        var count: Float = 0
        for v in (2 * y)..<min(2 * y + 2, image.height) {
          for u in (2 * x)..<min(2 * x + 2, image.width) where !hole[v * image.width + u] {
            count += 1
            for c in 0..<image.channels {
              result.samples[(c * height + y) * width + x] +=
                image.samples[(c * image.height + v) * image.width + u]
            }
          }
        }
        guard count > 0 else { continue }
        coarseHole[y * width + x] = false
        for c in 0..<image.channels { result.samples[(c * height + y) * width + x] /= count }
      }
    }
    return (result, coarseHole)
  }

  /// Sets the hole to the coarser picture, enlarged linearly.
  private static func adopt(_ coarse: Planes, in image: inout Planes, hole: [Bool]) {
    for y in 0..<image.height {
      let v = max(0, min(Float(coarse.height - 1), Float(y) / 2 - 0.25))
      let top = Int(v)
      let bottom = min(coarse.height - 1, top + 1)
      let fy = v - Float(top)
      for x in 0..<image.width where hole[y * image.width + x] {
        let u = max(0, min(Float(coarse.width - 1), Float(x) / 2 - 0.25))
        let left = Int(u)
        let right = min(coarse.width - 1, left + 1)
        let fx = u - Float(left)
        for c in 0..<image.channels {
          let plane = c * coarse.area
          let upper =
            coarse.samples[plane + top * coarse.width + left] * (1 - fx)
            + coarse.samples[plane + top * coarse.width + right] * fx
          let lower =
            coarse.samples[plane + bottom * coarse.width + left] * (1 - fx)
            + coarse.samples[plane + bottom * coarse.width + right] * fx
          image.samples[c * image.area + y * image.width + x] = upper * (1 - fy) + lower * fy
        }
      }
    }
  }

  /// Successive over-relaxation of the hole's pixels towards the mean of their neighbours.
  private static func relax(_ image: inout Planes, hole: [Bool], sweeps: Int, factor: Float) {
    let width = image.width
    let height = image.height
    let area = image.area
    let channels = image.channels
    let pixels = (0..<area).filter { hole[$0] }
    image.samples.withUnsafeMutableBufferPointer { samples in
      for c in 0..<channels {
        let plane = samples.baseAddress! + c * area
        for _ in 0..<sweeps {
          for i in pixels {
            let x = i % width
            let y = i / width
            var sum: Float = 0
            var count: Float = 0
            if x > 0 {
              sum += plane[i &- 1]
              count += 1
            }
            if x &+ 1 < width {
              sum += plane[i &+ 1]
              count += 1
            }
            if y > 0 {
              sum += plane[i &- width]
              count += 1
            }
            if y &+ 1 < height {
              sum += plane[i &+ width]
              count += 1
            }
            if count > 0 { plane[i] += factor * (sum / count - plane[i]) }
          }
        }
      }
    }
  }
}
