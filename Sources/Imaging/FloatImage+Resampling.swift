// The two kernels that libvips does not have in the exact form wanted here.

extension FloatImage {
  func nearest(_ newWidth: Int, _ newHeight: Int) -> FloatImage {
    let columns = (0..<newWidth).map { nearestIndex($0, from: width, to: newWidth) * channels }
    var out: [Float] = []
    out.reserveCapacity(newWidth * newHeight * channels)
    for y in 0..<newHeight {
      let row = nearestIndex(y, from: height, to: newHeight) * width * channels
      for column in columns {
        for channel in 0..<channels { out.append(pixels[row + column + channel]) }
      }
    }
    return FloatImage(width: newWidth, height: newHeight, channels: channels, pixels: out)
  }

  /// Each new pixel is the mean of the old image over the area that it covers.
  func areaMean(_ newWidth: Int, _ newHeight: Int) -> FloatImage {
    let across = (0..<newWidth).map { Coverage($0, from: width, to: newWidth) }
    let down = (0..<newHeight).map { Coverage($0, from: height, to: newHeight) }
    let rowLength = width * channels
    var mean = [Float](repeating: 0, count: rowLength)
    var out: [Float] = []
    out.reserveCapacity(newWidth * newHeight * channels)
    for cover in down {
      for i in 0..<rowLength { mean[i] = 0 }
      for (offset, weight) in cover.weights.enumerated() {
        let start = (cover.first + offset) * rowLength
        for i in 0..<rowLength { mean[i] += weight * pixels[start + i] }
      }
      for cover in across {
        for channel in 0..<channels {
          var sum: Float = 0
          for (offset, weight) in cover.weights.enumerated() {
            sum += weight * mean[(cover.first + offset) * channels + channel]
          }
          out.append(sum)
        }
      }
    }
    return FloatImage(width: newWidth, height: newHeight, channels: channels, pixels: out)
  }
}

private func nearestIndex(_ index: Int, from old: Int, to new: Int) -> Int {
  (2 * index + 1) * old / (2 * new)
}

/// The old pixels under one new pixel along one axis, with weights whose sum is 1.
private struct Coverage {
  let first: Int
  let weights: [Float]

  init(_ index: Int, from old: Int, to new: Int) {
    // In units of 1/new of an old pixel everything is an integer.
    let start = index * old
    let end = start + old
    first = start / new
    weights = (first...(end - 1) / new).map { pixel in
      let covered = min(end, (pixel + 1) * new) - max(start, pixel * new)
      return Float(Double(covered) / Double(old))
    }
  }
}
