import Testing

/// What a plugin computes through the interface, checked in the plugin itself: it fails with the line that is wrong.
@Suite struct InterfaceTests {
  private let sandbox: Sandbox
  init() throws { sandbox = try Sandbox() }

  /// Runs the body of a plugin that has `host`, an `image` of the model's side, and CHECK.
  private func run(_ body: String) throws -> Sandbox.Outcome {
    let source = """
      #include "rtool.h"
      #include <math.h>
      #include <stdio.h>
      #include <string.h>

      #define TEXT_(x) #x
      #define TEXT(x) TEXT_(x)
      #define CHECK(condition) \\
        if (!(condition)) return host->fail(host, RTOOL_FAILED, "line " TEXT(__LINE__) ": " #condition)
      #define ASCENT {.struct_size = sizeof(rtool_ascent), .start = image, .count = 1}
      #define OUTCOME {.struct_size = sizeof(rtool_outcome)}

      static rtool_objective one(const rtool_term *term) {
        rtool_objective objective = {sizeof objective, sizeof *term, term, 1};
        return objective;
      }

      static int32_t run(const rtool_host *host, const rtool_value *values) {
        (void)values;
        (void)one;
        rtool_image *image = host->image_new(host, host->model->side, host->model->side, 3);
        if (!image) return RTOOL_FAILED;
        host->random(host, RTOOL_RANDOM_UNIFORM, 1, (size_t)image->stride * (size_t)image->height, image->data);
      \(body)
        return host->emit_text(host, "done\\n");
      }

      static const rtool_manifest manifest = {
        .struct_size = sizeof manifest, .abi = RTOOL_ABI, .param_size = sizeof(rtool_param), .name = "probe",
        .version = "1", .summary = "A test", .run = run,
      };

      RTOOL_EXPORT const rtool_manifest *rtool_plugin(uint32_t host_abi) { (void)host_abi; return &manifest; }
      """
    let folder = try sandbox.compilePlugin("probe", source, flags: ["-lm"])
    return try sandbox.run(Program.path, ["probe"], environment: ["RTOOL_PATH": folder])
  }

  private func check(_ body: String) throws {
    let outcome = try run(body)
    #expect(outcome.text == "done\n", "\(outcome.errors)")
  }

  /// A linear head: two images' logits differ by the weights times the difference of their representations.
  @Test func classWeightsAreTheLastLayer() throws {
    try check(
      """
        rtool_image *other = host->blur(host, image, 2);
        rtool_tensor a, b;
        float weights[4096], first[64], second[64];
        CHECK(host->features(host, image, 0, &a) == RTOOL_OK && host->features(host, other, 0, &b) == RTOOL_OK);
        CHECK(host->class_weights(host, 3, weights) == RTOOL_OK);
        CHECK(host->logits(host, image, 1, first) == RTOOL_OK && host->logits(host, other, 1, second) == RTOOL_OK);
        double sum = 0;
        for (int i = 0; i < a.channels; i++) sum += (double)weights[i] * (a.data[i] - b.data[i]);
        CHECK(fabs(sum - (first[3] - second[3])) < 1e-3 * fabs(sum) + 1e-4);
      """)
  }

  /// The mean of 4x4 pixels is known: the loss is 0 there, and 0.01 when the measurement is brighter by 0.1.
  @Test func measurementsAreOfTheReducedImage() throws {
    try check(
      """
        rtool_image *small = host->image_resize(host, image, image->width / 4, image->height / 4, RTOOL_FILTER_BOX);
        rtool_term term = {.kind = RTOOL_TERM_MEASUREMENT, .weight = 1, .target = small, .filter = RTOOL_FILTER_BOX};
        rtool_objective objective = one(&term);
        double loss = 1;
        CHECK(host->gradient(host, &objective, image, 1, &loss, 0) == RTOOL_OK);
        CHECK(loss < 1e-9);
        for (int i = 0; i < small->height * small->stride; i++) small->data[i] += 0.1f;
        CHECK(host->gradient(host, &objective, image, 1, &loss, 0) == RTOOL_OK);
        CHECK(fabs(loss - 0.01) < 1e-5);
      """)
  }

