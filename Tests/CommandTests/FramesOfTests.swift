import Imaging
import Testing

/// A plugin in C that lays the mask that it is given over its image, as greys.
private let printPlugin = """
  #include "rtool.h"

  static const rtool_param params[] = {
    {.name = "image", .help = "a photo", .kind = RTOOL_IMAGE, .flags = RTOOL_POSITIONAL | RTOOL_REQUIRED},
    {.name = "mask", .help = "a mask", .kind = RTOOL_MASK, .flags = RTOOL_REQUIRED},
    {.name = "loose", .help = "as an image of its own", .kind = RTOOL_BOOL},
  };

  static rtool_status run(const rtool_host *host, const rtool_value *values) {
    rtool_piece piece = {0, 0, values[1].images[0]};
    rtool_result result = {.struct_size = sizeof result, .pieces = &piece, .piece_count = 1};
    if (!values[2].numbers[0]) result.over = values[0].images[0];
    return host->emit(host, &result);
  }

  static const rtool_manifest manifest = {
    .struct_size = sizeof manifest, .abi = RTOOL_ABI, .param_size = sizeof(rtool_param),
    .param_count = sizeof params / sizeof *params, .params = params, .name = "print", .version = "1",
    .summary = "A test", .run = run,
  };

  RTOOL_EXPORT const rtool_manifest *rtool_plugin(uint32_t host_abi) { (void)host_abi; return &manifest; }
  """

/// --frames-of: animations and pages.
@Suite struct FramesOfTests {
  private let sandbox: Sandbox
  private let environment: [String: String]

  init() throws {
    sandbox = try Sandbox()
    environment = ["RTOOL_PATH": try sandbox.compilePlugin("print", printPlugin)]
    try animation("in.gif", [0.2, 0.4, 0.6, 0.8].map { grey in { _, _ in grey } })
    // A bar that moves.
    try animation("mask.gif", (0..<4).map { frame in { x, _ in x / 8 == frame ? 1 : 0 } })
    try sandbox.picture("mask.png", width: 32, height: 24, channels: 1) { x, _, _ in x < 8 ? 1 : 0 }
  }

  private func animation(_ name: String, _ frames: [(Int, Int) -> Float]) throws {
    let images = try frames.map { value in
      let pixels = (0..<32 * 24).flatMap { [Float](repeating: value($0 % 32, $0 / 32), count: 3) }
      return try ResultImage.fresh(FloatImage(width: 32, height: 24, channels: 3, pixels: pixels))
    }
    try Animation(images.map { ($0, 80) }, loops: 4).write(to: .file(sandbox.path(name)), format: .gif)
  }

  private func print(
    _ arguments: String..., status: Int32 = 0, sourceLocation: SourceLocation = #_sourceLocation
  )
    throws -> Sandbox.Outcome
  {
    let outcome = try sandbox.run(Program.path, ["print"] + arguments, environment: environment)
    #expect(outcome.status == status, "\(outcome.errors)", sourceLocation: sourceLocation)
    return outcome
  }

  private func open(_ name: String, frame: Int = 0) throws -> SourceImage {
    try SourceImage.open(.file(sandbox.path(name)), frame: frame)
  }

  /// Whether a picture is white in the bar of this frame alone.
  private func hasBar(_ frame: Int, _ image: SourceImage) throws -> Bool {
    let pixels = try image.rgb()
    return (0..<32).allSatisfy { abs(pixels[$0, 12, 0] - ($0 / 8 == frame ? 1 : 0)) < 0.02 }
  }

  @Test func everyFrameIsDoneWithItsOwnMask() throws {
    for name in ["out.gif", "out.webp", "out.tif", "out.avif"]
    where name != "out.avif" || Imaging.canWrite(.avif) {
      let outcome = try print("in.gif", "--mask", "mask.gif", "--frames-of", "all", "-o", name)
      if name == "out.tif" {
        expectOneLine(outcome.errors, contains: "TIFF does not hold how long")
      } else if name == "out.avif" {
        // Old versions of libavif do not write the number of loops, and a bar that is coded with loss is a little off.
        continue
      } else {
        #expect(outcome.errors.isEmpty)
      }
      for frame in 0..<4 {
        let image = try open(name, frame: frame)
        #expect(image.pageCount == 4)
        #expect(try hasBar(frame, image))
        guard name != "out.tif" else { continue }
        #expect(image.frameTimes?.milliseconds == [80, 80, 80, 80])
        #expect(image.frameTimes?.loops == 4)
      }
    }
    let again = try sandbox.rtool("replay", "out.gif", "--check", environment: environment)
    #expect(again.status == 0, "\(again.errors)")
    // Nothing is lost where it takes the place of its source; pages stay pages.
    _ = try print("out.tif", "--mask", "mask.png", "--frames-of", "all", "-o", "out.tif")
    #expect(try hasBar(0, open("out.tif", frame: 3)))
  }

