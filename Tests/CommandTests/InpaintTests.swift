import Foundation
import Imaging
import Testing

/// The first task, end to end on small pictures.
@Suite struct InpaintTests {
  let sandbox: Sandbox
  init() throws {
    sandbox = try Sandbox()
    try sandbox.photo("in.png")
    try sandbox.mask("mask.png")
  }

  private func inpaint(_ arguments: String...) throws -> Sandbox.Outcome {
    try sandbox.run(Program.path, ["inpaint"] + arguments)
  }

  /// Pixels that differ between two images of one size.
  private func changed(_ a: FloatImage, _ b: FloatImage) -> Set<Int> {
    #expect(a.width == b.width && a.height == b.height)
    var changed: Set<Int> = []
    for index in a.pixels.indices where a.pixels[index] != b.pixels[index] { changed.insert(index / 3) }
    return changed
  }

  private func pixels(x: Range<Int>, y: Range<Int>, width: Int = 160) -> Set<Int> {
    Set(y.flatMap { row in x.map { row * width + $0 } })
  }

  @Test(arguments: ["fast", "balanced"])
  func pixelsOutsideTheMaskStayAsTheyWere(_ preset: String) throws {
    let outcome = try inpaint("in.png", "--mask", "mask.png", "--preset", preset, "-o", "out.png")
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.isEmpty)
    let changes = changed(try sandbox.open("in.png"), try sandbox.open("out.png"))
    let hole = pixels(x: 60..<90, y: 40..<70)
    #expect(changes.isSubset(of: hole))
    #expect(changes.count > hole.count / 2)
  }

  @Test func blocksOfAJPEGBesideTheHoleStayAsTheyWere() throws {
    try sandbox.photo("in.jpg")
    let outcome = try inpaint("in.jpg", "--mask", "mask.png", "--preset", "fast", "-o", "out.jpg")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let changes = changed(try sandbox.open("in.jpg"), try sandbox.open("out.jpg"))
    // Blocks of 16 pixels about the hole, and one pixel that chroma's filter reaches.
    #expect(changes.isSubset(of: pixels(x: 47..<97, y: 31..<81)))
    #expect(changes.count > 30 * 30 / 2)
  }

  @Test func theFillIsLikeItsSurroundings() throws {
    // Stripes with a hole full of red: what replaces it must be stripes again, of the right colours.
    try sandbox.picture("stripes.png", width: 128, height: 128) { x, y, channel in
      (50..<76).contains(x) && (50..<76).contains(y)
        ? (channel == 0 ? 1 : 0) : [0.2, 0.5, 0.3][channel] + (y / 4 % 2 == 0 ? 0.2 : 0)
    }
    let outcome = try inpaint("stripes.png", "--box", "50,50,26,26", "-o", "out.png")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let image = try sandbox.open("out.png")
    var worst: Float = 0
    for y in 50..<76 {
      for x in 50..<76 {
        for channel in 0..<3 {
          worst = max(worst, abs(image[x, y, channel] - image[20, y, channel]))
        }
      }
    }
    #expect(worst < 0.15, "the stripes are off by \(worst)")
  }

  @Test func aClearSkyStaysClear() throws {
    func sky(_ y: Int, _ channel: Int) -> Float { [0.35, 0.55, 0.8][channel] + Float(y) * 0.001 }
    try sandbox.picture("sky.png", width: 160, height: 160) { _, y, channel in sky(y, channel) }
    let outcome = try inpaint("sky.png", "--box", "40,40,70,70", "-o", "out.png")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let image = try sandbox.open("out.png")
    var worst: Float = 0
    for y in 40..<110 {
      for x in 40..<110 {
        for channel in 0..<3 { worst = max(worst, abs(image[x, y, channel] - sky(y, channel))) }
      }
    }
    #expect(worst < 3 / 255, "the sky is off by \(worst)")
  }

  @Test func boxesMasksAndTheirInverseAgree() throws {
    let hole = pixels(x: 60..<90, y: 40..<70)
    try sandbox.picture("inverse.png", width: 160, height: 120, channels: 1) { x, y, _ in
      hole.contains(y * 160 + x) ? 0 : 1
    }
    #expect(try inpaint("in.png", "-m", "mask.png", "-p", "fast", "-o", "a.png").status == 0)
    #expect(try inpaint("in.png", "--box", "60,40,30,30", "-p", "fast", "-o", "b.png").status == 0)
    #expect(try inpaint("in.png", "-m", "inverse.png", "-i", "-p", "fast", "-o", "c.png").status == 0)
    let first = try sandbox.open("a.png")
    #expect(first == (try sandbox.open("b.png")))
    #expect(first == (try sandbox.open("c.png")))
  }

  @Test func severalHolesSomeAtTheBorder() throws {
    let outcome = try inpaint(
      "in.png", "--box", "0,0,20,15", "--box", "140,100,40,40", "--box", "70,50,8,8", "-p", "fast", "-o",
      "out.png")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let changes = changed(try sandbox.open("in.png"), try sandbox.open("out.png"))
    let holes = [
      pixels(x: 0..<20, y: 0..<15), pixels(x: 140..<160, y: 100..<120), pixels(x: 70..<78, y: 50..<58),
    ]
    #expect(changes.isSubset(of: holes.reduce([]) { $0.union($1) }))
    for hole in holes { #expect(!changes.isDisjoint(with: hole)) }
  }

  @Test func transparencyIsFilledAndBecomesOpaque() throws {
    try sandbox.picture("clear.png", width: 96, height: 96, channels: 4) { x, y, channel in
      channel == 3
        ? ((30..<50).contains(x) && (30..<50).contains(y) ? 0 : 1) : 0.4 + 0.02 * Float((x / 3 + y / 5) % 5)
    }
    let outcome = try inpaint("clear.png", "--mask-alpha", "-p", "fast", "-o", "out.png")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let alpha = try #require(try SourceImage.open(.file(sandbox.path("out.png"))).alpha())
    #expect(alpha.pixels.allSatisfy { $0 == 1 })
  }

  /// A photo of one texture, erased softly around a place: alpha falls from 1 to 0 over a few pixels.
  private func writeErased(_ name: String, isPremultiplied: Bool) throws {
    try sandbox.picture(name, width: 96, height: 96, channels: 4) { x, y, channel in
      let alpha = min(max((hypot(Float(x) - 48, Float(y) - 48) - 12) / 12, 0), 1)
      if channel == 3 { return alpha }
      return (0.5 + 0.02 * Float((x / 3 + y / 5) % 5)) * (isPremultiplied ? alpha : 1)
    }
  }

  @Test(arguments: [false, true]) func whatWasErasedSoftlyLeavesNoRing(_ isPremultiplied: Bool) throws {
    try writeErased("erased.png", isPremultiplied: isPremultiplied)
    let outcome = try inpaint("erased.png", "--mask-alpha", "-p", "fast", "-o", "out.png")
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.errors.contains("multiplied by its alpha") == isPremultiplied, "\(outcome.errors)")
    let result = try SourceImage.open(.file(sandbox.path("out.png")))
    #expect(try #require(try result.alpha()).pixels.allSatisfy { $0 == 1 })
    #expect(try result.rgb().pixels.allSatisfy { $0 > 0.47 && $0 < 0.61 })
  }

  @Test func greyMasksBlend() throws {
    try sandbox.picture("soft.png", width: 160, height: 120, channels: 1) { x, y, _ in
      (60..<90).contains(x) && (40..<70).contains(y) ? Float(x - 59) / 31 : 0
    }
    #expect(try inpaint("in.png", "-m", "soft.png", "-p", "fast", "-o", "out.png").status == 0)
    let (before, after) = (try sandbox.open("in.png"), try sandbox.open("out.png"))
    func change(_ x: Int) -> Float {
      (40..<70).reduce(0) { $0 + abs(before[x, $1, 0] - after[x, $1, 0]) }
    }
    #expect((60..<66).map(change).reduce(0, +) < (84..<90).map(change).reduce(0, +))
  }

  @Test(arguments: [
    (["in.png"], 2, "nothing says what to fill"),
    (["in.png", "--box", "500,500,10,10"], 1, "outside the photo"),
    (["in.png", "--box", "0,0,160,120"], 1, "nothing is left"),
    (["in.png", "--mask-alpha"], 1, "transparent"),
    (["in.png", "--mask-invert"], 2, "--mask"),
    (["--mask", "mask.png"], 2, "IMAGE is missing"),
  ])
  func aHoleThatMakesNoSenseIsAnError(_ arguments: [String], _ status: Int, _ words: String) throws {
    let outcome = try sandbox.run(Program.path, ["inpaint", "-o", "out.png"] + arguments)
    #expect(outcome.status == Int32(status), "\(outcome.errors)")
    expectOneLine(outcome.errors, contains: words)
    #expect(!sandbox.files.contains("out.png"))
  }

  @Test func emptyAndWrongMasksAreErrors() throws {
    try sandbox.mask("empty.png", x: 0..<0)
    try sandbox.mask("full.png", x: 0..<160, y: 0..<120)
    try sandbox.mask("small.png", width: 80, height: 60)
    let empty = try inpaint("in.png", "-m", "empty.png", "-o", "out.png")
    #expect(empty.status == 1)
    expectOneLine(empty.errors, contains: "nothing to fill", "white")
    let full = try inpaint("in.png", "-m", "full.png", "-o", "out.png")
    #expect(full.status == 1)
    expectOneLine(full.errors, contains: "nothing is left")
    let small = try inpaint("in.png", "-m", "small.png", "-o", "out.png")
    #expect(small.status == 1)
    expectOneLine(small.errors, contains: "80x60", "160x120")
    #expect(!sandbox.files.contains("out.png"))
  }

  @Test(arguments: [(1, 2), (2, 1), (7, 5), (16, 300), (33, 33)])
  func tinyAndOddPicturesAreFilled(_ width: Int, _ height: Int) throws {
    try sandbox.photo("tiny.png", width: width, height: height)
    let outcome = try inpaint("tiny.png", "--box", "0,0,1,1", "-o", "out.png")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let image = try sandbox.open("out.png")
    #expect(image.width == width && image.height == height)
  }

  @Test func theSameSeedGivesTheSameBytesAtAnyNumberOfThreads() throws {
    for (name, threads) in [("a", "1"), ("b", "2"), ("c", "3")] {
      let outcome = try inpaint("in.png", "-m", "mask.png", "-t", threads, "-s", "5", "-o", "\(name).png")
      #expect(outcome.status == 0, "\(outcome.errors)")
    }
    let first = try sandbox.bytes("a.png")
    #expect(first == (try sandbox.bytes("b.png")))
    #expect(first == (try sandbox.bytes("c.png")))
  }

  /// The mean of what is known, or of all the photo as it is given.
  @Test func theMeanIsThatOfTheSurroundingsOrOfThePhoto() throws {
    try sandbox.picture("two.png", width: 100, height: 100) { x, y, c in
      (30..<70).contains(x) && (30..<70).contains(y) ? 1 : 0.25 * Float(c + 1)
    }
    for (start, share) in [("mean", Float(0)), ("photo-mean", 0.16)] {
      let outcome = try inpaint(
        "two.png", "--box", "30,30,40,40", "--start", start, "--texture", "0", "-o", "out.png")
      #expect(outcome.status == 0, "\(outcome.errors)")
      let image = try sandbox.open("out.png")
      for c in 0..<3 {
        let known = 0.25 * Float(c + 1)
        let expected = known + share * (1 - known)
        #expect(abs(image.pixels[3 * (50 * 100 + 50) + c] - expected) < 0.005, "\(start)")
      }
    }
  }

  @Test(arguments: ["mean", "photo-mean", "harmonic", "exemplar"])
  func everyStartAndConstraintWorks(_ start: String) throws {
    for constraint in ["hard", "soft"] {
      let outcome = try inpaint(
        "in.png", "-m", "mask.png", "--start", start, "--constraint", constraint, "-c", "auto", "--steps",
        "3", "-o",
        "out.png")
      #expect(outcome.status == 0, "\(outcome.errors)")
      let changes = changed(try sandbox.open("in.png"), try sandbox.open("out.png"))
      #expect(changes.isSubset(of: pixels(x: 60..<90, y: 40..<70)))
    }
  }

  @Test func thePublishedSettingsRun() throws {
    let outcome = try inpaint(
      "in.png", "-m", "mask.png", "--preset", "paper", "--steps", "5", "-o", "out.png")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let changes = changed(try sandbox.open("in.png"), try sandbox.open("out.png"))
    #expect(changes.isSubset(of: pixels(x: 60..<90, y: 40..<70)))
  }

  @Test func theResultTellsHowItWasMade() throws {
    #expect(
      try inpaint("in.png", "-m", "mask.png", "-s", "7", "-c", "sea", "-p", "fast", "-o", "a.png").status == 0
    )
    #expect(try inpaint("a.png", "--box", "1,1,4,4", "-p", "fast", "-o", "b.webp", "--lossless").status == 0)
    let info = try sandbox.rtool("info", "b.webp", "--json")
    struct Info: Decodable {
      struct Step: Decodable {
        struct Model: Decodable { let name, sha256: String }
        let task: String
        let seed: UInt64
        let model: Model
        let preset: String
        let parameters: [String: [String]]
      }
      let steps: [Step]
    }
    let steps = try JSONDecoder().decode(Info.self, from: info.output).steps
    #expect(steps.map(\.task) == ["inpaint", "inpaint"])
    #expect(steps.first?.seed == 7)
    #expect(steps.first?.preset == "fast")
    #expect(steps.first?.parameters["mask"] == ["mask.png"])
    #expect(steps.first?.parameters["class"] == ["33:1"])
    #expect(steps.first?.model.name == "photos")
    #expect(steps.first?.model.sha256.count == 64)
    #expect(steps.last?.parameters["box"] == ["1,1,4,4"])
    #expect(try sandbox.rtool("info", "in.png").text.contains("nothing in it says"))
  }

  @Test func interruptionLeavesNoFile() throws {
    try sandbox.photo("large.png", width: 600, height: 500)
    let outcome = try sandbox.shell(
      """
      "\(Program.path)" inpaint large.png --box 100,100,300,250 --texture-steps 100000 -o out.png & pid=$!
      sleep 1.5; kill -INT $pid; wait $pid; echo $?
      """)
    #expect(outcome.text == "130\n", "\(outcome.errors)")
    #expect(sandbox.files.filter { $0.contains("out") || $0.hasPrefix(".") }.isEmpty == true)
  }
}
