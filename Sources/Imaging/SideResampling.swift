import PixelGrid

/// The way from one length to another along one side of an image: which of the old positions make up each new one, and
/// how much. Widened where it shrinks, so that nothing aliases; not clipped.
struct SideResampling: Sendable {
  private let to: Int
  private let taps: Int
  /// `taps` for each new position.
  private let sources: [Int32]
  private let weights: [Float]

  init(from: Int, to: Int, kernel: ResamplingKernel, boundary: Boundary = .mirrored) {
    let step = Double(from) / Double(to)
    let taps = kernel.tapCount(step: step)
    var sources = [Int32](repeating: 0, count: taps * to)
    var weights = [Float](repeating: 0, count: taps * to)
    var values = [Double](repeating: 0, count: taps)
    for i in 0..<to {
      let first = kernel.taps(at: i, step: step, weights: &values)
      let sum = values.reduce(0, +)
      for k in 0..<taps {
        sources[taps * i + k] = Int32(boundary.position(first + k, from))
        weights[taps * i + k] = Float(values[k] / sum)
      }
    }
    (self.to, self.taps, self.sources, self.weights) = (to, taps, sources, weights)
  }

  /// Row `i` of the new height, from an image of the old one whose rows are `stride` apart.
  func mixRows(
    _ i: Int, of image: UnsafePointer<Float>, stride: Int, count: Int, into row: UnsafeMutablePointer<Float>
  ) {
    for x in 0..<count { row[x] = 0 }
    for k in taps * i..<taps * (i + 1) where weights[k] != 0 {
      let (weight, source) = (weights[k], image + Int(sources[k]) * stride)
      for x in 0..<count { row[x] += weight * source[x] }
    }
  }

  /// A row of the new width, from one of the old.
  func resample(_ row: UnsafePointer<Float>, channels: Int, into new: UnsafeMutablePointer<Float>) {
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
}

extension ImageView {
  /// Fills `new` with this image in its size. Nothing is clipped.
  /// - Precondition: both have the same channels, and do not overlap.
  public func resample(into new: ImageView, kernel: ResamplingKernel, boundary: Boundary = .mirrored) {
    let rows = SideResampling(from: height, to: new.height, kernel: kernel, boundary: boundary)
    let columns = SideResampling(from: width, to: new.width, kernel: kernel, boundary: boundary)
    // First along the side that leaves less for the other.
    if new.height < height {
      withUnsafeTemporaryAllocation(of: Float.self, capacity: width * channels) { mixed in
        for y in 0..<new.height {
          rows.mixRows(y, of: pixels, stride: stride, count: mixed.count, into: mixed.baseAddress!)
          columns.resample(mixed.baseAddress!, channels: channels, into: new.row(y))
        }
      }
    } else {
      let length = new.width * channels
      let wide = UnsafeMutablePointer<Float>.allocate(capacity: height * length)
      defer { wide.deallocate() }
      for y in 0..<height { columns.resample(row(y), channels: channels, into: wide + y * length) }
      for y in 0..<new.height { rows.mixRows(y, of: wide, stride: length, count: length, into: new.row(y)) }
    }
  }
}
