import Foundation
import Testing

/// The header as other compilers read it, and plugins that were built with an older one.
@Suite struct HeaderTests {
  private let sandbox: Sandbox
  init() throws { sandbox = try Sandbox() }

  private static let golden = "\(Program.root)/Tests/CommandTests/Golden"
  private static let header = "\(Program.headerFolder)/rtool.h"

  /// - Parameter warnings: may be taken back by what follows the compiler's name.
  private func compile(
    _ compiler: String, warnings: [String] = [], _ source: String, to output: [String] = ["-fsyntax-only"]
  ) throws -> Sandbox.Outcome {
    let words = compiler.split(separator: " ").map(String.init)
    let file = try sandbox.write("source.c", Array(source.utf8))
    return try sandbox.run(
      "/usr/bin/env",
      [words[0]] + warnings + words.dropFirst() + ["-I", Program.headerFolder, file] + output,
      environment: ["PATH": Compilers.path])
  }

  /// Every field of every structure, at the place and with the size that it has had since it was there.
  @Test(
    arguments: Compilers.present([
      "gcc -std=c11 -xc", "clang -std=c11 -xc", "g++ -std=c++17 -xc++",
      "clang --target=aarch64-linux-gnu -ffreestanding -std=c11 -xc",
    ]))
  func fieldsStayWhereTheyAre(_ compiler: String) throws {
    let file = "\(Self.golden)/rtool-fields.txt"
    let fields = try Self.fields(of: String(contentsOfFile: Self.header, encoding: .utf8))
    if ProcessInfo.processInfo.environment["RECORD"] != nil { try record(fields, to: file) }
    let lines = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
    #expect(lines.map { $0.prefix { $0 != " " } }.elementsEqual(fields.map { Substring($0) }))
    var source = "#include \"rtool.h\"\n#ifdef __cplusplus\n#define _Static_assert static_assert\n#endif\n"
    for line in lines {
      let words = line.split(separator: " ")
      let parts = words[0].split(separator: ".", maxSplits: 1)
      source +=
        "_Static_assert(offsetof(struct \(parts[0]), \(parts[1])) == \(words[1]), \"offset of \(words[0])\");\n"
      source +=
        "_Static_assert(sizeof(((struct \(parts[0]) *)0)->\(parts[1])) == \(words[2]), \"size of \(words[0])\");\n"
    }
    let outcome = try compile(compiler, source)
    #expect(outcome.status == 0, "\(outcome.errors)")
  }

  private func record(_ fields: [String], to file: String) throws {
    var source = "#include \"rtool.h\"\n#include <stdio.h>\nint main(void) {\n"
    for field in fields {
      let parts = field.split(separator: ".", maxSplits: 1)
      let place = "offsetof(struct \(parts[0]), \(parts[1])), sizeof(((struct \(parts[0]) *)0)->\(parts[1]))"
      source += "  printf(\"\(field) %zu %zu\\n\", \(place));\n"
    }
    let outcome = try compile("cc -std=c11", source + "}\n", to: ["-o", sandbox.path("print")])
    try #require(outcome.status == 0, "\(outcome.errors)")
    try sandbox.run(sandbox.path("print"), []).text.write(toFile: file, atomically: true, encoding: .utf8)
  }

