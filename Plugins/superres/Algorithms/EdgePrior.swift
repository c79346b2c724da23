import RTool
import SuperresKernels

/// The large image of least bilateral total variation (Farsiu et al. 2004) among those that reduce to the small one:
/// descents of the prior and back-projections (Irani and Peleg 1991) in turns, tile by tile.
package struct EdgePrior: @unchecked Sendable {
  package let small, large: Image
  package let factor: Int
  package let filter: Host.Filter
  package var iterations = 30
  /// Length of a descent.
  package var weight: Float = 0.005
  package var isNearest = false
  /// Whether it goes on from the large image rather than from an interpolation.
  package var isResumed = false
  /// Whether the result, reduced again, is to be the small image, within 0...1.
  package var isConsistent = false
  /// Whether the images go on at their other side beyond their borders.
  package var wraps = false
  /// What it goes on from, from this row of the large image on; not written to.
  package var base: Image
  package var baseRow = 0

  private let resampling: Resampling

  package init(small: Image, large: Image, factor: Int, filter: Host.Filter, resampling: Resampling) {
    (self.small, self.large, self.factor, self.filter, base) = (small, large, factor, filter, large)
    self.resampling = resampling
  }

  /// Pixels of the small image in a tile, and around it, where a tile's result is dropped.
  private static let core = 96, margin = 8
  /// What a neighbour one pixel further away weighs.
  private static let decay: Float = 0.7
  /// Differences below this are smoothed rather than kept as edges.
  private static let edge: Float = 0.05

  /// Tiles side by side, and one below the other; they are numbered row by row.
  package var across: Int { (small.width + Self.core - 1) / Self.core }
  package var down: Int { (small.height + Self.core - 1) / Self.core }
  package var tileCount: Int { across * down }

  private func around(_ first: Int, _ end: Int, _ length: Int) -> Range<Int> {
    let all = first - Self.margin..<end + Self.margin
    return wraps ? all : all.clamped(to: 0..<length)
  }

  private func rows(top: Int) -> Range<Int> {
    around(top, min(top + Self.core, small.height), small.height)
  }

  /// The rows of the large image that a row of tiles reads where it is resumed.
  package func rows(ofTileRow row: Int) -> Range<Int> {
    let rows = rows(top: row * Self.core)
    return rows.lowerBound * factor..<rows.upperBound * factor
  }

  /// The rows of the large image that are solved with a row of tiles.
  package func rows(solvedWithTileRow row: Int) -> Range<Int> {
    row * Self.core * factor..<min((row + 1) * Self.core, small.height) * factor
  }

  package func solve(_ index: Int) {
    let (left, top) = (index % across * Self.core, index / across * Self.core)
    let (right, bottom) = (min(left + Self.core, small.width), min(top + Self.core, small.height))
    let (columns, rows) = (around(left, right, small.width), rows(top: top))
    let (x0, y0) = (columns.lowerBound, rows.lowerBound)
    let tile = Tile(
      width: columns.count, height: rows.count,
      factor: factor, filter: isNearest ? .nearest : .cubic, measured: filter, resampling: resampling)
    tile.read(small, x: x0, y: y0)
    if isResumed {
      tile.readLarge(base, x: x0 * factor, y: y0 * factor - baseRow)
    } else {
      tile.interpolate()
    }
    for _ in 0..<iterations {
      if weight > 0 { tile.descend(by: weight, decay: Self.decay, edge: Self.edge) }
      tile.backProject()
    }
    if isConsistent { tile.settle() }
    tile.write(
      large, from: (x: (left - x0) * factor, y: (top - y0) * factor),
      to: (x: left * factor, y: top * factor), width: (right - left) * factor, height: (bottom - top) * factor
    )
  }
}

/// A part of the small image and of the large one, as planes.
private final class Tile {
  private let width, height, factor: Int
  private let (largeWidth, largeHeight): (Int, Int)
  private let up, down: Host.Filter
  private let resampling: Resampling
  private let y, residual, enlarged: UnsafeMutablePointer<Float>
  /// The large image, and where that after a descent goes.
  private var x, next: UnsafeMutablePointer<Float>
  /// Three rows.
  private let scratch: UnsafeMutablePointer<Float>

