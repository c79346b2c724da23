import Foundation
import Testing

/// A plugin in C that tells what it is given of the kinds FILE, LAYER and ASCENT.
private let tellerPlugin = #"""
  #include "rtool.h"
  #include <stdio.h>

  static const rtool_choice offered[] = {{"steps", "how long"}, {"momentum", ""}};
  static const rtool_choice more[] = {{"logits", "the class scores"}};

  static const rtool_param params[] = {
    {.name = "table", .help = "a table", .kind = RTOOL_FILE, .flags = RTOOL_REPEATED},
    {.name = "at", .help = "where", .kind = RTOOL_LAYER, .initial_text = "stem", .choices = more, .choice_count = 1},
    {.name = "ascent", .help = "the ascent", .kind = RTOOL_ASCENT, .group = "Way", .initial_text = START,
     .choices = offered, .choice_count = OFFERED},
  };

  static rtool_status run(const rtool_host *host, const rtool_value *values) {
    char text[1000];
    double momentum, step, smoothness;
    rtool_ascent ascent = {.struct_size = sizeof ascent};
    for (uint32_t i = 0; i < values[0].count; i++) {
      size_t count;
      const char *bytes = host->file_bytes(host, values[0].texts[i], &count);
      if (!bytes) return RTOOL_FAILED;
      snprintf(text, sizeof text, "%s %d %s\n", values[0].texts[i], (int)count, bytes);
      host->emit_text(host, text);
    }
    rtool_status status = host->ascent_options(host, &values[2], 448, 448, &ascent, &smoothness);
    if (status != RTOOL_OK) return status;
    host->ascent_option(host, &values[2], "momentum", &momentum);
    int given = host->ascent_option(host, &values[2], "step-size", &step);
    snprintf(text, sizeof text, "%s %g, %d steps of %g, rule %u, set %u, radius %g, jitter %d, flags %u, momentum %g, "
             "smoothness %g, step-size given %d auto %d\n", values[1].texts[0], values[1].numbers[0], (int)ascent.steps,
             ascent.step_size, (unsigned)ascent.rule, (unsigned)ascent.set, ascent.radius, (int)ascent.jitter,
             (unsigned)ascent.flags, momentum, smoothness, given, step != step);
    return host->emit_text(host, text);
  }

  static const rtool_preset presets[] = {{"usual", "as it is", ""}, {"fast", "fewer", "steps=3 momentum=0.5"}};

  static const rtool_manifest manifest = {
    .struct_size = sizeof manifest, .abi = RTOOL_ABI, .param_size = sizeof(rtool_param), .param_count = 3,
    .params = params, .name = "teller", .version = "1", .summary = "A test", .presets = presets, .preset_count = 2,
    .run = run,
  };

  RTOOL_EXPORT const rtool_manifest *rtool_plugin(uint32_t host_abi) { (void)host_abi; return &manifest; }
  """#

/// Kinds of parameters that came with interface 0.3.
@Suite struct ValueKindTests {
  private let sandbox: Sandbox
  init() throws { sandbox = try Sandbox() }

  private func tell(
    _ arguments: String..., start: String = "steps=7 step-size=2 radius=10 pass-relu=on",
    offered: Int = 0
  ) throws -> Sandbox.Outcome {
    let folder = try sandbox.compilePlugin(
      "teller", tellerPlugin, flags: ["-DSTART=\"\(start)\"", "-DOFFERED=\(offered)"])
    return try sandbox.run(Program.path, ["teller"] + arguments, environment: ["RTOOL_PATH": folder])
  }

  @Test func filesAreReadBeforeTheTaskBegins() throws {
    try sandbox.write("a.txt", Array("one".utf8))
    try sandbox.write("b.txt", [])
    let outcome = try tell("--table", "a.txt", "--table=b.txt")
    #expect(outcome.text.hasPrefix("a.txt 3 one\nb.txt 0 \n"), "\(outcome.text)\(outcome.errors)")
    let missing = try tell("--table", "c.txt")
    #expect(missing.status == 1)
    expectOneLine(missing.errors, contains: "c.txt cannot be read; --table needs a file")
    expectOneLine(try tell("--table", "").errors, contains: "needs the name of a file")
  }

  @Test func layersAreKnownToTheHost() throws {
    #expect(try tell().text.hasPrefix("stem 0,"))
    #expect(try tell("--at", "layer1.0").text.hasPrefix("layer1.0 1,"))
    #expect(try tell("--at", "logits").text.hasPrefix("logits "))
    let wrong = try tell("--at", "nowhere")
    #expect(wrong.status == 2)
    expectOneLine(
      wrong.errors, contains: "the model has no layer “nowhere”; it has stem, ", "representation, logits")
    let folder = try sandbox.compilePlugin("teller", tellerPlugin, flags: ["-DSTART=\"\"", "-DOFFERED=0"])
    let completed = try sandbox.rtool(
      "complete", "teller", "--at", "layer1", environment: ["RTOOL_PATH": folder])
    #expect(completed.text.hasPrefix("layer1.0"), "\(completed.text)")
  }

  @Test func theOptionsOfAnAscentAreTheHosts() throws {
    #expect(
      try tell().text
        == "stem 0, 7 steps of 4, rule 0, set 1, radius 20, jitter 0, flags 1, momentum 0, smoothness 0, "
        + "step-size given 0 auto 1\n")
    #expect(
      try tell(
        "--steps", "5", "--set", "linf", "--jitter", "3", "--best", "--no-pass-relu", "--smoothness", "2"
      )
      .text
        == "stem 0, 5 steps of 0.05, rule 1, set 2, radius 0.1, jitter 3, flags 2, momentum 0, smoothness 2, "
        + "step-size given 0 auto 1\n")
    #expect(
      try tell("--preset", "fast", "--step-size", "1", "--optimizer", "plain").text
        == "stem 0, 3 steps of 1, rule 2, set 1, radius 20, jitter 0, flags 1, momentum 0.5, smoothness 0, "
        + "step-size given 1 auto 0\n")
    let wrong = try tell("--parametrisation", "fourier")
    #expect(wrong.status == 2)
    expectOneLine(wrong.errors, contains: "knows no radius")
    expectOneLine(try tell("--zoom", "9").errors, contains: "--zoom must be a number between 0 and 4")
    let help = try tell("--help").text
    #expect(
      help.contains("Way:") && help.contains("--step-size N")
        && help.contains("2.0); with sign and adam"), "\(help)")
  }

  @Test func aTaskMayOfferSomeOptionsOfAnAscent() throws {
    #expect(
      try tell("--steps", "5", "--momentum", "0.5", offered: 2).text
        == "stem 0, 5 steps of 4, rule 0, set 1, radius 20, jitter 0, flags 1, momentum 0.5, smoothness 0, "
        + "step-size given 0 auto 1\n")
    // A preset sets the other.
    expectOneLine(try tell(offered: 1).errors, contains: "sets “momentum”, which is no parameter")
    let wrong = try tell("--jitter", "5", offered: 2)
    #expect(wrong.status == 2)
    expectOneLine(wrong.errors, contains: "unknown option --jitter")
    let help = try tell("--help", offered: 2).text
    #expect(help.contains("how long") && help.contains("share of the earlier gradients"), "\(help)")
    #expect(!help.contains("--radius"), "\(help)")
  }

  @Test func optionsThatDoNotExistSpoilTheManifest() throws {
    expectOneLine(try tell(start: "stepz=3").errors, contains: "no option “stepz”")
    expectOneLine(try tell(start: "steps=-3").errors, contains: "--steps must be a whole number")
  }
}