  /// Features handed in as the target are the same goal as the image they are of; a weight of 0 leaves a channel out.
  @Test func featuresMayBeTheTarget() throws {
    try check(
      """
        rtool_image *goal = host->blur(host, image, 3);
        rtool_tensor features;
        CHECK(host->features(host, goal, "layer3.1", &features) == RTOOL_OK);
        rtool_term by_image = {.kind = RTOOL_TERM_REPRESENTATION, .weight = 1, .layer = "layer3.1", .target = goal};
        rtool_term by_features = {.kind = RTOOL_TERM_REPRESENTATION, .weight = 1, .layer = "layer3.1",
                                  .target_features = &features};
        rtool_objective first = one(&by_image), second = one(&by_features);
        double a = 0, b = 1, c = 1;
        CHECK(host->gradient(host, &first, image, 1, &a, 0) == RTOOL_OK);
        CHECK(host->gradient(host, &second, image, 1, &b, 0) == RTOOL_OK);
        CHECK(a > 0 && fabs(a - b) < 1e-5 * a);
        float *weights = host->alloc(host, sizeof(float) * (size_t)features.channels);
        by_features.channel_weights = weights;
        CHECK(host->gradient(host, &second, image, 1, &c, 0) == RTOOL_OK);
        CHECK(c == 0);
      """)
  }

  @Test func ascentsEndEarly() throws {
    try check(
      """
        rtool_class_weight towards = {7, 1};
        rtool_term term = {.kind = RTOOL_TERM_CLASS, .weight = 1, .classes = &towards, .class_count = 1};
        rtool_objective objective = one(&term);
        rtool_ascent ascent = ASCENT;
        rtool_outcome outcome = OUTCOME;
        ascent.steps = 200;
        ascent.step_size = 0.01;
        ascent.rule = RTOOL_RULE_ADAM;
        ascent.flags = RTOOL_ASCENT_STOP_BELOW;
        ascent.stop_loss = 0.5;
        CHECK(host->ascend(host, &objective, &ascent, &outcome) == RTOOL_OK);
        CHECK(outcome.start_losses[0] > 0.5);
        CHECK(outcome.losses[0] <= 0.5 && outcome.losses[0] > 0.05);
      """)
  }

  /// A plugin built against interface 0.1 hands over shorter structures, whose missing fields are their defaults.
  @Test func shorterStructuresOfOlderPluginsWork() throws {
    try check(
      """
        struct { rtool_term term; } room;
        memset(&room, 0, sizeof room);
        room.term.kind = RTOOL_TERM_PIXELS;
        room.term.weight = 1;
        room.term.target = host->blur(host, image, 1);
        rtool_objective objective = {sizeof objective, offsetof(rtool_term, filter), &room.term, 1};
        rtool_ascent ascent = ASCENT;
        rtool_outcome outcome = OUTCOME;
        ascent.struct_size = offsetof(rtool_ascent, parameters);
        ascent.parameters = 77;
        ascent.steps = 3;
        ascent.step_size = 1;
        CHECK(host->ascend(host, &objective, &ascent, &outcome) == RTOOL_OK);
        CHECK(outcome.losses[0] < outcome.start_losses[0]);
      """)
  }

  @Test(arguments: [
    "ascent.parameters = 9;", "ascent.rule = 9;", "ascent.zoom = 9;", "ascent.momentum = 1;",
    "ascent.patience = -1;", "ascent.parameters = RTOOL_PARAMETERS_FOURIER; ascent.set = RTOOL_SET_L2;",
    "term.kind = RTOOL_TERM_MEASUREMENT; term.filter = 9;",
    "term.kind = RTOOL_TERM_REPRESENTATION; term.target = 0;",
    "rtool_tensor odd = {3, 1, 1, image->data}; term.kind = RTOOL_TERM_REPRESENTATION; term.target_features = &odd;",
  ]) func nonsenseIsRefused(_ spoiler: String) throws {
    let outcome = try run(
      """
        rtool_term term = {.kind = RTOOL_TERM_PIXELS, .weight = 1, .target = image};
        rtool_ascent ascent = ASCENT;
        rtool_outcome outcome = OUTCOME;
        ascent.steps = 1;
        \(spoiler)
        rtool_objective objective = one(&term);
        int32_t status = host->ascend(host, &objective, &ascent, &outcome);
        if (status != RTOOL_OK) return status;
      """)
    #expect(outcome.status == 1 && outcome.text.isEmpty)
    expectOneLine(outcome.errors)
  }
}