  @Test func oneFrameIsChosen() throws {
    let outcome = try print("in.gif", "--mask", "mask.gif", "--frames-of", "3", "-o", "out.png")
    #expect(outcome.errors.isEmpty)
    #expect(try hasBar(2, open("out.png")))
    #expect(try open("out.png").pageCount == 1)
    _ = try print("in.gif", "--mask", "mask.png", "--frames-of", "3", "-o", "one.png")
    #expect(try hasBar(0, open("one.png")))
    // A still picture has one frame.
    _ = try print("out.png", "--mask", "mask.png", "--frames-of", "all", "-o", "two.png")
    #expect(try hasBar(0, open("two.png")))
  }

  @Test func theNameAndTheReportAreThoseOfOneFile() throws {
    let outcome = try sandbox.rtool(
      "print", "in.gif", "--mask", "mask.gif", "--frames-of", "all", "--json", environment: environment)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.text.contains("\"outputs\":[\"in-print.gif\"]"))
    #expect(outcome.text.contains("\"frames\":\"all\""))
    #expect(try open("in-print.gif").pageCount == 4)
  }

  @Test func whatCannotBeIsRefusedBeforeTheWork() throws {
    func refused(_ words: String..., status: Int32 = 1, contains texts: String..., line: Int = #line) throws {
      let outcome = try sandbox.run(Program.path, ["print"] + words, environment: environment)
      #expect(outcome.status == status, "line \(line): \(outcome.errors)")
      #expect(outcome.errors.split(separator: "\n").count == 1, "line \(line): \(outcome.errors)")
      for text in texts { #expect(outcome.errors.contains(text), "line \(line): \(outcome.errors)") }
    }
    let mask = ["--mask", "mask.png", "-o"]
    try refused(
      "in.gif", mask[0], mask[1], mask[2], "o.png", "--frames-of", "all", contains: "PNG holds one", "GIF")
    try refused(
      "in.gif", mask[0], mask[1], mask[2], "o.gif", "--frames-of", "9", contains: "4 frames", "no frame 9")
    try refused(
      "in.gif", mask[0], mask[1], mask[2], "o.gif", "--frames-of", "x", status: 2, contains: "--frames-of")
    try refused(
      "in.gif", mask[0], mask[1], mask[2], "o.gif", "--frames-of", "0", status: 2, contains: "--frames-of")
    try refused(
      "in.gif", mask[0], mask[1], mask[2], "o.gif", "--frames-of", "all", "--sheet", "s.png", status: 2,
      contains: "--sheet")
    try refused(
      "in.gif", mask[0], mask[1], mask[2], "in.gif", "--frames-of", "2", contains: "lose the others", "-o")
    try refused(
      "in.gif", mask[0], mask[1], mask[2], "o.gif", "--frames-of", "all", "--loose",
      contains: "one image of each frame")
    try animation("short.gif", (0..<3).map { frame in { x, _ in x / 8 == frame ? 1 : 0 } })
    try refused(
      "in.gif", "--mask", "short.gif", "-o", "o.gif", "--frames-of", "all", contains: "3 frames", "as many",
      "or one")
    _ = try print("in.gif", "--mask", "mask.gif", "--frames-of", "all", "-o", "pages.tif")
    try refused(
      "pages.tif", mask[0], mask[1], mask[2], "o.gif", "--frames-of", "all", contains: "no pages", "TIFF")
    #expect(sandbox.files.filter { $0.hasPrefix("o.") }.isEmpty)
  }

  @Test func withoutAnImageThereAreNoFrames() throws {
    let outcome = try sandbox.rtool("generate", "--frames-of", "all")
    #expect(outcome.status == 2)
    expectOneLine(outcome.errors, contains: "--frames-of")
  }
}
