import Glibc
import RTool

/// The ascent after the start: pixels of the hole follow the gradient of the objective in the robust classifier.
struct Refinement {
  let host: Host
  let values: Values
  /// The part of the task's progress this is.
  let progress: ClosedRange<Double>

  /// Works on the hole of a window whose colours hold the start.
  func apply(to window: inout Window) throws {
    guard values[steps] > 0 else { return }
    switch values[resolution] {
    case .native: try applyInTiles(to: &window)
    case .model: try applyAtModelSide(to: &window)
    }
  }

  // MARK: At native resolution

  /// Tiles are refined one after the other; each sees its neighbours as they have become, and their overlap hides
  /// where one ends.
  private func applyInTiles(to window: inout Window) throws {
    let tiles = Tiling.tiles(of: window.hole, width: window.box.width, height: window.box.height)
    for (number, tile) in tiles.enumerated() {
      let span = (progress.upperBound - progress.lowerBound) / Double(tiles.count)
      let from = progress.lowerBound + span * Double(number)
      try refine(tile, of: &window, progress: from...(from + span))
    }
  }

  private func refine(_ tile: Box, of window: inout Window, progress: ClosedRange<Double>) throws {
    let side = max(tile.width, tile.height)
    let area = tile.grown(by: max(48, side / 2)).clipped(width: window.box.width, height: window.box.height)
    let hole = try regionImage(of: area) { x, y in
      window.hole[y * window.box.width + x] && x >= tile.x && x < tile.maxX && y >= tile.y && y < tile.maxY ? 1 : 0
    }
    // What is known counts the less the farther it is from the hole.
    let distances = distancesToHole(in: area, of: window)
    let surroundings = try regionImage(of: area) { x, y in
      let distance = distances[(y - area.y) * area.width + x - area.x]
      return distance == 0 ? 0 : exp(-Float(distance) / 24)
    }
    let start = try window.colors.image(host, box: area)
    let (padded, offset) = try atLeastSmallest([start, hole, surroundings])
    let result = try ascend(
      from: padded[0], hole: padded[1], surroundings: padded[2], progress: progress)
    window.colors.adopt(
      try host.cropped(result, to: Box(x: offset.x, y: offset.y, width: area.width, height: area.height)),
      at: area, where: hole)
  }

  /// Images enlarged by mirroring to what the network needs at least, and where the original begins.
  private func atLeastSmallest(_ images: [Image]) throws -> ([Image], (x: Int, y: Int)) {
    let smallest = host.model.smallest
    let missingX = max(0, smallest - images[0].width)
    let missingY = max(0, smallest - images[0].height)
    guard missingX > 0 || missingY > 0 else { return (images, (0, 0)) }
    let box = Box(
      x: -missingX / 2, y: -missingY / 2, width: images[0].width + missingX, height: images[0].height + missingY)
    return (try images.map { try host.cropped($0, to: box) }, (missingX / 2, missingY / 2))
  }

  private func regionImage(of area: Box, _ value: (Int, Int) -> Float) throws -> Image {
    let image = try host.image(width: area.width, height: area.height, channels: 1)
    image.fill { x, y, _ in value(area.x + x, area.y + y) }
    return image
  }

  /// City-block distance of known pixels to the nearest pixel of the hole, 0 in the hole, by two passes.
  private func distancesToHole(in area: Box, of window: Window) -> [Int] {
    var distances = [Int](repeating: Int.max / 2, count: area.width * area.height)
    func visit(_ x: Int, _ y: Int, _ towards: Int) {
      let index = y * area.width + x
      if window.hole[(area.y + y) * window.box.width + area.x + x] { distances[index] = 0 }
      if (0..<area.width).contains(x + towards) {
        distances[index] = min(distances[index], distances[index + towards] + 1)
      }
      if (0..<area.height).contains(y + towards) {
        distances[index] = min(distances[index], distances[index + towards * area.width] + 1)
      }
    }
    for y in 0..<area.height { for x in 0..<area.width { visit(x, y, -1) } }
    for y in (0..<area.height).reversed() { for x in (0..<area.width).reversed() { visit(x, y, 1) } }
    return distances
  }

  // MARK: At the model's side

  /// The whole window, brought to the size the model was trained on, and what became of the hole brought back.
  private func applyAtModelSide(to window: inout Window) throws {
    let side = host.model.side
    let scale = Double(side) / Double(min(window.box.width, window.box.height))
    let width = max(side, Int((Double(window.box.width) * scale).rounded()))
    let height = max(side, Int((Double(window.box.height) * scale).rounded()))
    let whole = Box(x: 0, y: 0, width: window.box.width, height: window.box.height)
    let hole = try regionImage(of: whole) { x, y in window.hole[y * whole.width + x] ? 1 : 0 }
    let smallHole = try host.resized(hole, width: width, height: height, filter: .box)
    smallHole.fill { x, y, _ in smallHole.row(y)[x] > 0 ? 1 : 0 }
    let surroundings = try host.image(width: width, height: height, channels: 1)
    surroundings.fill { x, y, _ in 1 - smallHole.row(y)[x] }
    let start = try host.resized(window.colors.image(host), width: width, height: height, filter: .cubic)
    let result = try ascend(from: start, hole: smallHole, surroundings: surroundings, progress: progress)
    window.colors.adopt(
      try host.resized(result, width: whole.width, height: whole.height, filter: .cubic), at: whole, where: hole)
  }

