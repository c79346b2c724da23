import Foundation
import Glibc
import Imaging
import Synchronization
import Testing

/// A temporary folder in which the program is run as a user would run it; gone with the value.
final class Sandbox {
  let folder: String

  init() throws {
    var template = Array("/tmp/rtool-test-XXXXXX".utf8CString)
    folder = try #require(mkdtemp(&template).map { String(cString: $0) })
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  func path(_ name: String) -> String { "\(folder)/\(name)" }

  /// What is in the folder, but for what the program keeps to find it again sooner.
  var files: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter { $0 != ".cache" }.sorted()
  }

  func bytes(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(fileURLWithPath: path(name))))
  }

  @discardableResult
  func write(_ name: String, _ bytes: [UInt8]) throws -> String {
    try Data(bytes).write(to: URL(fileURLWithPath: path(name)))
    return path(name)
  }

  struct Outcome {
    let status: Int32
    let output: Data
    let errors: String
    var text: String { String(decoding: output, as: UTF8.self) }

    /// What --json told.
    private var report: [String: Any] {
      (try? JSONSerialization.jsonObject(with: output)) as? [String: Any] ?? [:]
    }

    /// What the task recorded, as --json tells it.
    var facts: [String: String] {
      (report["step"] as? [String: Any])?["facts"] as? [String: String] ?? [:]
    }

    /// What the task handed over as JSON, as --json tells it.
    var result: Data {
      report["result"].flatMap { try? JSONSerialization.data(withJSONObject: $0) } ?? Data()
    }
  }

  /// Runs rtool with this folder as the current one. Nothing of the user's own settings is seen.
  func rtool(_ arguments: String..., input: Data = Data(), environment: [String: String] = [:]) throws
    -> Outcome
  {
    try run(Program.path, arguments, input: input, environment: environment)
  }

  /// Runs a line of shell in which `rtool` is the program.
  func shell(_ line: String, environment: [String: String] = [:]) throws -> Outcome {
    try run(
      "/bin/bash", ["-c", "rtool() { \"\(Program.path)\" \"$@\"; }; \(line)"], environment: environment)
  }

  func run(
    _ program: String, _ arguments: [String], input: Data = Data(), environment: [String: String] = [:]
  )
    throws -> Outcome
  {
    // Files rather than pipes: no reader is needed and nothing can block.
    let names = ["stdin", "stdout", "stderr"].map { "\(folder)/.\($0)-\(UUID().uuidString)" }
    defer { for name in names { unlink(name) } }
    try input.write(to: URL(fileURLWithPath: names[0]))
    let status = try Spawn(
      program: program, arguments: arguments, folder: folder,
      environment: ["PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": folder, "LC_ALL": "C.UTF-8"]
        .merging(environment) { $1 }, input: names[0], output: names[1], errors: names[2]
    ).run()
    return Outcome(
      status: status, output: try Data(contentsOf: URL(fileURLWithPath: names[1])),
      errors: String(decoding: try Data(contentsOf: URL(fileURLWithPath: names[2])), as: UTF8.self))
  }

  /// Compiles a plugin from C, with the header alone, into `folder/plugins`. Returns that folder.
  @discardableResult
  func compilePlugin(
    _ name: String, _ source: String, flags: [String] = [], headers: String = Program.headerFolder
  ) throws -> String {
    let plugins = path("plugins")
    try FileManager.default.createDirectory(atPath: plugins, withIntermediateDirectories: true)
    let library = "\(plugins)/librtool-\(name).so"
    let known = CompiledPlugins.shared.withLock { $0[[name, source, headers] + flags] }
    if let known {
      try known.write(to: URL(fileURLWithPath: library))
      return plugins
    }
    try write("\(name).c", Array(source.utf8))
    let outcome = try run(
      "/usr/bin/cc",
      [
        "-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", "-shared", "-fPIC", "-I", headers,
      ]
        + flags + ["-o", library, path("\(name).c")])
    try #require(outcome.status == 0, "\(outcome.errors)")
    unlink(path("\(name).c"))
    let bytes = try Data(contentsOf: URL(fileURLWithPath: library))
    CompiledPlugins.shared.withLock { $0[[name, source, headers] + flags] = bytes }
    return plugins
  }

  // MARK: Pictures

  /// Writes a picture whose channels are functions of the place, sRGB in 0...1.
  @discardableResult
  func picture(
    _ name: String, width: Int, height: Int, channels: Int = 3, bitDepth: Int = 8,
    _ value: (Int, Int, Int) -> Float
  ) throws -> String {
    let image = FloatImage(
      width: width, height: height, channels: channels,
      pixels: (0..<width * height * channels).map {
        value($0 / channels % width, $0 / channels / width, $0 % channels)
      })
    try ResultImage.fresh(image, bitDepth: bitDepth).write(to: .file(path(name)))
    return path(name)
  }

  /// A photo-like texture: soft waves and a deterministic grain.
  @discardableResult
  func photo(_ name: String, width: Int = 160, height: Int = 120, channels: Int = 3) throws -> String {
    try picture(name, width: width, height: height, channels: channels) { x, y, channel in
      let wave = sin(Float(x) * 0.13 + Float(channel)) * cos(Float(y) * 0.09)
      let grain = Float((x &* 73 &+ y &* 179 &+ channel &* 31) % 17) / 17 - 0.5
      return channel == 3 ? 1 : 0.5 + 0.3 * wave + 0.08 * grain
    }
  }

  /// A mask that is white in a rectangle.
  @discardableResult
  func mask(
    _ name: String, width: Int = 160, height: Int = 120, x: Range<Int> = 60..<90, y: Range<Int> = 40..<70
  )
    throws -> String
  {
    try picture(name, width: width, height: height, channels: 1) { u, v, _ in
      x.contains(u) && y.contains(v) ? 1 : 0
    }
  }

  func open(_ name: String) throws -> FloatImage { try SourceImage.open(.file(path(name))).rgb() }
}

/// The program under test.
enum Program {
  static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

  static let headerFolder = "\(root)/Sources/CRTool/include"

  /// Beside the tests' own executable, whatever build folder that is in.
  static let path: String = {
    var folder = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
    for _ in 0..<4 {
      let candidate = folder.appendingPathComponent("rtool").path
      if access(candidate, X_OK) == 0 { return candidate }
      folder.deleteLastPathComponent()
    }
    return "\(root)/.build/release/rtool"
  }()
}

/// One line that says what is wrong, from this program.
func expectOneLine(
  _ errors: String, contains words: String..., sourceLocation: SourceLocation = #_sourceLocation
) {
  let lines = errors.split(separator: "\n")
  #expect(lines.count == 1, "not one line: \(errors)", sourceLocation: sourceLocation)
  #expect(errors.hasPrefix("rtool"), sourceLocation: sourceLocation)
  for word in words {
    #expect(errors.contains(word), "“\(word)” is not in: \(errors)", sourceLocation: sourceLocation)
  }
}

extension Sandbox {
  /// What the last task found out about its result, as kept in the file.
  func facts(_ name: String) throws -> [String: String] {
    struct Info: Decodable {
      struct Step: Decodable { let facts: [String: String] }
      let steps: [Step]
    }
    let info = try rtool("info", name, "--json")
    return try #require(JSONDecoder().decode(Info.self, from: info.output).steps.last?.facts)
  }

  func number(_ fact: String, of name: String) throws -> Double {
    try #require(facts(name)[fact].flatMap { Double($0) })
  }
}

/// What the compiler made of each source and its flags, so that it is asked once.
private enum CompiledPlugins {
  static let shared = Mutex<[[String]: Data]>([:])
}
