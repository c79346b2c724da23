import Foundation
import Host
import Testing

@Suite struct BundledTaskTests {
  @Test func allTasksOfThisPackageAreKnown() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let folders = try FileManager.default.contentsOfDirectory(atPath: root.appending(path: "Plugins").path)
    #expect(BundledTasks.names == Set(folders.filter { !$0.hasPrefix(".") }))
  }
}
