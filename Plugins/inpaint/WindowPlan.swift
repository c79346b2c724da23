import RTool

/// Cuts the holes of a photo into parts that are filled one after the other, each with a window of surroundings.
struct WindowPlan {
  /// Width of the surroundings as a multiple of the hole's size.
  let context: Double
  /// Whether windows are moved inwards at the photo's border rather than cut there.
  let keepsSize: Bool

  /// Holes nearer to one another than this, in pixels, share their surroundings.
  private static let nearness = 24
  /// The least surroundings, in pixels: some patches must fit, and the network must see something.
  private static let leastMargin = 48
  /// A larger window first loses surroundings, and then its hole is cut. Each pixel takes about 120 bytes.
  private static let largestWindow = 6_000_000
  /// Surroundings, in pixels, that a window keeps when it loses some.
  private static let keptMargin = 256
  /// Sides of the parts that a hole is cut into: a wide one needs the size, a scratch or a scatter does not.
  private static let widePartSide = 1536
  private static let thinPartSide = 512

  struct Part {
    /// Bounds of what is filled.
    let hole: Box
    /// What is looked at.
    let window: Box
  }

  func parts(of hole: Hole) -> [Part] {
    hole.groups(distance: Self.nearness).flatMap { aroundPhoto($0, of: hole) }.flatMap { group -> [Part] in
      let part = self.part(group, of: hole)
      if part.window.area <= Self.largestWindow { return [part] }
      return cut(group, of: hole).map { self.part($0, of: hole) }
    }
  }

  private func part(_ box: Box, of hole: Hole) -> Part {
    var margin = max(Self.leastMargin, Int(context * Double(max(box.width, box.height))))
    func window() -> Box {
      var window = box.grown(by: margin)
      if hole.wraps { return window.noLarger(than: (hole.width, hole.height)) }
      if keepsSize {
        window.x = min(max(window.x, 0), max(hole.width - window.width, 0))
        window.y = min(max(window.y, 0), max(hole.height - window.height, 0))
      }
      return window.clipped(width: hole.width, height: hole.height)
    }
    while window().area > Self.largestWindow && margin > Self.keptMargin {
      margin = max(Self.keptMargin, margin * 7 / 8)
    }
    let part = Part(hole: box, window: window())
    guard hole.wraps else { return part }
    // Windows begin within the photo.
    let (dx, dy) = (
      wrapped(part.window.x, hole.width) - part.window.x, wrapped(part.window.y, hole.height) - part.window.y
    )
    return Part(hole: box.moved(dx, dy), window: part.window.moved(dx, dy))
  }

  /// A hole that goes all around a photo that wraps is cut in two: the second part has the first one at both ends.
  private func aroundPhoto(_ box: Box, of hole: Hole) -> [Box] {
    guard hole.wraps else { return [box] }
    func side(_ length: Int, _ whole: Int) -> Int {
      length + Self.nearness > whole ? (length + 1) / 2 : length
    }
    let (width, height) = (side(box.width, hole.width), side(box.height, hole.height))
    return box.cells(width: width, height: height).compactMap { hole.bounds(in: $0) }
  }

  /// The cells of a grid over a hole, drawn tight. What an earlier cell was filled with is known to the later ones, so
  /// that a wide hole grows from its border; a scratch is cut where it does no harm.
  private func cut(_ box: Box, of hole: Hole) -> [Box] {
    let filled = (box.y..<box.maxY).reduce(0) { count, y in
      (box.x..<box.maxX).reduce(count) { $0 + (hole.weight($1, y) > 0 ? 1 : 0) }
    }
    let side = filled < box.area / 10 ? Self.thinPartSide : Self.widePartSide
    return box.cells(width: side, height: side).compactMap { hole.bounds(in: $0) }
  }
}
