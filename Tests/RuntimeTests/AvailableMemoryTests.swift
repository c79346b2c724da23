import Foundation
import RobustRuntime
import Testing

/// What control groups leave of memory, read from folders such as the system has.
@Suite struct AvailableMemoryTests {
  let root: String

  init() throws {
    var template = Array("/tmp/rtool-test-XXXXXX".utf8CString)
    root = try #require(mkdtemp(&template).map { String(cString: $0) })
  }

  /// Each group's files, by path, with their texts.
  private func available(_ groups: String, _ files: [String: String]) throws -> Int? {
    defer { try? FileManager.default.removeItem(atPath: root) }
    for (path, text) in files {
      let file = URL(fileURLWithPath: root + path)
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: file)
    }
    return ControlGroups(groups, root: root).availableMemory
  }

  @Test func theTightestOfNestedGroupsCounts() throws {
    let memory = try available(
      "0::/user/run\n",
      [
        "/user/run/memory.max": "max\n", "/user/run/memory.current": "50\n",
        "/user/memory.max": "1000\n", "/user/memory.current": "700\n",
        "/user/memory.stat": "anon 500\ninactive_file 150\nactive_file 50\n",
        "/memory.max": "2000\n", "/memory.current": "900\n",
      ])
    #expect(memory == 450)
  }

  @Test func theRootIsSeenInAContainerWithThePathOfItsHost() throws {
    #expect(
      try available("0::/../../docker/abc\n", ["/memory.max": "100\n", "/memory.current": "130\n"]) == 0)
  }

  @Test func groupsOfTheFirstVersion() throws {
    let memory = try available(
      "5:cpu,cpuacct:/x\n4:memory:/box\n0::/\n",
      [
        "/memory/box/memory.limit_in_bytes": "4096\n", "/memory/box/memory.usage_in_bytes": "1024\n",
        "/memory/box/memory.stat": "cache 7\ntotal_inactive_file 24\n",
        "/memory/memory.limit_in_bytes": "9223372036854771712\n", "/memory/memory.usage_in_bytes": "5000\n",
      ])
    #expect(memory == 4096 - 1000)
  }

  @Test(arguments: ["", "nonsense", "0::/\n", "4:memory:/gone\n"])
  func whereNoLimitIsSeenThereIsNone(_ groups: String) throws { #expect(try available(groups, [:]) == nil) }
}

@Suite struct LoaderErrorTests {
  @Test(arguments: [
    ("libx.so: failed to map segment from shared object", true, false),
    ("libx.so: cannot map zero-fill pages: Cannot allocate memory", true, false),
    ("libx.so: failed to map segment from shared object: Operation not permitted", false, false),
    ("libx.so: cannot open shared object file: No such file or directory", false, true),
    ("libx.so: file too short", false, false),
  ])
  func lackingMemoryIsToldFromOtherFaults(_ text: String, _ lacksMemory: Bool, _ isMissing: Bool) {
    let error = LoaderError(text)
    #expect((error.lacksMemory, error.isMissing) == (lacksMemory, isMissing))
  }
}
