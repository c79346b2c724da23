import Foundation
import Glibc
import Imaging
import Testing

/// `rtool train` with a tiny network and made-up photos of coloured shapes.
@Suite struct TrainTests {
  let sandbox: Sandbox
  private let environment: [String: String]

  init() throws {
    sandbox = try Sandbox()
    environment = ["XDG_CACHE_HOME": sandbox.path("cache"), "RTOOL_MODELS": sandbox.folder]
    try shapes("data", ["disc", "stripes"])
  }

  // MARK: Photos and runs

  /// Photos of 24 px, each of another colour, at another place and with noise of its own.
  private func shapes(_ folder: String, _ classes: [String], count: Int = 24) throws {
    for name in classes {
      try FileManager.default.createDirectory(
        atPath: sandbox.path("\(folder)/\(name)"), withIntermediateDirectories: true)
      for index in 0..<count { try shape("\(folder)/\(name)/\(index).png", name, index) }
    }
  }

  @discardableResult
  private func shape(_ file: String, _ name: String, _ index: Int, channels: Int = 3, bitDepth: Int = 8)
    throws
    -> String
  {
    var state =
      UInt64(index + 1) &* 0x9E37_79B9_7F4A_7C15 ^ UInt64(name.utf8.reduce(7) { $0 &* 31 &+ Int($1) })
    func random() -> Float {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Float(state >> 40) / Float(1 << 24)
    }
    let (x0, y0, r) = (9 + 6 * random(), 9 + 6 * random(), 5 + 3 * random())
    let ground = (0..<3).map { _ in 0.1 + 0.25 * random() }
    let figure = (0..<3).map { _ in 0.65 + 0.3 * random() }
    let noise = (0..<24 * 24 * 3).map { _ in 0.1 * (random() - 0.5) }
    return try sandbox.picture(file, width: 24, height: 24, channels: channels, bitDepth: bitDepth) {
      x, y, c in
      let (dx, dy) = (Float(x) - x0, Float(y) - y0)
      let isInside =
        switch name {
        case "disc": dx * dx + dy * dy < r * r
        case "stripes": (x + index) / 3 % 2 == 0
        default: max(abs(dx), abs(dy)) < r && max(abs(dx), abs(dy)) > r - 3
        }
      let k = min(c, 2)
      return min(max((isInside ? figure : ground)[k] + noise[(y * 24 + x) * 3 + k], 0), 1)
    }
  }

  private static let tiny = [
    "--widths", "8,8", "--blocks", "1,1", "--sizes", "16", "--batch", "12", "--held-out", "0.3",
    "--seed-rank", "4",
  ]

  private func train(_ arguments: [String]) throws -> Sandbox.Outcome {
    try sandbox.run(Program.path, ["train"] + arguments, environment: environment)
  }

  private func train(_ model: String, data: [String] = ["data"], _ more: String...) throws -> Sandbox.Outcome
  {
    try train(data + ["-o", "\(model).safetensors"] + Self.tiny + more)
  }

  private func expectTrained(_ outcome: Sandbox.Outcome, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(outcome.status == 0, "\(outcome.errors)", sourceLocation: sourceLocation)
    #expect(outcome.text.isEmpty, sourceLocation: sourceLocation)
  }

  private struct Row: Decodable, Equatable {
    let step, size: Int
    let epoch, loss, train_accuracy, learning_rate, eps: Double
    let clean_accuracy, robust_accuracy, one_step_accuracy: Double?
    let note: String?
  }

  private func rows(_ file: String) throws -> [Row] {
    let text = String(decoding: try sandbox.bytes(file), as: UTF8.self)
    #expect(text.hasSuffix("\n"))
    return try text.split(separator: "\n").map { try JSONDecoder().decode(Row.self, from: Data($0.utf8)) }
  }

  private struct Result: Decodable {
    struct Figures: Decodable {
      let photos: Int
      let cleanAccuracy: Double
      let robustAccuracy: Double?
    }
    let model, card, log, state: String
    let plot: String?
    let classes: [String]
    let size, steps, bestStep, attackSteps, trainingPhotos, selectionPhotos, reportPhotos: Int
    let epochs, seconds, eps: Double
    let selection, report: Figures?
  }

  private func result(_ outcome: Sandbox.Outcome) throws -> Result {
    try #require(outcome.status == 0, "\(outcome.errors)")
    return try JSONDecoder().decode(Result.self, from: outcome.output)
  }

  /// Shape and bytes of a tensor in a model's file.
  private func tensor(_ name: String, of file: String) throws -> (shape: [Int], bytes: [UInt8]) {
    let bytes = try sandbox.bytes(file)
    let length = (0..<8).reduce(0) { $0 | Int(bytes[$1]) << (8 * $1) }
    let header = try JSONSerialization.jsonObject(with: Data(bytes[8..<8 + length])) as? [String: Any]
    let entry = try #require(header?[name] as? [String: Any])
    let shape = try #require(entry["shape"] as? [Int])
    let range = try #require(entry["data_offsets"] as? [Int])
    return (shape, Array(bytes[(8 + length + range[0])..<(8 + length + range[1])]))
  }

