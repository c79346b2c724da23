import CRTool
import Glibc
import RTool
import SuperresAlgorithms
import SuperresKernels
import Testing

/// The start of superres: the image of sharp edges that reduces to the one given.
@Suite struct EdgePriorTests {
  private static let factor = 3

  /// A host that can resample alone: it takes means where it shrinks, and repeats pixels where it enlarges.
  private func host() -> rtool_host {
    var host = rtool_host()
    host.struct_size = UInt32(MemoryLayout<rtool_host>.size)
    host.image_resample = { _, from, to, _ in
      let (from, to) = (from!.pointee, to!.pointee)
      let (down, up) = (max(Int(from.width / to.width), 1), max(Int(to.width / from.width), 1))
      for y in 0..<Int(to.height) {
        for x in 0..<Int(to.width) {
          var sum: Float = 0
          for v in 0..<down {
            for u in 0..<down {
              sum += from.data[(y / up * down + v) * Int(from.stride) + x / up * down + u]
            }
          }
          to.data[y * Int(to.stride) + x] = sum / Float(down * down)
        }
      }
      return Int32(RTOOL_OK)
    }
    return host
  }

  /// Calls `body` with a small image, the solver of the large one, and the large one's pixels.
  private func solve(
    _ small: (_ x: Int, _ y: Int, _ channel: Int) -> Float, width: Int, height: Int,
    _ change: (inout EdgePrior) -> Void = { _ in }
  ) throws -> (small: [Float], large: [Float]) {
    let factor = Self.factor
    var pixels = [Float](repeating: 0, count: 3 * width * height)
    for i in pixels.indices { pixels[i] = small(i / 3 % width, i / 3 / width, i % 3) }
    var result = [Float](repeating: .nan, count: pixels.count * factor * factor)
    try withUnsafePointer(to: host()) { host in
      try pixels.withUnsafeMutableBufferPointer { pixels in
        try result.withUnsafeMutableBufferPointer { result in
          var smallImage = rtool_image(
            width: Int32(width), height: Int32(height), channels: 3, stride: Int32(3 * width),
            data: pixels.baseAddress)
          var largeImage = rtool_image(
            width: Int32(width * factor), height: Int32(height * factor), channels: 3,
            stride: Int32(3 * width * factor), data: result.baseAddress)
          var prior = EdgePrior(
            small: Image(&smallImage), large: Image(&largeImage), factor: factor, filter: .box,
            resampling: try Host(host).resampling)
          change(&prior)
          for tile in 0..<prior.tileCount { prior.solve(tile) }
        }
      }
    }
    return (pixels, result)
  }

  /// Means over squares of the large image.
  private func reduced(_ large: [Float], width: Int, height: Int) -> [Float] {
    let factor = Self.factor
    return (0..<3 * width * height).map { i in
      let (x, y) = (i / 3 % width, i / 3 / width)
      var sum: Float = 0
      for v in 0..<factor {
        for u in 0..<factor {
          sum += large[((y * factor + v) * width * factor + x * factor + u) * 3 + i % 3]
        }
      }
      return sum / Float(factor * factor)
    }
  }

  @Test func theResultReducesToTheImage() throws {
    // Wider than one tile, so that tiles meet.
    let (width, height) = (110, 20)
    let (small, large) = try solve(
      { x, y, c in x + y < 60 ? 0.3 + 0.1 * Float(c) : 0.7 }, width: width, height: height)
    let off = zip(reduced(large, width: width, height: height), small).map { abs($0 - $1) }.max()!
    #expect(off < 0.01, "off by \(off)")
  }

