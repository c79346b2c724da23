/// A view of images of one size, as a linear map of their pixels.
struct ViewSampler {
  private let height, width, seenHeight, seenWidth: Int
  private let weights: Weights

  private enum Weights {
    /// Between four pixels each.
    case bilinear(rows: [View.Source], columns: [View.Source])
    case reduced(rows: [View.Taps], columns: [View.Taps])
  }

  init(_ view: View, height: Int, width: Int, seenHeight: Int, seenWidth: Int) {
    (self.height, self.width) = (height, width)
    (self.seenHeight, self.seenWidth) = (seenHeight, seenWidth)
    weights =
      view.scale < 1
      ? .reduced(rows: view.rowTaps(seenHeight, of: height), columns: view.columnTaps(seenWidth, of: width))
      : .bilinear(rows: view.rows(seenHeight, of: height), columns: view.columns(seenWidth, of: width))
  }

  /// Writes how image `n` is seen.
  /// - Parameters:
  ///   - pixels: [image][3][height][width]
  ///   - seen: [image][3][seenHeight][seenWidth]
  func view(image n: Int, _ pixels: UnsafePointer<Float>, to seen: UnsafeMutablePointer<Float>) {
    switch weights {
    case .bilinear(let rows, let columns):
      eachPixel(n, rows, columns) { at, a, b, c, d, wa, wb, wc, wd in
        seen[at] = wa * pixels[a] + wb * pixels[b] + wc * pixels[c] + wd * pixels[d]
      }
    case .reduced(let rows, let columns):
      var line = [Float](repeating: 0, count: width)
      eachRow(n, rows) { plane, to, taps in
        for x in 0..<width { line[x] = 0 }
        for (row, weight) in taps {
          let from = pixels + plane + row * width
          for x in 0..<width { line[x] += weight * from[x] }
        }
        for (x, taps) in columns.enumerated() {
          var sum: Float = 0
          for (column, weight) in taps { sum += weight * line[column] }
          seen[to + x] = sum
        }
      }
    }
  }

  /// Adds the gradient by what is seen of image `n` to that by its pixels.
  func addGradient(image n: Int, _ seen: UnsafePointer<Float>, to pixels: UnsafeMutablePointer<Float>) {
    switch weights {
    case .bilinear(let rows, let columns):
      eachPixel(n, rows, columns) { at, a, b, c, d, wa, wb, wc, wd in
        pixels[a] += wa * seen[at]
        pixels[b] += wb * seen[at]
        pixels[c] += wc * seen[at]
        pixels[d] += wd * seen[at]
      }
    case .reduced(let rows, let columns):
      var line = [Float](repeating: 0, count: width)
      eachRow(n, rows) { plane, from, taps in
        for x in 0..<width { line[x] = 0 }
        for (x, taps) in columns.enumerated() {
          for (column, weight) in taps { line[column] += weight * seen[from + x] }
        }
        for (row, weight) in taps {
          let to = pixels + plane + row * width
          for x in 0..<width { to[x] += weight * line[x] }
        }
      }
    }
  }

  /// Calls `body` with each row of the view: where its plane of the image begins, where the row begins, and its weights.
  @inline(__always)
  private func eachRow(_ n: Int, _ rows: [View.Taps], _ body: (Int, Int, View.Taps) -> Void) {
    for c in 0..<3 {
      let (plane, seenPlane) = ((3 * n + c) * height * width, (3 * n + c) * seenHeight * seenWidth)
      for (y, taps) in rows.enumerated() { body(plane, seenPlane + y * seenWidth, taps) }
    }
  }

  /// Calls `body` with the place of each pixel of the view, and with places and shares of the four pixels of the image
  /// that it lies between.
  @inline(__always)
  private func eachPixel(
    _ n: Int, _ rows: [View.Source], _ columns: [View.Source],
    _ body: (Int, Int, Int, Int, Int, Float, Float, Float, Float) -> Void
  ) {
    for c in 0..<3 {
      let plane = (3 * n + c) * height * width
      let seenPlane = (3 * n + c) * seenHeight * seenWidth
      for (y, row) in rows.enumerated() {
        let (upper, lower) = (plane + row.first * width, plane + row.second * width)
        for (x, column) in columns.enumerated() {
          body(
            seenPlane + y * seenWidth + x, upper + column.first, upper + column.second,
            lower + column.first, lower + column.second, (1 - row.share) * (1 - column.share),
            (1 - row.share) * column.share, row.share * (1 - column.share), row.share * column.share)
        }
      }
    }
  }
}
