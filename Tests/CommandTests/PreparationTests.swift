import Foundation
import Testing

/// A plugin in C that prepares a table once, and tells when it does and what is in it.
private let tablePlugin = #"""
  #include "rtool.h"
  #include <stdio.h>

  static const rtool_param params[] = {
    {.name = "image", .help = "a photo", .kind = RTOOL_IMAGE, .flags = RTOOL_POSITIONAL},
    {.name = "order", .help = "which table", .kind = RTOOL_INT, .initial = 2, .min = 1, .max = 9},
    {.name = "rival", .help = "another model", .kind = RTOOL_MODEL},
  };

  #ifndef BYTES
  #define BYTES 16 * sizeof(double)
  #endif
  #ifndef MADE
  #define MADE RTOOL_OK
  #endif

  static rtool_status make(const rtool_host *host, void *memory, void *user) {
    double *table = memory;
    float weights[4096];
    if ((size_t)memory % 64 || table[15]) return host->fail(host, RTOOL_FAILED, "not zeroed or not aligned");
    if (host->class_weights(host, 1, weights) != RTOOL_OK) return RTOOL_FAILED;
    for (int i = 0; i < 16; i++) table[i] = weights[0] * *(const int *)user;
    host->log(host, RTOOL_LOG_NOTE, "prepared");
    return MADE;
  }

  static rtool_status tell(const rtool_host *host, int order) {
    char key[40], text[200];
    snprintf(key, sizeof key, "table-%d", order);
    const double *table = host->prepared(host, key, BYTES, make, &order);
    if (!table) return RTOOL_FAILED;
    snprintf(text, sizeof text, "%d %g\n", (int)host->seed, table[15]);
    return host->emit_text(host, text);
  }

  static rtool_status run(const rtool_host *host, const rtool_value *values) {
    int order = (int)values[1].numbers[0];
    rtool_status status = tell(host, order);
    if (status == RTOOL_OK && values[2].count) status = tell(host->with_model(host, values[2].texts[0]), order);
    if (status != RTOOL_OK || !values[0].count) return status;
    rtool_piece piece = {0, 0, values[0].images[0]};
    rtool_result result = {.struct_size = sizeof result, .pieces = &piece, .piece_count = 1};
    return host->emit(host, &result);
  }

  static const rtool_manifest manifest = {
    .struct_size = sizeof manifest, .abi = RTOOL_ABI, .param_size = sizeof(rtool_param), .param_count = 3,
    .params = params, .name = "table", .version = "1", .summary = "A test", .run = run,
  };

  RTOOL_EXPORT const rtool_manifest *rtool_plugin(uint32_t host_abi) { (void)host_abi; return &manifest; }
  """#

/// What a plugin prepares once for the runs of a process.
@Suite struct PreparationTests {
  private let sandbox: Sandbox
  init() throws { sandbox = try Sandbox() }

  private func table(_ arguments: String..., flags: [String] = []) throws -> Sandbox.Outcome {
    let folder = try sandbox.compilePlugin("table", tablePlugin, flags: flags)
    return try sandbox.run(Program.path, ["table"] + arguments, environment: ["RTOOL_PATH": folder])
  }

  private func timesPrepared(_ outcome: Sandbox.Outcome) -> Int {
    outcome.errors.split(separator: "\n").count { $0.hasSuffix("prepared") }
  }

  @Test func allRunsShareIt() throws {
    let outcome = try table("--count", "3")
    let lines = outcome.text.split(separator: "\n").map { $0.split(separator: " ") }
    #expect(lines.map { $0[0] } == ["0", "1", "2"], "\(outcome.errors)")
    #expect(Set(lines.map { $0[1] }).count == 1)
    #expect(timesPrepared(outcome) == 1)
    #expect(try table("--count", "3").text == outcome.text)
  }

  @Test func repetitionsShareIt() throws {
    try sandbox.photo("photo.png")
    let outcome = try table("photo.png", "--repeat", "3", "-o", "out.png")
    #expect(outcome.status == 0 && timesPrepared(outcome) == 1, "\(outcome.errors)")
  }

  @Test func manyInputsShareIt() throws {
    for name in ["a.png", "b.png", "c.png"] { try sandbox.photo(name) }
    let outcome = try table("a.png", "b.png", "c.png", "--jobs", "2", "--output-dir", "out")
    #expect(outcome.status == 0 && timesPrepared(outcome) == 1, "\(outcome.errors)")
  }

  @Test func eachModelHasItsOwn() throws {
    let outcome = try table(
      "--count", "2", "--rival", "\(Program.root)/Tests/CommandTests/Golden/tiny.safetensors")
    let lines = outcome.text.split(separator: "\n")
    #expect(timesPrepared(outcome) == 2, "\(outcome.errors)")
    #expect(lines.count == 4 && lines[0] != lines[1], "\(outcome.text)")
  }

  @Test func whatCannotBePreparedEndsTheTask() throws {
    let failed = try table("-q", flags: ["-DMADE=RTOOL_FAILED"])
    #expect(failed.status == 1)
    expectOneLine(failed.errors, contains: "“table-2” could not be prepared")
    let stopped = try table("-q", flags: ["-DMADE=RTOOL_STOPPED"])
    #expect(stopped.status == 130)
    let other = try table("-q", "--count", "2", flags: ["-DBYTES=(host->seed ? 256 : 128)"])
    #expect(other.status == 1)
    expectOneLine(other.errors, contains: "was prepared with 128 bytes, and now 256 are asked for")
  }

  @Test func suchAPluginPassesItsCheck() throws {
    let folder = try sandbox.compilePlugin("table", tablePlugin)
    let outcome = try sandbox.rtool("check", "table", "--rounds", "2", environment: ["RTOOL_PATH": folder])
    #expect(outcome.status == 0, "\(outcome.text)")
  }
}
