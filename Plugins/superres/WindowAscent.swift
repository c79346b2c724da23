import RTool
import SuperresAlgorithms

/// Moves a large image by the gradient of the model, in windows of the size the model knows, several at once. Their
/// changes fade into one another, so that no border shows.
struct WindowAscent {
  let host: Host
  let values: Values
  let small, large: Image
  let factor: Int
  /// Whether it is to be known how long it takes, and nothing else.
  var isTrial = false

  /// Windows of one ascent.
  private static let batch = 8

  /// Pixels of the small image along a side of a window.
  static func smallSide(_ host: Host, factor: Int) -> Int {
    (max(host.model.side, host.model.smallest) + factor - 1) / factor
  }

  /// Pixels of the small image along the side of a window that lies along a side of so many. A strip would fill hardly any
  /// of a square: its windows are as thin as the network allows.
  private func smallSide(along length: Int) -> Int {
    let usual = Self.smallSide(host, factor: factor)
    if wraps || 4 * length > usual { return usual }
    return min(usual, max(length, (host.model.smallest + factor - 1) / factor))
  }

  func apply(progress: ClosedRange<Double>) throws {
    func axis(_ length: Int) -> WindowAxis {
      let side = smallSide(along: length)
      let overlap = max(1, side / 6)
      return wraps
        ? WindowAxis(around: length, side: side, overlap: overlap, factor: factor)
        : WindowAxis(length: length, side: side, overlap: overlap, factor: factor)
    }
    let (columns, rows) = (axis(small.width), axis(small.height))
    let (smallWidth, smallHeight) = (columns.side, rows.side)
    let (width, height) = (smallWidth * factor, smallHeight * factor)
    let towards = try chosenClasses()
    // Windows read what those beside and above them change.
    var before = try host.rowsBefore(of: large, most: min(height, large.height), wraps: wraps)
    let relief = values[consistent] ? Relief(of: small, wraps: wraps) : nil
    var ascent = try options.ascent(values, width: width, height: height)
    ascent.note = "texture"
    ascent.isTrial = isTrial
    let length = progress.upperBound - progress.lowerBound
    let (across, count) = (columns.starts.count, rows.starts.count * columns.starts.count)
    for (row, y) in rows.starts.enumerated() {
      let top = y * factor
      before.move(to: top..<min(top + height, large.height))
      for first in stride(from: 0, to: across, by: Self.batch) {
        try host.scoped {
          let part = first..<min(first + Self.batch, across)
          let boxes = part.map {
            Box(x: columns.starts[$0], y: y, width: smallWidth, height: smallHeight)
          }
          let reached = [part.lowerBound, part.upperBound].map {
            progress.lowerBound + length * Double(row * across + $0) / Double(count)
          }
          ascent.progress = reached[0]...reached[1]
          ascent.place = place(of: boxes[0])
          let starts = try boxes.map {
            try cropped(
              before.band, to: Box(x: $0.x * factor, y: top - before.top, width: width, height: height))
          }
          let outcome = try host.ascend(ascent, from: starts, minimising: terms(for: boxes, towards: towards))
          for (index, column) in part.enumerated() {
            add(
              outcome.images[index], minus: starts[index], x: boxes[index].x * factor, y: top,
              across: columns.weights[column], down: rows.weights[row], relief)
          }
          try show(
            Box(
              x: boxes[0].x, y: y, width: boxes.last!.x + smallWidth - boxes[0].x, height: smallHeight))
        }
      }
    }
  }

  private var wraps: Bool { values[wrap] }

  /// Where a box of the small image lies in the photo, of which the small image is an enlargement where there are two
  /// stages.
  private func place(of box: Box) -> Box {
    let scale = max(1, small.width / values[photo].width)
    func reduced(_ position: Int) -> Int { Int((Double(position) / Double(scale)).rounded(.down)) }
    let (x, y) = (reduced(box.x), reduced(box.y))
    return Box(
      x: x, y: y, width: max(1, reduced(box.maxX) - x), height: max(1, reduced(box.maxY) - y))
  }

  /// Shows those who watch what has become of a box of the small image.
  private func show(_ box: Box) throws {
    guard host.isWatched, !isTrial else { return }
    let inside = Box(
      x: max(box.x, 0), y: max(box.y, 0), width: min(box.maxX, small.width) - max(box.x, 0),
      height: min(box.maxY, small.height) - max(box.y, 0))
    let part = try host.cropped(
      large,
      to: Box(
        x: inside.x * factor, y: inside.y * factor, width: inside.width * factor,
        height: inside.height * factor))
    host.show(part, at: place(of: inside))
  }

  /// A copy of a box, which may reach over the border.
  private func cropped(_ image: Image, to box: Box) throws -> Image {
    try wraps ? host.cropped(wrapping: image, to: box) : host.cropped(image, to: box)
  }

