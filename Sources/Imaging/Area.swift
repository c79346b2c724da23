/// A rectangle of pixels.
struct Area: Equatable {
  var x, y, width, height: Int

  var isEmpty: Bool { width <= 0 || height <= 0 }

  /// The part inside an image of the given size.
  func clipped(width imageWidth: Int, height imageHeight: Int) -> Area {
    let left = max(x, 0)
    let top = max(y, 0)
    // Saturating, since x and y are the caller's and may be anything.
    let right = min(sum(x, width), imageWidth)
    let bottom = min(sum(y, height), imageHeight)
    guard right > left, bottom > top else { return Area(x: 0, y: 0, width: 0, height: 0) }
    return Area(x: left, y: top, width: right - left, height: bottom - top)
  }
}

extension Area {
  /// The bounds of the values of a plane that are not 0, all of which are numbers; empty: there are none.
  init(boundsOf values: [Float], width: Int, height: Int) {
    self = values.withUnsafeBufferPointer { values in
      /// Whether one of a run of values is not 0: without a branch for each, a row takes little.
      func hasMarks(_ range: Range<Int>) -> Bool {
        var bits: UInt32 = 0
        for at in range { bits |= values[at].bitPattern }
        return bits << 1 != 0
      }
      guard let top = (0..<height).first(where: { hasMarks($0 * width..<($0 + 1) * width) }) else {
        return Area(x: 0, y: 0, width: 0, height: 0)
      }
      let bottom = (top..<height).last { hasMarks($0 * width..<($0 + 1) * width) }!
      var (left, right) = (width, -1)
      for y in top...bottom {
        let row = UnsafeBufferPointer(rebasing: values[y * width..<(y + 1) * width])
        if let first = row[..<left].firstIndex(where: { $0 != 0 }) { left = first }
        if let last = row[(right + 1)...].lastIndex(where: { $0 != 0 }) { right = last }
      }
      return Area(x: left, y: top, width: right - left + 1, height: bottom - top + 1)
    }
  }

  /// With so many pixels more on each side, within an image of the given size. Nothing stays nothing.
  func grown(by margin: Int, width: Int, height: Int) -> Area {
    if isEmpty { return self }
    return Area(
      x: x - margin, y: y - margin, width: self.width + 2 * margin, height: self.height + 2 * margin
    )
    .clipped(width: width, height: height)
  }

  func allSatisfy(of values: [Float], width: Int, _ isSo: (Float) -> Bool) -> Bool {
    (y..<y + height).allSatisfy { row in
      values[row * width + x..<row * width + x + self.width].allSatisfy(isSo)
    }
  }
}

private func sum(_ start: Int, _ length: Int) -> Int {
  let (end, overflow) = start.addingReportingOverflow(length)
  return overflow ? .max : end
}
