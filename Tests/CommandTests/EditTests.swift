import Foundation
import Imaging
import PixelGrid
import Testing

/// The tasks that change or enlarge an image, end to end on small pictures.
@Suite struct EditTests {
  let sandbox: Sandbox
  init() throws {
    sandbox = try Sandbox()
    try sandbox.photo("in.png")
    try sandbox.mask("mask.png")
  }

  private func run(_ arguments: String...) throws -> Sandbox.Outcome {
    let outcome = try sandbox.run(Program.path, arguments)
    #expect(outcome.status == 0, "\(arguments): \(outcome.errors)")
    return outcome
  }

  /// Losses of the objective before and after, as they are recorded.
  private func losses(_ outcome: Sandbox.Outcome) throws -> (before: Double, after: Double) {
    let match = try #require(outcome.text.firstMatch(of: /"loss" ?: ?"([-0-9.e]+) to ([-0-9.e]+)"/))
    return (try #require(Double(match.1)), try #require(Double(match.2)))
  }

  private func distance(_ a: FloatImage, _ b: FloatImage) -> Float {
    #expect(a.width == b.width && a.height == b.height)
    let sum = zip(a.pixels, b.pixels).reduce(Float(0)) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    return (sum / Float(a.pixels.count)).squareRoot()
  }

  // MARK: translate and refine

  @Test func translateGoesTowardsTheClass() throws {
    let outcome = try run(
      "translate", "in.png", "--to", "forest", "--from", "sea", "--steps", "6", "--json", "-o", "out.png")
    let losses = try losses(outcome)
    #expect(losses.after < losses.before - 0.5)
  }

  @Test(arguments: [["translate", "--to", "forest"], ["refine"]])
  func onlyTheMaskChanges(_ task: [String]) throws {
    let outcome = try sandbox.run(
      Program.path, task + ["in.png", "--mask", "mask.png", "--steps", "4", "-o", "out.png"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let (before, after) = (try sandbox.open("in.png"), try sandbox.open("out.png"))
    var changed = 0
    for y in 0..<120 {
      for x in 0..<160 {
        for c in 0..<3 where before[x, y, c] != after[x, y, c] {
          changed += 1
          #expect((60..<90).contains(x) && (40..<70).contains(y))
        }
      }
    }
    #expect(changed > 300)
  }

  @Test func strengthScalesTheChange() throws {
    for strength in ["0", "0.5", "1"] {
      _ = try run(
        "translate", "in.png", "--to", "sea", "--steps", "4", "--strength", strength, "-o", "\(strength).png")
    }
    let photo = try sandbox.open("in.png")
    #expect(photo == (try sandbox.open("0.png")))
    let (half, whole) = (
      distance(photo, try sandbox.open("0.5.png")), distance(photo, try sandbox.open("1.png"))
    )
    #expect(whole > 0.005)
    #expect(abs(half / whole - 0.5) < 0.1)
  }

  @Test func refineTellsTheClassAndStaysNear() throws {
    let outcome = try run("refine", "in.png", "--json", "-o", "out.png")
    #expect(outcome.text.contains("\"class\""))
    let losses = try losses(outcome)
    #expect(losses.after < losses.before)
    let change = distance(try sandbox.open("in.png"), try sandbox.open("out.png"))
    #expect(change > 0 && change < 0.02)
  }

  @Test(arguments: [["translate", "--to", "0"], ["refine"], ["superres"], ["sketch", "--class", "0"]])
  func oddSizesWorkAndRunsRepeat(_ task: [String]) throws {
    let model = "\(Program.root)/Tests/CommandTests/Golden/tiny.safetensors"
    for (name, width, height, channels) in [("dot.png", 1, 1, 1), ("strip.png", 90, 2, 4)] {
      try sandbox.photo(name, width: width, height: height, channels: channels)
      for output in ["a.png", "b.png"] {
        let outcome = try sandbox.run(
          Program.path, task + [name, "--model", model, "--steps", "2", "--seed", "3", "-o", output])
        #expect(outcome.status == 0, "\(task) \(name): \(outcome.errors)")
      }
      #expect(try sandbox.bytes("a.png") == sandbox.bytes("b.png"))
    }
  }

  @Test func mistakesAreTold() throws {
    func fails(_ arguments: [String], _ word: String) throws {
      let outcome = try sandbox.run(Program.path, arguments)
      #expect(outcome.status == 2)
      expectOneLine(outcome.errors, contains: word)
    }
    try fails(["translate", "in.png"], "--to")
    try fails(["translate", "in.png", "--to", "unicorn"], "unicorn")
    try fails(["translate", "in.png", "--to", "sea", "--strength", "3"], "--strength")
    try fails(["refine", "in.png", "--class", "none"], "--class none")
    try fails(["sketch", "in.png"], "--class")
    try fails(["sketch", "in.png", "--class", "sea", "--keep", "-1"], "--keep")
    try fails(["superres", "in.png", "--factor", "65"], "--factor")
    try fails(["superres", "in.png", "--width", "100"], "enlarged")
    try fails(["superres", "in.png", "--width", "400", "--factor", "2"], "give one of them")
    try fails(["superres", "in.png", "--measured", "blur"], "--measured")
    try fails(
      ["superres", "in.png", "--class", "none", "--texture", "0", "--fidelity", "0"], "to follow")
  }

  // MARK: superres

  @Test(arguments: [("box", "3", "fast"), ("cubic", "2", "balanced"), ("lanczos", "4", "fast")])
  func theResultReducesToTheInput(_ measured: String, _ factor: String, _ preset: String) throws {
    try sandbox.photo("small.png", width: 70, height: 50)
    _ = try run(
      "superres", "small.png", "-x", factor, "--measured", measured, "--preset", preset, "-o", "large.png")
    let (small, large) = (try sandbox.open("small.png"), try sandbox.open("large.png"))
    let times = try #require(Int(factor))
    #expect(large.width == 70 * times && large.height == 50 * times)
    let kernel: ResamplingKernel = measured == "box" ? .box : measured == "cubic" ? .cubic : .lanczos
    #expect(distance(try large.resized(width: 70, height: 50, kernel: kernel), small) < 0.012)
  }

  @Test func sharperThanCubicAndNearerToTheTruth() throws {
    func disc(_ x: Float, _ y: Float) -> Float {
      let r = ((x - 60) * (x - 60) + (y - 60) * (y - 60)).squareRoot()
      return min(max(40 - r + 0.5, 0), 1) * 0.6 + 0.2
    }
    try sandbox.picture("truth.png", width: 120, height: 120) { x, y, _ in disc(Float(x), Float(y)) }
    let truth = try sandbox.open("truth.png")
    let small = try truth.resized(width: 40, height: 40, kernel: .box)
    try ResultImage.fresh(small).write(to: .file(sandbox.path("small.png")))
    _ = try run("superres", "small.png", "-x", "3", "-o", "large.png")
    let cubic = try small.resized(width: 120, height: 120, kernel: .cubic)
    #expect(distance(try sandbox.open("large.png"), truth) < 0.75 * distance(cubic, truth))
  }

  /// The quality of a JPEG file says whether another network draws, and what it draws need not reduce to the file's pixels.
  @Test func whatJPEGDidIsDrawnAway() throws {
    try sandbox.photo("in.png", width: 60, height: 50)
    let image = try sandbox.open("in.png")
    for quality in [40, 98] {
      try ResultImage.fresh(image).write(
        to: .file(sandbox.path("in\(quality).jpg")), options: WriteOptions(quality: quality))
      try ResultImage.fresh(sandbox.open("in\(quality).jpg")).write(
        to: .file(sandbox.path("in\(quality).png")))
    }
    func enlarged(_ name: String, _ choice: String) throws -> [Float] {
      _ = try run("superres", name, "--preset", "fast", "--compressed", choice, "-o", "large.png")
      return try sandbox.open("large.png").pixels
    }
    #expect(try enlarged("in40.jpg", "auto") == enlarged("in40.png", "yes"))
    #expect(try enlarged("in40.png", "auto") == enlarged("in40.png", "no"))
    #expect(try enlarged("in98.jpg", "auto") == enlarged("in98.png", "no"))
    #expect(try enlarged("in40.jpg", "auto") != enlarged("in40.jpg", "no"))
    // Several stages, a size between two factors, and windows go on from there.
    for size in [["-x", "2.5"], ["-x", "10"], ["-x", "7", "--preset", "balanced", "--steps", "2"]] {
      let outcome = try sandbox.run(Program.path, ["superres", "in40.jpg", "-o", "large.png"] + size)
      #expect(outcome.status == 0, "\(outcome.errors)")
    }
  }

  @Test func windowsAndTilesLeaveNoSeams() throws {
    // Far larger than a tile and a window: a smooth field must stay smooth.
    func field(_ x: Int, _ y: Int) -> Float { 0.3 + 0.001 * Float(x) + 0.002 * Float(y) }
    try sandbox.picture("field.png", width: 110, height: 100) { x, y, _ in field(x, y) }
    _ = try run("superres", "field.png", "-x", "2", "--steps", "3", "-o", "large.png")
    let large = try sandbox.open("large.png")
    var worst: Float = 0
    for y in 1..<199 {
      for x in 1..<219 { worst = max(worst, abs(large[x, y, 0] - large[x - 1, y, 0])) }
    }
    #expect(worst < 4.5 / 255, "a step of \(worst * 255)")
  }

  @Test func depthAndTransparencyAreEnlargedToo() throws {
    try sandbox.picture("deep.png", width: 40, height: 30, channels: 4, bitDepth: 16) { x, y, channel in
      channel == 3 ? (x < 20 ? 0 : 1) : x < 20 ? 0 : 0.4 + 0.01 * Float(y)
    }
    _ = try run("superres", "deep.png", "-x", "2", "--preset", "fast", "-o", "out.png")
    let source = try SourceImage.open(.file(sandbox.path("out.png")))
    #expect(source.width == 80 && source.height == 60 && source.bitDepth == 16)
    let (alpha, colors) = (try #require(try source.alpha()), try source.rgb())
    #expect(alpha[10, 30, 0] == 0 && alpha[70, 30, 0] == 1)
    // The black under the transparent part does not darken the edge.
    for x in 38..<50 where alpha[x, 30, 0] > 0.05 {
      #expect(abs(colors[x, 30, 0] - 0.55) < 0.03, "\(colors[x, 30, 0]) at \(x)")
    }
  }

  /// Mean of each square of the result, against the pixel that it stands for.
  private func farthest(_ large: FloatImage, from small: FloatImage) throws -> Float {
    let reduced = try large.resized(width: small.width, height: small.height, kernel: .box)
    return zip(reduced.pixels, small.pixels).map { abs($0 - $1) }.max()!
  }

  /// Black strokes on white: where the result is clipped its squares have the mean of their pixel all the same.
  @Test(arguments: ["fast", "balanced"]) func whiteStaysWhiteAndSquaresKeepTheirMean(_ preset: String) throws
  {
    try sandbox.picture("paper.png", width: 150, height: 90, channels: 1) { x, y, _ in
      (20..<60).contains(x) && (30..<50).contains(y) && (x + y / 4) % 5 < 2 ? Float(x % 3) / 4 : 1
    }
    _ = try run("superres", "paper.png", "-x", "2", "--preset", preset, "-o", "large.png")
    let (small, large) = (try sandbox.open("paper.png"), try sandbox.open("large.png"))
    #expect(try farthest(large, from: small) < 1 / 255)
    let isWhite = (0..<180 * 300).allSatisfy { i in
      let (x, y) = (i % 300, i / 300)
      return small[x / 2, y / 2, 0] < 1 || large[x, y, 0] == 1
    }
    #expect(isWhite)
  }

  @Test func whatIsFlatHasNoGridOfWindows() throws {
    let paper: [Float] = [244 / 255, 240 / 255, 232 / 255]
    try sandbox.picture("flat.png", width: 160, height: 100) { x, y, c in x < 12 && y < 12 ? 0.2 : paper[c] }
    _ = try run("superres", "flat.png", "-x", "2", "-o", "large.png")
    let large = try sandbox.open("large.png")
    let isFlat = (40..<200).allSatisfy { y in
      (40..<320).allSatisfy { x in (0..<3).allSatisfy { large[x, y, $0] == paper[$0] } }
    }
    #expect(isFlat)
  }

  @Test(arguments: [
    (["--factor", "2.5"], 100, 75), (["--width", "90"], 90, 68), (["--height", "61"], 81, 61),
    (["--width", "90", "--height", "61"], 81, 61), (["--megapixels", "0.012"], 126, 95),
    (["--factor", "10"], 400, 300),
  ])
  func sizesAreAsWished(_ wish: [String], _ width: Int, _ height: Int) throws {
    try sandbox.photo("small.png", width: 40, height: 30)
    let outcome = try sandbox.run(
      Program.path, ["superres", "small.png", "--preset", "fast", "-o", "large.png"] + wish)
    #expect(outcome.status == 0, "\(outcome.errors)")
    let (small, large) = (try sandbox.open("small.png"), try sandbox.open("large.png"))
    #expect(large.width == width && large.height == height)
    let reduced = try large.resized(width: 40, height: 30, kernel: .box)
    #expect(distance(reduced, small) < 1.0 / 255)
  }

  @Test func whatCannotSucceedIsRefusedAtOnce() throws {
    try sandbox.photo("wide.png", width: 9000, height: 2)
    func fails(_ arguments: [String], _ words: String...) throws {
      let outcome = try sandbox.run(Program.path, arguments)
      #expect(outcome.status == 1)
      for word in words { expectOneLine(outcome.errors, contains: word) }
      #expect(!sandbox.files.contains { $0.hasPrefix("out") })
    }
    try fails(["superres", "wide.png", "-x", "2", "-o", "out.webp"], "WebP", "16383", "18000 x 4")
    try fails(["superres", "wide.png", "-x", "8", "-o", "out.jpg"], "JPEG", "72000 x 16")
    try fails(
      ["superres", "wide.png", "-x", "8", "--max-pixels", "1", "-o", "out.png"], "72000x16", "--max-pixels 2")
    try fails(["generate", "--width", "20000", "--height", "9", "-o", "out.webp"], "WebP")
    try sandbox.photo("wide.png", width: 16400, height: 2)
    try fails(["inpaint", "wide.png", "--box", "0,0,9,1", "-o", "out.webp"], "WebP")
    try fails(["translate", "wide.png", "--to", "sea", "-o", "out.webp"], "WebP")
  }

  @Test func greyStaysGrey() throws {
    try sandbox.photo("grey-in.png", width: 20, height: 10, channels: 1)
    _ = try run("superres", "grey-in.png", "-x", "2", "--preset", "fast", "-o", "grey.png")
    #expect(try SourceImage.open(.file(sandbox.path("grey.png"))).colourChannels == 1)
  }

  // MARK: sketch

  @Test func aDrawingIsEnlargedAndFilled() throws {
    try sandbox.picture("line.png", width: 60, height: 60, channels: 4) { x, y, channel in
      channel == 3 ? (abs(x - 30) < 2 ? 1 : 0) : 0
    }
    _ = try run("sketch", "line.png", "--class", "forest", "--steps", "3", "-o", "out.png")
    let picture = try sandbox.open("out.png")
    #expect(picture.width == 256 && picture.height == 256)
    #expect(try SourceImage.open(.file(sandbox.path("out.png"))).hasAlpha == false)
    // The line stays dark, and the paper is white no more.
    #expect(picture[128, 128, 1] < picture[40, 128, 1])
    #expect(picture[40, 128, 0] < 0.9)
    _ = try run("sketch", "line.png", "--class", "forest", "--steps", "3", "--side", "90", "-o", "small.png")
    #expect(try sandbox.open("small.png").width == 90)
  }
}