  @Test func whatIsFlatStaysFlat() throws {
    let (_, large) = try solve({ _, _, c in 0.25 * Float(c + 1) }, width: 20, height: 12)
    for i in large.indices { #expect(abs(large[i] - 0.25 * Float(i % 3 + 1)) < 1e-5) }
  }

  /// A slanted edge that was reduced comes out nearer to the edge than the repeated pixels are.
  @Test func edgesComeOutSharp() throws {
    let (width, height, factor) = (30, 30, Self.factor)
    func edge(_ x: Int, _ y: Int) -> Float { 2 * x + y < 3 * 15 * factor ? 0.2 : 0.8 }
    let truth = (0..<3 * width * height * factor * factor).map { i in
      edge(i / 3 % (width * factor), i / 3 / (width * factor))
    }
    let small = reduced(truth, width: width, height: height)
    func distance(_ change: (inout EdgePrior) -> Void) throws -> Float {
      let (_, large) = try solve(
        { x, y, c in small[3 * (y * width + x) + c] }, width: width, height: height, change)
      return zip(large, truth).reduce(0) { $0 + abs($1.0 - $1.1) }
    }
    let (sharp, repeated) = (try distance { _ in }, try distance { $0.iterations = 0 })
    #expect(sharp < 0.8 * repeated, "\(sharp) of \(repeated)")
  }

  /// What tiles comes out as the middle of three of it side by side and above one another do.
  @Test func aTextureGoesOnAtItsOtherSide() throws {
    let (width, height) = (20, 14)
    func texture(_ x: Int, _ y: Int, _ c: Int) -> Float {
      Float((x % width * 7 + y % height * 3 + x % width * (y % height) + c) % 11) / 11
    }
    let whole = try solve(texture, width: 3 * width, height: 3 * height).large
    func farthest(wraps: Bool) throws -> Float {
      let (_, large) = try solve(texture, width: width, height: height) { $0.wraps = wraps }
      var most: Float = 0
      for i in large.indices {
        let (x, y) = (i / 3 % (width * Self.factor), i / 3 / (width * Self.factor))
        let (u, v) = (x + width * Self.factor, y + height * Self.factor)
        most = max(most, abs(large[i] - whole[3 * (v * 3 * width * Self.factor + u) + i % 3]))
      }
      return most
    }
    let (wrapped, mirrored) = (try farthest(wraps: true), try farthest(wraps: false))
    #expect(wrapped < 0.01 && mirrored > 0.02, "\(wrapped), \(mirrored)")
  }

  @Test func aResumedSolverKeepsWhatAgrees() throws {
    let (width, height) = (12, 12)
    let value: (Int, Int, Int) -> Float = { x, y, _ in Float((x * 7 + y * 3) % 11) / 11 }
    let (_, large) = try solve(value, width: width, height: height)
    let (_, again) = try solve(value, width: width, height: height) { prior in
      for y in 0..<prior.large.height {
        for i in 0..<3 * prior.large.width { prior.large.row(y)[i] = large[y * 3 * prior.large.width + i] }
      }
      prior.base = prior.large
      (prior.isResumed, prior.weight, prior.iterations) = (true, 0, 1)
    }
    let off = zip(large, again).map { abs($0 - $1) }.max()!
    // From the start it would be off by the whole contrast.
    #expect(off < 0.03, "off by \(off)")
  }

  /// One step down the gradient of the prior, which is evaluated plainly and differentiated by central differences.
  @Test(arguments: [(1, 1), (2, 7), (5, 3), (37, 6)])
  func aDescentFollowsTheGradientOfTheVariation(_ width: Int, _ height: Int) {
    let (area, step, decay, edge) = (width * height, 0.01, 0.7, 0.05)
    let pixels = (0..<3 * area).map { Double(($0 * 7919 + 13) % 101) / 101 }
    func variation(_ x: [Double]) -> Double {
      var sum = 0.0
      for p in 0..<area {
        for q in p + 1..<max(area, p + 1) {
          let (across, down) = (abs(q % width - p % width), q / width - p / width)
          guard max(across, down) <= 2 else { continue }
          let squares = (0..<3).reduce(edge * edge) { $0 + pow(x[$1 * area + p] - x[$1 * area + q], 2) }
          sum += pow(decay, Double(across + down)) * squares.squareRoot()
        }
      }
      return sum
    }
    var (moved, scratch) = (
      [Float](repeating: .nan, count: 3 * area), [Float](repeating: .nan, count: 3 * width)
    )
    superres_descend_variation(
      &moved, pixels.map(Float.init), width, height, Float(step), Float(decay), Float(edge), &scratch)
    for i in pixels.indices {
      var (more, less) = (pixels, pixels)
      (more[i], less[i]) = (more[i] + 1e-6, less[i] - 1e-6)
      let expected = pixels[i] - step * (variation(more) - variation(less)) / 2e-6
      #expect(abs(Double(moved[i]) - expected) < 2e-6)
    }
  }
}
