import Foundation
import Testing

/// `rtool evaluate` with the default model, a copy of it that calls some classes otherwise, and made-up photos.
@Suite struct EvaluateTests {
  let sandbox: Sandbox
  let environment: [String: String]

  init() throws {
    sandbox = try Sandbox()
    environment = ["RTOOL_MODELS": sandbox.path("models"), "XDG_CACHE_HOME": sandbox.path("cache")]
    for folder in ["models", "data/sea", "data/forest", "data/glacier"] {
      try FileManager.default.createDirectory(
        atPath: sandbox.path(folder), withIntermediateDirectories: true)
    }
    for index in 0..<4 {
      // A horizon over waves, and a green thicket.
      try picture("data/sea/\(index).png") { x, y, c in
        let wave = 0.12 * sin(Float(y) * 1.3 + sin(Float(x + 5 * index) * 0.4))
        return y < 14 ? [0.6, 0.75, 0.9][c] : [0.15, 0.35, 0.5][c] + wave
      }
      try picture("data/forest/\(index).png") { x, y, c in
        let grain = Float((x &* 73 &+ y &* 179 &+ index &* 31) % 17) / 17
        return [0.15, 0.4, 0.1][c] * (0.4 + grain)
      }
    }
    try picture("data/glacier/0.png") { _, y, c in [0.3, 0.5, 0.8][c] + Float(y) * 0.005 }
  }

  private func picture(_ name: String, _ value: (Int, Int, Int) -> Float) throws {
    try sandbox.picture(name, width: 44, height: 40) { min(max(value($0, $1, $2), 0), 1) }
  }

  /// A copy of the default model with classes renamed.
  private func rename(_ names: [String: String], to file: String) throws {
    let model = [UInt8](
      try Data(contentsOf: URL(fileURLWithPath: "\(Program.root)/Models/photos.safetensors")))
    let length = Int(model[0]) | Int(model[1]) << 8 | Int(model[2]) << 16
    var header = String(decoding: model[8..<8 + length], as: UTF8.self)
    for (old, new) in names {
      header = header.replacingOccurrences(of: "\\\"\(old)\\\"", with: "\\\"\(new)\\\"")
    }
    var changed = Array(header.utf8)
    while changed.count % 8 != 0 { changed.append(0x20) }
    let size = (0..<8).map { UInt8(truncatingIfNeeded: changed.count >> (8 * $0)) }
    try sandbox.write(file, size + changed + model[(8 + length)...])
  }

  private func evaluate(_ arguments: String...) throws -> Sandbox.Outcome {
    try sandbox.run(
      Program.path, ["evaluate"] + arguments + ["--size", "40", "--steps", "4"], environment: environment)
  }

  private struct Report: Decodable {
    struct Accuracy: Decodable {
      let right, photos: Int
      let accuracy: Double
      let interval: [Double]
    }
    struct Attack: Decodable {
      let eps: Double
      let accuracy: Accuracy
      let confusion: [[Int]]
    }
    struct Class: Decodable {
      let name: String
      let clean: Accuracy
      let attacks: [Accuracy]
    }
    struct Photo: Decodable { let name, label, clean: String, attacked: [String] }
    struct Model: Decodable {
      let name, sha256: String
      let size, modelClasses: Int
      let isRestricted: Bool
      let clean: Accuracy
      let cleanConfusion: [[Int]]
      let attacks: [Attack]
      let classes: [Class]
      let photos: [Photo]?
    }
    let attack, loss: String?
    let norm, part, precision: String
    let eps: [Double]
    let stepSizes: [Double]?
    let steps, restarts, seed, batch, threads: Int
    let classes: [String]
    let models: [Model]
  }

  private func report(_ outcome: Sandbox.Outcome) throws -> Report {
    try #require(outcome.status == 0, "\(outcome.errors)")
    return try JSONDecoder().decode(Report.self, from: outcome.output)
  }

