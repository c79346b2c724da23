import Foundation
import Testing

/// What docs/plugins.md shows is what works.
@Suite struct GuideTests {
  private static func code(_ language: String) throws -> String {
    let guide = try String(contentsOfFile: "\(Program.root)/docs/plugins.md", encoding: .utf8)
    let block = try #require(guide.components(separatedBy: "```\(language)\n").dropFirst().first)
    return try #require(block.components(separatedBy: "```").first)
  }

  /// What the task makes of a photo.
  private func picture(_ sandbox: Sandbox, by folder: String) throws -> [UInt8] {
    try sandbox.photo("photo.png")
    let outcome = try sandbox.rtool(
      "tint", "photo.png", "--class", "glacier", "--steps", "4", "--strip-metadata", "-o", "icy.png",
      environment: ["RTOOL_PATH": folder])
    #expect(outcome.status == 0, "\(outcome.errors)")
    return try sandbox.bytes("icy.png")
  }

  private func pictureByC(_ sandbox: Sandbox) throws -> [UInt8] {
    try picture(
      sandbox,
      by: sandbox.compilePlugin("tint", Self.code("c"), flags: ["-Wno-missing-field-initializers"]))
  }

  @Test func theTaskInCMovesAPhoto() throws {
    let sandbox = try Sandbox()
    #expect(try pictureByC(sandbox) != sandbox.bytes("photo.png"))
  }

  /// From the module that was built with the program.
  @Test(arguments: Compilers.present(["swiftc"])) func theTaskInSwiftMakesTheSame(_ compiler: String) throws {
    let sandbox = try Sandbox()
    let build = URL(fileURLWithPath: Program.path).deletingLastPathComponent().path
    let objects = try FileManager.default.contentsOfDirectory(atPath: "\(build)/RTool.build")
      .filter { $0.hasSuffix(".o") }.map { "\(build)/RTool.build/\($0)" }
    let source = try sandbox.write("tint.swift", Array(Self.code("swift").utf8))
    try FileManager.default.createDirectory(atPath: sandbox.path("swift"), withIntermediateDirectories: true)
    let outcome = try sandbox.run(
      "/usr/bin/env",
      [compiler, "-swift-version", "6", "-emit-library", "-module-name", "tint", "-I", "\(build)/Modules"]
        + [
          "-module-cache-path", sandbox.path("cache"), "-I", "\(Program.root)/Sources/CRTool", "-o",
          sandbox.path("swift/librtool-tint.so"), source,
        ]
        + objects, environment: ["PATH": Compilers.path])
    try #require(outcome.status == 0, "\(outcome.errors)")
    #expect(try picture(sandbox, by: sandbox.path("swift")) == pictureByC(sandbox))
  }
}
