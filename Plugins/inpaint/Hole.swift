import RTool

/// What is to be filled: for each pixel how much of it, 0 (kept as it is) ... 1 (replaced).
struct Hole {
  let width, height: Int
  /// Whether the photo goes on at its other side: places and boxes may then lie beyond its border.
  let wraps: Bool
  private(set) var weights: [Float]
  /// Whether what is filled comes out opaque, as what was transparent is part of it.
  private(set) var isOpaque = false

  init(width: Int, height: Int, wraps: Bool) {
    (self.width, self.height, self.wraps) = (width, height, wraps)
    weights = [Float](repeating: 0, count: width * height)
  }

  /// The share of the photo that is part of it.
  var share: Double { Double(weights.count { $0 > 0 }) / Double(weights.count) }
  var isEmpty: Bool { !weights.contains { $0 > 0 } }
  var isFull: Bool { !weights.contains { $0 == 0 } }

  mutating func add(_ mask: Image) {
    weights.withUnsafeMutableBufferPointer { weights in
      for y in 0..<height {
        let (row, own) = (mask.row(y), weights.baseAddress! + y * width)
        for x in 0..<width { own[x] = max(own[x], min(row[x], 1)) }
      }
    }
  }

  /// Adds what is transparent in an image of 4 channels.
  mutating func addTransparency(of image: Image) {
    isOpaque = true
    for y in 0..<height {
      let row = image.row(y)
      for x in 0..<width where row[4 * x + 3] < 1 {
        weights[y * width + x] = max(weights[y * width + x], 1 - row[4 * x + 3])
      }
    }
  }

  /// How much of a place is to be filled.
  func weight(_ x: Int, _ y: Int) -> Float { weights[wrapped(y, height) * width + wrapped(x, width)] }

  /// Adds the part of a box that lies in the image. Returns whether there was one.
  mutating func add(_ box: Box) -> Bool {
    let part =
      wraps
      ? Box(x: box.x, y: box.y, width: min(box.width, width), height: min(box.height, height))
      : box.clipped(width: width, height: height)
    for y in part.y..<max(part.y, part.maxY) {
      for x in part.x..<max(part.x, part.maxX) { weights[wrapped(y, height) * width + wrapped(x, width)] = 1 }
    }
    return part.width > 0 && part.height > 0
  }

  /// The bounds of groups of hole pixels that lie within `distance` of one another, from the top left on.
  ///
  /// The groups are found on a grid of cells of `distance` pixels, so that their number of steps grows with the
  /// image and not with the square of the holes. Where the photo wraps, a group may lie beyond its border, and is no wider and
  /// higher than the photo.
  func groups(distance: Int) -> [Box] {
    let cell = max(1, distance)
    let columns = (width + cell - 1) / cell
    let rows = (height + cell - 1) / cell
    var bounds = [Box?](repeating: nil, count: columns * rows)
    weights.withUnsafeBufferPointer { weights in
      for y in 0..<height {
        let row = UnsafeBufferPointer(rebasing: weights[y * width..<(y + 1) * width])
        // Most rows have none, which a sum tells soonest.
        guard row.reduce(UInt32(0), { $0 | $1.bitPattern }) != 0 else { continue }
        for x in 0..<width where row[x] > 0 {
          let index = y / cell * columns + x / cell
          bounds[index] =
            bounds[index].map { $0.union(Box(x: x, y: y, width: 1, height: 1)) }
            ?? Box(x: x, y: y, width: 1, height: 1)
        }
      }
    }
    var groups: [Box] = []
    for start in bounds.indices {
      guard var group = bounds[start] else { continue }
      bounds[start] = nil
      // Columns and rows beyond the grid are those of the photo's next copy.
      var waiting = [(column: start % columns, row: start / columns)]
      while let (column, row) = waiting.popLast() {
        for v in row - 1...row + 1 where wraps || (0..<rows).contains(v) {
          for u in column - 1...column + 1 where wraps || (0..<columns).contains(u) {
            let (inColumn, inRow) = (wrapped(u, columns), wrapped(v, rows))
            guard var near = bounds[inRow * columns + inColumn] else { continue }
            near.x += (u - inColumn) / columns * width
            near.y += (v - inRow) / rows * height
            group = group.union(near)
            bounds[inRow * columns + inColumn] = nil
            waiting.append((u, v))
          }
        }
      }
      if group.width > width { (group.x, group.width) = (0, width) }
      if group.height > height { (group.y, group.height) = (0, height) }
      groups.append(group)
    }
    return groups
  }

