import Imaging
import PixelGrid
import Testing

/// Reading large pictures at a fraction of their size.
@Suite struct ReductionTests {
  @Test(arguments: [
    (Format.jpeg, 200, 1, 0.0), (.jpeg, 150, 2, 0.006), (.png, 75, 4, 0.003), (.jpeg, 37, 8, 0.01),
    (.webp, 30, 8, 0.01),
    (.tiff, 75, 4, 0.003),
  ])
  func moreIsLeftThanIsWanted(_ format: Format, _ side: Int, _ factor: Int, _ most: Double) throws {
    let scratch = try Scratch()
    let path = scratch.file("a.\(format.extensions[0])")
    let image = FloatImage(
      width: 1601, height: 1203, channels: 3,
      pixels: (0..<1601 * 1203 * 3).map { i in
        let (x, y) = (i / 3 % 1601, i / 3 / 1601)
        return 0.2 + 0.6 * Float((x + 40 * (i % 3)) % 800) / 800 * Float(y) / 1203
      })
    try ResultImage.fresh(image).write(to: .file(path))
    let whole = try SourceImage.open(.file(path)).rgb()
    let reduced = try SourceImage.open(.file(path), shorterSide: side, digest: true)
    // JPEG leaves out what does not fill a pixel.
    let rest = format == .jpeg ? 0 : factor - 1
    #expect(reduced.width == (1601 + rest) / factor && reduced.height == (1203 + rest) / factor)
    #expect(min(reduced.width, reduced.height) >= 4 * side)
    #expect(reduced.digest == (try SourceImage.open(.file(path), digest: true).digest))
    let size = (width: 4 * side / 3, height: side)
    let (a, b) = (
      try whole.resized(width: size.width, height: size.height, kernel: .box),
      try reduced.rgb().resized(width: size.width, height: size.height, kernel: .box)
    )
    let off = zip(a.pixels, b.pixels).reduce(0.0) { $0 + Double(abs($1.0 - $1.1)) } / Double(a.pixels.count)
    #expect(off <= most, "off by \(off)")
  }
}
