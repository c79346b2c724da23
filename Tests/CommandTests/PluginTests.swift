import Foundation
import Testing

/// A plugin in C whose manifest can be spoilt by defining macros, and whose run does what a macro says.
private let bendablePlugin = """
  #include "rtool.h"

  #ifndef ABI
  #define ABI RTOOL_ABI
  #endif
  #ifndef NAME
  #define NAME "bent"
  #endif
  #ifndef PARAMS
  #define PARAMS {.name = "input", .help = "a picture", .kind = RTOOL_IMAGE, .flags = RTOOL_POSITIONAL}
  #endif
  #ifndef BODY
  #define BODY return host->emit_text(host, "done\\n");
  #endif
  #ifndef PRESET
  #define PRESET ""
  #endif

  static const rtool_param params[] = { PARAMS };
  static const rtool_preset preset = {"usual", "as it is", PRESET};

  static int32_t run(const rtool_host *host, const rtool_value *values) {
    (void)values;
    BODY
  }

  static const rtool_manifest manifest = {
    .struct_size = sizeof manifest, .abi = ABI, .param_size = sizeof(rtool_param),
    .param_count = sizeof params / sizeof params[0], .params = params, .name = NAME, .version = "1",
    .summary = "A test", .presets = &preset, .preset_count = 1, .run = run,
  };

  RTOOL_EXPORT const rtool_manifest *rtool_plugin(uint32_t host_abi) {
    (void)host_abi;
  #ifdef REFUSE
    return 0;
  #else
    return &manifest;
  #endif
  }
  """

@Suite struct PluginTests {
  let sandbox: Sandbox
  init() throws { sandbox = try Sandbox() }

  private func bent(_ flags: String..., arguments: [String] = []) throws -> Sandbox.Outcome {
    let folder = try sandbox.compilePlugin("bent", bendablePlugin, flags: flags)
    return try sandbox.run(Program.path, ["bent"] + arguments, environment: ["RTOOL_PATH": folder])
  }

