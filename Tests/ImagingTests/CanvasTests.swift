import Imaging
import Testing

@Suite struct CanvasTests {
  private let white = Colour(0xFFFFFF), black = Colour(0)

  @Test func whatLiesOutsideIsLeftOut() {
    var canvas = Canvas(width: 4, height: 3, white)
    canvas.draw(FloatImage(width: 4, height: 3, channels: 3, filledWith: 0.25), x: 2, y: -1)
    canvas.fill(x: -5, y: 2, width: 6, height: 9, black)
    canvas.stroke([(x: -9, y: -9), (x: 50, y: -9)], thickness: 3, black)
    let reds = (0..<12).map { canvas.image[$0 % 4, $0 / 4, 0] }
    #expect(reds == [1, 1, 0.25, 0.25, 1, 1, 0.25, 0.25, 0, 1, 1, 1])
  }

  @Test func linesAreAntialiased() {
    var canvas = Canvas(width: 20, height: 9, white)
    canvas.stroke([(x: 2, y: 4.5), (x: 10, y: 4.5), (x: 18, y: 4.5)], thickness: 2, black)
    let column = (0..<9).map { canvas.image[10, $0, 0] }
    #expect(column == [1, 1, 1, 0.5, 0, 0.5, 1, 1, 1])
    #expect(canvas.image[0, 4, 0] == 1)
  }

  @Test func textIsDrawnAndFitted() throws {
    try #require(TextLine.isSupported)
    let short = try #require(TextLine("ab", size: 14))
    let long = try #require(TextLine("ab & <cd> \u{1F30A}", size: 14))
    #expect(short.width > 8 && long.width > short.width)
    #expect(try #require(TextLine(String(repeating: "wide ", count: 30), size: 14, fitting: 80)).width <= 80)
    for empty in ["", " ", "\n"] { #expect(TextLine(empty, size: 14)?.width == 0) }
    var canvas = Canvas(width: 40, height: 24, white)
    canvas.draw(short, x: 2, y: 2, black)
    #expect(canvas.image.pixels.contains { $0 < 0.2 })
    #expect(canvas.image[39, 23, 0] == 1)
  }

  @Test func thumbnailsAreSmallOpaqueCopies() throws {
    let image = FloatImage(width: 100, height: 40, channels: 3, filledWith: 0.5)
    let small = try Thumbnail(image, longestSide: 50)
    #expect((small.width, small.height) == (50, 20))
    #expect(small.image.pixels.allSatisfy { abs($0 - 0.5) < 0.01 })
    #expect(try Thumbnail(image, longestSide: 200).width == 100)
    let clear = try ResultImage.fresh(FloatImage(width: 8, height: 8, channels: 4)).thumbnail(longestSide: 4)
    #expect(clear.width == 4)
    #expect(clear.image.pixels.allSatisfy { $0 == 1 })
    let grey = try ResultImage.fresh(
      FloatImage(width: 8, height: 8, channels: 1, filledWith: 0.2), bitDepth: 16)
    #expect(try grey.thumbnail(longestSide: 8).image.pixels.allSatisfy { abs($0 - 0.2) < 0.01 })
  }
}
