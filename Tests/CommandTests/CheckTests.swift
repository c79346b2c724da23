import Foundation
import Testing

/// A plugin in C that breaks one promise, told by a macro.
private let brokenPlugin = """
  #define _GNU_SOURCE
  #include "rtool.h"
  #include <pthread.h>
  #include <signal.h>
  #include <stdio.h>
  #include <stdlib.h>
  #include <time.h>
  #include <unistd.h>

  #ifndef BEFORE
  #define BEFORE
  #endif
  #ifndef HELP
  #define HELP "the photo"
  #endif

  static const rtool_param params[] = {
    {.name = "image", .kind = RTOOL_IMAGE, .flags = RTOOL_POSITIONAL | RTOOL_REQUIRED, .help = HELP},
    {.name = "amount", .kind = RTOOL_REAL, .initial = 0.5, .max = 1, .help = "how much"},
  };

  struct handover { const rtool_host *host; rtool_image *out; const rtool_image *photo; };

  static inline void *hand_over(void *user) {
    struct handover *over = user;
    rtool_piece piece = {0, 0, over->out};
    rtool_result result = {.struct_size = sizeof result, .over = over->photo, .pieces = &piece, .piece_count = 1};
    over->host->emit(over->host, &result);
    return 0;
  }

  #ifndef LOGITS
  #define LOGITS 2
  #define IMAGE 1
  #define FEATURES 1
  #endif

  static rtool_status squares(void *user, rtool_evaluation *e) {
    (void)user;
    int32_t pixels = 3 * e->image->width * e->image->height;
    for (int32_t c = 0; c < e->class_count; c++) {
      e->loss += e->logits[c] * e->logits[c] / (float)e->class_count;
      e->logit_gradient[c] = LOGITS * e->logits[c] / (float)e->class_count;
    }
    for (int32_t i = 0; i < pixels; i++) {
      e->loss += e->image->data[i] / (float)pixels;
      e->image_gradient->data[i] = IMAGE / (float)pixels;
    }
    for (int32_t c = 0; c < e->features->channels; c++) {
      e->loss += e->features->data[c] / (float)e->features->channels;
      e->feature_gradients->data[c] = FEATURES / (float)e->features->channels;
    }
    return RTOOL_OK;
  }

  static inline rtool_status ascend(const rtool_host *host, const rtool_image *photo) {
    const char *layers[] = {0};
    rtool_term term = {.kind = RTOOL_TERM_CUSTOM, .weight = 1, .custom = squares, .layers = layers, .layer_count = 1};
    rtool_objective objective = {sizeof objective, sizeof term, &term, 1};
    rtool_ascent ascent = {.struct_size = sizeof ascent, .count = 1, .steps = 2, .step_size = 0.1};
    ascent.start = host->image_resize(host, photo, 48, 40, RTOOL_FILTER_BOX);
    rtool_outcome outcome = {.struct_size = sizeof outcome};
    rtool_status status = host->ascend(host, &objective, &ascent, &outcome);
    if (status != RTOOL_OK) return status;
    rtool_piece piece = {0, 0, 0};
    piece.image = host->image_resize(host, outcome.images, photo->width, photo->height, RTOOL_FILTER_BOX);
    rtool_result result = {.struct_size = sizeof result, .over = photo, .pieces = &piece, .piece_count = 1};
    return host->emit(host, &result);
  }

  static int32_t run(const rtool_host *host, const rtool_value *values) {
    const rtool_image *photo = values[0].images[0];
    double amount = values[1].numbers[0];
    rtool_image *out = host->image_new(host, photo->width, photo->height, 3);
    if (!out) return RTOOL_FAILED;
    for (int32_t i = 0; i < photo->width * photo->height * 3; i++)
      out->data[i] = (float)(amount * photo->data[i]);
    BEFORE
    rtool_piece piece = {0, 0, out};
    rtool_result result = {.struct_size = sizeof result, .over = photo, .pieces = &piece, .piece_count = 1};
    return host->emit(host, &result);
  }

  static const rtool_manifest manifest = {
    .struct_size = sizeof manifest, .abi = RTOOL_ABI, .param_size = sizeof(rtool_param), .param_count = 2,
    .params = params, .name = "broken", .version = "1", .summary = "Break a promise", .run = run,
  };

  #ifndef ENTRY
  #define ENTRY
  #endif
  #ifdef ON_LOAD
  __attribute__((constructor)) static void on_load(void) { ON_LOAD }
  #endif
  RTOOL_EXPORT const rtool_manifest *rtool_plugin(uint32_t host_abi) { (void)host_abi; ENTRY return &manifest; }
  """

