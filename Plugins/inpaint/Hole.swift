import RTool

/// What is to be filled: for each pixel how much of it, 0 (kept as it is) ... 1 (replaced).
struct Hole {
  let width, height: Int
  private(set) var weights: [Float]
  /// Whether what is filled comes out opaque, as what was transparent is part of it.
  private(set) var isOpaque = false

  init(width: Int, height: Int) {
    self.width = width
    self.height = height
    weights = [Float](repeating: 0, count: width * height)
  }

  /// The share of the photo that is part of it.
  var share: Double { Double(weights.count { $0 > 0 }) / Double(weights.count) }
  var isEmpty: Bool { !weights.contains { $0 > 0 } }
  var isFull: Bool { !weights.contains { $0 == 0 } }

  mutating func add(_ mask: Image) {
    for y in 0..<height {
      let row = mask.row(y)
      for x in 0..<width {
        weights[y * width + x] = max(weights[y * width + x], min(row[x], 1))
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

  /// Adds the part of a box that lies in the image. Returns whether there was one.
  mutating func add(_ box: Box) -> Bool {
    let part = box.clipped(width: width, height: height)
    for y in part.y..<max(part.y, part.maxY) {
      for x in part.x..<max(part.x, part.maxX) { weights[y * width + x] = 1 }
    }
    return part.width > 0 && part.height > 0
  }

  /// The bounds of groups of hole pixels that lie within `distance` of one another, from the top left on.
  ///
  /// The groups are found on a grid of cells of `distance` pixels, so that their number of steps grows with the
  /// image and not with the square of the holes.
  func groups(distance: Int) -> [Box] {
    let cell = max(1, distance)
    let columns = (width + cell - 1) / cell
    let rows = (height + cell - 1) / cell
    var bounds = [Box?](repeating: nil, count: columns * rows)
    for y in 0..<height {
      for x in 0..<width where weights[y * width + x] > 0 {
        let index = y / cell * columns + x / cell
        bounds[index] =
          bounds[index].map { $0.union(Box(x: x, y: y, width: 1, height: 1)) }
          ?? Box(x: x, y: y, width: 1, height: 1)
      }
    }
    var groups: [Box] = []
    for start in bounds.indices {
      guard var group = bounds[start] else { continue }
      bounds[start] = nil
      var waiting = [start]
      while let index = waiting.popLast() {
        let (row, column) = (index / columns, index % columns)
        for v in max(0, row - 1)...min(rows - 1, row + 1) {
          for u in max(0, column - 1)...min(columns - 1, column + 1) {
            guard let near = bounds[v * columns + u] else { continue }
            group = group.union(near)
            bounds[v * columns + u] = nil
            waiting.append(v * columns + u)
          }
        }
      }
      groups.append(group)
    }
    return groups
  }

  /// Whether each pixel of a box is part of the hole.
  func pixels(in box: Box) -> [Bool] {
    var pixels = [Bool](repeating: false, count: box.width * box.height)
    for y in 0..<box.height {
      for x in 0..<box.width { pixels[y * box.width + x] = weights[(box.y + y) * width + box.x + x] > 0 }
    }
    return pixels
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

  /// The cells of an even grid over the box, none larger than `side`, row by row.
  func cells(side: Int) -> [Box] {
    let columns = (width + side - 1) / side
    let rows = (height + side - 1) / side
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