  private func chosenClasses() throws -> [WeightedClass]? {
    if values[classWeight] == 0 { return nil }
    let copy = try WorkingCopy(small, mask: nil, host: host)
    return try host.classes(values[classes], for: copy.image)
  }

  private func terms(for boxes: [Box], towards: [WeightedClass]?) throws -> [Term] {
    var terms = try options.smoothnessTerms(values)
    if let towards { terms.append(Term(values[classWeight], .crossEntropy(towards))) }
    if values[fidelity] > 0 {
      let targets = try boxes.map { try cropped(small, to: $0) }
      terms.append(Term(values[fidelity], .measurement(targets: targets, filter: values[measured].filter)))
    }
    if values[texture] > 0 {
      // Photos look alike at all scales: a window's texture is to be that of the small image around its place.
      let side = max(host.model.side, host.model.smallest)
      let targets = try boxes.map { box in
        let (x, y) = (box.x + box.width / 2 - side / 2, box.y + box.height / 2 - side / 2)
        if wraps { return try cropped(small, to: Box(x: x, y: y, width: side, height: side)) }
        let inside = Box(
          x: min(max(x, 0), max(small.width - side, 0)), y: min(max(y, 0), max(small.height - side, 0)),
          width: min(side, max(small.width, host.model.smallest)),
          height: min(side, max(small.height, host.model.smallest)))
        return try host.cropped(small, to: inside)
      }
      terms.append(
        Term(
          values[texture],
          .statistics(
            layer: host.model.layers[0].name, [.deviation, .covariance], regions: [], targets: targets,
            targetRegions: [])))
    }
    if terms.isEmpty {
      throw TaskFailure.usage("there is no class, no texture and no fidelity to follow; use --preset fast")
    }
    return terms
  }

  /// - Parameter relief: how much of the change there is to be at each place of the small image; nil: all of it.
  private func add(
    _ result: Image, minus start: Image, x: Int, y: Int, across: [Float], down: [Float], _ relief: Relief?
  ) {
    let height = wraps ? result.height : min(result.height, large.height - y)
    let width = wraps ? result.width : min(result.width, large.width - x)
    for row in 0..<height where down[row] > 0 {
      let v = wrapped(y + row, large.height)
      let (new, old) = (result.row(row), start.row(row))
      for column in 0..<width where across[column] > 0 {
        let u = wrapped(x + column, large.width)
        var weight = down[row] * across[column]
        if let relief { weight *= relief[u / factor, v / factor] }
        let (to, at) = (large.row(v) + 3 * u, 3 * column)
        for c in 0..<3 { to[c] += weight * (new[at + c] - old[at + c]) }
      }
    }
  }
}

/// Where windows lie along one side, in pixels of the small image, and how much each pixel of the large one takes from
/// each of them: they sum to 1.
private struct WindowAxis {
  /// Pixels along a side of each window.
  let side: Int
  let starts: [Int]
  private(set) var weights: [[Float]]

  init(length: Int, side: Int, overlap: Int, factor: Int) {
    let count = length <= side ? 1 : 1 + (length - side + side - overlap - 1) / (side - overlap)
    let starts = (0..<count).map { count == 1 ? 0 : $0 * (length - side) / (count - 1) }
    (self.starts, self.side) = (starts, side)
    let (large, ramp) = (side * factor, Float(overlap * factor))
    weights = (0..<count).map { index in
      (0..<large).map { position in
        let before = index == 0 ? ramp : Float(position) + 0.5
        let after = index == count - 1 ? ramp : Float(large - position) - 0.5
        return min(before, after, ramp) / ramp
      }
    }
    var sums = [Float](repeating: 0, count: max(length, side) * factor)
    for (index, start) in starts.enumerated() {
      for position in 0..<large { sums[start * factor + position] += weights[index][position] }
    }
    for (index, start) in starts.enumerated() {
      for position in 0..<large { weights[index][position] /= sums[start * factor + position] }
    }
  }

  /// Windows at even distances around a side that goes on at its other end. Of one that is longer than the side the middle
  /// alone is used, so that no more of it than the fade lies over itself.
  init(around length: Int, side: Int, overlap: Int, factor: Int) {
    let used = min(side, length + overlap)
    let lead = (side - used) / 2
    let count = (length + used - overlap - 1) / (used - overlap)
    self.side = side
    starts = (0..<count).map { $0 * length / count - lead }
    let ramp = Float(overlap * factor)
    let weight = (0..<side * factor).map { position in
      let inside = Float(position - lead * factor) + 0.5
      return max(0, min(inside, Float(used * factor) - inside, ramp)) / ramp
    }
    var sums = [Float](repeating: 0, count: length * factor)
    for start in starts {
      for (position, weight) in weight.enumerated() {
        sums[wrapped(start * factor + position, sums.count)] += weight
      }
    }
    weights = starts.map { start in
      weight.enumerated().map { position, weight in
        weight / sums[wrapped(start * factor + position, sums.count)]
      }
    }
  }
}
