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

private func sum(_ start: Int, _ length: Int) -> Int {
  let (end, overflow) = start.addingReportingOverflow(length)
  return overflow ? .max : end
}
