import Foundation
import Testing

/// `rtool bench`: what it tells, not how fast it is.
@Suite struct BenchTests {
  let sandbox: Sandbox
  init() throws { sandbox = try Sandbox() }

  private func object(_ outcome: Sandbox.Outcome) throws -> [String: Any] {
    #expect(outcome.status == 0, "\(outcome.errors)")
    return try #require(try JSONSerialization.jsonObject(with: outcome.output) as? [String: Any])
  }

  private func number(_ value: Any?) throws -> Double { try #require(value as? Double) }

  @Test func stepsOfTheAscent() throws {
    let report = try object(
      sandbox.rtool("bench", "--seconds", "0.1", "--side", "64", "--batch", "2", "--threads", "1", "--json"))
    #expect(report["model"] as? String == "photos")
    #expect(report["side"] as? Int == 64)
    #expect(report["threads"] as? Int == 1)
    let batch = try #require((report["batches"] as? [[String: Any]])?.first)
    #expect(batch["batch"] as? Int == 2)
    #expect(try number(batch["steps"]) >= 1)
    let (fastest, median) = (try number(batch["fastest"]), try number(batch["median"]))
    #expect(fastest > 0 && fastest <= median)
    #expect(try number(report["peakMemory"]) > 0x1p20)
  }

  @Test func bothBatchesAreMeasuredUnlessOneIsNamed() throws {
    let report = try object(sandbox.rtool("bench", "--seconds", "0.1", "--side", "64", "--json"))
    let batches = try #require(report["batches"] as? [[String: Any]])
    #expect(batches.compactMap { $0["batch"] as? Int } == [1, 8])
    let text = try sandbox.rtool("bench", "--seconds", "0.1", "--side", "64", "--batch", "1").text
    #expect(text.contains("photos") && text.contains("64"), "\(text)")
  }

  @Test func layersHaveTheirShares() throws {
    let outcome = try sandbox.rtool("bench", "--layers", "--side", "64", "--batch", "1")
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.text.contains("conv 3x3/2 3x64x64 -> 32x32x32 +relu"), "\(outcome.text)")
  }

  @Test func stepsOfTraining() throws {
    let report = try object(
      sandbox.rtool(
        "bench", "--training", "--widths", "16,32", "--blocks", "1,1", "--side", "32", "--batch", "4",
        "--attack-steps", "0", "--seconds", "0.1", "--json"))
    #expect(report["batch"] as? Int == 4)
    #expect(try number(report["steps"]) >= 3)
    #expect(try number(report["parameters"]) > 1000)
    #expect(try number(report["peakMemory"]) >= number(report["idleMemory"]))
  }

  @Test(arguments: [
    (["--model", "nowhere"], "nowhere", 1), (["--seconds", "0"], "--seconds", 2),
    (["--training", "--widths", "16", "--blocks", "1,1"], "--widths", 2),
  ])
  func whatCannotBeMeasuredIsSaid(_ arguments: [String], _ word: String, _ status: Int32) throws {
    let outcome = try sandbox.run(Program.path, ["bench"] + arguments)
    #expect(outcome.status == status)
    expectOneLine(outcome.errors, contains: word)
    #expect(outcome.output.isEmpty)
  }
}
