import Foundation
import Testing

/// A plugin in C that asks two models, and tells what each says.
private let rivalsPlugin = #"""
  #include "rtool.h"
  #include <math.h>
  #include <stdio.h>
  #include <string.h>

  #define CHECK(condition) if (!(condition)) return host->fail(host, RTOOL_FAILED, #condition)
  static const rtool_param params[] = {
    {.name = "rival", .help = "another model", .kind = RTOOL_MODEL},
  };

  static rtool_status run(const rtool_host *host, const rtool_value *values) {
    CHECK(host->capability(host, "param.model") == 3);
    if (!values[0].count) return host->emit_text(host, "alone\n");
    const rtool_host *rival = host->with_model(host, NAME);
    if (!rival) return RTOOL_FAILED;
    CHECK(rival == host->with_model(rival, NAME) && rival->model != host->model);

    rtool_image *image = rival->image_new(rival, 40, 40, 3);
    CHECK(image);
    host->random(rival, RTOOL_RANDOM_UNIFORM, 1, 4800, image->data);
    float own[64], other[64];
    CHECK(host->logits(host, image, 1, own) == RTOOL_OK && rival->logits(rival, image, 1, other) == RTOOL_OK);
    double difference = 0;
    for (int i = 0; i < host->model->class_count && i < rival->model->class_count; i++)
      difference += fabs(own[i] - other[i]);

    rtool_tensor features;
    CHECK(rival->features(rival, image, 0, &features) == RTOOL_OK);
    CHECK(features.channels == rival->model->layers[rival->model->layer_count - 1].channels);
    rtool_working_copy copy = {.struct_size = sizeof copy, .photo = image};
    CHECK(rival->working_copy(rival, &copy) == RTOOL_OK && copy.image->width == rival->model->side);
    rtool_feature unit;
    CHECK(rival->feature_find(rival, "0", &unit) == RTOOL_OK && rival->feature_name(rival, &unit));

    /* Steps against the rival's logit lower it, and what they come to is the rival's. */
    rtool_class_weight towards = {1, 1};
    rtool_term terms[2] = {{.kind = RTOOL_TERM_CLASS, .weight = 1, .classes = &towards, .class_count = 1},
                           {.kind = RTOOL_TERM_REPRESENTATION, .weight = 0, .target = image}};
    rtool_objective objective = {sizeof objective, sizeof *terms, terms, 2};
    rtool_ascent ascent = {.struct_size = sizeof ascent, .start = image, .count = 1, .steps = 5, .step_size = 0.2};
    rtool_outcome outcome = {.struct_size = sizeof outcome};
    CHECK(rival->ascend(rival, &objective, &ascent, &outcome) == RTOOL_OK);
    double own_loss, other_loss;
    CHECK(host->gradient(host, &objective, outcome.images, 1, &own_loss, 0) == RTOOL_OK);
    CHECK(rival->gradient(rival, &objective, outcome.images, 1, &other_loss, 0) == RTOOL_OK);
    CHECK(outcome.losses[0] < outcome.start_losses[0] && fabs(other_loss - outcome.losses[0]) < 1e-4);

    char text[400];
    snprintf(text, sizeof text, "%s against %s: %s, %s\n", host->model->name, rival->model->name,
             difference > 0.1 ? "other logits" : "the same logits",
             fabs(own_loss - other_loss) > 1e-3 ? "another loss" : "the same loss");
    return rival->emit_text(rival, text);
  }

  static const rtool_manifest manifest = {
    .struct_size = sizeof manifest, .abi = RTOOL_ABI, .param_size = sizeof(rtool_param), .param_count = 1,
    .params = params, .name = "rivals", .version = "1", .summary = "A test", .run = run,
  };

  RTOOL_EXPORT const rtool_manifest *rtool_plugin(uint32_t host_abi) { (void)host_abi; return &manifest; }
  """#

/// A model that a value names, beside the one of --model.
@Suite struct ModelValueTests {
  private let sandbox: Sandbox
  init() throws { sandbox = try Sandbox() }

  private static let tiny = "\(Program.root)/Tests/CommandTests/Golden/tiny.safetensors"

  private func rivals(_ arguments: String..., name: String = "values[0].texts[0]") throws -> Sandbox.Outcome {
    let folder = try sandbox.compilePlugin("rivals", rivalsPlugin, flags: ["-DNAME=\(name)", "-lm"])
    return try sandbox.run(Program.path, ["rivals"] + arguments, environment: ["RTOOL_PATH": folder])
  }

  @Test func eachIsAskedForItself() throws {
    #expect(try rivals().text == "alone\n")
    let outcome = try rivals("--rival", Self.tiny)
    #expect(outcome.text == "photos against tiny: other logits, another loss\n", "\(outcome.errors)")
    let reversed = try rivals("--model", Self.tiny, "--rival", "photos")
    #expect(reversed.text == "tiny against photos: other logits, another loss\n", "\(reversed.errors)")
    #expect(try rivals("--rival", "photos").text == "photos against photos: the same logits, the same loss\n")
  }

  @Test func aModelThatIsNotThereIsToldBeforeTheWork() throws {
    let missing = try rivals("--rival", "phots")
    #expect(missing.status == 1)
    expectOneLine(missing.errors, contains: "there is no model “phots”", "did you mean photos?")
    expectOneLine(try rivals("--rival", "no.safetensors").errors, contains: "there is no model file")
    let empty = try rivals("--rival", "")
    #expect(empty.status == 2)
    expectOneLine(empty.errors, contains: "--rival needs the name of a model")
  }

  @Test func onlyAModelThatWasGivenCanBeAsked() throws {
    let outcome = try rivals("--rival", "photos", name: "\"tiny\"")
    #expect(outcome.status == 1)
    expectOneLine(outcome.errors, contains: "a model was asked for that was not given as a value")
  }

  @Test func theParameterIsKnownWhereverParametersAre() throws {
    #expect(try rivals("--help").text.contains("--rival NAME|FILE"))
    let folder = sandbox.path("plugins")
    let completed = try sandbox.rtool(
      "complete", "rivals", "--rival", "ph", environment: ["RTOOL_PATH": folder])
    #expect(completed.text.hasPrefix("photos"), "\(completed.text)")
    let checked = try sandbox.rtool("check", "rivals", "--rounds", "2", environment: ["RTOOL_PATH": folder])
    #expect(checked.status == 0, "\(checked.text)")
  }

  /// The model is found again by its hash, wherever its file is.
  @Test func anAttackTellsWhetherItTransfers() throws {
    try sandbox.photo("photo.png")
    for folder in ["models", "elsewhere"] {
      try FileManager.default.createDirectory(atPath: sandbox.path(folder), withIntermediateDirectories: true)
    }
    try sandbox.write("models/other.safetensors", [UInt8](Data(contentsOf: URL(fileURLWithPath: Self.tiny))))
    let models = ["RTOOL_MODELS": sandbox.path("models")]
    let outcome = try sandbox.rtool(
      "attack", "photo.png", "--preset", "fast", "--transfer-to", "other", "-o", "out.png",
      environment: models)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.errors.contains("fooled"), "\(outcome.errors)")
    let facts = try sandbox.facts("out.png")
    #expect(["fooled", "not fooled"].contains(facts["transfer"]))
    #expect(facts["transfer-from"] != nil && facts["transfer-to"] != nil)
    try FileManager.default.moveItem(
      atPath: sandbox.path("models/other.safetensors"), toPath: sandbox.path("elsewhere/other.safetensors"))
    let replayed = try sandbox.rtool(
      "replay", "out.png", "--check", environment: ["RTOOL_MODELS": sandbox.path("elsewhere")])
    #expect(replayed.status == 0, "\(replayed.errors)")
    expectOneLine(
      try sandbox.rtool("replay", "out.png", "--check", environment: models).errors,
      contains: "the model “other” is not here")
    struct Transfer: Decodable {
      struct Seen: Decodable { let `class`: String }
      let model: String
      let from, to: Seen
      let fooled: Bool
    }
    struct Result: Decodable { let transfer: Transfer? }
    let told = try sandbox.rtool(
      "attack", "photo.png", "--preset", "fast", "--transfer-to", "photos", "-o", "b.png", "--json")
    let transfer = try JSONDecoder().decode(Result.self, from: told.result).transfer
    #expect(
      transfer?.model == "photos" && transfer?.fooled == true && transfer?.from.class != transfer?.to.class)
    let alone = try sandbox.rtool("attack", "photo.png", "--preset", "fast", "-o", "c.png", "--json")
    #expect(try JSONDecoder().decode(Result.self, from: alone.result).transfer == nil)
  }
}