  /// Whether each pixel of a box is part of the hole.
  func pixels(in box: Box) -> [Bool] {
    var pixels = [Bool](repeating: false, count: box.width * box.height)
    for y in 0..<box.height {
      for x in 0..<box.width { pixels[y * box.width + x] = weight(box.x + x, box.y + y) > 0 }
    }
    return pixels
  }

  /// The bounds of what is to be filled in a box; nil: nothing.
  func bounds(in box: Box) -> Box? {
    let pixels = pixels(in: box)
    var bounds = Box(
      boundsOf: { pixels[$0] }, in: Box(x: 0, y: 0, width: box.width, height: box.height), stride: box.width)
    bounds?.x += box.x
    bounds?.y += box.y
    return bounds
  }
}

extension Box {
  /// The bounds of the pixels of a set within a box of a picture whose rows are `stride` pixels; nil: there are none.
  init?(boundsOf isInSet: (Int) -> Bool, in box: Box, stride: Int) {
    var (left, top, right, bottom) = (Int.max, Int.max, Int.min, Int.min)
    for y in box.y..<box.maxY {
      for x in box.x..<box.maxX where isInSet(y * stride + x) {
        (left, right) = (min(left, x), max(right, x))
        (top, bottom) = (min(top, y), max(bottom, y))
      }
    }
    guard left <= right else { return nil }
    self.init(x: left, y: top, width: right - left + 1, height: bottom - top + 1)
  }

  var area: Int { width * height }

  /// The cells of an even grid over the box, none larger than a size, row by row.
  func cells(width mostWidth: Int, height mostHeight: Int) -> [Box] {
    let columns = (width + mostWidth - 1) / mostWidth
    let rows = (height + mostHeight - 1) / mostHeight
    return (0..<rows * columns).map { index in
      let (row, column) = (index / columns, index % columns)
      let (left, right) = (width * column / columns, width * (column + 1) / columns)
      let (top, bottom) = (height * row / rows, height * (row + 1) / rows)
      return Box(x: x + left, y: y + top, width: right - left, height: bottom - top)
    }
  }

  func contains(_ x: Int, _ y: Int) -> Bool { x >= self.x && x < maxX && y >= self.y && y < maxY }

  func union(_ other: Box) -> Box {
    let (left, top) = (min(x, other.x), min(y, other.y))
    return Box(
      x: left, y: top, width: max(maxX, other.maxX) - left, height: max(maxY, other.maxY) - top)
  }

  /// Its middle, where it is wider or higher than a size.
  func noLarger(than size: (width: Int, height: Int)) -> Box {
    let (overX, overY) = (max(0, width - size.width), max(0, height - size.height))
    return Box(x: x + overX / 2, y: y + overY / 2, width: width - overX, height: height - overY)
  }

  func moved(_ dx: Int, _ dy: Int) -> Box { Box(x: x + dx, y: y + dy, width: width, height: height) }

  func grown(by margin: Int) -> Box {
    Box(x: x - margin, y: y - margin, width: width + 2 * margin, height: height + 2 * margin)
  }

  /// The part inside an image; of width or height 0 if there is none.
  func clipped(width limitX: Int, height limitY: Int) -> Box {
    let (left, top) = (min(max(x, 0), limitX), min(max(y, 0), limitY))
    return Box(
      x: left, y: top, width: max(0, min(maxX, limitX) - left), height: max(0, min(maxY, limitY) - top))
  }

  func intersects(_ other: Box) -> Bool {
    x < other.maxX && other.x < maxX && y < other.maxY && other.y < maxY
  }
}