  /// STRUCTURE.FIELD in the order of the header.
  private static func fields(of header: String) -> [String] {
    let code = header.replacing(/\/\*(.|\n)*?\*\//, with: "")
    return code.matches(of: /struct (rtool_\w+) \{((.|\n)*?)\n\}/).flatMap { structure in
      structure.2.split(separator: ";").flatMap { declaration -> [String] in
        if let function = declaration.firstMatch(of: /\(\*(\w+)\)/) {
          return ["\(structure.1).\(function.1)"]
        }
        return declaration.split(separator: ",").compactMap { part in
          part.firstMatch(of: /(\w+)\s*$/).map { "\(structure.1).\($0.1)" }
        }
      }
    }
  }

  @Test(
    arguments: Compilers.present([
      "gcc -std=c99 -xc -pedantic", "gcc -std=c11 -xc -pedantic", "clang -std=c99 -xc -pedantic",
      "g++ -std=c++11 -xc++ -pedantic", "clang++ -xc++ -pedantic",
    ]))
  func theHeaderCompilesWithoutWarnings(_ compiler: String) throws {
    let outcome = try compile(compiler, warnings: ["-Wall", "-Wextra", "-Werror"], "#include \"rtool.h\"\n")
    #expect(outcome.status == 0, "\(outcome.errors)")
  }

  @Test(
    arguments: Compilers.present([
      "gcc -std=c99 -xc -pedantic", "clang -std=c99 -xc -pedantic",
      "clang++ -std=c++20 -xc++ -pedantic -Wno-missing-designated-field-initializers",
      "g++ -std=c++20 -xc++ -pedantic -Wno-missing-field-initializers",
      "g++ -std=c++17 -xc++ -Wno-missing-field-initializers",
    ]))
  func theExampleInTheHeaderCompilesWithoutWarnings(_ compiler: String) throws {
    let outcome = try compile(compiler, warnings: ["-Wall", "-Wextra", "-Werror"], Examples.ofHeader)
    #expect(outcome.status == 0, "\(outcome.errors)")
  }

  /// Plugins as they were built with the header of that time.
  @Test(arguments: ["0.2", "0.4"]) func pluginsOfAnOlderInterfaceWork(_ interface: String) throws {
    let old = "\(Self.golden)/interface-\(interface)"
    try sandbox.compilePlugin("grow", growPlugin, headers: old)
    let folder = try sandbox.compilePlugin("copy", copyPlugin, headers: old)
    try sandbox.photo("photo.png")
    let environment = ["RTOOL_PATH": folder]
    let grown = try sandbox.rtool("grow", "--steps", "2", "-o", "grown.png", environment: environment)
    #expect(grown.status == 0, "\(grown.errors)")
    let copied = try sandbox.rtool("copy", "photo.png", "-o", "copied.png", environment: environment)
    #expect(copied.status == 0, "\(copied.errors)")
    #expect(try sandbox.open("copied.png") == sandbox.open("photo.png"))
    let checked = try sandbox.rtool("check", "copy", "--rounds", "1", environment: environment)
    #expect(checked.status == 0, "\(checked.text)")
    #expect(checked.text.contains("needs interface \(interface)\n"), "\(checked.text)")
  }

  /// A table that is shorter, as that of an older host, does not have what is beyond its end.
  @Test func aPluginSeesWhatTheHostHas() throws {
    let folder = try sandbox.compilePlugin(
      "seer",
      """
      #include "rtool.h"

      static rtool_status run(const rtool_host *host, const rtool_value *values) {
        rtool_host older = *host;
        (void)values;
        if (!RTOOL_HAS(host, class_weights)) return host->fail(host, RTOOL_FAILED, "class_weights");
        older.struct_size = (uint32_t)offsetof(rtool_host, class_weights);
        if (RTOOL_HAS(&older, class_weights)) return host->fail(host, RTOOL_FAILED, "older");
        if (!RTOOL_HAS(&older, emit_text)) return host->fail(host, RTOOL_FAILED, "emit_text");
        return host->emit_text(host, "done\\n");
      }

      static const rtool_manifest manifest = {
        .struct_size = sizeof manifest, .abi = RTOOL_ABI_MAJOR << 16 | 2, .param_size = sizeof(rtool_param),
        .name = "seer", .version = "1", .summary = "A test", .run = run, .built_with = RTOOL_ABI,
      };

      RTOOL_EXPORT const rtool_manifest *rtool_plugin(uint32_t host_abi) { (void)host_abi; return &manifest; }
      """)
    let outcome = try sandbox.rtool("seer", environment: ["RTOOL_PATH": folder])
    #expect(outcome.text == "done\n", "\(outcome.errors)")
    let checked = try sandbox.rtool("check", "seer", "--rounds", "0", environment: ["RTOOL_PATH": folder])
    #expect(checked.text.contains("needs interface 0.2, built with 0.6"), "\(checked.text)")
  }
}

/// Plugins that others learn from.
enum Examples {
  static let nudge = text("Examples/plugins/nudge.c")

  /// The plugin in the header's first comment.
  static let ofHeader: String = {
    let lines = text("Sources/CRTool/include/rtool.h").split(
      separator: "\n", omittingEmptySubsequences: false)
    let code = lines.prefix { $0 != " */" }.filter { $0.hasPrefix(" *     ") || $0 == " *" }
    return code.map { $0.dropFirst(7) }.joined(separator: "\n") + "\n"
  }()

  private static func text(_ path: String) -> String {
    (try? String(contentsOfFile: "\(Program.root)/\(path)", encoding: .utf8)) ?? ""
  }
}

/// The compilers of this machine.
enum Compilers {
  static let path = "/root/.cargo/bin:/usr/local/bin:/usr/bin:/bin:/opt/swift/usr/bin"

  /// Those of the command lines whose program is here; what is absent is told.
  static func present(_ lines: [String]) -> [String] {
    lines.filter { line in
      let program = line.prefix { $0 != " " }
      let isHere = path.split(separator: ":").contains { access("\($0)/\(program)", X_OK) == 0 }
      if !isHere { print("skipped, since \(program) is not here: \(line)") }
      return isHere
    }
  }
}
