import Foundation
import Imaging
import Testing

/// `rtool train-upscaler` with a tiny network and made-up photos, and what enlarging does with its files.
@Suite struct TrainUpscalerTests {
  let sandbox: Sandbox
  private let environment: [String: String]

  init() throws {
    sandbox = try Sandbox()
    environment = ["XDG_CACHE_HOME": sandbox.path("cache")]
    try FileManager.default.createDirectory(
      atPath: sandbox.path("photos/all"), withIntermediateDirectories: true)
    for index in 0..<12 {
      try sandbox.picture("photos/all/\(index).png", width: 40 + index, height: 36) { x, y, c in
        let (u, v) = (Float(x) - 20, Float(y) - 4 - Float(2 * index))
        let disc: Float = u * u + v * v < 150 ? 0.8 : 0.2
        return disc + 0.1 * Float((x * 7 + y * 13 + c * 5 + index) % 11) / 11
      }
    }
  }

  private static let tiny = [
    "--channels", "4", "--blocks", "1", "--side", "24", "--batch", "4", "--evaluate-every", "4",
  ]

  private func train(_ arguments: [String]) throws -> Sandbox.Outcome {
    try sandbox.run(Program.path, ["train-upscaler"] + arguments, environment: environment)
  }

  private func train(_ name: String, steps: Int, _ more: String...) throws -> Sandbox.Outcome {
    try train(["photos", "-o", "\(name).safetensors", "--steps", "\(steps)"] + Self.tiny + more)
  }

  @Test func photosBecomeANetworkThatEnlargementsDrawWith() throws {
    let outcome = try train("own", steps: 9)
    #expect(outcome.status == 0 && outcome.text.isEmpty, "\(outcome.errors)")
    #expect(outcome.errors.contains("step 4") && outcome.errors.contains("dB"), "\(outcome.errors)")
    #expect(sandbox.files.filter { $0.hasPrefix("own") } == ["own.safetensors", "own.state"])
    try sandbox.photo("in.png", width: 50, height: 40)
    let drawn = try sandbox.rtool(
      "superres", "in.png", "--preset", "fast", "--network", "own.safetensors", "-o", "out.png")
    #expect(drawn.status == 0, "\(drawn.errors)")
    let plain = try sandbox.rtool("superres", "in.png", "--preset", "fast", "-o", "plain.png")
    #expect(plain.status == 0)
    #expect(try sandbox.open("out.png").pixels != sandbox.open("plain.png").pixels)
    // What was drawn with is part of what is recorded.
    #expect(try sandbox.rtool("replay", "out.png", "-o", "again.png").status == 0)
    #expect(try sandbox.open("out.png").pixels == sandbox.open("again.png").pixels)
    #expect(try train("other", steps: 2, "--seed", "5").status == 0)
    #expect(rename(sandbox.path("other.safetensors"), sandbox.path("own.safetensors")) == 0)
    let changed = try sandbox.rtool("replay", "out.png", "-o", "third.png")
    #expect(changed.status == 1)
    expectOneLine(changed.errors, contains: "own.safetensors")
  }

  @Test func aRunThatWasInterruptedEndsWithTheSameBytes() throws {
    let long = ["photos", "--steps", "1500", "--evaluate-every", "50"] + Self.tiny.dropLast(2)
    #expect(try train(long + ["-o", "whole.safetensors", "-q"]).errors.isEmpty)
    let stopped = try sandbox.shell(
      """
      "\(Program.path)" train-upscaler \(long.joined(separator: " ")) -o part.safetensors 2> said & run=$!
      until grep -q 'step 100:' said; do kill -0 $run || break; sleep 0.01; done
      kill -TERM $run
      wait $run
      """, environment: environment)
    #expect(stopped.status == 130)
    let said = String(decoding: try sandbox.bytes("said"), as: UTF8.self)
    #expect(said.contains("--resume") && said.contains("goes on"), "\(said)")
    #expect(!sandbox.files.contains("part.safetensors"))
    let resumed = try train(["--resume", "part.state", "--threads", "1"])
    #expect(resumed.status == 0, "\(resumed.errors)")
    #expect(try sandbox.bytes("part.safetensors") == sandbox.bytes("whole.safetensors"))
  }

  @Test(arguments: [
    ([], "DATA is needed"), (["photos"], "--output"), (["photos", "-o", "a.pt"], ".safetensors"),
    (["photos", "-o", "none/a.safetensors"], "no folder"),
    (["photos", "-o", "a.safetensors", "--side", "50"], "--side 50"),
    (["photos", "-o", "a.safetensors", "--jpeg", "95-60"], "--jpeg"),
    (["photos", "-o", "a.safetensors", "--jpeg", "60"], "--jpeg"),
    (["photos", "-o", "a.safetensors", "--init", "none.safetensors"], "none.safetensors"),
    (["photos", "-o", "a.safetensors", "--init", "in.png"], "in.png"),
    (["photos", "-o", "a.safetensors", "--init", "in.png", "--blocks", "2"], "exclude each other"),
    (["photos", "-o", "a.safetensors", "--side", "48"], "48"),
    (["none", "-o", "a.safetensors"], "none"), (["--resume", "none.state"], "none.state"),
    (["--resume", "in.png"], "in.png"),
  ])
  func whatCannotBeIsSaid(_ arguments: [String], _ word: String) throws {
    try sandbox.photo("in.png")
    let before = sandbox.files
    let outcome = try train(arguments)
    #expect(outcome.status == 1 || outcome.status == 2)
    let last = String(outcome.errors.split(separator: "\n").last ?? "")
    #expect(last.contains(word), "\(outcome.errors)")
    #expect(sandbox.files.filter { $0 != "cache" } == before)
  }

  @Test func runsThatStandAreNotLost() throws {
    #expect(try train("own", steps: 2).status == 0)
    let again = try train("own", steps: 2)
    #expect(again.status == 1)
    expectOneLine(again.errors, contains: "own.state", "--resume")
    let changed = try train(["--resume", "own.state", "--batch", "8"])
    #expect(changed.status == 2)
    expectOneLine(changed.errors, contains: "--batch")
    try sandbox.photo("photos/all/new.png", width: 60, height: 50)
    let other = try train(["--resume", "own.state", "--steps", "4"])
    #expect(other.status == 1)
    #expect(other.errors.contains("other photos"))
  }

  /// A network goes on learning from what JPEG did to small images.
  @Test func compressedImagesAreLearnedFrom() throws {
    #expect(try train("own", steps: 2).status == 0)
    let outcome = try train(
      ["photos", "-o", "jpeg.safetensors", "--steps", "4", "--side", "24", "--batch", "4", "--jpeg", "40-60"]
        + ["--init", "own.safetensors"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(try sandbox.bytes("jpeg.safetensors") != sandbox.bytes("own.safetensors"))
  }
}
