import Imaging
import Testing

@Suite struct RepeatTests {
  private let sandbox: Sandbox
  init() throws {
    sandbox = try Sandbox()
    try sandbox.photo("in.png")
  }

  /// The same bytes as of the task in a pipe with itself.
  @Test func theResultIsTheNextInput() throws {
    let once = try sandbox.rtool("refine", "in.png", "--repeat", "3", "-o", "a.png")
    try #require(once.status == 0, "\(once.errors)")
    let piped = try sandbox.shell("rtool refine in.png | rtool refine - | rtool refine - -o b.png")
    try #require(piped.status == 0, "\(piped.errors)")
    #expect(try sandbox.bytes("a.png") == sandbox.bytes("b.png"))
    #expect(try sandbox.rtool("replay", "a.png", "--check").status == 0)
  }

  @Test func theFormatStaysThatOfTheInput() throws {
    #expect(try sandbox.rtool("refine", "in.png", "-o", "in.jpg").status == 0)
    let outcome = try sandbox.rtool("refine", "in.jpg", "--repeat", "2", "-o", "-")
    #expect(outcome.status == 0 && outcome.output.starts(with: [0xFF, 0xD8]))
  }

  /// As where the task is done once: the tables, the sampling, and the blocks that no round has met.
  @Test func aJPEGIsEncodedOnceAndKeepsItsBlocks() throws {
    try sandbox.photo("photo.png", width: 160, height: 128)
    let source = try SourceImage.open(.file(sandbox.path("photo.png"))).patched(with: [])
    try source.write(
      to: .file(sandbox.path("photo.jpg")), format: .jpeg, options: WriteOptions(quality: 71))
    let arguments = ["inpaint", "photo.jpg", "--box", "48,48,16,16", "--texture-steps", "2"]
    for (name, rounds) in [("once.jpg", "1"), ("thrice.jpg", "3")] {
      let outcome = try sandbox.run(Program.path, arguments + ["--repeat", rounds, "-o", name])
      #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(outcome.errors)")
    }
    let (photo, once) = (try sandbox.open("photo.jpg"), try sandbox.open("once.jpg"))
    let thrice = try sandbox.open("thrice.jpg")
    // Whole groups of blocks, and what the filter of the chroma reaches beyond them.
    for y in 0..<128 {
      for x in 0..<160 where !(40..<72).contains(x) || !(40..<72).contains(y) {
        for c in 0..<3 {
          #expect(thrice[x, y, c] == photo[x, y, c] && once[x, y, c] == photo[x, y, c])
        }
      }
    }
    let replayed = try sandbox.rtool("replay", "thrice.jpg", "--check")
    #expect(replayed.status == 0, "\(replayed.errors)")
  }

  @Test func whatCannotBeRepeatedIsRefused() throws {
    let folder = try sandbox.compilePlugin(
      "hello",
      """
      #include "rtool.h"
      static int32_t run(const rtool_host *host, const rtool_value *values) {
        (void)values;
        return host->emit_text(host, "hello");
      }
      static const rtool_manifest manifest = {
        .struct_size = sizeof manifest, .abi = RTOOL_ABI, .param_size = sizeof(rtool_param), .name = "hello",
        .version = "1", .summary = "A test", .run = run,
      };
      RTOOL_EXPORT const rtool_manifest *rtool_plugin(uint32_t host_abi) { (void)host_abi; return &manifest; }
      """)
    let hello = try sandbox.rtool("hello", "--repeat", "2", environment: ["RTOOL_PATH": folder])
    #expect(hello.status == 2)
    expectOneLine(hello.errors, contains: "--repeat", "hello")
    let classify = try sandbox.rtool("classify", "in.png", "--repeat", "2")
    #expect(classify.status == 2)
    expectOneLine(classify.errors, contains: "--repeat")
    #expect(sandbox.files == ["in.png", "plugins"])
  }
}
