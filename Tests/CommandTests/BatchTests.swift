import Foundation
import Glibc
import Testing

/// A task on many inputs.
@Suite struct BatchTests {
  let sandbox: Sandbox
  init() throws {
    sandbox = try Sandbox()
    for folder in ["photos/sub", "masks"] { try makeFolder(folder) }
    try sandbox.photo("photos/a.png", width: 60, height: 50)
    try sandbox.photo("photos/b.jpg", width: 50, height: 40)
    try sandbox.photo("photos/sub/c.png", width: 40, height: 60)
  }

  private func makeFolder(_ name: String) throws {
    try FileManager.default.createDirectory(
      atPath: sandbox.path(name), withIntermediateDirectories: true)
  }

  private static let fill = ["--preset", "fast", "--box", "12,10,9,8"]

  private func inpaint(_ arguments: String..., options: [String] = fill, input: Data = Data()) throws
    -> Sandbox.Outcome
  {
    try sandbox.run(Program.path, ["inpaint"] + arguments + options, input: input)
  }

  private func files(in folder: String) -> [String] {
    (FileManager.default.subpaths(atPath: sandbox.path(folder)) ?? []).filter {
      !isFolder(sandbox.path("\(folder)/\($0)"))
    }.sorted()
  }

  private func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
  }

  /// Which file stands at a path: another one after it was written again.
  private func number(_ name: String) -> UInt64 {
    var status = stat()
    return stat(sandbox.path(name), &status) == 0 ? UInt64(status.st_ino) : 0
  }

  private func lines(_ name: String) throws -> [[String: Any]] {
    try String(contentsOfFile: sandbox.path(name), encoding: .utf8).split(separator: "\n").map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
  }

  // MARK: Results

  @Test func eachResultIsThatOfTheSingleCommand() throws {
    for jobs in ["1", "3"] {
      let outcome = try inpaint("photos", "--recursive", "--output-dir", "out\(jobs)", "--jobs", jobs)
      #expect(outcome.status == 0, "\(outcome.errors)")
      expectOneLine(outcome.errors, contains: "3 done")
      #expect(files(in: "out\(jobs)") == ["a.png", "b.jpg", "sub/c.png"])
    }
    for name in ["a.png", "b.jpg", "sub/c.png"] {
      #expect(try inpaint("photos/\(name)", "-o", "one.\(name.suffix(3))").status == 0)
      let one = try sandbox.bytes("one.\(name.suffix(3))")
      #expect(try sandbox.bytes("out1/\(name)") == one, "\(name)")
      #expect(try sandbox.bytes("out3/\(name)") == one, "\(name)")
    }
  }

  @Test func fieldsStandForPartsOfTheName() throws {
    try sandbox.mask("masks/a.png", width: 60, height: 50, x: 10..<20, y: 10..<20)
    try sandbox.mask("masks/b.png", width: 50, height: 40, x: 10..<20, y: 10..<20)
    let outcome = try inpaint(
      "photos/a.png", "photos/b.jpg", "--mask", "masks/{stem}.png", "--mask-preview", "seen/{name}.png",
      "-o", "{dir}/{{{index}}}-{stem}-{task}.{ext}.webp", options: ["--preset", "fast"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(files(in: "seen") == ["a.png.png", "b.jpg.png"])
    #expect(
      files(in: "photos").filter { $0.hasSuffix("webp") } == [
        "{1}-a-inpaint.png.webp", "{2}-b-inpaint.jpg.webp",
      ])
    try inpaint(
      "photos/b.jpg", "--mask", "masks/b.png", "-o", "b.webp", options: ["--preset", "fast"]
    )
    .expectSuccess()
    #expect(try sandbox.bytes("b.webp") == sandbox.bytes("photos/{2}-b-inpaint.jpg.webp"))
  }

  /// Of a folder, {dir} is where a file is within it.
  @Test func namesStayWithinTheFolderOfOutputs() throws {
    try inpaint(
      "photos", "--recursive", "--output-dir", "out", "-o", "{dir}/new-{stem}.png"
    ).expectSuccess()
    #expect(files(in: "out") == ["new-a.png", "new-b.png", "sub/new-c.png"])
    try inpaint("photos", "--format", "webp", "--output-dir", "webp").expectSuccess()
    #expect(files(in: "webp") == ["a.webp", "b.webp"])
  }

  /// What comes of a folder is no input of the next batch.
  @Test func outputsAreNoInputs() throws {
    for _ in 1...2 {
      try inpaint("photos", "--recursive", "--output-dir", "photos/out").expectSuccess()
    }
    #expect(files(in: "photos/out") == ["a.png", "b.jpg", "sub/c.png"])
  }

  /// Where words could be meant for another image as well, a batch takes them all, and the other is named.
  @Test func otherImagesAreNamed() throws {
    let ascent = ["--steps", "2", "--side", "32"]
    let mix = { (words: [String]) in try sandbox.run(Program.path, ["mix"] + words + ascent) }
    try mix(["photos/a.png", "photos/b.jpg", "--other", "photos/sub/c.png", "--output-dir", "out"])
      .expectSuccess()
    try mix(["photos/b.jpg", "photos/sub/c.png", "-o", "one.jpg"]).expectSuccess()
    #expect(try sandbox.bytes("one.jpg") == sandbox.bytes("out/b.jpg"))
    let refused = try mix(["photos/a.png", "photos/b.jpg", "photos/sub/c.png"])
    #expect(refused.status == 2)
    expectOneLine(refused.errors, contains: "unexpected argument", "--output-dir")
  }

  // MARK: Lists

  @Test func namesOfAnyKindComeByZeroBytes() throws {
    let names = ["two\nlines.png", "-dash.png", "a{stem}.png", " space .png", "-"]
    for name in names { try sandbox.write(name, sandbox.bytes("photos/a.png")) }
    try inpaint(
      "--files-from", "-", "--output-dir", "out", "--format", "png",
      input: Data(names.joined(separator: "\0").utf8)
    ).expectSuccess()
    #expect(
      files(in: "out") == [" space .png", "-.png", "-dash.png", "a{stem}.png", "two\nlines.png"])
    try inpaint("--output-dir=dashed", "--box=12,10,9,8", "--preset=fast", "--", "-dash.png", options: [])
      .expectSuccess()
    try inpaint("-o", "one.png", "./-dash.png").expectSuccess()
    #expect(try sandbox.bytes("one.png") == sandbox.bytes("dashed/-dash.png"))
  }

  @Test func aTableSetsParametersRowByRow() throws {
    try sandbox.write(
      "rows.csv",
      Array(
        "\u{FEFF}image,box,box,output,seed\r\nphotos/a.png,\"12,10,9,8\",\"30,5,4,4\",\"x,\"\"1\"\".png\",7\r\n\r\nphotos/b.jpg,\"1,2,5,5\",,y.jpg,\r\n"
          .utf8))
    try sandbox.write(
      "rows.jsonl",
      Array(
        """
        {"image": "photos/a.png", "box": ["12,10,9,8", "30,5,4,4"], "output": "x.png", "seed": 7}

        {"image": "photos/b.jpg", "box": "1,2,5,5", "output": "y.jpg"}
        """.utf8))
    let options = ["--preset", "fast"]
    try inpaint("--files-from", "rows.csv", "--output-dir", "csv", options: options).expectSuccess()
    try inpaint("--files-from", "rows.jsonl", "--output-dir", "json", options: options).expectSuccess()
    try inpaint(
      "photos/a.png", "--box", "12,10,9,8", "--box", "30,5,4,4", "--seed", "7", "-o", "x.png",
      options: options
    ).expectSuccess()
    try inpaint("photos/b.jpg", "--box", "1,2,5,5", "-o", "y.jpg", options: options).expectSuccess()
    let (x, y) = (try sandbox.bytes("x.png"), try sandbox.bytes("y.jpg"))
    #expect(try sandbox.bytes("csv/x,\"1\".png") == x && sandbox.bytes("csv/y.jpg") == y)
    #expect(try sandbox.bytes("json/x.png") == x && sandbox.bytes("json/y.jpg") == y)
  }

  @Test func aRowNeedsNoImageWhereTheTaskNeedsNone() throws {
    let table = Data("class\tseed\nforest\t3\nsea\t4\n".utf8)
    try sandbox.write("rows.tsv", Array(table))
    let few = ["--steps", "2", "--width", "64", "--height", "64"]
    try sandbox.run(
      Program.path, ["generate", "--files-from", "rows.tsv", "-o", "g{index}.png"] + few
    ).expectSuccess()
    try sandbox.run(Program.path, ["generate", "--class", "sea", "--seed", "4", "-o", "one.png"] + few)
      .expectSuccess()
    #expect(try sandbox.bytes("one.png") == sandbox.bytes("g2.png"))
    let refused = try sandbox.run(
      Program.path, ["generate", "--files-from", "rows.tsv", "-o", "{stem}.png"] + few)
    #expect(refused.status == 2)
    expectOneLine(refused.errors, contains: "{stem}", "{index}")
  }

  @Test(arguments: [
    ("image,colour\nphotos/a.png,red\n", "x.csv", "line 1: “colour”"),
    ("image,box\nphotos/a.png\n", "x.csv", "line 2"),
    ("image,box\nphotos/a.png,\"1,2,3\"\n", "x.csv", "photos/a.png"),
    ("image,model\nphotos/a.png,photos\n", "x.csv", "“model”"),
    ("{\"image\": \"photos/a.png\"}\n{\"image\": \n", "x.jsonl", "line 2"),
    ("{\"image\": {\"name\": 1}}\n", "x.jsonl", "“image”"),
    ("", "x.txt", "names no input"),
  ])
  func whatIsNoRowIsNamed(_ text: String, _ name: String, _ words: String) throws {
    try sandbox.write(name, Array(text.utf8))
    let outcome = try inpaint(
      "--files-from", name, "--output-dir", "out", options: ["--preset", "fast", "--box", "1,1,4,4"])
    #expect(outcome.status != 0)
    expectOneLine(outcome.errors, contains: words)
    #expect(files(in: "out").isEmpty)
  }

  // MARK: Refusals

  private struct Refusal: Sendable, CustomStringConvertible {
    let words: [String]
    let status: Int32
    let named: [String]
    var description: String { words.joined(separator: " ") }

    init(_ words: [String], _ status: Int32, _ named: [String]) {
      (self.words, self.status, self.named) = (words, status, named)
    }
  }

  private static let refusals: [Refusal] = [
    Refusal(["photos/a.png", "photos/b.jpg"], 2, ["--output-dir", "{stem}"]),
    Refusal(["photos/a.png", "photos/b.jpg", "-o", "x.png"], 2, ["--output-dir", "{stem}"]),
    Refusal(["photos", "-o", "x.png"], 1, ["photos is a folder", "--output-dir"]),
    Refusal(["photos"], 1, ["photos is a folder", "--output-dir"]),
    Refusal(["photos", "-o", "x.png", "--jobs", "2"], 2, ["photos/a.png", "one output"]),
    Refusal(["photos", "-o", "-", "--jobs", "2"], 2, ["standard output"]),
    Refusal(["photos", "--output-dir", "out", "-o", "{stme}.png"], 2, ["{stme}", "{stem}"]),
    Refusal(["photos", "--mask", "{stem", "--output-dir", "out"], 2, ["--mask", "{stem"]),
    Refusal(
      ["photos", "--mask", "masks/{stem}.png", "--output-dir", "out"], 1,
      ["masks/a.png", "photos/a.png", "1 more"]),
    Refusal(["photos/a.png", "photos/sub/../a.png", "--output-dir", "out"], 2, ["out/a.png"]),
    Refusal(["photos/a.png", "photos/a.png", "--output-dir", "out"], 2, ["twice"]),
    Refusal(["photos", "--output-dir", "photos"], 2, ["photos/a.png", "1 more"]),
    Refusal(["photos/a.png", "--output-dir", "photos/sub/.."], 2, ["photos/a.png"]),
    Refusal(["photos", "--output-dir", "photos", "--shard", "1/1"], 2, ["photos/a.png", "1 more"]),
    Refusal(["photos", "-o", "{stem}.xyz"], 2, ["a.xyz", "ending"]),
    Refusal(["photos", "--sheet", "s.png", "--output-dir", "out"], 2, ["s.png", "photos/b.jpg"]),
    Refusal(["photos/a.png", "-", "--output-dir", "out"], 2, ["standard input"]),
    Refusal(["photos", "--output-dir", "photos/a.png"], 1, ["photos/a.png"]),
    Refusal(["photos", "--output-dir", "out", "--shard", "3/2"], 2, ["--shard"]),
    Refusal(["photos", "--output-dir", "out", "--steps", "many"], 2, ["--steps"]),
    Refusal(["photos", "--output-dir", "out", "--class", "no-such-class"], 2, ["no-such-class"]),
    Refusal(["masks", "--output-dir", "out"], 1, ["masks", "--recursive"]),
    Refusal(["--output-dir", "out"], 2, ["IMAGE"]),
  ]

  @Test(arguments: refusals)
  private func whatCannotBeRightIsRefusedBeforeTheWork(_ refusal: Refusal) throws {
    let before = sandbox.files
    let outcome = try sandbox.run(Program.path, ["inpaint"] + Self.fill + refusal.words)
    #expect(outcome.status == refusal.status, "\(outcome.errors)")
    #expect(outcome.output.isEmpty)
    expectOneLine(outcome.errors)
    for word in refusal.named { #expect(outcome.errors.contains(word), "\(outcome.errors)") }
    #expect(sandbox.files == before)
  }

  // MARK: Failures

  @Test func failuresAreToldAndTheOthersDone() throws {
    try sandbox.write("photos/empty.png", [])
    try sandbox.write("photos/torn.png", Array(sandbox.bytes("photos/a.png").prefix(700)))
    try sandbox.write(
      "list",
      Array("photos/a.png\r\nphotos/empty.png\nphotos/nowhere.png\n\nphotos/torn.png\nphotos/b.jpg\n".utf8))
    try sandbox.write("report.jsonl", Array("{\"input\":\"x\"}\n{\"input\":\"interru".utf8))
    let outcome = try inpaint("--files-from", "list", "--output-dir", "out", "--report", "report.jsonl")
    #expect(outcome.status == 1)
    let told = outcome.errors.split(separator: "\n")
    #expect(told.count == 4, "\(outcome.errors)")
    for name in ["empty", "nowhere", "torn"] {
      #expect(told.dropLast().contains { $0.hasPrefix("rtool inpaint: photos/\(name).png: ") }, "\(name)")
    }
    #expect(told.last?.hasPrefix("rtool inpaint: 2 done, 3 failed: ") == true)
    #expect(files(in: "out") == ["a.png", "b.jpg"])

    let lines = try lines("report.jsonl")
    try #require(lines.count == 6)
    #expect(lines[0]["input"] as? String == "x")
    let states = Dictionary(
      uniqueKeysWithValues: lines.dropFirst().map { ($0["input"] as! String, $0["status"] as! String) })
    #expect(states["photos/a.png"] == "done" && states["photos/torn.png"] == "failed")
    let done = try #require(lines.first { $0["input"] as? String == "photos/a.png" })
    #expect(done["output"] as? String == "out/a.png" && (done["seconds"] as? Double ?? -1) > 0)
    #expect(done["figures"] is [String: String])
    let failed = try #require(lines.first { $0["input"] as? String == "photos/nowhere.png" })
    #expect((failed["error"] as? String)?.contains("no such file") == true)

    let fast = try inpaint(
      "--files-from", "list", "--output-dir", "fast", "--fail-fast", "--jobs", "1")
    #expect(fast.status == 1 && fast.errors.contains("1 done, 1 failed, 3 not done"), "\(fast.errors)")
    #expect(files(in: "fast") == ["a.png"])
  }

  @Test func withJSONEachInputIsALine() throws {
    try sandbox.write("photos/empty.png", [])
    let outcome = try inpaint("photos", "--output-dir", "out", "--json", "--quiet")
    #expect(outcome.status == 1)
    let lines = try outcome.text.split(separator: "\n").map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
    #expect(lines.count == 3)
    #expect(lines.map { $0["done"] as? Int } == [1, 2, 3] && lines.allSatisfy { $0["total"] as? Int == 3 })
    let done = try #require(lines.first { $0["input"] as? String == "photos/a.png" })
    let run = try #require(done["run"] as? [String: Any])
    #expect(run["outputs"] as? [String] == ["out/a.png"])
    #expect((run["step"] as? [String: Any])?["task"] as? String == "inpaint")
    #expect(lines.contains { $0["error"] is String })
  }

  /// The photos of these numbers of columns end the process that works on them.
  private static let ends = [
    31: "SIGSEGV", 32: "SIGABRT", 33: "ended the program", 34: "ended", 35: "SIGKILL",
  ]

  private func frail(_ words: String...) throws -> Sandbox.Outcome {
    try makeFolder("many")
    for width in 28...38 { try sandbox.photo("many/\(width).png", width: width, height: 20) }
    return try sandbox.run(
      Program.path, ["frail", "many"] + words,
      environment: ["RTOOL_PATH": try sandbox.compilePlugin("frail", frailPlugin)])
  }

  @Test(arguments: ["1", "4"]) func aCrashIsOneFailureOfItsOwn(_ jobs: String) throws {
    let outcome = try frail(
      "--output-dir", "out", "--jobs", jobs, "--report", "report.jsonl", "--json", "--share")
    #expect(outcome.status == 1)
    let told = outcome.errors.split(separator: "\n")
    #expect(told.count == 6, "\(outcome.errors)")
    for (width, word) in Self.ends {
      let name = "rtool frail: many/\(width).png: "
      #expect(told.contains { $0.hasPrefix(name) && $0.contains(word) }, "\(outcome.errors)")
    }
    #expect(told.last?.hasPrefix("rtool frail: 6 done, 5 failed: many/") == true)
    let good = (28...38).filter { Self.ends[$0] == nil }.map { "\($0).png" }
    #expect(files(in: "out") == good, "no claim and no half file is left")
    for name in good {
      try sandbox.run(
        Program.path, ["frail", "many/\(name)", "-o", "one.png"],
        environment: ["RTOOL_PATH": sandbox.path("plugins")]
      ).expectSuccess()
      #expect(try sandbox.bytes("one.png") == sandbox.bytes("out/\(name)"))
    }
    // Each is told once, to programs as well.
    let lines = try lines("report.jsonl")
    #expect(Set(lines.map { $0["input"] as! String }).count == 11 && lines.count == 11)
    #expect(lines.filter { $0["status"] as? String == "failed" && ($0["seconds"] as! Double) > 0 }.count == 5)
    let numbers = try outcome.text.split(separator: "\n").map {
      try (JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])?["done"] as? Int
    }
    #expect(numbers == Array(1...11))
  }

  @Test func aCrashEndsABatchThatIsToEndAtTheFirstFailure() throws {
    let outcome = try frail("--output-dir", "out", "--jobs", "1", "--fail-fast")
    #expect(
      outcome.status == 1 && outcome.errors.contains("3 done, 1 failed, 7 not done"), "\(outcome.errors)")
    #expect(files(in: "out") == ["28.png", "29.png", "30.png"])
  }

  @Test func whatIsThereOfASeriesIsTold() throws {
    let outcome = try sandbox.run(
      Program.path, ["shy", "-o", "x.png", "--count", "4"],
      environment: ["RTOOL_PATH": try sandbox.compilePlugin("shy", shyPlugin)])
    #expect(outcome.status == 1)
    expectOneLine(outcome.errors, contains: "no more", "written before: x-1.png, x-2.png")
    #expect(sandbox.files.filter { $0.hasPrefix("x") } == ["x-1.png", "x-2.png"])
  }

  // MARK: Going on

  @Test func whatIsThereAsItWouldBeIsKept() throws {
    func run(_ more: String...) throws -> String {
      let outcome = try sandbox.run(
        Program.path,
        ["inpaint", "photos", "--output-dir", "out", "--skip-existing"] + Self.fill + more)
      #expect(outcome.status == 0)
      return outcome.errors
    }
    #expect(try run().contains(" 2 done "))
    let (a, b) = (number("out/a.png"), number("out/b.jpg"))
    #expect(try run().contains(" 0 done, 2 kept "))
    #expect(number("out/a.png") == a && number("out/b.jpg") == b)
    // Anything else is another result.
    for other in [["--seed", "1"], ["--box", "1,1,3,3"], ["--quality", "80"]] {
      #expect(
        try sandbox.run(
          Program.path, ["inpaint", "photos", "--output-dir", "out", "--skip-existing"] + Self.fill + other
        ).errors.contains(" 2 done "), "\(other)")
    }
    #expect(try run().contains(" 2 done "))
    try sandbox.photo("photos/a.png", width: 60, height: 51)
    #expect(try run().contains(" 1 done, 1 kept "))
    try sandbox.write("out/b.jpg", sandbox.bytes("photos/b.jpg"))
    #expect(try run().contains(" 1 done, 1 kept "))
    try sandbox.write("out/b.jpg", Array(sandbox.bytes("out/b.jpg").prefix(20)))
    #expect(try run().contains(" 1 done, 1 kept "))
  }

  private func again(_ words: [String], plugins: String = "") throws -> String {
    let outcome = try sandbox.run(
      Program.path, words + ["photos", "--output-dir", "out", "--skip-existing"],
      environment: plugins.isEmpty ? [:] : ["RTOOL_PATH": plugins])
    #expect(outcome.status == 0, "\(outcome.errors)")
    return outcome.errors
  }

  @Test func ofSeveralRunsAllFilesAreLookedAt() throws {
    let words = ["inpaint"] + Self.fill + ["--count", "2"]
    #expect(try again(words).contains(" 2 done "))
    #expect(try again(words).contains(" 0 done, 2 kept "))
    unlink(sandbox.path("out/a-2.png"))
    #expect(try again(words).contains(" 1 done, 1 kept "))
    #expect(try again(words + ["--seed", "1"]).contains(" 2 done "))
  }

  /// A JPEG whose rounds are one step, and a PNG whose rounds are one each.
  @Test func ofRoundsTheWholeChainIsLookedAt() throws {
    let words = ["refine", "--steps", "2", "--repeat", "3"]
    #expect(try again(words).contains(" 2 done "))
    #expect(try again(words).contains(" 0 done, 2 kept "))
    let (a, b) = (number("out/a.png"), number("out/b.jpg"))
    try sandbox.run(
      Program.path, ["refine", "photos/a.png", "--steps", "2", "--repeat", "3", "-o", "one.png"]
    ).expectSuccess()
    #expect(try sandbox.bytes("one.png") == sandbox.bytes("out/a.png"))
    for rounds in ["2", "4", "1"] {
      #expect(try again(["refine", "--steps", "2", "--repeat", rounds]).contains(" 2 done "), "\(rounds)")
      #expect(try again(words).contains(" 2 done "), "\(rounds)")
    }
    #expect(number("out/a.png") != a && number("out/b.jpg") != b)
    try sandbox.photo("photos/a.png", width: 60, height: 51)
    #expect(try again(words).contains(" 1 done, 1 kept "))
  }

  @Test func ofSeveralResultsAllFilesAreLookedAt() throws {
    let plugins = try sandbox.compilePlugin("several", severalPlugin)
    // Of one run: one with the file's own name and one with its own, or two with numbers.
    for (count, flags, all) in [
      ("1", [], ["a-dark.png", "a.png", "b-dark.jpg", "b.jpg"]),
      ("2", [], ["a-1-dark.png", "a-1.png", "a-2-dark.png", "a-2.png"]),
      ("1", ["--twice"], ["a-1.png", "a-2.png", "a-dark.png"]),
      ("2", ["--twice"], ["a-1-dark.png", "a-1.png", "a-2-dark.png", "a-2.png", "a-3.png", "a-4.png"]),
    ] {
      let words = ["several", "--count", count] + flags
      #expect(try again(words, plugins: plugins).contains(" 2 done "), "\(words)")
      #expect(files(in: "out").filter { $0.hasPrefix("a") || count == "1" && flags.isEmpty } == all)
      #expect(try again(words, plugins: plugins).contains(" 0 done, 2 kept "), "\(words)")
      unlink(sandbox.path("out/\(all[0])"))
      #expect(try again(words, plugins: plugins).contains(" 1 done, 1 kept "), "\(words)")
      for name in files(in: "out") { unlink(sandbox.path("out/\(name)")) }
    }
  }

  /// What is recorded does not tell whether all results are there: that is said, not passed over.
  @Test func whatCannotBeSeenToBeDoneIsTold() throws {
    let plugins = try sandbox.compilePlugin("several", severalPlugin)
    for _ in 1...2 {
      let errors = try again(["several", "--named"], plugins: plugins)
      #expect(errors.contains(" 2 done "))
      #expect(errors.contains("warning: --skip-existing cannot see that results of this kind are done"))
    }
    for option in ["--skip-existing", "--share"] {
      let outcome = try inpaint("photos", "--output-dir", "new", option, "--strip-metadata")
      #expect(outcome.status == 2)
      expectOneLine(outcome.errors, contains: option, "--strip-metadata")
    }
  }

  @Test func aSignalEndsItAndTheSameCommandGoesOn() throws {
    let plugins = try sandbox.compilePlugin("slow", slowPlugin)
    for index in 1...8 { try sandbox.write("many\(index).png", sandbox.bytes("photos/a.png")) }
    let line = "rtool slow many*.png --output-dir out --skip-existing --jobs 2 --report out/r.jsonl"
    let stopped = try sandbox.shell(
      """
      (exec "\(Program.path)" \(line.dropFirst(6))) & p=$!
      for i in $(seq 500); do [ "$(ls out 2> /dev/null | grep -c png)" -ge 2 ] && break; sleep 0.01; done
      kill -TERM $p
      wait $p
      """, environment: ["RTOOL_PATH": plugins])
    #expect(stopped.status == 130)
    expectOneLine(stopped.errors, contains: "interrupted", "not done", "--skip-existing")
    let done = files(in: "out").filter { $0.hasSuffix("png") }
    #expect((2..<8).contains(done.count) && files(in: "out").count == done.count + 1)
    let numbers = done.map { number("out/\($0)") }
    let outcome = try sandbox.shell(line, environment: ["RTOOL_PATH": plugins])
    #expect(outcome.errors.contains("\(8 - done.count) done, \(done.count) kept"), "\(outcome.errors)")
    #expect(done.map { number("out/\($0)") } == numbers)
    #expect(files(in: "out").filter { $0.hasSuffix("png") }.count == 8)
    #expect(try lines("out/r.jsonl").count == done.count + 8)
  }

  @Test func shardsShareTheInputsByName() throws {
    let names = (1...40).map { "many\($0).png" }
    func shard(_ text: String, _ names: [String]) throws -> Set<String> {
      let outcome = try sandbox.run(
        Program.path, ["refine"] + names + ["--output-dir", "out", "--dry-run", "--shard", text])
      return Set(outcome.text.split(separator: "\n").map { String($0.prefix { $0 != " " }) })
    }
    let parts = try (1...3).map { try shard("\($0)/3", names) }
    #expect(parts.reduce(0) { $0 + $1.count } == 40 && Set(parts.joined()) == Set(names))
    #expect(parts.allSatisfy { $0.count > 4 })
    #expect(try shard("2/3", Array(names.dropFirst(10))) == parts[1].subtracting(names.prefix(10)))
  }

  /// Two processes at one batch, of which one is killed in the middle.
  @Test func processesShareTheInputsAndALostOneIsNoHarm() throws {
    let plugins = try sandbox.compilePlugin("slow", slowPlugin)
    for index in 1...12 { try sandbox.write("many\(index).png", sandbox.bytes("photos/a.png")) }
    let outcome = try sandbox.shell(
      """
      run() { exec "\(Program.path)" slow many*.png --output-dir out --share --claim-seconds 2 --jobs 2 "$@"; }
      (run --report a.jsonl) & a=$!
      (run --report b.jsonl) & b=$!
      for i in $(seq 500); do [ "$(ls out 2> /dev/null | grep -c png)" -ge 4 ] && break; sleep 0.01; done
      kill -KILL $a $(cat /proc/$a/task/$a/children)
      wait $b
      """, environment: ["RTOOL_PATH": plugins])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let all = (1...12).map { "many\($0).png" }
    #expect(files(in: "out") == all.sorted(), "no claim is left")
    let reports = try (lines("a.jsonl") + lines("b.jsonl")).filter { $0["status"] as? String == "done" }
    // A file may be written whose line was not.
    #expect(Set(reports.map { $0["input"] as! String }).count == reports.count)
    #expect(reports.count >= 10)
    let last = try sandbox.run(
      Program.path, ["slow"] + all + ["--output-dir", "out", "--skip-existing"],
      environment: ["RTOOL_PATH": plugins])
    #expect(last.errors.contains(" 0 done, 12 kept "), "\(last.errors)")
  }

  /// The line of the manual, and the bytes of one process.
  @Test(.enabled(if: access("/usr/bin/parallel", X_OK) == 0, "GNU parallel is not installed"))
  func processesOfGNUParallelShareTheInputs() throws {
    try makeFolder("many")
    for index in 1...9 { try sandbox.photo("many/\(index).png", width: 30 + index, height: 30) }
    let task = "superres many --preset fast --threads 1"
    let outcome = try sandbox.shell(
      """
      parallel --will-cite -j3 -n0 '\(Program.path)' \(task) --output-dir out --share --report r.jsonl ::: 1 2 3 &&
      rtool \(task) --output-dir one --quiet && diff -r one out
      """)
    #expect(outcome.status == 0, "\(outcome.errors)\(outcome.text)")
    let done = try lines("r.jsonl").filter { $0["status"] as? String == "done" }
    #expect(done.count == 9 && Set(done.map { $0["input"] as! String }).count == 9)
  }

  @Test func aSlurmJobSharesAndUsesWhatItIsGiven() throws {
    let slurm = ["SLURM_JOB_ID": "17", "SLURM_CPUS_PER_TASK": "1", "SLURM_CPUS_ON_NODE": "64"]
    func enlarge(_ more: String...) throws -> Sandbox.Outcome {
      try sandbox.run(
        Program.path, ["superres", "photos", "--preset", "fast", "--output-dir", "out"] + more,
        environment: slurm)
    }
    #expect(try enlarge().errors.contains(" 2 done "))
    #expect(try enlarge().errors.contains(" 0 done, 2 kept "))
    #expect(
      try enlarge("--shard", "1/1").errors.contains(" 2 done "),
      "one that has a part of its own does all of it")
    #expect(try enlarge("--strip-metadata").errors.contains(" 2 done "), "what records nothing is made again")
    #expect(files(in: "out") == ["a.png", "b.jpg"], "no claim is left")

    func threads(_ environment: [String: String]) throws -> String {
      try sandbox.run(
        Program.path, ["bench", "--side", "16", "--batch", "1", "--seconds", "0.1", "--json"],
        environment: environment
      ).text
    }
    #expect(try threads(slurm).contains("\"threads\":1,") || threads(slurm).hasSuffix("\"threads\":1}\n"))
    let bound = try sandbox.shell(
      "taskset -c 0 \"\(Program.path)\" bench --side 16 --batch 1 --seconds 0.1 --json")
    #expect(bound.text.contains("\"threads\":1"))
  }

  // MARK: Before the work

  @Test func aDryRunTellsWhatWouldBeDone() throws {
    try inpaint("photos/a.png", "--output-dir", "out", "--report", "r.jsonl").expectSuccess()
    let outcome = try inpaint(
      "photos", "--output-dir", "out", "--skip-existing", "--dry-run", "--report", "r.jsonl")
    #expect(outcome.status == 0)
    #expect(outcome.text == "photos/a.png -> out/a.png  (is there)\nphotos/b.jpg -> out/b.jpg\n")
    expectOneLine(outcome.errors, contains: "1 of 2 to do", "MB of memory", "as the 1 in the report took")
    #expect(files(in: "out") == ["a.png"])
  }

  @Test func manyThousandsAreNoBurden() throws {
    try makeFolder("many")
    for index in 0..<20_000 { link(sandbox.path("photos/a.png"), sandbox.path("many/\(index).png")) }
    let outcome = try inpaint("many", "--output-dir", "out", "--dry-run", "--quiet")
    #expect(outcome.status == 0)
    #expect(outcome.text.split(separator: "\n").count == 20_000)
  }

  // MARK: At once

  /// The most runs that were within the memory they asked for at once, as the plugin counted them.
  private func overlap(_ options: String..., flags: [String] = []) throws -> Int {
    for index in 1...4 { try sandbox.write("many\(index).png", sandbox.bytes("photos/a.png")) }
    let outcome = try sandbox.run(
      Program.path,
      ["slow"] + (1...4).map { "many\($0).png" } + ["--output-dir", "out", "--json"] + options,
      environment: ["RTOOL_PATH": try sandbox.compilePlugin("slow", slowPlugin, flags: flags)])
    #expect(outcome.status == 0, "\(outcome.errors)")
    return try outcome.text.split(separator: "\n").map { line in
      let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      return (object?["figures"] as? [String: String])?["overlap"].flatMap { Int($0) } ?? 0
    }.max() ?? 0
  }

  @Test func jobsOverlapAsFarAsMemoryAllows() throws {
    #expect(try overlap("--jobs", "4") > 1)
    #expect(try overlap("--jobs", "1") == 1)
    // Each says that it takes 600 MB.
    #expect(try overlap("--jobs", "4", "--memory", "1") == 1)
    #expect(try overlap("--jobs", "4", "--memory", "0.1") == 1)
    // What runs out of memory beside others is done once more alone.
    #expect(try overlap("--jobs", "3", flags: ["-DGREEDY"]) == 1)
  }
}

