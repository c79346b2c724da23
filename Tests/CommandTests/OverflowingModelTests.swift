import Foundation
import Testing

/// A model that yields infinite values or NaN: no task makes a result of it, and it is named.
@Suite struct OverflowingModelTests {
  let sandbox: Sandbox
  init() throws { sandbox = try Sandbox() }

  /// Writes the default model with other values in one of its tensors of 32 bits.
  private func model(_ name: String, _ tensor: String, _ value: Float) throws {
    var bytes = [UInt8](
      try Data(contentsOf: URL(fileURLWithPath: Program.root + "/Models/photos.safetensors")))
    let length = Int(bytes.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) })
    let header = try JSONSerialization.jsonObject(with: Data(bytes[8..<8 + length])) as? [String: Any]
    let entry = try #require(header?[tensor] as? [String: Any])
    #expect(entry["dtype"] as? String == "F32")
    let range = try #require(entry["data_offsets"] as? [Int])
    for at in stride(from: 8 + length + range[0], to: 8 + length + range[1], by: 4) {
      bytes.withUnsafeMutableBytes { $0.storeBytes(of: value, toByteOffset: at, as: Float.self) }
    }
    try sandbox.write(name, bytes)
  }

  @Test(arguments: [
    "classify in.png", "generate --class 1 --steps 2", "inpaint in.png --box 60,40,30,30 --class 1 --steps 2",
    "translate in.png --to 1 --steps 2", "refine in.png --steps 2", "superres in.png --steps 2",
    "attack in.png --to 1 --steps 2", "compare in.png in.png",
    "mix in.png in.png --steps 2", "sketch in.png --class 1 --steps 2", "invert in.png --steps 2",
    "interpolate in.png in.png --steps 2", "paint in.png --mask mask.png --feature 1 --steps 2",
    "visualize --feature 1 --steps 2",
  ])
  func noTaskMakesAResult(_ command: String) throws {
    try sandbox.photo("in.png")
    try sandbox.mask("mask.png")
    try model("huge.safetensors", "bn1.weight", 1e38)
    let output = command.hasPrefix("classify") || command.hasPrefix("compare") ? "" : "--output out.png"
    let outcome = try sandbox.shell("rtool \(command) --model ./huge.safetensors --quiet \(output)")
    #expect(outcome.status == 1, "\(outcome.text)")
    expectOneLine(outcome.errors, contains: "NaN or infinite", "'huge'")
    #expect(outcome.output.isEmpty && !sandbox.files.contains { $0.hasPrefix("out") })
  }

  @Test func weightsThatAreNoNumbersAreRefused() throws {
    try sandbox.photo("in.png")
    for value in [Float.nan, .infinity] {
      try model("bad.safetensors", "fc.bias", value)
      let outcome = try sandbox.rtool("classify", "in.png", "--model", "./bad.safetensors")
      #expect(outcome.status == 1)
      expectOneLine(outcome.errors, contains: "bad.safetensors", "fc.bias", "NaN or infinite")
    }
  }
}
