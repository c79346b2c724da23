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

  /// A weight of another model, prepared, as the thin layers reach both.
  private static let inCPlusPlus = """
    #include "rtool.hpp"
    #include <cstdio>

    static const rtool_param params[] = {rtool::param("rival", "another model", RTOOL_MODEL, RTOOL_REQUIRED)};

    static void run(rtool::host host, rtool::values values) {
      rtool::host rival = host.with_model(values[0]);
      auto channels = static_cast<size_t>(rival->model->layers[rival->model->layer_count - 1].channels);
      const float *weights = rival.prepared<float>("weights", channels, [&](float *weights) {
        rtool::check(rival->class_weights(rival, 1, weights));
      });
      char text[100];
      std::snprintf(text, sizeof text, "%.4f\\n", static_cast<double>(weights[0]));
      rtool::check(host->emit_text(host, text));
    }
    RTOOL_PLUGIN("rival", "1.0", "A test", params, run)
    """

  private static let inRust = """
    use rtool::ffi::*;
    use rtool::*;
    static PARAMS: Lasting<[rtool_param; 1]> =
        Lasting([param(c"rival", c"another model", RTOOL_MODEL, RTOOL_REQUIRED)]);

    fn run(host: Host, values: &[rtool_value]) -> Result<()> {
        let rival = host.with_model(&values[0])?;
        let channels = unsafe {
            let model = &*rival.table.model;
            (*model.layers.add(model.layer_count as usize - 1)).channels as usize
        };
        let weights = rival.prepared::<f32, _>(c"weights", channels, |weights| {
            check(unsafe { rival.table.class_weights.unwrap()(rival.table, 1, weights.as_mut_ptr()) })
        })?;
        let text = std::ffi::CString::new(format!("{:.4}\\n", weights[0])).unwrap();
        check(unsafe { host.table.emit_text.unwrap()(host.table, text.as_ptr()) })
    }
    plugin!(PARAMS, c"rival", c"1.0", c"A test", run);
    """

  @Test(arguments: Compilers.present(["rustc"]))
  func anotherModelAndWhatIsPreparedAreTheSameInCPlusPlusAndInRust(_ rustc: String) throws {
    func weight() throws -> String {
      let outcome = try sandbox.rtool(
        "rival", "--rival", "\(Program.root)/Tests/CommandTests/Golden/tiny.safetensors",
        environment: ["RTOOL_PATH": sandbox.path("plugins")])
      #expect(outcome.status == 0, "\(outcome.errors)")
      return outcome.text
    }
    try sandbox.write("rival.cpp", Array(Self.inCPlusPlus.utf8))
    try compile(
      "g++ -std=c++17 -Wall -Wextra -pedantic -Werror -shared -fPIC -I \(Program.headerFolder) "
        + "-o plugins/librtool-rival.so rival.cpp")
    let inCPlusPlus = try weight()
    try sandbox.write("rival.rs", Array(Self.inRust.utf8))
    try compile(
      "\(rustc) --crate-name rtool --crate-type rlib --edition 2021 -o librtool.rlib \(Self.crate)")
    try compile(
      "\(rustc) --crate-type cdylib --edition 2021 --extern rtool=librtool.rlib "
        + "-o plugins/librtool-rival.so rival.rs")
    #expect(try weight() == inCPlusPlus && inCPlusPlus.count > 5)
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
