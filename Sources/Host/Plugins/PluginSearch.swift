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
        let plugin = try Plugin(path: path, name: name)
        for rejection in rejections {
          Terminal.warn("\(rejection.path) was passed over: \(rejection.reason)")
        }
        return plugin
      } catch {
        rejections.append((path, error.reason))
      }
    }
    guard let first = rejections.first else { return nil }
    throw Failure.failed("plugin \(first.path) cannot be used: \(first.reason)")
  }

  /// Every usable plugin, by name, and what is to be said of the other candidates.
  static func survey() -> [(candidate: Candidate, outcome: Result<Plugin, PluginRejection>)] {
    var winners: [String: String] = [:]
    return candidates().map { candidate in
      if let winner = winners[candidate.name] {
        return (candidate, .failure(PluginRejection(reason: "shadowed by \(winner)")))
      }
      do throws(PluginRejection) {
        let plugin = try Plugin(path: candidate.path, name: candidate.name)
        winners[candidate.name] = candidate.path
        return (candidate, .success(plugin))
      } catch {
        return (candidate, .failure(error))
      }
    }
  }
}