  /// Starts a run, waits until a file has so many lines, and sends it a signal. The status is that of the run.
  private func interrupted(
    _ arguments: [String], whenLinesOf file: String, are lines: Int, signal: String
  ) throws -> Sandbox.Outcome {
    let words = arguments.map { "'\($0)'" }.joined(separator: " ")
    return try sandbox.shell(
      """
      "\(Program.path)" train \(words) & run=$!
      until [ "$(cat \(file) 2>/dev/null | wc -l)" -ge \(lines) ]; do
        kill -0 $run 2>/dev/null || break
        sleep 0.005
      done
      kill -\(signal) $run
      wait $run
      """, environment: environment)
  }

  // MARK: From photos to a model

  @Test func aTinyNetworkLearnsAndIsUsedAtOnce() throws {
    try shapes("data", ["disc", "stripes"], count: 80)
    let outcome = try train("shapes", "--epochs", "25", "--rate", "0.05", "--average", "0.97", "--json")
    let result = try result(outcome)
    let report = try #require(result.report)
    #expect(report.cleanAccuracy > 0.9 && report.robustAccuracy! > 0.8, "\(report)")
    #expect(result.classes == ["disc", "stripes"] && result.size == 16 && result.eps == 0.25)
    #expect(result.trainingPhotos + result.selectionPhotos + result.reportPhotos == 160)
    #expect(result.steps == (25 * result.trainingPhotos + 11) / 12 && result.attackSteps == 1)
    #expect(outcome.errors.contains("photos to learn from") && outcome.errors.contains("epoch "))
    for name in ["safetensors", "md", "png", "jsonl", "state"] {
      #expect(sandbox.files.contains("shapes.\(name)"))
    }

    // The same photos are measured by `evaluate`, with the same result.
    let evaluated = try sandbox.run(
      Program.path,
      ["evaluate", "shapes", "data", "--part", "report", "--held-out", "0.3", "--restarts", "5", "--json"],
      environment: environment)
    struct Evaluation: Decodable {
      struct Accuracy: Decodable { let photos: Int, accuracy: Double }
      struct Attack: Decodable { let eps: Double, accuracy: Accuracy }
      struct Model: Decodable { let clean: Accuracy, attacks: [Attack], size: Int }
      let models: [Model]
    }
    try #require(evaluated.status == 0, "\(evaluated.errors)")
    let model = try JSONDecoder().decode(Evaluation.self, from: evaluated.output).models[0]
    #expect(model.size == 16 && model.clean.photos == report.photos)
    #expect(model.clean.accuracy == report.cleanAccuracy)
    #expect(model.attacks[0].eps == 0.25 && model.attacks[0].accuracy.accuracy == report.robustAccuracy)

    // Its pictures are of the class.
    let generated = try sandbox.run(
      Program.path, ["generate", "--class", "stripes", "--model", "shapes", "-o", "x.png"],
      environment: environment)
    #expect(generated.status == 0, "\(generated.errors)")
    #expect(try sandbox.open("x.png").width == 16)
    let list = try sandbox.run(
      Program.path, ["classes", "--model", "shapes", "--json"], environment: environment)
    #expect(list.text == #"["disc","stripes"]"# + "\n")
    let models = try sandbox.run(Program.path, ["models"], environment: environment)
    #expect(models.text.contains("2 classes, made for 16 px, trained with L2 radius 0.25"))
    let card = String(decoding: try sandbox.bytes("shapes.md"), as: UTF8.self)
    #expect(card.contains("# shapes") && card.contains("rtool alone") && card.contains("(shapes.png)"))
    #expect(card.contains("[2,3,4,4]") && card.contains("[2,4,3,4,4]"))
  }

  @Test func theLogTellsTheCourse() throws {
    expectTrained(try train("m", "--epochs", "6", "--evaluate-every", "2", "--sizes", "16:0.5,24:0.5", "-q"))
    let rows = try rows("m.jsonl")
    #expect(rows.map(\.step) == Array(1...rows.count))
    #expect(rows.allSatisfy { $0.loss > 0 && $0.epoch > 0 && $0.learning_rate > 0 && $0.eps == 0.375 })
    #expect(rows.first?.size == 16 && rows.last?.size == 24)
    let measured = rows.filter { $0.clean_accuracy != nil }
    #expect(measured.count >= 3 && measured.last?.step == rows.count)
    for row in measured {
      let (clean, robust, one) = (row.clean_accuracy!, row.robust_accuracy!, row.one_step_accuracy!)
      #expect((0...1).contains(clean) && robust <= clean && one <= clean && robust >= 0)
    }
  }