  @Test func modelsStandInOneTable() throws {
    try rename([:], to: "models/other.safetensors")
    let outcome = try evaluate(
      "photos", "other", "data", "--eps", "0.05,2", "--per-class", "--confusion", "--held-out", "0.2")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let lines = outcome.text.split(separator: "\n")
    #expect(lines[0].contains("9 photos of 3 classes") && lines[0].contains("pgd (ce) of 4 steps"))
    #expect(lines[2].contains("clean") && lines[2].contains("l2 0.05") && lines[2].contains("l2 2"))
    #expect(lines[3].hasPrefix("photos") && lines[4].hasPrefix("other"))
    #expect(lines[3].dropFirst(6) == lines[4].dropFirst(6))
    for words in ["class ", "photos, as they are", "other, l2 2"] { #expect(outcome.text.contains(words)) }
    #expect(outcome.errors.contains("3 of the 45 classes of “photos” are used"))
  }

  @Test func jsonTellsAll() throws {
    let found = try report(
      evaluate("photos", "data", "--eps", "0.02,0.5,8", "--json", "--per-photo", "--restarts", "2", "-s", "5")
    )
    #expect(found.classes == ["forest", "glacier", "sea"] && found.eps == [0.02, 0.5, 8])
    #expect((found.attack, found.loss, found.norm, found.part) == ("pgd", "ce", "l2", "all"))
    #expect((found.steps, found.restarts, found.seed) == (4, 2, 5))
    #expect(found.stepSizes == [0.02, 0.5, 8].map { $0 * 0.625 })
    let model = found.models[0]
    #expect(model.name == "photos" && model.size == 40 && model.isRestricted && model.modelClasses == 45)
    #expect(model.sha256.count == 64)
    #expect(model.clean.photos == 9 && model.clean.right > 0)
    let rights = [model.clean.right] + model.attacks.map(\.accuracy.right)
    #expect(rights == rights.sorted(by: >) && rights[3] < rights[0])
    for accuracy in [model.clean] + model.attacks.map(\.accuracy) + model.classes.map(\.clean) {
      #expect(accuracy.accuracy == Double(accuracy.right) / Double(accuracy.photos))
      #expect(accuracy.interval[0] <= accuracy.accuracy && accuracy.accuracy <= accuracy.interval[1])
      #expect(accuracy.interval.allSatisfy { (0...1).contains($0) })
    }
    #expect(model.classes.map(\.clean.photos) == [4, 1, 4])
    for (confusion, accuracy) in [(model.cleanConfusion, model.clean)]
      + model.attacks.map({ ($0.confusion, $0.accuracy) })
    {
      #expect(confusion.map { $0.reduce(0, +) } == [4, 1, 4])
      #expect(confusion.indices.reduce(0) { $0 + confusion[$1][$1] } == accuracy.right)
    }
    let photos = try #require(model.photos)
    #expect(photos.count == 9 && photos.contains { $0.name == "sea/2.png" && $0.label == "sea" })
    #expect(photos.filter { $0.attacked[1] == $0.label }.count == model.attacks[1].accuracy.right)
  }

  @Test func wilsonsIntervalIsRight() throws {
    let found = try report(evaluate("photos", "data", "--json", "--attack", "none"))
    let (k, n) = (Double(found.models[0].clean.right), Double(found.models[0].clean.photos))
    // The ends p of the interval solve (k/n − p)² = z² p (1 − p) / n.
    for p in found.models[0].clean.interval where p > 0 && p < 1 {
      #expect(abs((k / n - p) * (k / n - p) - 3.841459 * p * (1 - p) / n) < 1e-6)
    }
    #expect(found.attack == nil && found.eps.isEmpty && found.models[0].attacks.isEmpty)
  }

  @Test func onlySharedClassesAreUsed() throws {
    try rename(["glacier": "ice", "sea": "pond"], to: "models/other.safetensors")
    let alone = try evaluate("other", "data", "--json")
    #expect(alone.status == 1)
    expectOneLine(alone.errors, contains: "one class alone, forest")
    try rename(["glacier": "ice"], to: "models/other.safetensors")
    let outcome = try evaluate("photos", "data", "--models", "other", "--json", "--eps", "1")
    let found = try report(outcome)
    #expect(found.classes == ["forest", "sea"])
    #expect(found.models.map(\.name) == ["photos", "other"] && found.models.map(\.clean.photos) == [8, 8])
    #expect(outcome.errors.contains("2 of the 3 classes of the data are used"))
    #expect(outcome.errors.contains("2 of the 45 classes of “other” are used"))
    let byHand = try report(evaluate("photos", "data", "--classes", "sea,forest", "--json", "--eps", "1"))
    #expect(byHand.models[0].attacks[0].accuracy.right == found.models[0].attacks[0].accuracy.right)
  }

  @Test func partsAndLimitsAreTheSameEachTime() throws {
    var parts: [String: Set<String>] = [:]
    for part in ["all", "training", "selection", "report", "held-out"] {
      let outcome = try evaluate(
        "photos", "data", "--part", part, "--held-out", "0.5", "--attack", "none", "--json", "--per-photo")
      // A part of so few photos may have none.
      if outcome.status == 1 {
        #expect(outcome.errors.contains("there are no photos"))
        parts[part] = []
      } else {
        parts[part] = Set(try report(outcome).models[0].photos!.map(\.name))
      }
    }
    #expect(parts["all"]!.count == 9)
    #expect(parts["held-out"] == parts["selection"]!.union(parts["report"]!))
    #expect(parts["all"] == parts["held-out"]!.union(parts["training"]!))
    #expect(parts["held-out"]!.isDisjoint(with: parts["training"]!))

    let limited = try report(
      evaluate("photos", "data", "--limit", "5", "--attack", "none", "--json", "--per-photo")
    ).models[0]
    #expect(limited.classes.map(\.clean.photos) == [2, 1, 2])
    #expect(Set(limited.photos!.map(\.name)).isSubset(of: parts["all"]!))
  }

  @Test(arguments: ["pgd", "apgd", "fab", "ensemble"])
  func threadsDoNotMatter(_ attack: String) throws {
    let found = try ["1", "2"].map {
      try report(
        evaluate("photos", "data", "--attack", attack, "--eps", "0.3", "-t", $0, "--json", "--per-photo"))
    }
    #expect(found[0].models[0].photos!.map(\.attacked) == found[1].models[0].photos!.map(\.attacked))
    #expect(found[0].attack == attack && found[0].threads == 1 && found[1].threads == 2)
  }

  @Test func allLossesAndBothNormsAreKnown() throws {
    for norm in ["l2", "linf"] {
      for loss in ["ce", "margin", "targeted"] {
        let found = try report(
          evaluate("data", "--norm", norm, "--loss", loss, "--json", "--eps", norm == "l2" ? "9" : "64/255"))
        #expect(found.models[0].attacks[0].accuracy.right < found.models[0].clean.right)
        #expect(found.loss == loss && found.norm == norm && found.models[0].name == "photos")
      }
    }
  }

  @Test func unreadablePhotosAreNamedAndLeftOut() throws {
    try sandbox.write("data/sea/broken.png", [1, 2, 3])
    let outcome = try evaluate("photos", "data", "--attack", "none", "--json")
    #expect(try report(outcome).models[0].clean.photos == 9)
    #expect(outcome.errors.contains("left out") && outcome.errors.contains("broken.png"))
  }

  @Test func anInterruptEndsIt() throws {
    let outcome = try sandbox.shell(
      """
      "\(Program.path)" evaluate photos data --steps 100000 --restarts 10000 --eps 1e-6 --size 40 & \
      child=$!; sleep 1; kill -INT $child; wait $child
      """, environment: environment)
    #expect(outcome.status == 130, "\(outcome.errors)")
    #expect(outcome.output.isEmpty && outcome.errors.contains("interrupted"))
  }

  @Test func badInputIsNamed() throws {
    try sandbox.write("models/bad.safetensors", [1, 2, 3])
    for (arguments, status, words) in [
      (["photos"], 2, ["DATA is missing", "./photos"]), ([], 2, ["DATA is missing"]),
      (["fotos", "data"], 1, ["fotos", "did you mean photos"]), (["photos", "gone"], 1, ["gone"]),
      (["gone.safetensors", "data"], 1, ["gone.safetensors"]), (["bad", "data"], 1, ["bad"]),
      (["photos", "data", "--eps", "0"], 2, ["--eps", "positive", "anyway"]),
      (["photos", "data", "--eps", "-1"], 2, ["--eps", "-1"]),
      (["photos", "data", "--eps", "1,,2"], 2, ["--eps"]),
      (["photos", "data", "--eps", "1/0"], 2, ["--eps"]),
      (["photos", "data", "--eps", "x"], 2, ["--eps", "x"]),
      (["photos", "data", "--norm", "l3"], 2, ["--norm"]),
      (["photos", "data", "--attack", "square"], 2, ["--attack"]),
      (["photos", "data", "--loss", "ce", "--attack", "fab"], 2, ["--loss"]),
      (["photos", "data", "--step-size", "1", "--attack", "apgd"], 2, ["--step-size"]),
      (["photos", "data", "--steps", "0"], 2, ["--steps"]),
      (["photos", "data", "--limit", "0"], 2, ["--limit"]),
      (["photos", "data", "--held-out", "1.5"], 2, ["--held-out"]),
      (["photos", "data", "--classes", "sea"], 2, ["--classes", "two"]),
      (["photos", "data", "--classes", "sea,forrest"], 1, ["forrest", "did you mean forest"]),
      (["photos", "data", "--part", "report", "--held-out", "0"], 1, ["no photos", "--held-out"]),
      (["photos", "data", "--per-photo"], 2, ["--json"]),
      (["photos", "data", "--cache", "/proc/none"], 1, ["--cache"]),
    ] as [([String], Int32, [String])] {
      let outcome = try sandbox.run(Program.path, ["evaluate"] + arguments, environment: environment)
      #expect(outcome.status == status, "\(arguments): \(outcome.errors)")
      #expect(outcome.output.isEmpty)
      let last = outcome.errors.split(separator: "\n").last ?? ""
      for word in words { #expect(last.contains(word), "\(arguments): \(word): \(outcome.errors)") }
    }
    let small = try sandbox.run(
      Program.path, ["evaluate", "photos", "data", "--size", "8"], environment: environment)
    #expect(small.status == 0 || small.errors.contains("--size"), "\(small.errors)")
  }
}
