import Glibc

/// How much more memory this process may take where that is limited: of its address space (RLIMIT_AS), or, all its
/// control groups considered, of the machine's.
package struct AvailableMemory: Equatable {
  package let bytes: Int
  /// What limits it, as a user would look for it.
  package let limit: String

  package init(bytes: Int, limit: String) { (self.bytes, self.limit) = (bytes, limit) }

  /// The tighter of the limits; nil: there is none.
  package static var now: AvailableMemory? {
    [addressSpace, controlGroup].compactMap { $0 }.min { $0.bytes < $1.bytes }
  }

  package static var addressSpace: AvailableMemory? {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0, limit.rlim_cur < Int.max else {
      return nil
    }
    let pages = SystemFile.text("/proc/self/statm")?.split(separator: " ").first.flatMap { Int($0) } ?? 0
    let used = pages * Int(sysconf(Int32(_SC_PAGESIZE)))
    return AvailableMemory(bytes: max(0, Int(limit.rlim_cur) - used), limit: "ulimit -v")
  }

  private static var controlGroup: AvailableMemory? {
    guard let groups = SystemFile.text("/proc/self/cgroup") else { return nil }
    return ControlGroups(groups).availableMemory.map {
      AvailableMemory(bytes: $0, limit: "the limit of the control group")
    }
  }

  /// Below this a look at the limits costs more than it can tell.
  private static let much = 16 << 20

  /// Whether so many bytes can be taken, as far as the limits tell.
  package static func allows(_ bytes: Int) -> Bool {
    bytes < much || now.map { bytes <= $0.bytes } ?? true
  }
}

/// The control groups of a process, of version 1 or 2, and what they leave it of the machine's memory.
package struct ControlGroups {
  /// The folders of the groups with limits of memory, from the process's own to the root's.
  private let folders: [String]
  private let names: (limit: String, usage: String, reclaimable: String)

  /// - Parameters:
  ///   - text: as in /proc/self/cgroup.
  ///   - root: where the groups are mounted.
  package init(_ text: String, root: String = "/sys/fs/cgroup") {
    var (unified, memory): (String?, String?) = (nil, nil)
    for line in text.split(separator: "\n") {
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { continue }
      if fields[0] == "0", fields[1].isEmpty { unified = String(fields[2]) }
      if fields[1].split(separator: ",").contains("memory") { memory = String(fields[2]) }
    }
    if let memory {
      names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
      folders = Self.ancestors(memory).map { "\(root)/memory\($0)" }
    } else {
      names = ("memory.max", "memory.current", "inactive_file")
      folders = unified.map { Self.ancestors($0).map { root + $0 } } ?? []
    }
  }

  /// "/a/b" -> "/a/b", "/a", "". In a container the path may be of the host, where the root alone is seen.
  private static func ancestors(_ path: String) -> [String] {
    var paths: [String] = []
    var rest = path[...]
    while let slash = rest.lastIndex(of: "/") {
      if rest.count > 1, !rest.contains("/..") { paths.append(String(rest)) }
      rest = rest[..<slash]
    }
    return paths + [""]
  }

  /// What is left below the tightest limit, in bytes; nil: there is none.
  package var availableMemory: Int? {
    folders.compactMap { folder in
      // "max" where there is none.
      guard let limit = number("\(folder)/\(names.limit)"), limit < 1 << 60,
        let usage = number("\(folder)/\(names.usage)")
      else { return nil }
      return max(0, limit - max(0, usage - reclaimable(folder)))
    }.min()
  }

  /// Files in memory that have not been read for a while are given back when memory is asked for.
  private func reclaimable(_ folder: String) -> Int {
    SystemFile.field(names.reclaimable, of: "\(folder)/memory.stat").flatMap { Int($0) } ?? 0
  }

  private func number(_ path: String) -> Int? {
    SystemFile.text(path).flatMap { Int($0.prefix { $0.isNumber }) }
  }
}
