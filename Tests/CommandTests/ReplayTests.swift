import Foundation
import Imaging
import Synchronization
import Testing

/// What is recorded of how an image was made, and making it again from that.
@Suite struct ReplayTests {
  let sandbox: Sandbox
  let environment: [String: String]

  init() throws {
    sandbox = try Sandbox()
    let nudge = try String(contentsOfFile: "\(Program.root)/Examples/plugins/nudge.c", encoding: .utf8)
    try sandbox.compilePlugin("nudge", nudge, flags: ["-std=c11"])
    environment = ["RTOOL_PATH": try sandbox.compilePlugin("echo", echoPlugin)]
    try sandbox.photo("lake.png")
    try sandbox.mask("mask.png")
  }

  private func shell(_ line: String) throws -> Sandbox.Outcome {
    try sandbox.shell("set -o pipefail; \(line)", environment: environment)
  }

  private func replay(_ arguments: String...) throws -> Sandbox.Outcome {
    try sandbox.run(Program.path, ["replay"] + arguments, environment: environment)
  }

  /// What several tests begin with, by its name: the same command makes the same bytes.
  private static let made = Mutex<[String: [UInt8]]>([:])

  private func makeOnce(_ name: String, _ line: String) throws {
    try Self.made.withLock { made in
      if let bytes = made[name] {
        try sandbox.write(name, bytes)
      } else {
        let outcome = try shell(line)
        try #require(outcome.status == 0, "\(outcome.errors)")
        made[name] = try sandbox.bytes(name)
      }
    }
  }

  /// Four tasks through pipes, with a step that loses something on the way.
  private func makeChain() throws {
    try makeOnce(
      "out.webp",
      """
      rtool inpaint lake.png --mask mask.png --seed 3 -p fast \
      | rtool inpaint - --box 10,10,20,20 -p fast --format jpeg -Q 71 \
      | rtool nudge - --class glacier:2,sea:1 --strength 4.3 \
      | rtool inpaint - -b 30,60,20,20 -b 100,10,9,9 -p fast --texture 0.25 -o out.webp
      """)
  }

  private struct Info: Decodable {
    struct Step: Decodable {
      let task: String
      let inputs: [String: [String]]
      let parameters: [String: [String]]
    }
    let steps: [Step]
  }

  private func steps(_ name: String) throws -> [Info.Step] {
    try JSONDecoder().decode(Info.self, from: try sandbox.rtool("info", name, "--json").output).steps
  }

  /// From nothing, through tasks of different kinds, one of them a third party's.
  @Test func tasksOfAllKindsMakeAChain() throws {
    let outcome = try shell(
      """
      rtool generate --class forest --steps 5 --seed 11 | rtool superres - --factor 2 --steps 1 \\
      | rtool nudge - --class sea --steps 9 | rtool translate - --to glacier --steps 4 -o out.png
      """)
    try #require(outcome.status == 0, "\(outcome.errors)")
    #expect(try steps("out.png").map(\.task) == ["generate", "superres", "nudge", "translate"])
    let image = try sandbox.open("out.png")
    #expect((image.width, image.height) == (256, 256))
    #expect(try replay("out.png", "--check").status == 0)
  }

  @Test func aChainOfTasksIsListedInOrderAndGivesTheSameBytesAgain() throws {
    try makeChain()
    #expect(try steps("out.webp").map(\.task) == ["inpaint", "inpaint", "nudge", "inpaint"])
    #expect(try steps("out.webp").allSatisfy { $0.inputs["image"]?.first?.count == 64 })
    let info = try sandbox.run(Program.path, ["info", "out.webp"], environment: environment).text
    for line in [
      "rtool inpaint lake.png --mask mask.png --preset fast --seed 3",
      "rtool inpaint - --box 10,10,20,20 --preset fast --quality 71 --format jpeg",
      "rtool nudge - --class 22:0.6666666666666666,33:0.3333333333333333 --strength 4.3 --format jpeg",
      "rtool inpaint - --box 30,60,20,20 --box 100,10,9,9 --texture 0.25 --preset fast --format webp",
    ] {
      #expect(info.contains("   \(line)\n"), "“\(line)” is not in \(info)")
    }
    let outcome = try replay("out.webp", "-o", "again.webp")
    #expect(outcome.status == 0)
    #expect(outcome.errors == "rtool replay: same bytes as out.webp\n")
    #expect(try sandbox.bytes("again.webp") == sandbox.bytes("out.webp"))
    let before = sandbox.files
    #expect(try replay("out.webp", "--check").status == 0)
    #expect(sandbox.files == before)
  }

