/// Finds plugins: files named librtool-NAME.so in a fixed list of folders, never the current one.
enum PluginSearch {
  struct Candidate {
    let name: String
    let path: String
  }

  /// In order of precedence: RTOOL_PATH, the user's folder, the installation's, the program's own.
  static var folders: [String] {
    var folders = Installation.folders(in: "RTOOL_PATH")
    if let user = Installation.userFolder { folders.append(user + "/plugins") }
    folders.append(Installation.prefix + "/lib/rtool")
    folders.append(Installation.programFolder)
    var seen: Set<String> = []
    return folders.filter { seen.insert($0).inserted }
  }

  /// Every candidate, in order of precedence.
  static func candidates() -> [Candidate] {
    folders.flatMap { folder in
      contents(ofFolder: folder).compactMap { file in
        guard file.hasPrefix("librtool-"), file.hasSuffix(".so"), file.count > 12 else { return nil }
        return Candidate(name: String(file.dropFirst(9).dropLast(3)), path: "\(folder)/\(file)")
      }
    }
  }

  /// The names of all tasks, each once.
  static func names() -> [String] { Array(Set(candidates().map(\.name))).sorted() }

  /// Loads the first usable plugin of that name; nil when there is no file for it.
  static func load(_ name: String) throws -> Plugin? {
    guard !name.isEmpty, !name.contains("/") else { return nil }
    var rejections: [(path: String, reason: String)] = []
    for path in folders.map({ "\($0)/librtool-\(name).so" }) where fileExists(path) {
      do throws(PluginRejection) {
        let plugin = try load(Candidate(name: name, path: path))
        for rejection in rejections {
          Terminal.warn("\(rejection.path) was passed over: \(rejection.reason)")
        }
        return plugin
      } catch {
        if error.lacksMemory { throw Failure.failed(error.reason) }
        rejections.append((path, error.reason))
      }
    }
    guard let first = rejections.first else { return nil }
    throw Failure.failed("plugin \(first.path) cannot be used: \(first.reason)")
  }

  private static func load(_ candidate: Candidate) throws(PluginRejection) -> Plugin {
    if !BundledTasks.contains(candidate), let fault = PluginTrial.fault(PluginTrial.verdict(on: candidate)) {
      throw PluginRejection(reason: fault)
    }
    return try Plugin(path: candidate.path, name: candidate.name)
  }

  /// What is told of a plugin that can be used.
  struct Entry {
    let name, version, summary: String
  }

  /// Every usable plugin, by name, and what is to be said of the other candidates. No code runs but that of the
  /// program's own plugins.
  static func survey() -> [(candidate: Candidate, outcome: Result<Entry, PluginRejection>)] {
    var winners: [String: String] = [:]
    return candidates().map { candidate in
      if let winner = winners[candidate.name] {
        return (candidate, .failure(PluginRejection(reason: "shadowed by \(winner)")))
      }
      do throws(PluginRejection) {
        let entry = try entry(candidate)
        winners[candidate.name] = candidate.path
        return (candidate, .success(entry))
      } catch {
        return (candidate, .failure(error))
      }
    }
  }

  private static func entry(_ candidate: Candidate) throws(PluginRejection) -> Entry {
    if BundledTasks.contains(candidate) {
      let record = PluginRecord(candidate)
      if case .usable(let version, let summary) = record?.verdict {
        return Entry(name: candidate.name, version: version, summary: summary)
      }
      let plugin = try Plugin(path: candidate.path, name: candidate.name)
      record?.keep(.usable(version: plugin.version, summary: plugin.summary))
      return Entry(name: plugin.name, version: plugin.version, summary: plugin.summary)
    }
    let verdict = PluginTrial.verdict(on: candidate)
    guard case .usable(let version, let summary) = verdict else {
      throw PluginRejection(reason: PluginTrial.fault(verdict) ?? "unknown reason")
    }
    return Entry(name: candidate.name, version: version, summary: summary)
  }

  /// All usable plugins, loaded.
  static func all() -> [Plugin] {
    var names: Set<String> = []
    return candidates().compactMap { candidate in
      guard !names.contains(candidate.name), let plugin = try? load(candidate) else { return nil }
      names.insert(candidate.name)
      return plugin
    }
  }
}
