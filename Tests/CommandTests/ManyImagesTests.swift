import Foundation
import Imaging
import Testing

/// Many images for one command: told one by one, and no result is lost with a file that is of no use.
@Suite struct ManyImagesTests {
  let sandbox: Sandbox
  init() throws {
    sandbox = try Sandbox()
    try sandbox.photo("a.png")
    try sandbox.photo("b.jpg", width: 90, height: 140)
    try sandbox.write("empty.jpg", [])
  }

  private func objects(_ outcome: Sandbox.Outcome) throws -> [[String: Any]] {
    try outcome.text.split(separator: "\n").map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
  }

  @Test func aFileOfNoUseIsNamedAndTheRestIsDone() throws {
    let outcome = try sandbox.rtool("classify", "a.png", "empty.jpg", "b.jpg", "--top", "1")
    #expect(outcome.status == 1)
    expectOneLine(outcome.errors, contains: "rtool classify: empty.jpg: it is empty")
    let lines = outcome.text.split(separator: "\n")
    #expect(lines.count == 2 && lines[0].hasPrefix("a.png ") && lines[1].hasPrefix("b.jpg "))
  }

  @Test func withJSONEachIsALine() throws {
    let outcome = try sandbox.rtool("classify", "a.png", "empty.jpg", "b.jpg", "--json")
    #expect(outcome.status == 1)
    let lines = try objects(outcome)
    try #require(lines.count == 4)
    #expect((lines[0]["result"] as? [String: Any])?["file"] as? String == "a.png")
    #expect(lines[1]["file"] as? String == "empty.jpg" && lines[1]["error"] is String)
    #expect((lines[2]["result"] as? [String: Any])?["file"] as? String == "b.jpg")
    // What is recorded is what was read.
    let step = try #require(lines[3]["step"] as? [String: Any])
    #expect((step["parameters"] as? [String: [String]])?["image"] == ["a.png", "b.jpg"])
    #expect((step["inputs"] as? [String: [String]])?["image"]?.count == 2)
  }

  @Test func nothingOfUseIsNoOtherFailure() throws {
    for arguments in [["classify", "empty.jpg"], ["visualize", "-f", "sea", "--among", "empty.jpg"]] {
      let outcome = try sandbox.run(Program.path, arguments)
      #expect(outcome.status == 1 && outcome.output.isEmpty)
      expectOneLine(outcome.errors, contains: "empty.jpg")
    }
  }

