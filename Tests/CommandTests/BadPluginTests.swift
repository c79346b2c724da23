import Foundation
import Testing

/// A plugin in C that does what macros say while it is loaded and while it runs.
private let plugin = """
  #define _GNU_SOURCE
  #include "rtool.h"
  #include <signal.h>
  #include <stdio.h>
  #include <stdlib.h>
  #include <string.h>
  #include <unistd.h>

  #ifndef ON_LOAD
  #define ON_LOAD
  #endif
  #ifndef BODY
  #define BODY
  #endif
  #ifndef SUMMARY
  #define SUMMARY "A test"
  #endif

  __attribute__((constructor)) static void on_load(void) { ON_LOAD }

  static int32_t run(const rtool_host *host, const rtool_value *values) {
    (void)values;
    BODY
    return host->emit_text(host, "done\\n");
  }

  static const rtool_manifest manifest = {
    .struct_size = sizeof manifest, .abi = RTOOL_ABI, .param_size = sizeof(rtool_param), .name = NAME, .version = "1",
    .summary = SUMMARY, .run = run,
  };

  RTOOL_EXPORT const rtool_manifest *rtool_plugin(uint32_t host_abi) { (void)host_abi; return &manifest; }
  """

/// Plugins that do harm while they are loaded, or talk too much.
@Suite struct BadPluginTests {
  let sandbox: Sandbox
  init() throws { sandbox = try Sandbox() }

  @discardableResult
  private func compile(_ name: String, _ flags: String...) throws -> String {
    try sandbox.compilePlugin(name, plugin, flags: ["-std=c11", "-DNAME=\"\(name)\""] + flags)
  }

  private struct Row: Decodable {
    let name: String
    let summary, rejected: String?
  }

