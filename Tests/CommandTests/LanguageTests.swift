import Foundation
import Testing

/// The same plugin in several languages, from the header and what is beside it. It makes the same bytes as the task
/// translate, which is written in Swift, through the same functions of the host.
@Suite struct LanguageTests {
  private let sandbox: Sandbox
  init() throws { sandbox = try Sandbox() }

  private static let examples = "\(Program.root)/Examples/plugins"
  private static let crate = "\(Program.root)/Sources/CRTool/rust/src/lib.rs"

  private func compile(_ words: String) throws {
    try FileManager.default.createDirectory(
      atPath: sandbox.path("plugins"), withIntermediateDirectories: true)
    let outcome = try sandbox.run(
      "/usr/bin/env", words.split(separator: " ").map(String.init),
      // Where Rust keeps its own.
      environment: ["PATH": Compilers.path, "HOME": ProcessInfo.processInfo.environment["HOME"] ?? "/"])
    try #require(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.errors.isEmpty, "\(outcome.errors)")
  }

  private func expectWhatTranslateMakes(_ more: [String] = []) throws {
    try sandbox.photo("photo.png", width: 300, height: 200)
    try sandbox.mask("mask.png", width: 300, height: 200)
    for task in ["nudge", "translate"] {
      let words = [task, "photo.png", "-c", "sea:2,mountain:1", "--steps", "5", "-o", "\(task).png"]
      let outcome = try sandbox.run(
        Program.path, words + ["--strip-metadata"] + more,
        environment: ["RTOOL_PATH": sandbox.path("plugins")])
      #expect(outcome.status == 0, "\(outcome.errors)")
    }
    #expect(try sandbox.bytes("nudge.png") == sandbox.bytes("translate.png"))
  }

  @Test(arguments: [
    [], ["--mask", "mask.png"], ["--set", "linf", "--smoothness", "1", "--strength", "0.5"],
  ])
  func itIsTheSameInC(_ more: [String]) throws {
    try sandbox.compilePlugin("nudge", Examples.nudge)
    try expectWhatTranslateMakes(more)
  }

  @Test(arguments: Compilers.present(["g++ -std=c++17", "clang++ -std=c++20"]))
  func itIsTheSameInCPlusPlus(_ compiler: String) throws {
    try compile(
      "\(compiler) -Wall -Wextra -pedantic -Werror -shared -fPIC -I \(Program.headerFolder) "
        + "-o plugins/librtool-nudge.so \(Self.examples)/nudge.cpp")
    try expectWhatTranslateMakes()
  }

  @Test(arguments: Compilers.present(["rustc"]))
  func itIsTheSameInRust(_ compiler: String) throws {
    try compile(
      "\(compiler) --crate-name rtool --crate-type rlib --edition 2021 -o librtool.rlib \(Self.crate)")
    try compile(
      "\(compiler) --crate-type cdylib --edition 2021 --extern rtool=librtool.rlib "
        + "-o plugins/librtool-nudge.so \(Self.examples)/nudge.rs")
    try expectWhatTranslateMakes()
  }

  /// The fields that Rust sees lie where those of the header do.
  @Test(arguments: Compilers.present(["rustc"]))
  func fieldsInRustLieWhereTheHeaderHasThem(_ compiler: String) throws {
    let golden = "\(Program.root)/Tests/CommandTests/Golden/rtool-fields.txt"
    var source = "use rtool::ffi::*;\n"
    for line in try String(contentsOfFile: golden, encoding: .utf8).split(separator: "\n") {
      let words = line.split(separator: " ")
      let parts = words[0].split(separator: ".", maxSplits: 1)
      source += "const _: () = assert!(core::mem::offset_of!(\(parts[0]), \(parts[1])) == \(words[1]));\n"
    }
    try sandbox.write("fields.rs", Array((source + "fn main() {}\n").utf8))
    try compile(
      "\(compiler) --crate-name rtool --crate-type rlib --edition 2021 -o librtool.rlib \(Self.crate)")
    try compile("\(compiler) --edition 2021 --extern rtool=librtool.rlib -o fields fields.rs")
  }
}