extension Sandbox.Outcome {
  fileprivate func expectSuccess(sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(status == 0, "\(errors)", sourceLocation: sourceLocation)
  }
}

/// Makes an image of two seeds, and of no more.
private let shyPlugin = """
  #include "rtool.h"
  static rtool_status run(const rtool_host *host, const rtool_value *values) {
    (void)values;
    if (host->seed > 1) return host->fail(host, RTOOL_FAILED, "no more");
    rtool_piece piece = {0, 0, host->image_new(host, 8, 8, 3)};
    rtool_result result = {.struct_size = sizeof result, .pieces = &piece, .piece_count = 1};
    return host->emit(host, &result);
  }
  static const rtool_manifest manifest = {
    .struct_size = sizeof manifest, .abi = RTOOL_ABI, .param_size = sizeof(rtool_param), .name = "shy",
    .version = "1", .summary = "A test", .run = run,
  };
  RTOOL_EXPORT const rtool_manifest *rtool_plugin(uint32_t abi) { return (void)abi, &manifest; }
  """

/// Hands its image back after a while in which it asks whether to stop, and tells how many of its runs overlapped. A counter
/// of the whole process is what a plugin must not have; here it is what is looked at.
private let slowPlugin = """
  #include "rtool.h"
  #include <stdio.h>
  static const rtool_param params[] = {
    {.name = "image", .help = "a photo", .kind = RTOOL_IMAGE, .flags = RTOOL_POSITIONAL | RTOOL_REQUIRED},
  };
  static int running;
  int usleep(unsigned);
  static rtool_status run(const rtool_host *host, const rtool_value *values) {
    rtool_expectation expected = {
      .struct_size = sizeof expected, .over = values[0].images[0], .memory = 600u << 20};
    rtool_status status = host->expect(host, &expected);
    if (status) return status;
    int most = 0;
    __atomic_add_fetch(&running, 1, __ATOMIC_SEQ_CST);
    for (int i = 0; i < 20; i++) {
      int now = __atomic_load_n(&running, __ATOMIC_SEQ_CST);
      if (now > most) most = now;
      usleep(10000);
      if (!host->progress(host, i / 20.0, 0)) return RTOOL_STOPPED;
    }
    __atomic_sub_fetch(&running, 1, __ATOMIC_SEQ_CST);
  #ifdef GREEDY
    if (most > 1) return host->alloc(host, (size_t)1 << 60) ? RTOOL_OK : RTOOL_FAILED;
  #endif
    char text[20];
    snprintf(text, sizeof text, "%d", most);
    host->record(host, "overlap", text);
    rtool_piece piece = {0, 0, values[0].images[0]};
    rtool_result result = {.struct_size = sizeof result, .over = values[0].images[0], .pieces = &piece, .piece_count = 1};
    return host->emit(host, &result);
  }
  static const rtool_manifest manifest = {
    .struct_size = sizeof manifest, .abi = RTOOL_ABI, .param_size = sizeof(rtool_param), .param_count = 1,
    .params = params, .name = "slow", .version = "1", .summary = "A test", .run = run,
  };
  RTOOL_EXPORT const rtool_manifest *rtool_plugin(uint32_t abi) { return (void)abi, &manifest; }
  """

