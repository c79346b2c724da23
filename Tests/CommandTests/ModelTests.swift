import Foundation
import Testing

@Suite struct ModelTests {
  let sandbox: Sandbox
  let model: [UInt8]
  init() throws {
    sandbox = try Sandbox()
    try sandbox.photo("in.png", width: 64, height: 64)
    model = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(Program.root)/Models/photos.safetensors")))
  }

  private func inpaint(_ model: String, environment: [String: String] = [:]) throws -> Sandbox.Outcome {
    try sandbox.rtool(
      "inpaint", "in.png", "--box", "20,20,9,9", "-p", "fast", "-M", model, "-o", "out.png",
      environment: environment)
  }

  @Test func theModelInsideTheProgramIsListed() throws {
    let text = try sandbox.rtool("models").text
    for words in ["photos", "45 classes", "128 px", "radius 2", "69 %", "52.1 %"] {
      #expect(text.contains(words))
    }
  }

  @Test func classesAreListed() throws {
    let outcome = try sandbox.rtool("classes", "--json")
    let classes = try JSONDecoder().decode([String].self, from: outcome.output)
    #expect(classes.count == 45)
    #expect(classes[33] == "sea")
    #expect(try sandbox.rtool("classes").text.contains("33  sea\n"))
  }

  @Test func modelsAreFoundByNameAndFile() throws {
    let folder = sandbox.path("models")
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try sandbox.write("models/other.safetensors", model)
    #expect(try inpaint("other", environment: ["RTOOL_MODELS": folder]).status == 0)
    #expect(try inpaint("\(folder)/other.safetensors").status == 0)
    let info = try sandbox.rtool("info", "out.png")
    #expect(info.text.contains("model other"))
    #expect(
      try sandbox.rtool("classes", environment: ["RTOOL_MODEL": "other", "RTOOL_MODELS": folder]).status == 0)
    let unknown = try inpaint("fotos")
    #expect(unknown.status == 1)
    expectOneLine(unknown.errors, contains: "fotos", "did you mean photos?")
    let missing = try inpaint("./gone.safetensors")
    #expect(missing.status == 1)
    expectOneLine(missing.errors, contains: "gone.safetensors")
  }

  @Test func aModelCutAnywhereIsRefused() throws {
    for length in [0, 1, 7, 8, 9, 100, 5000, 20_000, model.count / 2, model.count - 1] {
      try sandbox.write("cut.safetensors", Array(model.prefix(length)))
      let outcome = try inpaint("./cut.safetensors")
      #expect(outcome.status == 1, "cut to \(length) bytes")
      expectOneLine(outcome.errors, contains: "cut.safetensors")
      #expect(try sandbox.rtool("classes", "-M", "./cut.safetensors").status == 1)
    }
    #expect(!sandbox.files.contains("out.png"))
  }

  @Test func aModelThatLiesIsRefused() throws {
    let length = Int(model[0]) | Int(model[1]) << 8 | Int(model[2]) << 16
    let header = String(decoding: model[8..<8 + length], as: UTF8.self)
    func lying(_ from: String, _ to: String) throws -> Sandbox.Outcome {
      let range = try #require(header.range(of: from))
      var changed = Array(header.replacingCharacters(in: range, with: to).utf8)
      while changed.count % 8 != 0 { changed.append(0x20) }
      let size = (0..<8).map { UInt8(truncatingIfNeeded: changed.count >> (8 * $0)) }
      try sandbox.write("lie.safetensors", size + changed + model[(8 + length)...])
      return try inpaint("./lie.safetensors")
    }
    for (from, to) in [
      ("\"shape\":[32,3,3,3]", "\"shape\":[32,3,3,4]"),
      ("\"shape\":[32,3,3,3]", "\"shape\":[4294967296,4294967296,3,3]"),
      ("\"shape\":[32,3,3,3]", "\"shape\":[-32,-3,3,3]"),
      ("\"data_offsets\":[0,", "\"data_offsets\":[999999999,"),
      ("\"dtype\":\"F16\"", "\"dtype\":\"I64\""), ("\"fc.weight\"", "\"fc.other\""),
    ] {
      let outcome = try lying(from, to)
      #expect(outcome.status == 1, "\(to)")
      expectOneLine(outcome.errors, contains: "lie.safetensors")
    }
  }
}