  @Test func aPluginFromTheHeaderAloneRuns() throws {
    let outcome = try bent()
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.text == "done\n")
  }

  @Test(arguments: [
    ("-DABI=(9u<<16)", ["needs interface 9.0, this rtool offers 0.6"]),
    ("-DABI=((RTOOL_ABI_MAJOR<<16)|99u)", ["needs interface 0.99"]),
    ("-DNAME=\"other\"", ["other", "bent"]),
    ("-DREFUSE", ["refuses this rtool"]),
    ("-DPARAMS={.name=\"Bad_Name\",.help=\"x\"}", ["Bad_Name"]),
    ("-DPARAMS={.name=\"a\",.help=\"x\"},{.name=\"a\",.help=\"x\"}", ["two parameters"]),
    ("-DPARAMS={.name=\"output\",.help=\"x\"}", ["reserved"]),
    ("-DPARAMS={.name=\"a\",.help=\"x\",.letter='o'}", ["-o", "taken"]),
    ("-DPARAMS={.name=\"a\",.help=\"x\",.kind=77}", ["unknown kind 77"]),
    ("-DPARAMS={.name=\"a\",.help=\"x\",.kind=RTOOL_CHOICE}", ["no choices"]),
    ("-DPARAMS={.name=\"a\",.help=\"x\",.kind=RTOOL_INT,.min=4,.max=5}", ["limits"]),
    ("-DPARAMS={.name=\"a\",.help=\"x\",.kind=RTOOL_INT,.min=5,.max=4}", ["limits"]),
    ("-DPARAMS={.name=\"a\"}", ["no help"]),
    ("-DPRESET=\"nothing=3\"", ["preset", "nothing"]),
  ])
  func aBadManifestIsRefusedWithItsReason(_ flag: String, _ words: [String]) throws {
    let outcome = try bent(flag)
    #expect(outcome.status == 1)
    expectOneLine(outcome.errors, contains: "librtool-bent.so")
    for word in words { #expect(outcome.errors.contains(word), "“\(word)” is not in: \(outcome.errors)") }
  }

  @Test func aFailureOfATaskIsItsOwnWords() throws {
    let outcome = try bent(
      "-DBODY=return host->fail(host, RTOOL_FAILED, \"the sky is too blue; try another\");")
    #expect(outcome.status == 1)
    #expect(outcome.errors == "rtool bent: the sky is too blue; try another\n")
    #expect(outcome.output.isEmpty)
  }

  @Test func aTaskThatAsksForNonsenseIsToldSo() throws {
    for body in [
      "return host->ascend(host, 0, 0, 0);", "return host->emit(host, 0);",
      "return host->image_new(host, -1, 5, 3) ? 0 : RTOOL_FAILED;",
      "return host->image_new(host, 1 << 20, 1 << 20, 3) ? 0 : RTOOL_FAILED;",
      "return host->image_resize(host, host->image_new(host, 9, 9, 3), 1000000, 1000000, 0) ? 0 : RTOOL_FAILED;",
      "return host->class_seed(host, 0, 0, 1000000, 1000000) ? 0 : RTOOL_FAILED;",
      "return host->alloc(host, (size_t)-1) ? 0 : host->fail(host, RTOOL_FAILED, \"no memory\");",
      "return host->image_resize(host, 0, 5, 5, 0) ? 0 : RTOOL_FAILED;",
      "return host->logits(host, 0, 1, 0);",
    ] {
      let outcome = try bent("-DBODY=\(body)")
      #expect(outcome.status == 1, "\(body): \(outcome.errors)")
      expectOneLine(outcome.errors)
    }
  }

  @Test func pixelsThatAreNoNumbersAreNotWritten() throws {
    let outcome = try bent(
      "-DBODY=rtool_image *m = host->image_new(host, 4, 4, 3); m->data[5] = 1 / (m->data[0] * 1.0f);"
        + " rtool_piece p = {0, 0, m}; rtool_result r = {.struct_size = sizeof r, .piece_count = 1, .pieces = &p}; return host->emit(host, &r);",
      arguments: ["-o", "x.png"])
    #expect(outcome.status == 1)
    expectOneLine(outcome.errors, contains: "no numbers")
    #expect(!sandbox.files.contains("x.png"))
  }

  @Test func severalImagesAreNumbered() throws {
    let outcome = try bent(
      "-DBODY=rtool_image *m = host->image_new(host, 4, 4, 3); rtool_piece p = {0, 0, m};"
        + " rtool_result r = {.struct_size = sizeof r, .piece_count = 1, .pieces = &p}; host->emit(host, &r); return host->emit(host, &r);",
      arguments: ["-o", "x.png"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(sandbox.files.filter { $0.hasSuffix(".png") } == ["x-1.png", "x-2.png"])
  }

  @Test func whatIsNoPluginIsListedWithTheReason() throws {
    let folder = try sandbox.compilePlugin("bent", bendablePlugin)
    try sandbox.write("plugins/librtool-text.so", Array("not a library".utf8))
    try sandbox.compilePlugin("empty", "int nothing(void); int nothing(void) { return 0; }")
    try sandbox.write(
      "plugins/librtool-short.so", Array(try sandbox.bytes("plugins/librtool-bent.so").prefix(700)))
    let second = sandbox.path("second")
    try FileManager.default.createDirectory(atPath: second, withIntermediateDirectories: true)
    try sandbox.write("second/librtool-bent.so", try sandbox.bytes("plugins/librtool-bent.so"))
    let outcome = try sandbox.rtool("plugins", "--json", environment: ["RTOOL_PATH": "\(folder):\(second)"])
    #expect(outcome.status == 0)
    struct Row: Decodable {
      let name, path: String
      let rejected: String?
    }
    let rows = try JSONDecoder().decode([Row].self, from: outcome.output)
    func reason(_ name: String, _ folder: String) -> String? {
      rows.first { $0.name == name && $0.path.hasPrefix(folder + "/") }?.rejected
    }
    #expect(reason("bent", folder) == nil)
    #expect(reason("bent", second) == "shadowed by \(folder)/librtool-bent.so")
    #expect(reason("text", folder)?.contains("cannot be loaded") == true)
    #expect(reason("short", folder) != nil)
    #expect(reason("empty", folder)?.contains("no function rtool_plugin") == true)
    #expect(rows.contains { $0.name == "inpaint" && $0.rejected == nil })
  }

  @Test func theCurrentFolderIsNeverSearched() throws {
    try sandbox.compilePlugin("bent", bendablePlugin)
    try FileManager.default.moveItem(
      atPath: sandbox.path("plugins/librtool-bent.so"), toPath: sandbox.path("librtool-bent.so"))
    for path in ["", ":", ".", "plugins:."] {
      let outcome = try sandbox.rtool("bent", environment: ["RTOOL_PATH": path])
      #expect(outcome.status == 2)
      expectOneLine(outcome.errors, contains: "there is no task “bent”")
    }
  }

  @Test func theUsersFolderIsSearched() throws {
    try sandbox.compilePlugin("bent", bendablePlugin)
    let data = sandbox.path(".local/share/rtool")
    try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: true)
    try FileManager.default.moveItem(atPath: sandbox.path("plugins"), toPath: data + "/plugins")
    #expect(try sandbox.rtool("bent").text == "done\n")
  }
}
