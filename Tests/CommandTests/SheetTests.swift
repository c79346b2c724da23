import Foundation
import Imaging
import Testing

/// --sheet, --frames, --count, and what a plugin hands over as frames or as JSON.
@Suite struct SheetTests {
  let sandbox: Sandbox
  let environment: [String: String]

  init() throws {
    sandbox = try Sandbox()
    try sandbox.compilePlugin("copy", copyPlugin)
    environment = ["RTOOL_PATH": try sandbox.compilePlugin("grow", growPlugin)]
  }

  /// Standard output is a device here, which nothing reads.
  @discardableResult
  private func grow(_ line: String, status: Int32 = 0, sourceLocation: SourceLocation = #_sourceLocation)
    throws -> Sandbox.Outcome
  {
    let outcome = try sandbox.shell("rtool grow \(line) >/dev/null", environment: environment)
    #expect(outcome.status == status, "\(outcome.errors)", sourceLocation: sourceLocation)
    return outcome
  }

  private func made(_ ending: String) -> [String] { sandbox.files.filter { $0.hasSuffix(ending) } }

  private func pages(_ name: String) throws -> Int {
    try SourceImage.open(.file(sandbox.path(name))).pageCount
  }

  // MARK: Sheets

  @Test func aSheetShowsInputAndResultSideBySide() throws {
    try sandbox.photo("in.png", width: 600, height: 512)
    let outcome = try sandbox.shell("rtool copy in.png --sheet s.png >/dev/null", environment: environment)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.errors.isEmpty)
    #expect(made(".png") == ["in.png", "s.png"])
    let (sheet, photo) = (try sandbox.open("s.png"), try sandbox.open("in.png"))
    #expect(sheet.width == 2 * 600 + 20 + 2 * 32)
    #expect(sheet.height > 512 + 64 && sheet.height < 512 + 128)
    for x in [32, 32 + 600 + 20] {
      #expect(try sheet.cropped(x: x, y: 32, width: 600, height: 512) == photo)
    }
    #expect(sheet[3, 3, 0] == 1)
    #expect(try sandbox.rtool("info", "s.png").text.contains("1. copy"))
  }

  @Test func aSheetOfAnAscentHasStagesAndAPlot() throws {
    try grow("--steps 20 --sheet s.png -o r.png")
    let sheet = try sandbox.open("s.png")
    // Start, four stages and the result, each twice as large.
    #expect(sheet.width == 6 * 128 + 5 * 20 + 2 * 32)
    #expect(sheet.height > 128 + 200)
    let shown = try sheet.cropped(x: 32 + 5 * 148, y: 32, width: 128, height: 128)
    var result = try sandbox.open("r.png").resized(width: 128, height: 128, kernel: .cubic)
    for index in result.pixels.indices { result.pixels[index] = min(max(result.pixels[index], 0), 1) }
    #expect(difference(shown, result) < 0.01)
    // The plot's blue line.
    let plot = try sheet.cropped(x: 0, y: 200, width: sheet.width, height: sheet.height - 200)
    #expect(stride(from: 0, to: plot.pixels.count, by: 3).contains { plot.pixels[$0] < 0.2 })
  }

  @Test func severalResultsMakeAGrid() throws {
    for (ending, columns, rows) in [("--images 6", 3, 2), ("--count 9 --steps 0", 3, 3)] {
      try grow("\(ending) --sheet s.webp")
      let sheet = try sandbox.open("s.webp")
      #expect(sheet.width == columns * 128 + (columns - 1) * 20 + 64)
      #expect(sheet.height > rows * 128 && sheet.height < rows * 180 + 64)
    }
    #expect(made(".png").isEmpty)
    #expect(try sandbox.rtool("info", "s.webp").text.contains("seeds 0 to 8"))
  }

  @Test func aSheetWithoutAnEndingIsPNG() throws {
    try grow("--sheet s --steps 0 --caption '<b> & \u{1F308} a caption that is far too long for its picture'")
    #expect(try sandbox.bytes("s").starts(with: [0x89, 0x50]))
  }

  // MARK: Frames

  @Test(arguments: ["webp", "gif"]) func theAscentBecomesAnAnimation(_ ending: String) throws {
    guard Imaging.canWrite(ending == "gif" ? .gif : .webp) else { return }
    try grow("--steps 5 --frames f.\(ending)")
    #expect(try pages("f.\(ending)") == 6)
    #expect(try sandbox.open("f.\(ending)").width == 64)
    #expect(try sandbox.rtool("info", "f.\(ending)").text.contains("1. grow"))
    #expect(made(".png").isEmpty)
  }

  @Test func aLongAscentIsThinnedOut() throws {
    try grow("--steps 150 --frames f.webp -o r.png")
    #expect((24...49).contains(try pages("f.webp")))
    #expect(made(".png") == ["r.png"])
  }

  @Test func framesWithoutAnAscentAreAnError() throws {
    let outcome = try grow("--steps 0 --frames f.webp", status: 1)
    expectOneLine(outcome.errors, contains: "f.webp")
    #expect(!sandbox.files.contains("f.webp"))
  }

  @Test func framesOfAPluginAreOneAnimation() throws {
    try grow("--images 4 --duration 70")
    #expect(made(".webp") == ["rtool-grow.webp"])
    #expect(try pages("rtool-grow.webp") == 4)
    #expect(try sandbox.rtool("info", "rtool-grow.webp").text.contains("images = 4"))
    let piped = try sandbox.shell("rtool grow --images 4 --duration 70 | cat", environment: environment)
    #expect([UInt8](piped.output) == (try sandbox.bytes("rtool-grow.webp")))
  }

