import Foundation
import Glibc
import Testing

/// `rtool batch-status`.
@Suite struct BatchStatusTests {
  let sandbox: Sandbox
  init() throws {
    sandbox = try Sandbox()
    try FileManager.default.createDirectory(
      atPath: sandbox.path("out/sub.d"), withIntermediateDirectories: true)
  }

  private func report(_ name: String, _ lines: String...) throws {
    try sandbox.write(name, Array(lines.joined(separator: "\n").utf8))
  }

  private func claim(_ name: String, of holder: String, secondsAgo: Int) throws {
    try sandbox.write(name, Array("\(holder)\n".utf8))
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    now.tv_sec -= secondsAgo
    utimensat(AT_FDCWD, sandbox.path(name), [now, now], 0)
  }

  private struct Status: Decodable {
    struct Reason: Decodable, Equatable {
      let error: String
      let count: Int
      let example: String
    }
    struct Worker: Decodable, Equatable {
      let name: String
      let done, failed: Int
    }
    struct Claim: Decodable {
      let file, holder: String
      let age: Double
      let isStale: Bool
    }
    let done, skipped, failed, reports, broken: Int
    let reasons: [Reason]
    let rate, secondsSinceLast: Double?
    let workers: [Worker]
    let claims: [Claim]
  }

  private func status(_ words: String...) throws -> Status {
    let outcome = try sandbox.run(Program.path, ["batch-status", "--json"] + words)
    try #require(outcome.status == 0, "\(outcome.errors)")
    return try JSONDecoder().decode(Status.self, from: outcome.output)
  }

  private func fillIn() throws {
    try report(
      "out/a.jsonl",
      #"{"input":"x/1.png","output":"out/1.png","status":"done","seconds":2,"time":1000,"process":"n1 7"}"#,
      #"{"input":"x/2.png","output":"out/2.png","status":"failed","error":"x/2.png: no such file","process":"n1 7"}"#,
      #"{"input":"x/3.png","output":"out/3.png","status":"failed","error":"x/3.png: no such file","process":"n1 7"}"#,
      #"{"input":"x/4.png","output":"out/4.png","status":"failed","error":"out of memory","process":"n1 7"}"#,
      "no line of a report", #"{"status":"done"}"#, #"{"input":"x","status":"new"}"#, "",
      #"{"input":"x/5.png","output":"out/5.png","status":"skipped","seconds":0}"#,
      #"{"input":"x/9.png","output":"out/9.png","status":"do"#)
    // What failed in one process was done by another, and what one has done others have kept.
    try report(
      "b.jsonl",
      #"{"input":"x/4.png","output":"out/4.png","status":"done","seconds":1,"time":1008,"process":"n2 7"}"#,
      #"{"input":"x/1.png","output":"out/1.png","status":"skipped","seconds":0,"time":2000,"process":"n2 7"}"#,
      "")
    try claim("out/.rtool-claim-a", of: "n1 7", secondsAgo: 5)
    try claim("out/sub.d/.rtool-claim-b", of: "n3 9", secondsAgo: 100)
  }

  @Test func reportsAndClaimsAreSummedUp() throws {
    try fillIn()
    let status = try status("out", "b.jsonl")
    #expect(status.done == 2 && status.skipped == 1 && status.failed == 2)
    #expect(status.reports == 2 && status.broken == 3, "a line that is being written is none yet")
    #expect(status.reasons == [.init(error: "no such file", count: 2, example: "x/2.png")])
    #expect(status.rate == 0.2, "two in the ten seconds from 998 to 1008")
    #expect(
      status.workers == [.init(name: "n1 7", done: 1, failed: 3), .init(name: "n2 7", done: 1, failed: 0)])
    try #require(status.claims.map(\.holder) == ["n1 7", "n3 9"])
    #expect(status.claims.map(\.isStale) == [false, true])
    #expect((5...60).contains(status.claims[0].age) && status.claims[1].file == "out/sub.d/.rtool-claim-b")
    #expect(try self.status("out", "--claim-seconds", "3000").claims.allSatisfy { !$0.isStale })
    #expect(try self.status("out", "--claim-seconds", "2").claims.allSatisfy(\.isStale))
    #expect(!sandbox.files.contains { $0.hasPrefix(".rtool") })
  }

  @Test func peopleAreToldInLines() throws {
    try fillIn()
    let outcome = try sandbox.rtool("batch-status", "out", "b.jsonl")
    #expect(outcome.status == 0 && outcome.errors.isEmpty)
    let lines = outcome.text.split(separator: "\n")
    #expect(lines.first == "2 done, 1 kept, 2 failed, by 2 reports; 3 lines of them cannot be read")
    #expect(lines.contains("  2 failed: no such file (x/2.png)"))
    #expect(lines.contains { $0.hasPrefix("12 a minute, the last one ") })
    #expect(lines.contains("  n1 7: 1 done, 3 failed"))
    #expect(lines.contains { $0.hasPrefix("2 claims, 1 of them stale") })
    #expect(
      lines.contains { $0.hasPrefix("  n3 9 was silent for 1") && $0.hasSuffix("out/sub.d/.rtool-claim-b") })
  }

  /// What a batch writes is what is read.
  @Test func aBatchIsToldOf() throws {
    try sandbox.photo("a.png", width: 40, height: 30)
    try sandbox.write("b.png", [])
    let batch = try sandbox.rtool(
      "superres", "a.png", "b.png", "--preset", "fast", "--output-dir", "out", "--report", "out/r.jsonl")
    #expect(batch.status == 1)
    let status = try status("out")
    #expect(status.done == 1 && status.failed == 1 && status.claims.isEmpty && status.broken == 0)
    #expect(status.reasons.first.map { !$0.error.isEmpty && !$0.error.contains("b.png") } == true)
    #expect(try #require(status.rate) > 0 && #require(status.secondsSinceLast) < 1000)
    #expect(status.workers.count == 1)
  }

  @Test func whatIsNotThereIsNamed() throws {
    #expect(try status("out").done == 0)
    for (words, code, word) in [
      (["nowhere"], 1, "nowhere"), ([], 2, "FOLDER"), (["out", "--shard"], 2, "--shard"),
    ] {
      let outcome = try sandbox.run(Program.path, ["batch-status"] + words)
      #expect(outcome.status == Int32(code))
      expectOneLine(outcome.errors, contains: word)
    }
  }
}
