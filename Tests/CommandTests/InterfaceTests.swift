import Foundation
import Testing

/// What a plugin computes through the interface, checked in the plugin itself: it fails with the line that is wrong.
@Suite struct InterfaceTests {
  private let sandbox: Sandbox
  init() throws { sandbox = try Sandbox() }

  /// Runs the body of a plugin that has `host`, an `image` of the model's side, and CHECK.
  private func run(_ body: String, before: String = "", arguments: [String] = []) throws -> Sandbox.Outcome {
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

      \(before)
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
    let folder = try sandbox.compilePlugin("probe", source, flags: ["-lm", "-pthread"])
    return try sandbox.run(Program.path, ["probe"] + arguments, environment: ["RTOOL_PATH": folder])
  }

  private func check(_ body: String, before: String = "") throws {
    let outcome = try run(body, before: before)
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

  /// A kernel whose one value is to the right of its middle moves the image to the left.
  @Test func measurementsMayBeBlurredByAKernel() throws {
    try check(
      """
        float weights[15] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0};
        rtool_image kernel = {5, 3, 1, 5, weights};
        rtool_image *moved = host->image_crop(host, image, 1, 0, image->width, image->height);
        rtool_term term = {.kind = RTOOL_TERM_MEASUREMENT, .weight = 1, .target = moved, .kernel = &kernel};
        rtool_objective objective = one(&term);
        double loss = 1, ahead, behind;
        CHECK(host->gradient(host, &objective, image, 1, &loss, 0) == RTOOL_OK);
        CHECK(loss < 1e-9);
        for (int i = 0; i < 15; i++) weights[i] = (float)((i * 7) % 5) / 30;
        rtool_image *slope = host->image_new(host, image->width, image->height, 3);
        CHECK(host->gradient(host, &objective, image, 1, &loss, slope) == RTOOL_OK);
        int count = 3 * image->width * image->height;
        double length = 0;
        for (int i = 0; i < count; i++) length += (double)slope->data[i] * slope->data[i];
        float step = (float)(1 / sqrt(length));
        for (int i = 0; i < count; i++) image->data[i] += step * slope->data[i];
        CHECK(host->gradient(host, &objective, image, 1, &ahead, 0) == RTOOL_OK);
        for (int i = 0; i < count; i++) image->data[i] -= 2 * step * slope->data[i];
        CHECK(host->gradient(host, &objective, image, 1, &behind, 0) == RTOOL_OK);
        CHECK(fabs((ahead - behind) / (2 * step) - length) < 0.01 * length);
        CHECK(host->capability(host, "term.measurement-kernel") == 3);
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

  /// A difference has values below 0 and above 1, which resizing an image would clip.
  @Test func resamplingDoesNotClip() throws {
    try check(
      """
        rtool_image *difference = host->image_new(host, 40, 30, 1), *large = host->image_new(host, 90, 70, 1);
        CHECK(difference && large);
        for (int i = 0; i < 40 * 30; i++) difference->data[i] = -3;
        CHECK(host->image_resample(host, difference, large, RTOOL_FILTER_LANCZOS) == RTOOL_OK);
        for (int i = 0; i < 90 * 70; i++) CHECK(fabsf(large->data[i] + 3) < 1e-5f);
        rtool_image *half = host->image_new(host, image->width / 2, image->height / 2, 3);
        CHECK(host->image_resample(host, image, half, RTOOL_FILTER_BOX) == RTOOL_OK);
        float mean = (image->data[0] + image->data[3] + image->data[image->stride] + image->data[image->stride + 3]) / 4;
        CHECK(fabsf(half->data[0] - mean) < 1e-6f);
      """)
  }

  /// Where nothing changed the photo stays; where all became darker by as much it does as well.
  @Test func changesAreCarriedToThePhoto() throws {
    try check(
      """
        rtool_image *photo = host->image_resize(host, host->blur(host, image, 3), 400, 300, RTOOL_FILTER_CUBIC);
        rtool_image *before = host->image_resize(host, photo, 120, 90, RTOOL_FILTER_BOX);
        rtool_image *after = host->image_crop(host, before, 0, 0, 120, 90);
        CHECK(photo && before && after);
        rtool_image *same = host->transfer(host, before, after, photo, 1);
        for (int i = 0; i < 400 * 300 * 3; i++) CHECK(fabsf(same->data[i] - photo->data[i]) < 1e-6f);
        for (int i = 0; i < 120 * 90 * 3; i++) after->data[i] -= 0.05f;
        rtool_image *darker = host->transfer(host, before, after, photo, 2);
        for (int i = 0; i < 400 * 300 * 3; i++) CHECK(fabsf(darker->data[i] - photo->data[i] + 0.1f) < 1e-3f);
      """)
  }

  @Test func workingCopiesGoThereAndBack() throws {
    try check(
      """
        rtool_image *photo = host->image_resize(host, image, 500, 300, RTOOL_FILTER_CUBIC);
        rtool_image *mask = host->image_new(host, 500, 300, 1);
        CHECK(photo && mask);
        rtool_working_copy copy = {.struct_size = sizeof copy, .photo = photo};
        CHECK(host->working_copy(host, &copy) == RTOOL_OK);
        CHECK(copy.image->height == host->model->side && copy.image->width > copy.image->height);
        CHECK(copy.x == 0 && copy.y == 0 && !copy.region && copy.seen->width == 500);
        rtool_image *back = host->working_result(host, &copy, copy.image, 1);
        CHECK(back && back->width == 500 && memcmp(back->data, photo->data, sizeof(float) * 500 * 300 * 3) == 0);

        for (int y = 100; y < 140; y++) for (int x = 200; x < 240; x++) mask->data[500 * y + x] = 1;
        rtool_working_copy part = {.struct_size = sizeof part, .photo = photo, .mask = mask, .context = 0.5, .side = 64,
                                   .flags = RTOOL_COPY_AROUND_MASK};
        CHECK(host->working_copy(host, &part) == RTOOL_OK);
        CHECK(part.x == 180 && part.y == 80 && part.seen->width == 80 && part.seen->height == 80);
        CHECK(part.image->width == 64 && part.region->width == 64 && part.region->channels == 1);
        rtool_image *grey = host->image_new(host, 64, 64, 3);
        rtool_image *changed = host->working_result(host, &part, grey, 1);
        CHECK(changed && changed->width == 80);
        CHECK(memcmp(changed->data, part.seen->data, sizeof(float) * 80 * 3) == 0);
        CHECK(memcmp(changed->data + 240 * 40, part.seen->data + 240 * 40, sizeof(float) * 80 * 3) != 0);
      """)
  }

  /// What tiles and is rolled has a rolled working copy, and comes back rolled.
  @Test func workingCopiesOfPhotosThatTileHaveNoBorder() throws {
    try check(
      """
        enum { W = 96, H = 64, SIDE = 48 };
        rtool_image *results[2];
        for (int roll = 0; roll < 2; roll++) {
          rtool_image *photo = host->image_new(host, W, H, 3);
          for (int y = 0; y < H; y++) for (int x = 0; x < W; x++) for (int c = 0; c < 3; c++) {
            int u = (x + roll * W / 2) % W, v = (y + roll * H / 2) % H;
            photo->data[(y * W + x) * 3 + c] = (float)((u * 5 + v * 3 + u * v * 7 + c) % 17) / 17;
          }
          rtool_working_copy copy = {.struct_size = sizeof copy, .photo = photo, .side = SIDE, .flags = RTOOL_COPY_WRAP};
          CHECK(host->working_copy(host, &copy) == RTOOL_OK);
          int width = copy.image->width, height = copy.image->height;
          CHECK(height == SIDE);
          rtool_image *after = host->image_crop(host, copy.image, 0, 0, width, height);
          for (int y = 0; y < 9; y++) for (int x = 0; x < 9; x++) {
            int u = (x + roll * width / 2) % width, v = (y + roll * height / 2) % height;
            after->data[(v * width + u) * 3] *= 0.5f;
          }
          results[roll] = host->working_result(host, &copy, after, 1);
          CHECK(results[roll]);
        }
        int differs = 0;
        for (int y = 0; y < H; y++) for (int x = 0; x < 3 * W; x++) {
          float rolled = results[1]->data[y * 3 * W + x];
          CHECK(fabsf(rolled - results[0]->data[(y + H / 2) % H * 3 * W + (x + 3 * W / 2) % (3 * W)]) < 1e-4f);
          differs += rolled != results[0]->data[y * 3 * W + x];
        }
        CHECK(differs > 100);
      """)
    let outcome = try run(
      """
        rtool_working_copy copy = {.struct_size = sizeof copy, .photo = image,
                                   .flags = RTOOL_COPY_WRAP | RTOOL_COPY_AROUND_MASK};
        return host->working_copy(host, &copy);
      """)
    #expect(outcome.status == 1)
    expectOneLine(outcome.errors, contains: "a photo that tiles")
  }

  @Test func aMaskThatIsBlackHasNoWorkingCopy() throws {
    let outcome = try run(
      """
        rtool_working_copy copy = {.struct_size = sizeof copy, .photo = image};
        copy.mask = host->image_new(host, image->width, image->height, 1);
        return host->working_copy(host, &copy);
      """)
    #expect(outcome.status == 1)
    expectOneLine(outcome.errors, contains: "the mask is black everywhere")
  }

  @Test func workIsSharedAndEachPieceDoneOnce() throws {
    try check(
      """
        int *counts = host->alloc(host, 1000 * sizeof(int));
        host->parallel(host, 1000, count_piece, counts);
        for (int i = 0; i < 1000; i++) CHECK(counts[i] == i + 1);
        host->parallel(host, 0, count_piece, 0);
      """,
      before: """
        static void count_piece(void *user, uint32_t index) { ((int *)user)[index] += (int)index + 1; }
        """)
  }

  @Test func scopesEndWhatWasHandedOutInThem() throws {
    try check(
      """
        float *kept = host->alloc(host, 64);
        host->scope_begin(host);
        host->scope_begin(host);
        for (int i = 0; i < 100; i++) CHECK(host->blur(host, image, 1));
        CHECK(host->scope_end(host) == RTOOL_OK);
        CHECK(host->alloc(host, 1 << 20));
        CHECK(host->scope_end(host) == RTOOL_OK);
        kept[15] = 1;
      """)
    let outcome = try run("  return host->scope_end(host);")
    #expect(outcome.status == 1)
    expectOneLine(outcome.errors, contains: "a scope was ended that was not begun")
  }

  @Test func abilitiesAreAskedForByName() throws {
    try check(
      """
        CHECK(RTOOL_HAS(host, capability));
        CHECK(host->capability(host, "term.custom") == 1);
        CHECK(host->capability(host, "term.measurement") == 2);
        CHECK(host->capability(host, "host.parallel") == 3);
        CHECK(host->capability(host, "term.magic") == 0 && host->capability(host, 0) == 0);
      """)
  }

  @Test func featuresOfABatchAreThoseOfItsImages() throws {
    try check(
      """
        rtool_image batch[2] = {*image, *host->blur(host, image, 2)};
        rtool_tensor both[2], one;
        CHECK(host->features_batch(host, batch, 2, "layer2.0", both) == RTOOL_OK);
        for (int i = 0; i < 2; i++) {
          CHECK(host->features(host, &batch[i], "layer2.0", &one) == RTOOL_OK);
          CHECK(one.width == both[i].width && one.channels == both[i].channels);
          for (int k = 0; k < one.channels * one.height * one.width; k++)
            CHECK(fabsf(one.data[k] - both[i].data[k]) < 1e-4f);
        }
      """)
  }

  @Test func unitsHaveNames() throws {
    try check(
      """
        rtool_feature second, same, deep;
        rtool_class_weight raised[3];
        CHECK(host->feature_find(host, "sea-2", &second) == RTOOL_OK);
        CHECK(!second.layer && second.class_index >= 0);
        CHECK(host->feature_find(host, host->feature_name(host, &second), &same) == RTOOL_OK);
        CHECK(same.unit == second.unit && same.rank == second.rank);
        CHECK(host->feature_classes(host, &second, 3, raised) > 0 && raised[0].index == second.class_index);
        CHECK(host->feature_find(host, "layer2.0:5", &deep) == RTOOL_OK);
        CHECK(strcmp(deep.layer, "layer2.0") == 0 && deep.unit == 5 && deep.class_index == -1);
        CHECK(strcmp(host->feature_name(host, &deep), "layer2.0:5") == 0);
      """)
    let outcome = try run("  rtool_feature none; return host->feature_find(host, \"nothing\", &none);")
    #expect(outcome.status == 1)
    expectOneLine(outcome.errors, contains: "nothing is no feature")
  }

  /// The network sees an image smaller than it takes mirrored; the gradient is that of this loss.
  @Test func imagesMayBeSmallerThanTheNetworkTakes() throws {
    try check(
      """
        rtool_image *small = host->image_crop(host, image, 0, 0, 5, 3), *slope = host->image_new(host, 5, 3, 3);
        CHECK(small->width < host->model->smallest);
        rtool_image *mirrored =
          host->image_crop(host, small, 0, 0, host->model->smallest, host->model->smallest);
        float a[64], b[64];
        CHECK(host->logits(host, small, 1, a) == RTOOL_OK && host->logits(host, mirrored, 1, b) == RTOOL_OK);
        for (int i = 0; i < host->model->class_count; i++) CHECK(fabsf(a[i] - b[i]) < 1e-5f);
        rtool_class_weight towards = {2, 1};
        rtool_term term = {.kind = RTOOL_TERM_CLASS, .weight = 1, .classes = &towards, .class_count = 1};
        rtool_objective objective = one(&term);
        double loss, ahead, behind;
        CHECK(host->gradient(host, &objective, small, 1, &loss, slope) == RTOOL_OK);
        double length = 0;
        for (int i = 0; i < 45; i++) length += (double)slope->data[i] * slope->data[i];
        CHECK(length > 0);
        float step = (float)(0.02 / sqrt(length));
        for (int i = 0; i < 45; i++) small->data[i] += step * slope->data[i];
        CHECK(host->gradient(host, &objective, small, 1, &ahead, 0) == RTOOL_OK);
        for (int i = 0; i < 45; i++) small->data[i] -= 2 * step * slope->data[i];
        CHECK(host->gradient(host, &objective, small, 1, &behind, 0) == RTOOL_OK);
        CHECK(fabs((ahead - behind) / (2 * step) - length) < 0.05 * length);

        rtool_term terms[3] = {term, {.kind = RTOOL_TERM_SMOOTHNESS, .weight = 0.1},
                               {.kind = RTOOL_TERM_PIXELS, .weight = 1, .target = small}};
        rtool_objective more = {sizeof more, sizeof *terms, terms, 3};
        rtool_ascent ascent = ASCENT;
        rtool_outcome outcome = OUTCOME;
        ascent.start = small;
        ascent.steps = 5;
        ascent.step_size = 0.1;
        ascent.jitter = 2;
        ascent.noise = 0.01;
        CHECK(host->ascend(host, &more, &ascent, &outcome) == RTOOL_OK);
        CHECK(outcome.images->width == 5 && outcome.losses[0] < outcome.start_losses[0]);
      """)
  }

  @Test func jsonStandsForTextWhereItIsWanted() throws {
    let body = #"""
        char text[200];
        snprintf(text, sizeof text, "{\"name\":%s}", host->json_text(host, "a \"b\"\n"));
        CHECK(host->emit_json(host, text) == RTOOL_OK);
      """#
    #expect(try run(body).text == "done\n")
    let outcome = try run(body, arguments: ["--json"])
    #expect(try JSONDecoder().decode([String: String].self, from: outcome.result) == ["name": "a \"b\"\n"])
    expectOneLine(try run("  return host->emit_json(host, \"{\");").errors, contains: "not JSON")
  }

  @Test func functionsOfTheRunThreadAreRefusedToOthers() throws {
    let outcome = try run(
      """
        pthread_t thread;
        pthread_create(&thread, 0, other, (void *)host);
        pthread_join(thread, 0);
      """,
      before: """
        #include <pthread.h>
        static void *other(void *host) { ((const rtool_host *)host)->emit_text(host, "no\\n"); return 0; }
        """)
    #expect(outcome.status == 1 && outcome.text.isEmpty)
    expectOneLine(outcome.errors, contains: "on another thread")
  }

  /// Where nobody watches a picture is taken and shown to no one; what is none is a mistake all the same.
  @Test func picturesMayBeShownAtAPlace() throws {
    try check(
      """
        CHECK(RTOOL_HAS(host, show_at) && host->capability(host, "host.show-at") == 5);
        CHECK(host->is_watched(host) == 0);
        host->show_at(host, image, -3, 4, 500, 400);
      """)
    for call in ["0, 0, 0, 5, 5", "image, 0, 0, 5, 0", "image, 0, 0, 0, 0", "image, 0, 0, -2, 3"] {
      let outcome = try run("  host->show_at(host, \(call));")
      #expect(outcome.status == 1)
      expectOneLine(outcome.errors, contains: "shown")
    }
  }

  /// The enlargement by the network inside the program is near to the cubic one and not the same.
  @Test func imagesCanBeEnlarged() throws {
    try check(
      """
        CHECK(RTOOL_HAS(host, image_enlarge) && host->capability(host, "host.image-enlarge") == 6);
        image = host->blur(host, image, 1.5);
        for (int factor = 2; factor <= 4; factor++) {
          rtool_image *large = host->image_enlarge(host, image, factor, 0, 0);
          CHECK(large && large->channels == 3);
          CHECK(large->width == image->width * factor && large->height == image->height * factor);
          rtool_image *cubic = host->image_resize(host, image, large->width, large->height, RTOOL_FILTER_CUBIC);
          rtool_image *other = host->image_enlarge(host, image, factor, RTOOL_ENLARGE_JPEG, 0);
          double sum = 0, sum_of_other = 0;
          for (int y = 0; y < large->height; y++)
            for (int x = 0; x < 3 * large->width; x++) {
              float value = large->data[(size_t)y * large->stride + x];
              CHECK(value >= 0 && value <= 1);
              sum += fabs(value - cubic->data[(size_t)y * cubic->stride + x]);
              sum_of_other += fabs(value - other->data[(size_t)y * other->stride + x]);
            }
          double mean = sum / (3.0 * large->width * large->height);
          CHECK(mean > 1e-4 && mean < 0.05 && sum_of_other > 0);
        }
        CHECK(host->jpeg_quality(host, image) == 0 && host->jpeg_quality(host, host->blur(host, image, 1)) == 0);
      """)
    for (call, word) in [
      ("image, 5, 0, 0", "2, 3, 4 times"), ("image, 0, 0, 0", "not 0 times"),
      ("0, 2, 0, 0", "without pixels"),
      ("image, 2, 0, \"none\"", "not given as a value"),
      ("host->image_new(host, 4, 4, 1), 2, 0, 0", "3 channels"),
    ] {
      let outcome = try run("  if (!host->image_enlarge(host, \(call))) return RTOOL_FAILED;")
      #expect(outcome.status == 1)
      expectOneLine(outcome.errors, contains: word)
    }
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
    "ascent.patience = -1;", "ascent.place_width = 5;", "ascent.place_width = 5; ascent.place_height = -5;",
    "ascent.parameters = RTOOL_PARAMETERS_FOURIER; ascent.set = RTOOL_SET_L2;",
    "term.kind = RTOOL_TERM_MEASUREMENT; term.filter = 9;",
    "rtool_image even = {2, 2, 1, 2, image->data}; term.kind = RTOOL_TERM_MEASUREMENT; term.kernel = &even;",
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