  init(
    width: Int, height: Int, factor: Int, filter: Host.Filter, measured: Host.Filter, resampling: Resampling
  ) {
    (self.width, self.height, self.factor) = (width, height, factor)
    (largeWidth, largeHeight) = (width * factor, height * factor)
    (up, down, self.resampling) = (filter, measured, resampling)
    func plane(_ count: Int) -> UnsafeMutablePointer<Float> {
      let plane = UnsafeMutablePointer<Float>.allocate(capacity: count)
      plane.initialize(repeating: 0, count: count)
      return plane
    }
    let area = largeWidth * largeHeight
    (y, residual) = (plane(3 * width * height), plane(width * height))
    enlarged = plane(area)
    (x, next, scratch) = (plane(3 * area), plane(3 * area), plane(3 * largeWidth))
  }

  deinit { for plane in [y, x, next, residual, enlarged, scratch] { plane.deallocate() } }

  func read(_ image: Image, x left: Int, y top: Int) {
    copy(image, left, top, into: y, width, height)
  }

  func readLarge(_ image: Image, x left: Int, y top: Int) {
    copy(image, left, top, into: x, largeWidth, largeHeight)
  }

  private func copy(
    _ image: Image, _ left: Int, _ top: Int, into planes: UnsafeMutablePointer<Float>, _ width: Int,
    _ height: Int
  ) {
    for row in 0..<height {
      let from = image.row(wrapped(top + row, image.height))
      for column in 0..<width {
        let pixel = from + 3 * wrapped(left + column, image.width)
        for c in 0..<3 { planes[(c * height + row) * width + column] = pixel[c] }
      }
    }
  }

  func write(_ image: Image, from: (x: Int, y: Int), to: (x: Int, y: Int), width: Int, height: Int) {
    for row in 0..<height {
      let out = image.row(to.y + row) + 3 * to.x
      for column in 0..<width {
        for c in 0..<3 {
          let value = x[(c * largeHeight + from.y + row) * largeWidth + from.x + column]
          out[3 * column + c] = min(max(value, 0), 1)
        }
      }
    }
  }

  func interpolate() {
    for c in 0..<3 { enlarge(y + c * width * height, addingTo: x + c * largeWidth * largeHeight) }
  }

  /// x += enlarged(y - reduced(x)). Returns the largest of those differences.
  @discardableResult func backProject() -> Float {
    var largest: Float = 0
    for c in 0..<3 {
      let (large, small) = (x + c * largeWidth * largeHeight, y + c * width * height)
      resampling.resample(
        large, width: largeWidth, height: largeHeight, into: residual, width: width, height: height,
        filter: down)
      for i in 0..<width * height {
        residual[i] = small[i] - residual[i]
        largest = max(largest, abs(residual[i]))
      }
      enlarge(residual, addingTo: large)
    }
    return largest
  }

  /// Makes x an image that reduces to y and lies within 0...1, near to what it is: exactly where a pixel of y is the mean
  /// of its square, else as near as some more back-projections come, with x clipped before each.
  func settle() {
    if down == .box {
      let means = BlockMeans(factor: factor)
      for c in 0..<3 {
        means.impose(
          y + c * width * height, width: width, height: height, on: x + c * largeWidth * largeHeight)
      }
      return
    }
    for _ in 0..<Self.mostRounds {
      for i in 0..<3 * largeWidth * largeHeight { x[i] = min(max(x[i], 0), 1) }
      if backProject() < Self.negligible { break }
    }
  }

  private static let mostRounds = 30
  /// A quarter of a step of 8 bits.
  private static let negligible: Float = 0.25 / 255

  private func enlarge(_ small: UnsafePointer<Float>, addingTo large: UnsafeMutablePointer<Float>) {
    resampling.resample(
      small, width: width, height: height, into: enlarged, width: largeWidth, height: largeHeight, filter: up)
    for i in 0..<largeWidth * largeHeight { large[i] += enlarged[i] }
  }

  /// One step down the gradient of the bilateral total variation.
  func descend(by step: Float, decay: Float, edge: Float) {
    superres_descend_variation(next, x, largeWidth, largeHeight, step, decay, edge, scratch)
    swap(&x, &next)
  }
}