  @Test func ordinaryTrainingHasNoAttacks() throws {
    let outcome = try train("m", "--epochs", "2", "--attack-steps", "0", "--json", "-q")
    let result = try result(outcome)
    #expect(result.report?.robustAccuracy == nil && result.attackSteps == 0)
    #expect(try rows("m.jsonl").allSatisfy { $0.robust_accuracy == nil && $0.one_step_accuracy == nil })
    let models = try sandbox.run(Program.path, ["models"], environment: environment)
    #expect(models.text.contains("not robust"))
  }

  @Test(arguments: [
    ["--norm", "linf", "--attack-steps", "2"], ["--method", "trades", "--beta", "3"],
    ["--attack-norm", "evaluation", "--label-smoothing", "0.1", "--no-random-start"],
    ["--block", "bottleneck", "--stem", "7x7", "--sizes", "32"],
    ["--seed-mixtures", "2", "--seed-rank", "2"],
    ["--precision", "float32", "--seed-rank", "0", "--no-flip", "--stem-stride", "2"],
  ])
  func methodsAndNetworks(_ options: [String]) throws {
    let outcome = try train(
      ["data", "-o", "m.safetensors"] + Self.tiny + ["--epochs", "1", "--json", "-q"] + options)
    let result = try result(outcome)
    #expect(result.report != nil)
    let info = try sandbox.run(
      Program.path, ["generate", "--class", "disc", "--model", "m", "-o", "x.png", "--steps", "1"],
      environment: environment)
    #expect(info.status == 0, "\(info.errors)")
  }

  @Test func theRadiusIsMovedForTheWantedAccuracy() throws {
    expectTrained(
      try train(
        "m", "--epochs", "12", "--wanted-accuracy", "0.99", "--wanted-eps", "0.5", "--eps", "0.4", "-q"))
    let radii = try rows("m.jsonl").map(\.eps)
    #expect(radii.first == 0.4 && radii.last! > 0.4 && radii.last! <= 1)
    #expect(zip(radii, radii.dropFirst()).allSatisfy { $1 >= $0 * 0.9 - 1e-9 && $1 <= $0 * 1.1 + 1e-9 })
    let frozen = radii.suffix(radii.count / 3)
    #expect(Set(frozen).count == 1)
  }

  @Test func testPhotosOfTheirOwn() throws {
    try shapes("own", ["disc", "square", "stripes"], count: 10)
    let outcome = try train("m", "--epochs", "1", "--test", "own", "--json", "-q")
    // Discs and stripes of the same numbers are the same files.
    expectOneLine(outcome.errors, contains: "is the same file as")
    try FileManager.default.removeItem(atPath: sandbox.path("own"))
    for name in ["disc", "square", "stripes"] {
      try FileManager.default.createDirectory(
        atPath: sandbox.path("own/\(name)"), withIntermediateDirectories: true)
      for index in 100..<110 { try shape("own/\(name)/\(index).png", name, index) }
    }
    let result = try result(train("m", "--epochs", "1", "--test", "own", "--json", "-q"))
    #expect(result.trainingPhotos == 48 && result.selectionPhotos + result.reportPhotos == 20)
    #expect(result.selectionPhotos > 0 && result.reportPhotos > 0)
  }