  @Test func theResultGoesToAPipeOrANewFile() throws {
    try makeChain()
    #expect(try shell("cat out.webp | rtool replay - | cmp - out.webp").status == 0)
    let outcome = try shell("rtool replay out.webp >/dev/null")
    #expect(outcome.status == 0)
    #expect(try sandbox.bytes("out-replay.webp") == sandbox.bytes("out.webp"))
  }

  @Test func commandsThatInfoPrintsGiveTheSameBytes() throws {
    #expect(
      try shell(
        "cp lake.png \"it's -- a lake.png\"; rtool nudge \"it's -- a lake.png\" --steps 9 -c sea:0.3,glacier:0.5 --strength 3 -o a.png"
      ).status == 0)
    let info = try sandbox.run(Program.path, ["info", "a.png"], environment: environment).text
    let line = try #require(info.split(separator: "\n").first { $0.contains("rtool nudge") })
    #expect(try shell("\(line.drop { $0 == " " }) -o b.png").status == 0)
    #expect(try sandbox.bytes("a.png") == sandbox.bytes("b.png"))
  }

  @Test func inputsAreLookedForByNameAndKnownByHash() throws {
    #expect(try shell("mkdir a b; cp lake.png a/x.png; cp mask.png b/x.png").status == 0)
    #expect(
      try shell("cat a/x.png | rtool inpaint - -m b/x.png -p fast -o out.png; rm -r a; mv lake.png moved.png")
        .status == 0)
    #expect(try replay("out.png", "--check", "--inputs", "b").status == 0)
    let missing = try replay("out.png", "-o", "again.png")
    #expect(missing.status == 1)
    expectOneLine(missing.errors, contains: "step 1", "x.png", "is missing", "--inputs")
    #expect(try shell("rm moved.png").status == 0)
    let stream = try replay("out.png", "-o", "again.png", "--inputs", "b")
    #expect(stream.status == 1)
    expectOneLine(stream.errors, contains: "standard input is missing")
    #expect(!sandbox.files.contains("again.png"))
  }

  @Test func anotherContentIsNotTaken() throws {
    #expect(try shell("rtool inpaint lake.png -m mask.png -p fast -o out.png").status == 0)
    try sandbox.mask("mask.png", x: 10..<20)
    let outcome = try replay("out.png", "-o", "again.png")
    #expect(outcome.status == 1)
    expectOneLine(outcome.errors, contains: "mask.png", "another content")
    #expect(!sandbox.files.contains("again.png"))
  }

  @Test func aDifferenceIsTold() throws {
    #expect(try shell("rtool inpaint lake.png -m mask.png -p fast -o out.png").status == 0)
    let provenance = try #require(try SourceImage.open(.file(sandbox.path("out.png"))).provenance)
    try forge(provenance.replacingOccurrences(of: "\"seed\":0", with: "\"seed\":5"), as: "forged.png")
    let outcome = try replay("forged.png", "-o", "again.png")
    #expect(outcome.status == 0)
    expectOneLine(outcome.errors, contains: "differs", "pixels")
    let check = try replay("forged.png", "--check")
    #expect(check.status == 1)
    expectOneLine(check.errors, contains: "forged.png differs")
    try forge(
      provenance.replacingOccurrences(of: "\"version\":\"1.0.0\"", with: "\"version\":\"0.9\""), as: "old.png"
    )
    let old = try replay("old.png", "-o", "again.png")
    #expect(old.status == 0)
    #expect(old.errors.contains("step 1 was made by inpaint 0.9, and this is 1.0.0"))
  }

  @Test func anotherModelIsNotTaken() throws {
    #expect(try shell("rtool inpaint lake.png -m mask.png -p fast -o out.png").status == 0)
    let provenance = try #require(try SourceImage.open(.file(sandbox.path("out.png"))).provenance)
    let digest = try #require(provenance.firstRange(of: /"sha256":"[0-9a-f]{64}"/))
    let other = provenance.replacingCharacters(
      in: digest, with: "\"sha256\":\"\(String(repeating: "a", count: 64))\"")
    try forge(other, as: "forged.png")
    let outcome = try replay("forged.png", "-o", "again.png")
    #expect(outcome.status == 1)
    expectOneLine(outcome.errors, contains: "photos", "recorded hash")
  }

  @Test func oneOfASeriesIsMadeAgain() throws {
    let outcome = try shell(
      "rtool nudge lake.png -c sea --steps 9 --strength 3 --seed 7 --count 2 -o out.png")
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(try replay("out-2.png", "--check").status == 0)
    let two = bendableResult.replacingOccurrences(
      of: "EMIT", with: "host->emit(host, &r); m->data[0] = 1; m->data[1] = 0.5f;")
    try sandbox.compilePlugin("two", two)
    #expect(try shell("rtool two --count 2 --seed 3 -o two.png").status == 0)
    for name in ["two-1.png", "two-2.png", "two-3.png", "two-4.png"] {
      let outcome = try replay(name, "--check")
      #expect(outcome.status == 0, "\(name): \(outcome.errors)")
    }
    #expect(try sandbox.bytes("two-1.png") != sandbox.bytes("two-2.png"))
  }

  @Test func theModelIsFoundByItsHash() throws {
    let environment = environment.merging(["RTOOL_MODELS": sandbox.path("models")]) { $1 }
    let copied = try shell(
      "mkdir models; cp '\(Program.root)/Models/photos.safetensors' models/mine.safetensors;"
        + "rtool inpaint lake.png -m mask.png -p fast -M models/mine.safetensors -o out.png")
    #expect(copied.status == 0, "\(copied.errors)")
    let outcome = try sandbox.run(
      Program.path, ["replay", "out.png", "--check"], environment: environment)
    #expect(outcome.status == 0, "\(outcome.errors)")
  }

  @Test func whatIsRecordedOfAnOldRtoolIsListedAndNotRun() throws {
    try forge(
      #"{"steps":[{"task":"inpaint","version":"1.0.0","rtool":"0.1.0","model":{"name":"photos","sha256":"00"},"#
        + #""seed":4,"parameters":{"image":["lake.png"],"box":["1,2,3,4"]},"facts":{}}]}"#, as: "old.png")
    let info = try sandbox.rtool("info", "old.png")
    #expect(info.text.contains("rtool inpaint lake.png --box 1,2,3,4 --seed 4\n"), "\(info.text)")
    let outcome = try replay("old.png", "-o", "again.png")
    #expect(outcome.status == 1)
    expectOneLine(outcome.errors, contains: "not enough to run it again")
    let plain = try replay("lake.png", "-o", "again.png")
    #expect(plain.status == 1)
    expectOneLine(plain.errors, contains: "nothing in it")
  }

  // MARK: A record is not to be trusted

  /// Nobody knows at which step.
  @Test func whatWasStoppedEarlyIsNotMadeAgain() throws {
    try makeOnce("forest.png", "rtool generate --class forest --steps 2 --seed 4 -o forest.png")
    let provenance = try #require(try SourceImage.open(.file(sandbox.path("forest.png"))).provenance)
    try forge(
      provenance.replacingOccurrences(of: "\"facts\":{", with: "\"facts\":{\"stopped\":\"early\","),
      as: "stopped.png")
    let outcome = try replay("stopped.png", "--check")
    #expect(outcome.status == 1 && outcome.errors.contains("step 1 was stopped early"))
  }

  private func forge(_ provenance: String, as name: String) throws {
    let image = FloatImage(width: 8, height: 8, channels: 3, filledWith: 0.5)
    try ResultImage.fresh(image).write(to: .file(sandbox.path(name)), provenance: provenance)
  }

  /// Replays a record made of a good one, and expects one line of error and no file, here or outside.
  private func expectRefusal(
    _ words: String..., sourceLocation: SourceLocation = #_sourceLocation,
    change: (inout [String: Any]) -> Void
  ) throws {
    if !sandbox.files.contains("good.png") {
      try makeOnce("good.png", "rtool inpaint lake.png -m mask.png -p fast -o good.png")
    }
    let provenance = try #require(try SourceImage.open(.file(sandbox.path("good.png"))).provenance)
    let parsed = try JSONSerialization.jsonObject(with: Data(provenance.utf8)) as? [String: Any]
    var step = try #require((parsed?["steps"] as? [[String: Any]])?.first)
    change(&step)
    let count = step.removeValue(forKey: "repeated") as? Int ?? 1
    let forged = try JSONSerialization.data(withJSONObject: ["steps": Array(repeating: step, count: count)])
    try forge(String(decoding: forged, as: UTF8.self), as: "forged.png")
    let before = sandbox.files
    let outcome = try replay("forged.png", "-o", "again.png")
    #expect([1, 2].contains(outcome.status), sourceLocation: sourceLocation)
    #expect(sandbox.files == before, sourceLocation: sourceLocation)
    let lines = outcome.errors.split(separator: "\n")
    #expect(lines.count == 1, "\(outcome.errors)", sourceLocation: sourceLocation)
    for word in words {
      #expect(outcome.errors.contains(word), "\(outcome.errors)", sourceLocation: sourceLocation)
    }
    #expect(
      outcome.errors.unicodeScalars.allSatisfy { $0 == "\n" || $0.properties.generalCategory != .control },
      sourceLocation: sourceLocation)
  }

  @Test(arguments: [
    "../lake.png", "/etc/passwd", "..", ".", "", "a/../lake.png", "lake.png\u{1B}[2J", "a\u{0}b",
    String(repeating: "x", count: 300),
  ])
  func namesThatAreNoFileNamesAreRefused(_ name: String) throws {
    try expectRefusal("step 1", "not the name of a file") {
      var parameters = $0["parameters"] as! [String: Any]
      parameters["mask"] = [name]
      $0["parameters"] = parameters
    }
  }

  @Test(arguments: [
    "replay", "check", "info", "help", "compare-models", "../inpaint", "/bin/sh", "--help", "-", "",
    "no-such-task",
    "./plugins/librtool-nudge.so", "inpaint\n", "x\u{1B}c",
  ])
  func onlyTasksAreRun(_ task: String) throws {
    try expectRefusal("step 1") { $0["task"] = task }
  }

  @Test(arguments: [
    "output", "model", "max-pixels", "format", "-o", "--output", "json", "threads", "help", "x=y",
  ])
  func optionsOfTheHostAreNotParameters(_ name: String) throws {
    try expectRefusal("step 1", "has no parameter") {
      var parameters = $0["parameters"] as! [String: Any]
      parameters[name] = ["evil.png"]
      $0["parameters"] = parameters
    }
  }

  @Test func valuesAreNoOptions() throws {
    for (name, value) in [
      ("texture", "--output=evil.png"), ("start", "-oevil.png"), ("box", "--"), ("class", "--output"),
    ] {
      try expectRefusal("step 1") {
        var parameters = $0["parameters"] as! [String: Any]
        parameters[name] = [value]
        $0["parameters"] = parameters
        $0["given"] = [name]
      }
    }
    try expectRefusal("step 1") { $0["preset"] = "--output=evil.png" }
    try expectRefusal("format") { $0["encoding"] = ["format": "../../x"] }
    try expectRefusal("number") { $0["encoding"] = ["format": "png", "number": -4] }
    try expectRefusal("--quality") { $0["encoding"] = ["format": "png", "quality": -4] }
    try expectRefusal("zero byte") {
      var parameters = $0["parameters"] as! [String: Any]
      parameters["class"] = ["sea\u{0}"]
      $0["parameters"] = parameters
    }
  }

  @Test func aRecordWithoutMeasureIsRefused() throws {
    try expectRefusal("1200 steps") { $0["repeated"] = 1200 }
    try expectRefusal("longer than a command") {
      var parameters = $0["parameters"] as! [String: Any]
      parameters["box"] = Array(repeating: "1,1,1,1", count: 50_000)
      $0["parameters"] = parameters
    }
    try expectRefusal("longer than a command") {
      var parameters = $0["parameters"] as! [String: Any]
      parameters["class"] = [String(repeating: "sea,", count: 100_000)]
      $0["parameters"] = parameters
    }
    try expectRefusal("no hash") {
      let inputs = $0["inputs"] as! [String: Any]
      $0["inputs"] = ["image": inputs["image"]!]
    }
  }

  @Test func namesLikeOptionsAreFiles() throws {
    #expect(try shell("cp mask.png -- '-o evil.png'; cp lake.png ./--help.png").status == 0)
    #expect(
      try shell("rtool inpaint -p fast '--mask=-o evil.png' -o out.png -- --help.png").status == 0)
    #expect(try replay("out.png", "--check").status == 0)
    let info = try sandbox.rtool("info", "out.png").text
    #expect(info.contains("rtool inpaint '--mask=-o evil.png' --preset fast -- --help.png\n"), "\(info)")
  }

  @Test func infoDoesNotCommandTheTerminal() throws {
    try forge(
      #"{"steps":[{"task":"a\u001b[2J","version":"1\n2","rtool":"x","model":{"name":"\u0007","sha256":"00"},"#
        + #""seed":4,"parameters":{"\u001b":["\u001b]0;x"]},"facts":{"\u001b":"\u001b"}}]}"#, as: "evil.png")
    let info = try sandbox.rtool("info", "evil.png")
    #expect(info.status == 0)
    #expect(info.text.unicodeScalars.allSatisfy { $0 == "\n" || $0.properties.generalCategory != .control })
  }

  // MARK: Values that are read again as what they were

  @Test(arguments: [
    "--class sea:2,mountain:1", "--class sea:0.1,glacier:0.2,mountain:0.3,forest:0.7",
    "--class sea --at 1.25,-7",
    "--tint 12.7,0.1,254.999", "--tint #abc", "--tint #0a0b0c --scale 0.1", "--area 1,2,3,4 --area 5,6,7,8",
    "--scale=-1.1 --no-smooth --flip --label= --label=--flip --label \"a 'b' c\"",
    "--secret 5 --number 10 --paint green",
    "--preset large --number 3",
  ])
  func whatIsPrintedIsReadAsTheSame(_ arguments: String) throws {
    // The values go to the result's record and to standard output, whole.
    let plugin = echoPlugin.replacingOccurrences(of: "\" %g\"", with: "\" %.17g\"")
      .replacingOccurrences(of: "\"echo\"", with: "\"echo2\"")
      .replacingOccurrences(
        of: "return host->emit_text(host, text);",
        with: """
          rtool_image *m = host->image_new(host, 4, 4, 3); rtool_piece p = {0, 0, m};
          rtool_result r = {.struct_size = sizeof r, .piece_count = 1, .pieces = &p}; host->record(host, "values", text);
          return host->emit(host, &r);
          """)
    try sandbox.compilePlugin("echo2", plugin)
    let outcome = try shell("rtool echo2 \(arguments.replacingOccurrences(of: "#", with: "\\#")) -o a.png")
    try #require(outcome.status == 0, "\(outcome.errors)")
    let info = try sandbox.run(Program.path, ["info", "a.png"], environment: environment).text
    let line = try #require(info.split(separator: "\n").first { $0.contains("rtool echo2") })
    let again = try shell("\(line.drop { $0 == " " }) -o b.png")
    try #require(again.status == 0, "\(line): \(again.errors)")
    #expect(try sandbox.bytes("a.png") == sandbox.bytes("b.png"), "\(line)")
    #expect(try replay("a.png", "--check").status == 0)
  }
}

/// A plugin that makes two images from nothing.
private let bendableResult = """
  #include "rtool.h"

  static int32_t run(const rtool_host *host, const rtool_value *values) {
    (void)values;
    rtool_image *m = host->image_new(host, 4, 4, 3);
    if (!m) return RTOOL_FAILED;
    host->random(host, RTOOL_RANDOM_UNIFORM, 0, 48, m->data);
    rtool_piece p = {0, 0, m};
    rtool_result r = {.struct_size = sizeof r, .piece_count = 1, .pieces = &p};
    EMIT
    return host->emit(host, &r);
  }

  static const rtool_manifest manifest = {
    .struct_size = sizeof manifest, .abi = RTOOL_ABI, .param_size = sizeof(rtool_param), .name = "two",
    .version = "1", .summary = "Make two images", .run = run,
  };

  RTOOL_EXPORT const rtool_manifest *rtool_plugin(uint32_t host_abi) { (void)host_abi; return &manifest; }
  """
