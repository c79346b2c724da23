import Foundation
import Testing

/// Help as it was last looked at and found good. RECORD=1 in the environment writes it anew.
@Suite struct HelpTests {
  let sandbox: Sandbox
  let environment: [String: String]

  init() throws {
    sandbox = try Sandbox()
    environment = ["RTOOL_PATH": try sandbox.compilePlugin("echo", echoPlugin)]
  }

  private func expectSnapshot(
    _ name: String, _ arguments: String..., sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let outcome = try sandbox.run(Program.path, arguments, environment: environment)
    #expect(outcome.status == 0, "\(outcome.errors)", sourceLocation: sourceLocation)
    let path = "\(Program.root)/Tests/CommandTests/Snapshots/\(name).txt"
    if ProcessInfo.processInfo.environment["RECORD"] != nil {
      try outcome.output.write(to: URL(fileURLWithPath: path))
    }
    let expected = try String(contentsOfFile: path, encoding: .utf8)
    #expect(outcome.text == expected, sourceLocation: sourceLocation)
  }

  @Test func overview() throws { try expectSnapshot("overview") }
  @Test func shortHelpOfAPlugin() throws { try expectSnapshot("echo-short", "echo", "-h") }
  @Test func fullHelpOfAPlugin() throws { try expectSnapshot("echo-full", "echo", "--help") }
  @Test func shortHelpOfInpaint() throws { try expectSnapshot("inpaint-short", "inpaint", "-h") }
  @Test func helpOfATopicIsFull() throws { try expectSnapshot("inpaint-full", "help", "inpaint") }
  /// Each folder of Plugins has its snapshot.
  @Test(arguments: try FileManager.default.contentsOfDirectory(atPath: "\(Program.root)/Plugins").sorted())
  func fullHelpOf(_ task: String) throws { try expectSnapshot("\(task)-full", task, "--help") }
  /// What does nothing for a task is no option of it.
  @Test func optionsWithoutEffectAreNone() throws {
    let classify = try sandbox.rtool("classify", "--help").text
    for name in [
      "output", "format", "quality", "bit-depth", "lossless", "sheet", "frames", "seed", "count", "repeat",
    ] {
      #expect(!classify.contains("--\(name)"), "\(name)")
    }
    #expect(classify.contains("--json") && classify.contains("--model") && classify.contains("--threads"))
    let compare = try sandbox.rtool("compare", "--help").text
    for name in ["frames", "seed", "count", "repeat"] { #expect(!compare.contains("--\(name) "), "\(name)") }
    #expect(compare.contains("--output") && compare.contains("--sheet"))
    let refused = try sandbox.rtool("classify", "x.png", "-o", "y.png")
    #expect(refused.status == 2)
    expectOneLine(refused.errors, contains: "-o")
    #expect(try sandbox.rtool("train", "--help").text.contains("rtool train [DATA...] [options]"))
  }

  @Test func helpOfAListCommand() throws { try expectSnapshot("classes", "classes", "--help") }

  @Test func theManualPageHasNoFaults() throws {
    let page = try sandbox.rtool("help", "--man")
    #expect(page.status == 0)
    #expect(page.text.hasPrefix(".TH RTOOL 1"))
    #expect(page.text.contains(".SH \"TASK INPAINT\""))
  }

  @Test func versionIsOneLine() throws {
    #expect(try sandbox.rtool("--version").text.hasPrefix("rtool "))
    #expect(try sandbox.rtool("echo", "--version", environment: environment).text == "echo 1.2\n")
  }
}
