import Foundation
import Imaging
import Testing

/// Textures that tile: `--wrap`.
@Suite struct WrapTests {
  let sandbox: Sandbox
  init() throws { sandbox = try Sandbox() }

  private func run(_ arguments: String...) throws -> FloatImage {
    let outcome = try sandbox.run(Program.path, arguments + ["-o", "out.png"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    return try sandbox.open("out.png")
  }

  /// Periods of the texture's waves divide its sides, and its grain is each pixel's own.
  private func writeTexture(_ name: String, width: Int, height: Int) throws {
    try sandbox.picture(name, width: width, height: height) { x, y, c in
      let (u, v) = (2 * Float.pi * Float(x) / Float(width), 2 * Float.pi * Float(y) / Float(height))
      let grain = Float((x * 131 + y * 197 + x * y * 7 + c * 37) % 61) / 61
      return 0.5 + 0.15 * sin(2 * u + Float(c)) + 0.15 * cos(3 * v) + 0.15 * (grain - 0.5)
    }
  }

  /// Mean differences of columns (or rows) from the ones after them, the last from the first; those that are every `period`.
  private func steps(_ image: FloatImage, alongRows: Bool, period: Int) -> (inside: [Float], wrap: Float) {
    let (length, other) = alongRows ? (image.width, image.height) : (image.height, image.width)
    func step(_ i: Int) -> Float {
      (0..<other).reduce(0) { sum, k in
        (0..<3).reduce(sum) { sum, c in
          let (a, b) =
            alongRows
            ? (image[i, k, c], image[(i + 1) % length, k, c])
            : (image[k, i, c], image[k, (i + 1) % length, c])
          return sum + abs(a - b)
        }
      } / Float(3 * other)
    }
    let all = stride(from: period - 1, to: length, by: period).map(step)
    return (Array(all.dropLast()), all.last!)
  }

  private func expectNoSeam(
    _ image: FloatImage, period: Int = 1, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    for alongRows in [true, false] {
      let (inside, wrap) = steps(image, alongRows: alongRows, period: period)
      #expect(wrap <= inside.max()!, "\(alongRows ? "columns" : "rows")", sourceLocation: sourceLocation)
    }
  }

  @Test(arguments: [["-p", "fast"], [], ["--measured", "cubic"]])
  func enlargedTexturesTile(_ options: [String]) throws {
    try writeTexture("texture.png", width: 72, height: 60)
    let outcome = try sandbox.run(
      Program.path, ["superres", "texture.png", "--wrap", "-o", "out.png"] + options)
    #expect(outcome.status == 0, "\(outcome.errors)")
    let (small, large) = (try sandbox.open("texture.png"), try sandbox.open("out.png"))
    expectNoSeam(large, period: 2)
    guard !options.contains("cubic") else { return }
    let reduced = try large.resized(width: 72, height: 60, kernel: .box)
    #expect(zip(reduced.pixels, small.pixels).allSatisfy { abs($0 - $1) < 1 / 255 })
  }

  /// A texture that is rolled comes out rolled, nearly so, since windows lie elsewhere in it.
  @Test func anEnlargedTextureHasNoBorder() throws {
    try writeTexture("texture.png", width: 48, height: 40)
    let texture = try sandbox.open("texture.png")
    try sandbox.picture("rolled.png", width: 48, height: 40) { x, y, c in
      texture[(x + 20) % 48, (y + 10) % 40, c]
    }
    let plain = try run("superres", "texture.png", "--wrap", "--factor", "2.5")
    let rolled = try run("superres", "rolled.png", "--wrap", "--factor", "2.5")
    var sum: Float = 0
    for y in 0..<100 {
      for x in 0..<120 { sum += abs(rolled[x, y, 1] - plain[(x + 50) % 120, (y + 25) % 100, 1]) }
    }
    #expect(sum / 12000 < 0.01, "off by \(sum / 12000)")
  }

  @Test func transparencyTilesToo() throws {
    try sandbox.picture("leaf.png", width: 32, height: 32, channels: 4) { x, _, c in
      c == 3 ? 0.5 + 0.4 * sin(2 * Float.pi * (Float(x) + 0.5) / 32) : 0.5
    }
    _ = try run("superres", "leaf.png", "--wrap", "-p", "fast")
    let alpha = try #require(try SourceImage.open(.file(sandbox.path("out.png"))).alpha())
    let steps = (0..<64).map { abs(alpha[$0, 20, 0] - alpha[($0 + 1) % 64, 20, 0]) }
    #expect(steps[63] > 0.03 && steps[63] <= steps.max()!)
  }

  @Test(arguments: [["-W", "96", "-H", "150"], ["-W", "160"], ["--from", "photo.png", "-W", "128"]])
  func generatedTexturesTile(_ options: [String]) throws {
    try sandbox.photo("photo.png")
    let arguments = ["generate", "--class", "flower", "--steps", "20", "--refine-steps", "10"] + options
    for isWrapped in [true, false] {
      let outcome = try sandbox.run(
        Program.path, arguments + ["-o", "out.png"] + (isWrapped ? ["--wrap"] : []))
      #expect(outcome.status == 0, "\(outcome.errors)")
      let image = try sandbox.open("out.png")
      if isWrapped {
        expectNoSeam(image)
      } else {
        let (inside, wrap) = steps(image, alongRows: true, period: 1)
        #expect(wrap > inside.max()!)
      }
    }
  }

  /// Stripes that tile, red where they are to be filled: over a corner, and all around.
  @Test(arguments: [
    ["--box=-14,-11,30,24"], ["--box", "0,40,96,20"], ["--box", "90,0,20,64", "--box", "0,20,96,8"],
  ])
  func holesAreFilledFromBeyondTheBorder(_ boxes: [String]) throws {
    func stripe(_ x: Int, _ c: Int) -> Float { [0.2, 0.5, 0.3][c] + (x / 4 % 2 == 0 ? 0.2 : 0) }
    try sandbox.picture("stripes.png", width: 96, height: 64) { x, _, c in stripe(x, c) }
    let outcome = try sandbox.run(
      Program.path, ["inpaint", "stripes.png", "--wrap", "-o", "out.png"] + boxes)
    #expect(outcome.status == 0, "\(outcome.errors)")
    let image = try sandbox.open("out.png")
    var (sum, worst): (Float, Float) = (0, 0)
    for y in 0..<64 {
      for x in 0..<96 {
        for c in 0..<3 {
          sum += abs(image[x, y, c] - stripe(x, c))
          worst = max(worst, abs(image[x, y, c] - stripe(x, c)))
        }
      }
    }
    #expect(worst < 0.15, "off by \(worst), \(sum / 18432) on average")
  }

  @Test func replayWrapsAsWell() throws {
    try writeTexture("texture.png", width: 40, height: 40)
    _ = try run("inpaint", "texture.png", "--wrap", "--box=-8,-8,16,16")
    let outcome = try sandbox.run(Program.path, ["replay", "out.png", "-o", "again.png"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(try sandbox.open("again.png") == sandbox.open("out.png"))
  }
}