@Suite struct CheckTests {
  let sandbox: Sandbox
  init() throws { sandbox = try Sandbox() }

  /// Of a run that is not to be ended, in seconds.
  private static let timeLimit = "\(Spawn.longest / 2)"
  /// The promises are the plugins' own, whatever the network: by a small one they are soon found out.
  private let environment = ["RTOOL_MODEL": "\(Program.root)/Tests/CommandTests/Golden/tiny.safetensors"]

  private struct Finding: Decodable {
    let check, outcome, text: String
  }

  /// The checks of the broken plugin, by name.
  private func findings(_ flags: String..., limit: String = Self.timeLimit) throws -> [String: Finding] {
    let folder = try sandbox.compilePlugin("broken", brokenPlugin, flags: ["-std=c11"] + flags)
    let outcome = try sandbox.rtool(
      "check", "\(folder)/librtool-broken.so", "--json", "--rounds", "2", "--time-limit", limit,
      environment: environment)
    let list = try JSONDecoder().decode([Finding].self, from: outcome.output)
    #expect(outcome.status == (list.contains { $0.outcome == "FAILED" } ? 1 : 0), "\(outcome.errors)")
    return Dictionary(list.map { ($0.check, $0) }, uniquingKeysWith: { $1 })
  }

  private func failed(_ findings: [String: Finding]) -> [String] {
    findings.values.filter { $0.outcome == "FAILED" }.map(\.check).sorted()
  }

  @Test(arguments: try FileManager.default.contentsOfDirectory(atPath: "\(Program.root)/Plugins").sorted())
  func aBundledTaskPasses(_ task: String) throws {
    // By a small network these would be done before they could be interrupted.
    let isQuick = ["classify", "generate", "refine"].contains(task)
    let outcome = try sandbox.rtool(
      "check", task, "--rounds", "2", "--time-limit", Self.timeLimit,
      environment: isQuick ? [:] : environment)
    #expect(outcome.status == 0, "\(outcome.text)")
    #expect(outcome.text.split(separator: "\n").allSatisfy { $0.hasPrefix("ok ") }, "\(outcome.text)")
    #expect(sandbox.files.isEmpty)
  }

  @Test(arguments: [Examples.nudge, Examples.ofHeader])
  func anExamplePasses(_ source: String) throws {
    let folder = try sandbox.compilePlugin("nudge", source)
    let outcome = try sandbox.rtool(
      "check", "nudge", "--rounds", "2", "--time-limit", Self.timeLimit,
      environment: environment.merging(["RTOOL_PATH": folder]) { $1 })
    #expect(outcome.status == 0, "\(outcome.text)")
  }

  @Test func aPluginThatKeepsItsPromisesPasses() throws {
    let findings = try findings()
    #expect(failed(findings) == [])
    #expect(findings.values.allSatisfy { $0.outcome == "ok" }, "\(findings)")
  }

  @Test(arguments: [
    ("-DBEFORE=if (photo->width < 4) raise(11);", ["sizes"], "SIGSEGV"),
    ("-DBEFORE=if (photo->height == 200) abort();", ["sizes"], "1x200"),
    (
      "-DBEFORE=struct timespec t; clock_gettime(CLOCK_REALTIME, &t); srand((unsigned)t.tv_nsec);"
        + " for (int i = 0; i < photo->width; i++) out->data[i] = (float)rand() / (float)RAND_MAX;", ["seed"],
      "other bytes"
    ),
    ("-DBEFORE=out->data[0] = 1.0f / (host->threads + 1);", ["threads"], "--threads 2"),
    ("-DBEFORE=float zero = 0; out->data[7] = zero / zero;", ["pixels"], "no numbers"),
    (
      "-DBEFORE=FILE *f = fopen(values[0].texts[0], \"ab\"); fputc(1, f); fclose(f);", ["inputs"],
      "changed by"
    ),
    ("-DBEFORE=if (amount != 0.5) abort();", ["values"], "SIGABRT"),
    ("-DHELP=\"The photo.\"", ["manifest"], "full stop"),
    ("-DENTRY=abort();", ["load"], "crashed"),
    ("-DENTRY=return 0;", ["load"], "refuses"),
    ("-DENTRY=exit(0);", ["load"], "ended the program while it was loaded"),
    ("-DON_LOAD=exit(0);", ["load"], "ended the program while it was loaded"),
    ("-DBEFORE=exit(0);", ["run"], "called exit() while it was running"),
    ("-DBEFORE=printf(\"so far\");", ["run"], "printed to standard output"),
    ("-DBEFORE=photo->data[0] = 0.25f;", ["run"], "wrote into the pixels of"),
    ("-DBEFORE=if (photo->width == 3) photo->data[5] += 0.25f;", ["sizes"], "wrote into the pixels of"),
    (
      "-DBEFORE=if (photo->width < 4) { fprintf(stderr, \"a\\nb\\n\"); return host->fail(host, 2, \"too small\"); }",
      ["sizes"], "lines"
    ),
    (
      "-DBEFORE=if (photo->width < 4) return host->fail(host, RTOOL_USAGE, \"too small\");", ["sizes"],
      "too small"
    ),
  ])
  func aBrokenPromiseFailsItsCheck(_ flag: String, _ checks: [String], _ words: String) throws {
    let findings = try findings(flag)
    #expect(failed(findings) == checks, "\(findings)")
    #expect(findings[checks[0]]?.text.contains(words) == true, "\(findings)")
  }