  @Test func framesAreFilesWhereTheFormatHasNone() throws {
    try grow("--images 3 --duration 70 -o a.png")
    #expect(made(".png") == ["a-1.png", "a-2.png", "a-3.png"])
    let piped = try sandbox.shell(
      "rtool grow --images 3 --duration 70 --format png | cat; exit ${PIPESTATUS[0]}",
      environment: environment)
    #expect(piped.status == 1)
    expectOneLine(piped.errors, contains: "3 images", "-o")
  }

  @Test func framesThatDoNotFitAreTheirAuthorsMistake() throws {
    expectOneLine(
      try grow("--images 3 --duration 70 --growth 2", status: 1).errors, contains: "author", "66x66", "64x64")
    expectOneLine(try grow("--duration=-1", status: 1).errors, contains: "author", "-1 milliseconds")
    #expect(made(".webp").isEmpty)
  }

  // MARK: Series

  @Test func eachOfASeriesCanBeMadeAgainAlone() throws {
    try grow("--seed 5 --count 3 -o a.png")
    #expect(made(".png") == ["a-1.png", "a-2.png", "a-3.png"])
    for (number, seed) in [(1, 5), (2, 6), (3, 7)] {
      try grow("--seed \(seed) -o b.png")
      #expect(try sandbox.bytes("a-\(number).png") == sandbox.bytes("b.png"))
    }
    #expect(try sandbox.rtool("info", "a-2.png").text.contains("seed 6"))
    #expect(try sandbox.bytes("a-1.png") != sandbox.bytes("a-2.png"))
  }

  @Test func aSeriesIsToldWhole() throws {
    let outcome = try sandbox.rtool(
      "grow", "--count", "2", "--json", "-o", "a.png", "--sheet", "s.png", "--frames", "f.gif",
      "--steps", "2", environment: environment)
    #expect(outcome.status == 0, "\(outcome.errors)")
    struct Report: Decodable {
      struct Run: Decodable {
        struct Step: Decodable { let seed: Int }
        let outputs: [String]
        let frames: String
        let step: Step
      }
      let outputs: [String]
      let runs: [Run]
      let sheet: String
    }
    let report = try JSONDecoder().decode(Report.self, from: outcome.output)
    #expect(report.outputs == ["a-1.png", "a-2.png"])
    #expect(report.runs.map(\.outputs) == [["a-1.png"], ["a-2.png"]])
    #expect(report.runs.map(\.frames) == ["f-1.gif", "f-2.gif"])
    #expect(report.runs.map(\.step.seed) == [0, 1])
    #expect(report.sheet == "s.png")
    #expect(sandbox.files == ["a-1.png", "a-2.png", "f-1.gif", "f-2.gif", "plugins", "s.png"])
  }

  @Test func aSeriesDoesNotFitIntoAStream() throws {
    let outcome = try sandbox.rtool("grow", "--count", "2", environment: environment)
    #expect(outcome.status == 1)
    #expect(outcome.output.isEmpty)
    expectOneLine(outcome.errors, contains: "2 images", "-o")
    let texts = try sandbox.rtool(
      "grow", "--count", "2", "--images", "0", "--text", "x", environment: environment)
    #expect(texts.text == "plain\nplain\n")
  }

  // MARK: JSON

  @Test func textThatIsJSONIsPartOfTheReport() throws {
    let outcome = try sandbox.rtool(
      "grow", "--json", "--images", "0", "--text", "{\"a\": [1, 2.5, null]}\n", environment: environment)
    #expect(outcome.status == 0, "\(outcome.errors)")
    struct Report: Decodable {
      struct Result: Decodable { let a: [Double?] }
      struct Step: Decodable { let task: String }
      let outputs: [String]
      let result: Result
      let step: Step
    }
    let report = try JSONDecoder().decode(Report.self, from: outcome.output)
    #expect(report.result.a == [1, 2.5, nil])
    #expect(report.outputs.isEmpty)
    #expect(report.step.task == "grow")
    #expect(sandbox.files == ["plugins"])
  }

  @Test func textThatIsNoJSONIsItsAuthorsMistake() throws {
    let outcome = try sandbox.rtool("grow", "--json", "--text", "{a}", environment: environment)
    #expect(outcome.status == 1)
    #expect(outcome.output.isEmpty)
    expectOneLine(outcome.errors, contains: "author", "grow", "JSON")
  }

  // MARK: Wrong use

  @Test(arguments: [
    ("--sheet a.xyz", 2, "--sheet"), ("--sheet -", 2, "--sheet"), ("--sheet ''", 2, "--sheet"),
    ("--sheet no/a.png", 1, "no folder"), ("--sheet plugins", 1, "folder"),
    ("--frames a.png", 2, ".webp or .gif"), ("--frames a", 2, ".webp or .gif"),
    ("--frames no/a.gif", 1, "no folder"), ("--frames /dev/stdout", 2, "standard output"),
    ("--sheet a.png -o a.png", 2, "two outputs"), ("--count 0", 2, "--count"), ("--count 1001", 2, "--count"),
    ("--count 2 -o -", 2, "one stream"), ("--seed 9007199254740991 --count 2", 2, "--count"),
  ])
  func whatCannotBeIsToldBeforeTheWork(_ line: String, _ status: Int32, _ word: String) throws {
    let outcome = try grow("--steps 1000 \(line)", status: status)
    expectOneLine(outcome.errors, contains: word)
    #expect(sandbox.files == ["plugins"])
  }
}

/// The largest difference between two images, infinite if their shapes differ.
private func difference(_ a: FloatImage, _ b: FloatImage) -> Float {
  guard a.width == b.width, a.height == b.height, a.channels == b.channels else { return .infinity }
  return zip(a.pixels, b.pixels).map { abs($0 - $1) }.max() ?? 0
}