  private func rows(_ environment: [String: String]) throws -> [String: Row] {
    let outcome = try sandbox.rtool("plugins", "--json", environment: environment)
    #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(outcome.errors)")
    let rows = try JSONDecoder().decode([Row].self, from: outcome.output)
    return Dictionary(rows.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// Those of one plugin, whose name each begins with.
  private func records(of name: String) throws -> [String] {
    try records.filter { record in
      try sandbox.bytes(".cache/rtool/plugins/\(record)").starts(with: Array("\(name) for ".utf8))
    }
  }

  private var records: [String] {
    let folder = sandbox.path(".cache/rtool/plugins")
    return (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
  }

  @Test func badPluginsAreListedAndHarmNothingElse() throws {
    try compile("aborts", "-DON_LOAD=abort();")
    try compile("exits", "-DON_LOAD=exit(0);")
    try compile("leaves", "-DON_LOAD=_exit(0);")
    try compile("segfaults", "-DON_LOAD=raise(SIGSEGV);")
    try compile("sleeps", "-DON_LOAD=for (;;) pause();")
    let environment = ["RTOOL_PATH": try compile("good", "-DSUMMARY=\"A good one\"")]
    let rows = try rows(environment)
    #expect(rows["aborts"]?.rejected == "it crashed while it was loaded (SIGABRT)")
    #expect(rows["segfaults"]?.rejected == "it crashed while it was loaded (SIGSEGV)")
    #expect(rows["exits"]?.rejected == "it ended the program while it was loaded")
    #expect(rows["leaves"]?.rejected == "it ended the program while it was loaded")
    #expect(rows["sleeps"]?.rejected?.hasPrefix("it did not end within") == true)
    #expect(rows["good"]?.summary == "A good one")
    #expect(rows["inpaint"]?.rejected == nil)
    for arguments in [
      [], ["--help"], ["models"], ["classes"], ["good"], ["complete", ""], ["help", "--man"],
    ] {
      let outcome = try sandbox.run(Program.path, arguments, environment: environment)
      #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(arguments): \(outcome.errors)")
    }
    let overview = try sandbox.rtool(environment: environment).text
    #expect(overview.contains("A good one") && overview.contains("  inpaint") && !overview.contains("aborts"))
    for name in ["aborts", "sleeps", "leaves"] {
      let outcome = try sandbox.rtool(name, environment: environment)
      #expect(outcome.status == 1)
      expectOneLine(outcome.errors, contains: "librtool-\(name).so cannot be used: it ")
    }
  }

  @Test func aPluginIsTriedOnceForEachVersionOfItsFile() throws {
    let log = sandbox.path("loads")
    let counted = "-DON_LOAD=FILE *f = fopen(\"\(log)\", \"a\"); fputc('x', f); fclose(f);"
    let environment = ["RTOOL_PATH": try compile("counted", counted, "-DSUMMARY=\"First\"")]
    for _ in 0..<3 { #expect(try rows(environment)["counted"]?.summary == "First") }
    #expect(try sandbox.bytes("loads").count == 1)
    #expect(try records(of: "counted").count == 1)
    unlink(sandbox.path("plugins/librtool-counted.so"))
    try compile("counted", counted, "-DSUMMARY=\"Second\"")
    #expect(try rows(environment)["counted"]?.summary == "Second")
    #expect(try sandbox.bytes("loads").count == 2)
    // A record that is damaged is as good as none.
    for record in records { try sandbox.write(".cache/rtool/plugins/\(record)", [0xFF, 10]) }
    #expect(try rows(environment)["counted"]?.summary == "Second")
  }

  @Test func severalProcessesMeetAPluginAtOnce() throws {
    let environment = ["RTOOL_PATH": try compile("good")]
    let outcome = try sandbox.shell(
      "for i in 1 2 3 4; do rtool plugins > out$i & done; wait; cat out?", environment: environment)
    #expect(outcome.errors.isEmpty)
    #expect(outcome.text.components(separatedBy: "    A test\n").count == 5, "\(outcome.text)")
    #expect(try records(of: "good").count == 1)
    #expect(records.allSatisfy { !$0.hasPrefix(".") })
  }

  @Test func recordsThatCannotBeKeptAreNoError() throws {
    let folder = try compile("good")
    for caches in ["/proc/none", sandbox.path("plugins/librtool-good.so"), "relative"] {
      let outcome = try sandbox.rtool("good", environment: ["RTOOL_PATH": folder, "XDG_CACHE_HOME": caches])
      #expect(outcome.status == 0 && outcome.text == "done\n" && outcome.errors.isEmpty, "\(outcome.errors)")
    }
  }

  @Test func whatAPluginPrintsGoesToStandardError() throws {
    let folder = try compile(
      "chatty", "-DON_LOAD=printf(\"loaded\\n\");",
      "-DBODY=printf(\"running\\n\"); fflush(stdout); printf(\"half\");")
    let outcome = try sandbox.rtool("chatty", environment: ["RTOOL_PATH": folder])
    #expect(outcome.text == "done\n" && outcome.status == 0)
    #expect(outcome.errors == "loaded\nrunning\nhalf")
  }

  @Test func messagesOfPluginsAreBounded() throws {
    let folder = try compile(
      "loud",
      "-DBODY=static char text[1 << 20]; memset(text, 'a', sizeof text - 1); text[0] = 27; text[1] = 10;"
        + " return host->fail(host, RTOOL_FAILED, text);")
    let outcome = try sandbox.rtool("loud", environment: ["RTOOL_PATH": folder])
    #expect(outcome.status == 1)
    expectOneLine(outcome.errors, contains: "\\u{1B}", "aaa...")
    #expect(outcome.errors.utf8.count < 1200)
  }

  @Test func aManifestCannotCommandATerminal() throws {
    let folder = try compile("bright", "-DSUMMARY=\"\\033[31mred\"")
    let outcome = try sandbox.rtool("plugins", environment: ["RTOOL_PATH": folder])
    #expect(!outcome.text.contains("\u{1B}") && outcome.text.contains("[31mred"))
  }
}
