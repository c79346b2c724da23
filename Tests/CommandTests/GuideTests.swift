import Foundation
import Testing

/// What docs/plugins.md shows is what works.
@Suite struct GuideTests {
  private static func code(_ language: String) throws -> String {
    let guide = try String(contentsOfFile: "\(Program.root)/docs/plugins.md", encoding: .utf8)
    let block = try #require(guide.components(separatedBy: "```\(language)\n").dropFirst().first)
    return try #require(block.components(separatedBy: "```").first)
  }

  @Test func theTaskInCMovesAPhoto() throws {
    let sandbox = try Sandbox()
    let folder = try sandbox.compilePlugin(
      "tint", Self.code("c"), flags: ["-Wno-missing-field-initializers"])
    try sandbox.photo("photo.png")
    let outcome = try sandbox.rtool(
      "tint", "photo.png", "--class", "glacier", "--steps", "4", "-o", "icy.png",
      environment: ["RTOOL_PATH": folder])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(try sandbox.bytes("icy.png") != sandbox.bytes("photo.png"))
  }
}
