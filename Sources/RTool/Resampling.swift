import Glibc

/// The way from one length to another along one side of an image: which of the old positions make up each new one.
/// As the host's `resized`, but row by row, so that large images need no second copy, and without clipping.
public struct Resampling: Sendable {
  public let from, to: Int
  private let taps: Int
  private let sources: [Int32]
  private let weights: [Float]

  /// Widened where it shrinks, so that nothing aliases; mirrored beyond the ends.
  public init(from: Int, to: Int, filter: Host.Filter) {
    (self.from, self.to) = (from, to)
    let step = Double(from) / Double(to)
    let widening = max(step, 1)
    let radius = max(filter.support * widening, 0.5)
    let taps = Int((2 * radius).rounded(.up)) + 1
    var sources = [Int32](repeating: 0, count: taps * to)
    var weights = [Float](repeating: 0, count: taps * to)
    for i in 0..<to {
      let middle = (Double(i) + 0.5) * step - 0.5
      let first = Int((middle - radius).rounded(.down)) + (filter == .box || filter == .nearest ? 0 : 1)
      let values = (0..<taps).map { k -> Double in
        let position = Double(first + k)
        if filter == .nearest { return position == (middle + 0.5).rounded(.down) ? 1 : 0 }
        if filter == .box {
          return max(min(position + 0.5, middle + radius) - max(position - 0.5, middle - radius), 0)
        }
        return filter.value((position - middle) / widening)
      }
      let sum = values.reduce(0, +)
      for k in 0..<taps {
        sources[taps * i + k] = Int32(Resampling.mirrored(first + k, from))
        weights[taps * i + k] = Float(values[k] / sum)
      }
    }
    (self.taps, self.sources, self.weights) = (taps, sources, weights)
  }

  /// Row `i` of the new height, from an image of the old one whose rows are `stride` apart.
  public func mixRows(
    _ i: Int, of image: UnsafePointer<Float>, stride: Int, count: Int, into row: UnsafeMutablePointer<Float>
  ) {
    for x in 0..<count { row[x] = 0 }
    for k in taps * i..<taps * (i + 1) where weights[k] != 0 {
      let (weight, source) = (weights[k], image + Int(sources[k]) * stride)
      for x in 0..<count { row[x] += weight * source[x] }
    }
  }

  /// A row of the new width, from one of the old.
  public func resample(
    _ row: UnsafePointer<Float>, channels: Int, into new: UnsafeMutablePointer<Float>
  ) {
    sources.withUnsafeBufferPointer { sources in
      weights.withUnsafeBufferPointer { weights in
        if channels == 1 {
          for x in 0..<to {
            var sum: Float = 0
            for k in taps * x..<taps * (x + 1) { sum += weights[k] * row[Int(sources[k])] }
            new[x] = sum
          }
          return
        }
        for x in 0..<to {
          let out = new + x * channels
          for c in 0..<channels { out[c] = 0 }
          for k in taps * x..<taps * (x + 1) {
            let from = row + Int(sources[k]) * channels
            for c in 0..<channels { out[c] += weights[k] * from[c] }
          }
        }
      }
    }
  }

  private static func mirrored(_ position: Int, _ length: Int) -> Int {
    let wrapped = ((position % (2 * length)) + 2 * length) % (2 * length)
    return wrapped < length ? wrapped : 2 * length - 1 - wrapped
  }
}

extension Host.Filter {
  /// Half of its width, in pixels of the coarser grid.
  fileprivate var support: Double {
    switch self {
    case .nearest: 0
    case .box: 0.5
    case .linear: 1
    case .cubic: 2
    case .lanczos: 3
    }
  }

  /// Its value at a distance of t from the middle.
  fileprivate func value(_ t: Double) -> Double {
    let t = abs(t)
    if t >= support { return 0 }
    switch self {
    case .nearest, .box: return 1
    case .linear: return 1 - t
    // Keys, 1981, with a = -1/2.
    case .cubic: return t < 1 ? (1.5 * t - 2.5) * t * t + 1 : ((-0.5 * t + 2.5) * t - 4) * t + 2
    case .lanczos:
      let angle = Double.pi * t
      return t == 0 ? 1 : 3 * sin(angle) * sin(angle / 3) / (angle * angle)
    }
  }
}
