import Foundation
import Testing

/// A plugin in C that hands over its photo darkened, and two more results by name.
private let splitPlugin = """
  #include "rtool.h"

  #ifndef FIRST
  #define FIRST "dark"
  #endif
  #ifndef DURATION
  #define DURATION 0
  #endif
  static const rtool_param params[] = {
    {.name = "image", .help = "a photo", .kind = RTOOL_IMAGE, .flags = RTOOL_POSITIONAL | RTOOL_REQUIRED},
  };

  static rtool_status hand_over(const rtool_host *host, const rtool_image *photo, float share, const char *name) {
    rtool_image *out = host->image_crop(host, photo, 0, 0, photo->width, photo->height);
    if (!out) return RTOOL_FAILED;
    for (int32_t i = 0; i < out->height * out->stride; i++) out->data[i] *= share;
    rtool_piece piece = {0, 0, out};
    rtool_result result = {.struct_size = sizeof result, .over = photo, .pieces = &piece, .piece_count = 1,
                           .name = name, .frame_duration = name ? DURATION : 0};
    return host->emit(host, &result);
  }

  static rtool_status run(const rtool_host *host, const rtool_value *values) {
    const rtool_image *photo = values[0].images[0];
    float share = 1 - 0.1f * (float)host->seed;
    if (host->capability(host, "result.name") != 3) return host->fail(host, RTOOL_FAILED, "no names");
    rtool_status status = hand_over(host, photo, 0.9f * share, 0);
    if (status == RTOOL_OK) status = hand_over(host, photo, 0.5f * share, FIRST);
    return status == RTOOL_OK ? hand_over(host, photo, 0.1f * share, "darker") : status;
  }

  static const rtool_manifest manifest = {
    .struct_size = sizeof manifest, .abi = RTOOL_ABI, .param_size = sizeof(rtool_param), .param_count = 1,
    .params = params, .name = "split", .version = "1", .summary = "A test", .run = run,
  };

  RTOOL_EXPORT const rtool_manifest *rtool_plugin(uint32_t host_abi) { (void)host_abi; return &manifest; }
  """

/// Several results of one run, each of which has a name.
@Suite struct NamedResultTests {
  private let sandbox: Sandbox
  init() throws {
    sandbox = try Sandbox()
    try sandbox.photo("photo.png")
  }

  private func split(_ arguments: String..., flags: [String] = []) throws -> Sandbox.Outcome {
    let folder = try sandbox.compilePlugin("split", splitPlugin, flags: flags)
    return try sandbox.run(
      Program.path, ["split", "photo.png"] + arguments, environment: ["RTOOL_PATH": folder])
  }

  private var pictures: [String] { sandbox.files.filter { $0.hasPrefix("out") } }

  @Test func filesHaveTheNames() throws {
    let outcome = try split("-o", "out.png")
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(pictures == ["out-dark.png", "out-darker.png", "out.png"])
    let (plain, dark) = (try sandbox.open("out.png"), try sandbox.open("out-dark.png"))
    #expect(zip(plain.pixels, dark.pixels).allSatisfy { $0 >= $1 })
  }

  @Test func ofSeveralRunsTheyAreNumberedToo() throws {
    let outcome = try split("-o", "out.png", "--count", "2")
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(
      pictures == [
        "out-1-dark.png", "out-1-darker.png", "out-1.png", "out-2-dark.png", "out-2-darker.png", "out-2.png",
      ])
  }

  @Test func jsonListsThem() throws {
    struct Report: Decodable {
      let outputs: [String]
      let named: [String: String]
    }
    let outcome = try split("-o", "out.png", "--json")
    let report = try JSONDecoder().decode(Report.self, from: outcome.output)
    #expect(report.outputs == ["out.png", "out-dark.png", "out-darker.png"])
    #expect(report.named == ["dark": "out-dark.png", "darker": "out-darker.png"])
  }

  @Test func eachIsMadeAgainFromItself() throws {
    #expect(try split("-o", "out.png", "--count", "2").status == 0)
    let environment = ["RTOOL_PATH": sandbox.path("plugins")]
    for name in ["out-1.png", "out-1-dark.png", "out-2-darker.png"] {
      let replayed = try sandbox.rtool("replay", name, "--check", environment: environment)
      #expect(replayed.status == 0, "\(replayed.errors)")
    }
  }

  @Test func theResultWithoutANameIsTheOneThatIsRepeated() throws {
    let outcome = try split("-o", "out.png", "--repeat", "2")
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(pictures == ["out-dark.png", "out-darker.png", "out.png"])
  }

  @Test func oneStreamTakesOneImage() throws {
    let outcome = try split("-o", "-")
    #expect(outcome.status == 1 && outcome.output.isEmpty)
    expectOneLine(outcome.errors, contains: "3 images cannot go to one stream")
  }

  @Test func aWrongNameIsTheAuthorsMistake() throws {
    for (flags, words) in [
      (["-DFIRST=\"../dark\""], "is named “../dark”"), (["-DFIRST=\"\""], "is named “”"),
      (["-DFIRST=\"darker\""], "two results of one run are named “darker”"),
      (["-DDURATION=50"], "frames have none"),
    ] {
      let outcome = try split("-o", "out.png", flags: flags)
      #expect(outcome.status == 1 && pictures.isEmpty)
      expectOneLine(outcome.errors, contains: "the plugin made a mistake", words)
    }
  }

  @Test func suchAPluginPassesItsCheck() throws {
    let folder = try sandbox.compilePlugin("split", splitPlugin)
    let outcome = try sandbox.rtool("check", "split", "--rounds", "1", environment: ["RTOOL_PATH": folder])
    #expect(outcome.status == 0, "\(outcome.text)")
    #expect(outcome.text.contains("finite, 96x80, 96x80, 96x80"), "\(outcome.text)")
  }
}