/// Hands its image back, or ends the process, as the number of columns says.
private let frailPlugin = """
  #define _GNU_SOURCE
  #include "rtool.h"
  #include <signal.h>
  #include <stdlib.h>
  #include <unistd.h>
  static const rtool_param params[] = {
    {.name = "image", .help = "a photo", .kind = RTOOL_IMAGE, .flags = RTOOL_POSITIONAL | RTOOL_REQUIRED},
  };
  static rtool_status run(const rtool_host *host, const rtool_value *values) {
    const rtool_image *photo = values[0].images[0];
    usleep(30000);
    switch (photo->width) {
      case 31: *(volatile int *)8 = 1; break;
      case 32: abort();
      case 33: exit(0);
      case 34: _exit(0);
      case 35: raise(SIGKILL); break;
    }
    rtool_piece piece = {0, 0, photo};
    rtool_result result = {.struct_size = sizeof result, .over = photo, .pieces = &piece, .piece_count = 1};
    return host->emit(host, &result);
  }
  static const rtool_manifest manifest = {
    .struct_size = sizeof manifest, .abi = RTOOL_ABI, .param_size = sizeof(rtool_param), .param_count = 1,
    .params = params, .name = "frail", .version = "1", .summary = "A test", .run = run,
  };
  RTOOL_EXPORT const rtool_manifest *rtool_plugin(uint32_t abi) { return (void)abi, &manifest; }
  """