  @Test func photosThatLookTheSameAreInOnePart() throws {
    // Each photo twice, once a little brighter: half of the copies would straddle.
    for name in ["disc", "stripes"] {
      for index in 0..<24 {
        let image = try sandbox.open("data/\(name)/\(index).png")
        var copy = image
        for y in 0..<24 {
          for x in 0..<24 { for c in 0..<3 { copy[x, y, c] = min(image[x, y, c] + 0.01, 1) } }
        }
        try ResultImage.fresh(copy).write(to: .file(sandbox.path("data/\(name)/\(index)b.png")))
      }
    }
    let report = try train(["data", "--check", "--json", "--sizes", "16", "--held-out", "0.3"])
    struct Report: Decodable {
      struct Copies: Decodable { let isLeak: Bool }
      let copies: [Copies]
    }
    let copies = try JSONDecoder().decode(Report.self, from: report.output).copies
    #expect(copies.count >= 40 && copies.allSatisfy { !$0.isLeak })
    let lines = try train(["data", "--check", "--sizes", "16", "--held-out", "0.3"])
    #expect(
      lines.text.contains("groups of photos look the same") && !lines.text.contains("measured on as well"))
  }

  // MARK: The same bytes

  private static let course = ["--epochs", "60", "--evaluate-every", "7", "-q"]

  @Test func anyNumberOfThreadsGivesTheSameModel() throws {
    for threads in ["1", "2", "3"] {
      expectTrained(
        try train(["data", "-o", "m\(threads).safetensors", "-t", threads] + Self.tiny + Self.course))
    }
    let models = try ["1", "2", "3"].map { try sandbox.bytes("m\($0).safetensors") }
    #expect(models[1] == models[0] && models[2] == models[0])
    #expect(try rows("m2.jsonl") == rows("m1.jsonl"))
    // Another seed gives another.
    expectTrained(try train(["data", "-o", "s.safetensors", "-s", "1"] + Self.tiny + Self.course))
    #expect(try sandbox.bytes("s.safetensors") != models[0])
  }

  @Test func anInterruptedRunEndsAsOneThatWasNot() throws {
    expectTrained(try train(["data", "-o", "whole.safetensors"] + Self.tiny + Self.course))
    let (model, log) = (try sandbox.bytes("whole.safetensors"), try rows("whole.jsonl"))
    var arguments = ["data", "-o", "m.safetensors"] + Self.tiny + Self.course
    for (lines, signal) in [(5, "INT"), (17, "TERM"), (30, "INT")] {
      let outcome = try interrupted(arguments, whenLinesOf: "m.jsonl", are: lines, signal: signal)
      #expect(outcome.status == 130, "\(outcome.errors)")
      #expect(!sandbox.files.contains("m.safetensors"))
      arguments = ["--resume", "m.state", "-q"]
    }
    // The state of some steps ago goes on as well, and the rows that came later are written once.
    try FileManager.default.copyItem(atPath: sandbox.path("m.state"), toPath: sandbox.path("old.state"))
    let killed = try interrupted(
      ["--resume", "m.state", "-q", "-t", "1"], whenLinesOf: "m.jsonl", are: 60, signal: "KILL")
    #expect(killed.status == 137)
    let before = try sandbox.bytes("old.state")
    #expect(try sandbox.bytes("m.state") == before)
    expectTrained(try train(["--resume", "old.state", "-q", "--threads", "3"]))
    #expect(try sandbox.bytes("m.safetensors") == model)
    #expect(try rows("m.jsonl") == log)
  }

  @Test func aKilledRunGoesOnFromItsLastState() throws {
    expectTrained(try train(["data", "-o", "whole.safetensors"] + Self.tiny + Self.course))
    // The state is written after each step.
    let killed = try interrupted(
      ["data", "-o", "m.safetensors", "--save-every", "0.0001"] + Self.tiny + Self.course,
      whenLinesOf: "m.jsonl", are: 25, signal: "KILL")
    #expect(killed.status == 137)
    expectTrained(try train(["--resume", "m.state", "-q"]))
    #expect(try sandbox.bytes("m.safetensors") == sandbox.bytes("whole.safetensors"))
    #expect(try rows("m.jsonl") == rows("whole.jsonl"))
    #expect(sandbox.files.filter { $0.hasSuffix(".tmp") }.count <= 1)
  }

  @Test func interruptedWhileMeasuringItGoesOnThere() throws {
    try shapes("data", ["disc", "stripes"], count: 60)
    // So small a radius that no attack ends early.
    let arguments =
      ["data", "-o", "m.safetensors"] + Self.tiny + ["--epochs", "1", "--eps", "0.0001", "--sizes", "64"]
    let outcome = try sandbox.shell(
      """
      "\(Program.path)" train \(arguments.joined(separator: " ")) 2>said & run=$!
      until grep -q measuring said; do kill -0 $run || break; sleep 0.005; done
      kill -INT $run; wait $run
      """, environment: environment)
    #expect(outcome.status == 130)
    #expect(!sandbox.files.contains("m.safetensors") && sandbox.files.contains("m.state"))
    expectTrained(try train(["--resume", "m.state"]))
    #expect(sandbox.files.contains("m.safetensors") && sandbox.files.contains("m.md"))
    // Once more is no harm.
    let model = try sandbox.bytes("m.safetensors")
    expectTrained(try train(["--resume", "m.state"]))
    #expect(try sandbox.bytes("m.safetensors") == model)
  }

  @Test func aRunThatIsFinishedEarlyLeavesItsBestAverage() throws {
    let outcome = try interrupted(
      ["data", "-o", "m.safetensors"] + Self.tiny + ["--epochs", "500", "-q"], whenLinesOf: "m.jsonl",
      are: 20,
      signal: "INT")
    #expect(outcome.status == 130)
    let result = try result(train(["--resume", "m.state", "--finish", "--json", "-q"]))
    #expect(result.steps >= 20 && result.bestStep <= result.steps && result.epochs < 499)
    #expect(sandbox.files.contains("m.safetensors"))
    let card = String(decoding: try sandbox.bytes("m.md"), as: UTF8.self)
    #expect(card.contains("\(result.steps) steps in"))
  }

  @Test func interruptionSaysHowToGoOn() throws {
    let outcome = try interrupted(
      ["data", "-o", "m.safetensors"] + Self.tiny + ["--epochs", "500"], whenLinesOf: "m.jsonl", are: 5,
      signal: "INT")
    #expect(outcome.status == 130)
    #expect(outcome.errors.contains("rtool train --resume m.state goes on"))
    // Begun again by mistake it would be lost.
    let again = try train("m")
    #expect(again.status == 1)
    expectOneLine(again.errors, contains: "m.state", "interrupted after step", "--resume")
  }

  // MARK: States that do not fit

  /// A run that was interrupted after a few steps.
  private func state() throws {
    let outcome = try interrupted(
      ["data", "-o", "m.safetensors"] + Self.tiny + ["--epochs", "300", "-q"], whenLinesOf: "m.jsonl", are: 5,
      signal: "INT")
    try #require(outcome.status == 130, "\(outcome.errors)")
  }

  private func refused(
    _ arguments: [String], status: Int32 = 1, _ words: String...,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let outcome = try train(arguments)
    #expect(outcome.status == status, "\(outcome.errors)", sourceLocation: sourceLocation)
    expectOneLine(outcome.errors, contains: words.first ?? "", sourceLocation: sourceLocation)
    for word in words {
      #expect(outcome.errors.contains(word), "\(word): \(outcome.errors)", sourceLocation: sourceLocation)
    }
  }

  @Test func movedPhotosAreTheSameAndOthersAreNot() throws {
    try state()
    try FileManager.default.moveItem(atPath: sandbox.path("data"), toPath: sandbox.path("moved"))
    try refused(["--resume", "m.state"], "data")
    let outcome = try train(["--resume", "m.state", "moved", "--finish", "-q"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    unlink(sandbox.path("moved/disc/3.png"))
    try refused(["--resume", "m.state", "moved"], "other photos")
    try shapes("three", ["disc", "square", "stripes"])
    try refused(["--resume", "m.state", "three"], "other photos")
  }

  @Test func damagedStatesAreRefused() throws {
    try state()
    let whole = try sandbox.bytes("m.state")
    try refused(["--resume", "none.state"], "none.state")
    try refused(["--resume", "data"], "no state file")
    for (name, bytes) in [
      ("empty", []), ("half", Array(whole.prefix(whole.count / 2))), ("short", Array(whole.dropLast())),
      ("picture", try sandbox.bytes("data/disc/0.png")),
      (
        "model",
        [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(Program.root)/Models/photos.safetensors")))
      ),
    ] {
      try sandbox.write("\(name).state", bytes)
      try refused(["--resume", "\(name).state"], "\(name).state")
    }
    // Numbers that are none, in the header and in what the state says.
    func changed(_ old: String, _ new: String) throws {
      var bytes = whole
      let range = try #require(Data(whole).range(of: Data(old.utf8)))
      try #require(old.utf8.count == new.utf8.count)
      bytes.replaceSubrange(range.lowerBound..<range.upperBound, with: Array(new.utf8))
      try sandbox.write("changed.state", bytes)
    }
    for (old, new) in [
      (#"\"batch\":12"#, #"\"batch\":-2"#), (#"\"batch\":12"#, #"\"batch\":00"#),
      (#"\"attackSteps\":1"#, #"\"attackSteps\":x"#),
      (#"\"shown\":"#, #"\"shawn\":"#), (#"\"classes\":[\"disc"#, #"\"classes\":[\"dish"#),
      ("rtool-training", "other-training"),
    ] {
      try changed(old, new)
      try refused(["--resume", "changed.state"], "changed.state")
    }
    // The log is as it was.
    #expect(try !rows("m.jsonl").isEmpty)
    #expect(try sandbox.bytes("m.state") == whole)
  }

  @Test func aRunThatGoesOnIsTheSameRun() throws {
    try state()
    for option in [["--eps", "1"], ["--epochs", "3"], ["--widths", "4,4"], ["--seed", "2"], ["--check"]] {
      try refused(["--resume", "m.state"] + option, status: 2, option[0], "cannot be changed")
    }
    try refused(["data", "--finish", "-o", "x.safetensors"], status: 2, "--resume")
    // Another output, which is kept in the state from then on.
    let outcome = try interrupted(
      ["--resume", "m.state", "-o", "other.safetensors", "-q"], whenLinesOf: "other.jsonl", are: 3,
      signal: "INT")
    #expect(outcome.status == 130, "\(outcome.errors)")
    let result = try result(train(["--resume", "m.state", "--finish", "--json", "-q"]))
    #expect(result.model.hasSuffix("/other.safetensors") && sandbox.files.contains("other.safetensors"))
  }

  @Test func twoRunsDoNotWriteOneLog() throws {
    let outcome = try sandbox.shell(
      """
      "\(Program.path)" train data -o m.safetensors \(Self.tiny.joined(separator: " ")) --epochs 3000 -q & run=$!
      until [ "$(cat m.jsonl 2>/dev/null | wc -l)" -ge 3 ]; do sleep 0.01; done
      rtool train data -o m.safetensors \(Self.tiny.joined(separator: " ")) -q; echo $? >second
      kill -INT $run; wait $run
      """, environment: environment)
    #expect(outcome.status == 130)
    #expect(try sandbox.bytes("second") == Array("1\n".utf8))
    #expect(outcome.errors.contains("m.jsonl is being written by another run"), "\(outcome.errors)")
  }

  // MARK: Files

  @Test func filesThatCannotBeWrittenAreFoundOutFirst() throws {
    try FileManager.default.createDirectory(
      atPath: sandbox.path("folder.safetensors"), withIntermediateDirectories: true)
    let base = ["data"] + Self.tiny
    try refused(base + ["-o", "nowhere/m.safetensors"], "there is no folder nowhere")
    try refused(base + ["-o", "m.pt"], status: 2, ".safetensors")
    try refused(base + ["-o", ".safetensors"], status: 2, ".safetensors")
    try refused(base + ["-o", "folder.safetensors"], "is a folder")
    try refused(base, status: 2, "--output")
    try refused(base + ["-o", "m.safetensors", "--state", "m.safetensors"], status: 2, "--state")
    try refused(base + ["-o", "m.safetensors", "--state", "./m.md"], status: 2, "two files of the run")
    try refused(base + ["-o", "m.safetensors", "--state", "m.jsonl"], status: 2, "two files of the run")
    try refused(base + ["-o", "m.safetensors", "--log", "nowhere/log"], "there is no folder")
    try refused(base + ["-o", "m.safetensors", "--state", "data/disc/0.png"], "not a training state")
    try refused(base + ["-o", "m.safetensors", "--log", "data/disc/0.png"], "not a training log")
    // To the superuser no folder is closed.
    if geteuid() != 0 {
      try FileManager.default.createDirectory(
        atPath: sandbox.path("closed"), withIntermediateDirectories: true,
        attributes: [.posixPermissions: 0o555])
      try refused(base + ["-o", "closed/m.safetensors"], "cannot be written to")
    }
    #expect(!sandbox.files.contains { $0.hasPrefix("m.") })
  }

  @Test func aFullDiskCostsNoState() throws {
    // Wide enough that the state is larger than all else.
    let options = Self.tiny + ["--widths", "32,32", "--epochs", "8", "--evaluate-every", "4"]
    expectTrained(try train(["data", "-o", "whole.safetensors", "-q"] + options))
    let outcome = try interrupted(
      ["data", "-o", "m.safetensors", "-q"] + options, whenLinesOf: "m.jsonl", are: 4, signal: "INT")
    #expect(outcome.status == 130)
    let state = try sandbox.bytes("m.state")
    try #require(state.count > 400_000)
    // No file may be larger than 200 KiB, as if the disk were full.
    let limited = try sandbox.shell(
      "trap '' XFSZ; ulimit -f 200; rtool train --resume m.state --save-every 0.0001",
      environment: environment)
    #expect(limited.status == 0, "\(limited.errors)")
    #expect(limited.errors.contains("the state was not saved, the state before it stays"))
    #expect(try sandbox.bytes("m.state") == state)
    #expect(try sandbox.bytes("m.safetensors") == sandbox.bytes("whole.safetensors"))
    #expect(!sandbox.files.contains { $0.hasSuffix(".tmp") })
  }

  @Test func aLogThatCannotBeWrittenCostsNoRun() throws {
    // Photos are read before, as their cache is larger.
    _ = try train(["data", "--check", "--sizes", "16"])
    let outcome = try sandbox.shell(
      """
      trap '' XFSZ; ulimit -f 1
      rtool train data -o m.safetensors \(Self.tiny.joined(separator: " ")) --epochs 4
      """, environment: environment)
    // The model is larger, too.
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("rows are missing from here on, training goes on"))
    #expect(outcome.errors.split(separator: "\n").count { $0.contains("rows are missing") } == 1)
    let whole = String(decoding: try sandbox.bytes("m.jsonl"), as: UTF8.self)
    #expect(whole.hasSuffix("\n"))
  }

  // MARK: Course

  @Test func divergenceStopsAndKeepsTheState() throws {
    let outcome = try train(
      "m", "--rate", "100", "--momentum", "0.99", "--epochs", "400", "--save-every", "0.0001", "-q")
    #expect(outcome.status == 1)
    expectOneLine(outcome.errors, contains: "diverged at step", "--rate", "--resume m.state --finish")
    expectTrained(try train(["--resume", "m.state", "--finish", "-q"]))
    let before = try train("n", "--rate", "100", "--momentum", "0.99", "--epochs", "400", "-q")
    #expect(before.status == 1)
    expectOneLine(before.errors, contains: "no state had been saved yet")
  }

  @Test func aBatchIsNotLargerThanThePhotos() throws {
    let outcome = try train("m", "--batch", "1000", "--epochs", "2", "-q")
    #expect(outcome.status == 0)
    expectOneLine(outcome.errors, contains: "--batch 1000", "it becomes")
  }

  @Test func hoursAreCountedInSteps() throws {
    try refused(["data", "-o", "m.safetensors", "--hours", "0"], status: 2, "--hours must be above 0")
    try refused(
      ["data", "-o", "m.safetensors", "--hours", "1", "--epochs", "1"], status: 2, "exclude each other")
    let result = try result(train("m", "--hours", "0.00005", "--json", "-q"))
    #expect(result.steps >= 1)
    // Timing leaves no trace: so many steps by epochs give the same weights.
    let epochs = Double(result.steps * 12) / Double(result.trainingPhotos) - 1e-9
    expectTrained(try train("n", "--epochs", "\(epochs)", "-q"))
    #expect(try tensor("conv1.weight", of: "n.safetensors") == tensor("conv1.weight", of: "m.safetensors"))
    #expect(
      try tensor("bn1.running_mean", of: "n.safetensors") == tensor("bn1.running_mean", of: "m.safetensors"))
  }

  @Test func wrongOptionsAreRefused() throws {
    let base = ["data", "-o", "m.safetensors"]
    for (option, words) in [
      (["--sizes", "8"], "16...1024"), (["--sizes", "64:0.5,128:0.6"], "add up"),
      (["--sizes", "64:1,128"], "leave nothing"),
      (["--sizes", "64:x"], "share"), (["--widths", "8,x"], "--widths"), (["--widths", "8,8"], "--blocks"),
      (["--widths", "1,1,1,1,1,1,1", "--blocks", "1,1,1,1,1,1,1"], "6 stages"), (["--eps", "-1"], "--eps"),
      (["--freeze", "conv1"], "--init"), (["--init", "photos", "--widths", "8,8,8,8"], "exclude each other"),
      (["--wanted-eps", "1"], "--wanted-accuracy"),
      (["--attack-steps", "0", "--wanted-accuracy", "0.5"], "--wanted-accuracy"),
      (["--held-out", "0.9"], "--held-out"), (["--attack-steps", "21"], "--attack-steps"),
    ] {
      let outcome = try train(base + option)
      #expect(outcome.status == 2, "\(option): \(outcome.errors)")
      expectOneLine(outcome.errors, contains: words)
    }
    try refused(["-o", "m.safetensors"], status: 2, "DATA is needed")
    try refused(["none", "-o", "m.safetensors"], "none")
    try refused(["data", "-o", "m.safetensors", "--init", "nowhere"], "no model")
  }

  // MARK: Beginning with a model

  @Test func aModelIsTrainedOn() throws {
    try shapes("data", ["disc", "square", "stripes"])
    expectTrained(try train("first", "--epochs", "3", "-q"))
    try shapes("other", ["disc", "ring", "stripes", "square"])
    // Steps that are next to none, so that the first weights are seen.
    let still = ["--rate", "1e-7", "--average", "0", "--weight-decay", "0", "--epochs", "0.001", "-q"]
    let options = [
      "--sizes", "16", "--batch", "12", "--held-out", "0.3", "--seed-rank", "0", "--init", "first",
    ]
    expectTrained(try train(["other", "-o", "second.safetensors"] + options + still))
    let (old, new) = (
      try tensor("fc.weight", of: "first.safetensors"), try tensor("fc.weight", of: "second.safetensors")
    )
    #expect(old.shape == [3, 8] && new.shape == [4, 8])
    func row(_ tensor: (shape: [Int], bytes: [UInt8]), _ k: Int) -> [Float] {
      (0..<8).map { i in
        let at = 2 * (8 * k + i)
        return Float(Float16(bitPattern: UInt16(tensor.bytes[at]) | UInt16(tensor.bytes[at + 1]) << 8))
      }
    }
    // disc, square, stripes before; disc, ring, square, stripes now.
    for (before, now) in [(0, 0), (1, 2), (2, 3)] {
      for (a, b) in zip(row(old, before), row(new, now)) { #expect(abs(a - b) < 1e-3) }
    }
    let card = String(decoding: try sandbox.bytes("second.md"), as: UTF8.self)
    #expect(card.contains("rtool from weights of first (SHA-256 "))

    // Frozen layers stay as they are.
    expectTrained(
      try train(
        [
          "other", "-o", "third.safetensors", "--freeze", "conv1", "--freeze", "layer1", "--epochs", "3",
          "-q",
        ] + options))
    for name in ["conv1.weight", "layer1.0.conv1.weight", "layer1.0.bn2.weight", "layer1.0.bn2.running_var"] {
      #expect(try tensor(name, of: "third.safetensors") == tensor(name, of: "first.safetensors"), "\(name)")
    }
    #expect(
      try tensor("layer2.0.conv1.weight", of: "third.safetensors").bytes
        != tensor("layer2.0.conv1.weight", of: "first.safetensors").bytes)
    try refused(
      ["other", "-o", "m.safetensors", "--freeze", "layre1"] + options, status: 2, "--freeze", "no such layer"
    )

    // The state holds the network, so that it goes on without the model.
    let outcome = try interrupted(
      ["other", "-o", "m.safetensors", "--epochs", "300", "-q"] + options, whenLinesOf: "m.jsonl", are: 4,
      signal: "INT")
    #expect(outcome.status == 130)
    unlink(sandbox.path("first.safetensors"))
    expectTrained(try train(["--resume", "m.state", "--finish", "-q"]))
  }

  // MARK: Photos of all kinds

  @Test func onePhotoOfEachClassIsEnough() throws {
    try shapes("few", ["disc", "square", "stripes"], count: 1)
    let outcome = try train("m", data: ["few"], "--epochs", "3", "--batch", "2", "--json")
    let result = try result(outcome)
    #expect(result.trainingPhotos == 3 && result.report == nil && result.selection == nil)
    #expect(outcome.errors.contains("no photo is held out to choose by"))
    #expect(outcome.errors.contains("it was not measured"))
    let generated = try sandbox.run(
      Program.path, ["generate", "--class", "disc", "--model", "m", "-o", "x.png", "--steps", "1"],
      environment: environment)
    #expect(generated.status == 0, "\(generated.errors)")
  }

  @Test func strangePhotosAreReadAndBrokenOnesToldOnce() throws {
    try shape("data/disc/deep.png", "disc", 30, bitDepth: 16)
    try shape("data/disc/grey.png", "disc", 31, channels: 1)
    try shape("data/disc/clear.png", "disc", 32, channels: 4)
    for (name, format) in [("a.jpg", Format.jpeg), ("a.webp", .webp), ("a.gif", .gif), ("a.tiff", .tiff)] {
      let image = try sandbox.open("data/disc/0.png")
      try sandbox.write("data/disc/\(name)", ResultImage.fresh(image).encoded(as: format).bytes)
    }
    // Smaller than the images, and as narrow as can be.
    try sandbox.picture("data/disc/small.png", width: 5, height: 3) { x, y, _ in Float(x + y) / 6 }
    try sandbox.picture("data/disc/narrow.png", width: 1, height: 40) { _, y, _ in Float(y) / 40 }
    let jpeg = try sandbox.bytes("data/disc/a.jpg")
    try sandbox.write("data/disc/cut.jpg", Array(jpeg.prefix(jpeg.count / 3)))
    try sandbox.write("data/disc/empty.png", [])
    try sandbox.write("data/disc/text.png", Array("not a picture".utf8))
    try sandbox.write("data/disc/readme.txt", Array("passed over".utf8))
    try FileManager.default.createSymbolicLink(
      atPath: sandbox.path("data/linked"), withDestinationPath: sandbox.path("elsewhere"))
    try shapes("elsewhere2", ["square"])
    try FileManager.default.moveItem(
      atPath: sandbox.path("elsewhere2/square"), toPath: sandbox.path("elsewhere"))
    let outcome = try train("m", "--epochs", "1", "--json", "-q")
    let result = try result(outcome)
    #expect(result.classes == ["disc", "linked", "stripes"])
    let lines = outcome.errors.split(separator: "\n")
    #expect(lines.allSatisfy { $0.contains("warning: left out: ") })
    for name in ["cut.jpg", "empty.png", "text.png"] {
      #expect(lines.count { $0.contains(name) } == 1, "\(outcome.errors)")
    }
    #expect(!outcome.errors.contains("readme.txt") && lines.count == 3)
    #expect(result.trainingPhotos + result.selectionPhotos + result.reportPhotos == 72 + 9)
  }

  @Test func tooFewPhotosAreRefused() throws {
    try shapes("one", ["disc"])
    try refused(["one", "-o", "m.safetensors"] + Self.tiny, "2 are needed")
    try FileManager.default.createDirectory(
      atPath: sandbox.path("one/empty"), withIntermediateDirectories: true)
    try refused(["one", "-o", "m.safetensors"] + Self.tiny, "empty")
  }

  // MARK: Help

  @Test func helpHasHeadings() throws {
    let help = try sandbox.rtool("train", "--help")
    #expect(help.status == 0)
    for heading in [
      "Run:", "Photos:", "Network:", "Method:", "Course:", "Augmentation:", "Reports:", "Machine:",
    ] {
      #expect(help.text.split(separator: "\n").count { $0 == heading } == 1, "\(heading)")
    }
    #expect(help.text.split(separator: "\n").allSatisfy { $0.count <= 80 })
  }
}
