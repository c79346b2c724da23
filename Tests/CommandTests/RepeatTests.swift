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