/// Hands its image back, once or twice, and once more by a name.
private let severalPlugin = """
  #include "rtool.h"
  static const rtool_param params[] = {
    {.name = "image", .help = "a photo", .kind = RTOOL_IMAGE, .flags = RTOOL_POSITIONAL | RTOOL_REQUIRED},
    {.name = "twice", .help = "two without names", .kind = RTOOL_BOOL},
    {.name = "named", .help = "none without a name", .kind = RTOOL_BOOL},
  };
  static rtool_status emit(const rtool_host *host, const rtool_image *photo, const char *name) {
    rtool_piece piece = {0, 0, photo};
    rtool_result result = {
      .struct_size = sizeof result, .over = photo, .pieces = &piece, .piece_count = 1, .name = name};
    return host->emit(host, &result);
  }
  static rtool_status run(const rtool_host *host, const rtool_value *values) {
    const rtool_image *photo = values[0].images[0];
    for (int i = (int)values[2].numbers[0]; i < 1 + (int)values[1].numbers[0]; i++) {
      rtool_status status = emit(host, photo, 0);
      if (status) return status;
    }
    return emit(host, photo, "dark");
  }
  static const rtool_manifest manifest = {
    .struct_size = sizeof manifest, .abi = RTOOL_ABI, .param_size = sizeof(rtool_param), .param_count = 3,
    .params = params, .name = "several", .version = "1", .summary = "A test", .run = run,
  };
  RTOOL_EXPORT const rtool_manifest *rtool_plugin(uint32_t abi) { return (void)abi, &manifest; }
  """