  /// The second photo comes through a pipe, once the first has been told.
  @Test func resultsCanBeReadAsTheyCome() throws {
    let outcome = try sandbox.shell(
      """
      mkfifo slow.png
      rtool classify a.png slow.png --json > out.txt &
      for i in $(seq 300); do [ -s out.txt ] && break; sleep 0.1; done
      wc -l < out.txt
      cat a.png > slow.png
      wait
      wc -l < out.txt
      """)
    #expect(
      outcome.text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) } == ["1", "3"])
  }

  @Test func standardInputIsOneOfThem() throws {
    let photo = Data(try sandbox.bytes("a.png"))
    let outcome = try sandbox.rtool(
      "visualize", "-f", "sea", "--among", "-", "b.jpg", "-n", "2", "-o", "p.png", input: photo)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(sandbox.files.filter { $0.hasPrefix("p-") } == ["p-1.png", "p-2.png"])
  }

  @Test func onePhotoIsComparedWithMany() throws {
    let outcome = try sandbox.rtool("compare", "a.png", "a.png", "b.jpg", "a.png", "--json")
    #expect(outcome.status == 1)
    expectOneLine(outcome.errors, contains: "b.jpg is 90x140", "--resize")
    let lines = try objects(outcome)
    #expect(lines.count == 4 && lines[1]["error"] != nil)
    #expect((lines[2]["result"] as? [String: Any])?["identical"] as? Bool == true)
    let text = try sandbox.rtool("compare", "a.png", "b.jpg", "a.png", "--resize").text
    #expect(text.hasPrefix("b.jpg\n") && text.contains("\n\na.png\n"))
    #expect(try sandbox.rtool("compare", "a.png", "a.png", "a.png", "--map", "-o", "m.png").status == 2)
  }

  @Test func placesAreFoundInWhatCanBeRead() throws {
    let outcome = try sandbox.rtool(
      "visualize", "-f", "sea", "--among", "a.png", "empty.jpg", "b.jpg", "-n", "3", "-o", "p.png")
    #expect(outcome.status == 1 && outcome.errors.contains("empty.jpg: it is empty"))
    #expect(sandbox.files.filter { $0.hasPrefix("p-") }.count == 3)
  }

  /// A large photo is read at a fraction of its size, and is seen nearly as the whole of it.
  @Test(arguments: ["large.jpg", "large.png"]) func aLargePhotoIsSeenAlike(_ name: String) throws {
    func pixel(_ x: Int, _ y: Int, _ c: Int) -> Float {
      0.4 + 0.25 * sin(Float(x) * 0.011 + Float(c)) * cos(Float(y) * 0.017)
        + ((x / 90 + y / 70) % 2 == 0 ? 0.2 : 0)
    }
    try sandbox.picture(name, width: 1400, height: 1100, pixel)
    let small = try sandbox.open(name).resized(width: 163, height: 128, kernel: .box)
    try ResultImage.fresh(small, bitDepth: 16).write(to: .file(sandbox.path("small.png")))
    func logits(_ name: String) throws -> [String: Double] {
      let outcome = try sandbox.rtool("classify", name, "--json")
      let result = try #require(
        try JSONSerialization.jsonObject(with: outcome.result) as? [[String: Any]])
      let (classes, logits) = (result[0]["classes"] as! [String], result[0]["logits"] as! [Double])
      return Dictionary(uniqueKeysWithValues: zip(classes, logits))
    }
    let (a, b) = (try logits(name), try logits("small.png"))
    let off = a.map { abs($0.value - b[$0.key]!) }.max()!
    #expect(off < 0.1, "logits are off by \(off)")
  }

  @Test func namesOfResultsAreTakenOnce() throws {
    let outcome = try sandbox.shell(
      "for i in 1 2 3 4 5; do rtool superres a.png --preset fast > /dev/null & done; wait")
    #expect(outcome.errors.split(separator: "\n").count == 5)
    #expect(
      sandbox.files.filter { $0.hasPrefix("a-") } == [
        "a-superres-2.png", "a-superres-3.png", "a-superres-4.png", "a-superres-5.png", "a-superres.png",
      ])
  }

  private static let lookingPlugin = """
    #include "rtool.h"
    #include <stdio.h>
    static const rtool_param params[] = {
      {.name = "scale", .help = "a number", .kind = RTOOL_INT, .initial = 1},
      {.name = "photo", .help = "photos", .kind = RTOOL_IMAGE,
       .flags = RTOOL_POSITIONAL | RTOOL_REPEATED | RTOOL_REQUIRED | RTOOL_WITH_ALPHA | RTOOL_ON_DEMAND},
    };
    static rtool_status run(const rtool_host *host, const rtool_value *values) {
      if (values[1].images) return host->fail(host, RTOOL_FAILED, "they are open already");
      for (uint32_t i = 0; i < values[1].count + EXTRA; i++) {
        host->scope_begin(host);
        const rtool_image *image = host->image_open(host, 1, i, 0);
        char text[200];
        if (image && image->width == 90) host->image_skip(host, 1, i, "too narrow");
        else if (image) {
          snprintf(text, sizeof text, "%s %dx%dx%d\\n", values[1].texts[i], image->width, image->height,
                   image->channels);
          host->emit_part(host, text);
        }
        rtool_status status = host->scope_end(host);
        if (status) return status;
      }
      return RTOOL_OK;
    }
    static const rtool_manifest manifest = {
      .struct_size = sizeof manifest, .abi = RTOOL_ABI, .param_size = sizeof(rtool_param), .param_count = 2,
      .params = params, .name = "look", .version = "1", .summary = "A test", .run = run,
    };
    RTOOL_EXPORT const rtool_manifest *rtool_plugin(uint32_t abi) { return (void)abi, &manifest; }
    """

  @Test func pluginsInCOpenThemOneByOne() throws {
    try sandbox.photo("clear.png", width: 20, height: 10, channels: 4)
    let folder = try sandbox.compilePlugin("look", Self.lookingPlugin, flags: ["-DEXTRA=0"])
    let outcome = try sandbox.rtool(
      "look", "a.png", "clear.png", "b.jpg", "nowhere.png", environment: ["RTOOL_PATH": folder])
    #expect(outcome.status == 1)
    #expect(outcome.text == "a.png 160x120x3\nclear.png 20x10x4\n")
    let lines = outcome.errors.split(separator: "\n")
    #expect(lines.count == 2 && lines[0].contains("too narrow") && lines[1].contains("nowhere.png"))
  }

  @Test func onesThatAreNotThereAreAMistakeOfThePlugin() throws {
    let folder = try sandbox.compilePlugin("look", Self.lookingPlugin, flags: ["-DEXTRA=1"])
    let outcome = try sandbox.rtool("look", "a.png", environment: ["RTOOL_PATH": folder])
    #expect(outcome.status == 1)
    expectOneLine(outcome.errors, contains: "the plugin made a mistake")
  }
}