  // MARK: The objective

  private func ascend(from start: Image, hole: Image, surroundings: Image, progress: ClosedRange<Double>) throws
    -> Image
  {
    var terms: [Term] = []
    if values[classWeight] > 0, let classes = try chosenClasses(for: start) {
      terms.append(Term(values[classWeight], .crossEntropy(classes)))
    }
    if values[texture] > 0 {
      for layer in textureLayers {
        terms.append(
          Term(
            values[texture],
            .statistics(
              layer: layer, [.mean, .gram], regions: [hole], targets: [start], targetRegions: [surroundings])))
      }
    }
    if values[anchor] > 0 {
      // The mean is taken over all pixels; weighted so, a hole counts the same in a small or large window.
      let share = sum(hole) / Double(hole.width * hole.height)
      terms.append(Term(values[anchor] / max(share, 1e-6), .pixels(targets: [start], regions: [hole])))
    }
    if values[smoothness] > 0 { terms.append(Term(values[smoothness], .smoothness(regions: [hole]))) }
    if values[constraint] == .soft {
      let kept = try host.image(width: hole.width, height: hole.height, channels: 1)
      kept.fill { x, y, _ in 1 - hole.row(y)[x] }
      terms.append(Term(values[penalty], .pixels(targets: [start], regions: [kept])))
    }
    guard !terms.isEmpty else { return start }

    let moving = values[constraint] == .soft ? Double(hole.width * hole.height) : sum(hole)
    let scale = moving.squareRoot() / publishedSide
    var ascent = Ascent(steps: values[steps], stepSize: values[stepSize] * scale)
    if values[decay] { ascent.finalStepSize = values[stepSize] * scale / 20 }
    ascent.set = .l2(radius: values[radius] * scale)
    if values[constraint] == .hard { ascent.free = [hole] }
    ascent.passLastReLU = values[passReLU]
    ascent.gradientBlur = values[gradientBlur]
    ascent.chromaDamping = values[chromaDamping]
    ascent.progress = progress
    return try host.ascend(ascent, from: [start], minimising: terms).images[0]
  }

  /// The layers whose statistics make up texture: the shallow ones, where a position sees no more than a patch.
  private var textureLayers: [String] {
    host.model.layers.filter { $0.reduction > 0 && $0.reduction <= 4 }.map(\.name)
  }

  /// The classes to go towards; nil: none.
  private func chosenClasses(for start: Image) throws -> [ClassWeight]? {
    switch values[classes] {
    case .none: return nil
    case .mixture(let mixture): return mixture
    case .auto:
      let logits = try host.logits(start)
      guard let best = logits.indices.max(by: { logits[$0] < logits[$1] }) else { return nil }
      host.record("class", host.model.classes[best])
      return [ClassWeight(index: Int32(best), weight: 1)]
    }
  }

  private func sum(_ region: Image) -> Double {
    var sum = 0.0
    for y in 0..<region.height { for x in 0..<region.width { sum += Double(region.row(y)[x]) } }
    return sum
  }
}

/// Steps and radii are given for 224 x 224 pixels that may move, as published, and grow with the root of their number.
let publishedSide = 224.0

/// Cuts a hole into boxes that an ascent can take at once.
enum Tiling {
  static let side = 192

  /// Boxes that cover the hole's bounds, each with a part of the hole.
  static func tiles(of hole: [Bool], width: Int, height: Int) -> [Box] {
    var bounds: Box?
    for y in 0..<height {
      for x in 0..<width where hole[y * width + x] {
        let pixel = Box(x: x, y: y, width: 1, height: 1)
        bounds = bounds?.union(pixel) ?? pixel
      }
    }
    guard let bounds else { return [] }
    let columns = (bounds.width + side - 1) / side
    let rows = (bounds.height + side - 1) / side
    var tiles: [Box] = []
    for row in 0..<rows {
      for column in 0..<columns {
        let left = bounds.x + bounds.width * column / columns
        let top = bounds.y + bounds.height * row / rows
        let tile = Box(
          x: left, y: top, width: bounds.x + bounds.width * (column + 1) / columns - left,
          height: bounds.y + bounds.height * (row + 1) / rows - top)
        let hasHole = (tile.y..<tile.maxY).contains { y in
          (tile.x..<tile.maxX).contains { hole[y * width + $0] }
        }
        if hasHole { tiles.append(tile) }
      }
    }
    return tiles
  }
}
