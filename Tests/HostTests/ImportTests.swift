import Foundation
import Testing

/// Who imports whom, as docs/architecture.md has it.
@Suite struct ImportTests {
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent()
    .deletingLastPathComponent()

  /// Open to all.
  private static let system: Set = ["Glibc", "Synchronization"]

  /// The modules of the table, with what each may import.
  private static func table() throws -> [String: Set<String>] {
    let text = try String(contentsOf: root.appending(path: "docs/architecture.md"), encoding: .utf8)
    let section = try #require(text.components(separatedBy: "## Who may import whom").dropFirst().first)
    var table: [String: Set<String>] = [:]
    for line in section.split(separator: "\n") where line.hasPrefix("| ") {
      let cells = line.split(separator: "|", omittingEmptySubsequences: false)
        .map { $0.trimmingCharacters(in: .whitespaces) }
      func names(_ cell: String) -> [String] {
        cell.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
      }
      guard cells.count == 5, cells[1] != "module" else { continue }
      for module in names(cells[1]) { table[module] = Set(names(cells[2])) }
    }
    return table
  }

  /// What the Swift files of a folder import.
  private static func imports(of folder: URL) throws -> Set<String> {
    var found: Set<String> = []
    for case let file as URL in FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)!
    where file.pathExtension == "swift" {
      for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
        let words = line.split(separator: " ")
        guard let at = words.firstIndex(of: "import"), words[..<at].allSatisfy({ $0.hasPrefix("@") }) else {
          continue
        }
        found.insert(String(words[at + 1]))
      }
    }
    return found
  }

  @Test func modulesImportWhatTheyMay() throws {
    var table = try Self.table()
    let tasks = try #require(table["Plugins/NAME"])
    table["Plugins/NAME"] = nil
    let sources = Self.root.appending(path: "Sources")
    let modules = try FileManager.default.contentsOfDirectory(atPath: sources.path)
    #expect(Set(modules) == Set(table.keys), "docs/architecture.md lists other modules than there are")
    for (module, allowed) in table {
      let open = Self.system.union(module == "Host" ? ["FoundationEssentials"] : [])
      let excess = try Self.imports(of: sources.appending(path: module)).subtracting(allowed.union(open))
      #expect(excess.isEmpty, "\(module) imports \(excess.sorted())")
    }
    let plugins = Self.root.appending(path: "Plugins")
    for task in try FileManager.default.contentsOfDirectory(atPath: plugins.path) {
      let own = Set(["Algorithms", "Kernels"].map { task.capitalized + $0 })
      let excess = try Self.imports(of: plugins.appending(path: task))
        .subtracting(tasks.union(Self.system).union(own))
      #expect(excess.isEmpty, "\(task) imports \(excess.sorted())")
    }
  }

  /// What a word means does not depend on the module that is open.
  @Test func noTwoModulesShareAName() throws {
    let sources = Self.root.appending(path: "Sources")
    var modules: [String: Set<String>] = [:]
    let declaration =
      /^(?:(?:public|package|final|indirect) )*(?:struct|class|enum|protocol|actor|typealias) (\w+)/
    for module in try FileManager.default.contentsOfDirectory(atPath: sources.path) {
      let folder = sources.appending(path: module)
      for case let file as URL in FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)!
      where file.pathExtension == "swift" {
        modules[file.lastPathComponent, default: []].insert(module)
        for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
          if let name = line.prefixMatch(of: declaration)?.1 {
            modules[String(name), default: []].insert(module)
          }
        }
      }
    }
    #expect(modules["Host"] == ["RTool"])
    // Each program has one.
    modules["main.swift"] = nil
    for (name, modules) in modules where modules.count > 1 {
      Issue.record("\(name) stands in \(modules.sorted().joined(separator: " and "))")
    }
  }
}