  @Test func handingOverOnAnotherThreadFails() throws {
    let findings = try findings(
      "-pthread",
      "-DBEFORE=pthread_t thread; struct handover over = {host, out, photo};"
        + " pthread_create(&thread, 0, hand_over, &over); pthread_join(thread, 0); return RTOOL_OK;")
    #expect(failed(findings) == ["run"], "\(findings)")
    #expect(findings["run"]?.text.contains("on another thread") == true)
  }

  /// The term is the mean of the squared logits and of the pixels, the logits of the representation doubled.
  @Test(
    arguments: [
      ("2", "1", "1", nil), ("-2", "1", "1", "with respect to the logits"),
      ("4", "1", "1", "with respect to the logits"),
      ("2", "0", "1", "with respect to the image"), ("2", "1", "-1", "with respect to layer representation"),
    ] as [(String, String, String, String?)])
  func aWrongGradientIsFound(_ logits: String, _ image: String, _ features: String, _ fault: String?) throws {
    let findings = try findings(
      "-DLOGITS=\(logits)", "-DIMAGE=\(image)", "-DFEATURES=\(features)",
      "-DBEFORE=return ascend(host, photo);")
    #expect(failed(findings) == (fault == nil ? [] : ["run"]), "\(findings)")
    if let fault { #expect(findings["run"]?.text.contains(fault) == true, "\(findings)") }
  }

  @Test func aLibraryThatHangsWhileItIsLoadedIsEnded() throws {
    let findings = try findings("-DON_LOAD=sleep(100000);", limit: "1")
    #expect(failed(findings) == ["load"], "\(findings)")
    #expect(findings["load"]?.text.contains("did not end") == true)
  }

  @Test func aTaskThatHangsIsEnded() throws {
    let findings = try findings("-DBEFORE=sleep(100000);", limit: "3")
    #expect(failed(findings) == ["run"])
    #expect(findings["run"]?.text.contains("did not end") == true)
    #expect(findings["sizes"]?.outcome == "skipped")
  }

  @Test func aTaskThatDoesNotHeedCtrlCFails() throws {
    // 8 seconds for a large image, and none for a small one.
    let findings = try findings(
      "-DBEFORE=usleep(0); for (int i = 0; i < photo->width / 187; i++) { usleep(1000000); }")
    #expect(failed(findings) == ["cancel"], "\(findings)")
  }

  @Test func aTaskThatHeedsCtrlCPasses() throws {
    let findings = try findings(
      "-DBEFORE=for (int i = 0; i < photo->width / 5; i++) { usleep(10000);"
        + " if (!host->progress(host, 0.5, 0)) return RTOOL_STOPPED; }")
    #expect(failed(findings) == [], "\(findings)")
    #expect(findings["cancel"]?.text.contains("after Ctrl-C") == true)
  }

  @Test func whatIsNoPluginIsToldSo() throws {
    let unknown = try sandbox.rtool("check", "inpant")
    #expect(unknown.status == 2)
    expectOneLine(unknown.errors, contains: "did you mean inpaint?")
    let missing = try sandbox.rtool("check", "./librtool-gone.so")
    #expect(missing.status == 1)
    expectOneLine(missing.errors, contains: "librtool-gone.so")
    try sandbox.write("other.so", [1])
    #expect(try sandbox.rtool("check", "./other.so").status == 2)
    try sandbox.write("librtool-text.so", [1])
    let text = try sandbox.rtool("check", "./librtool-text.so")
    #expect(text.status == 1)
    #expect(text.text.contains("FAILED   load"))
  }
}
