import CRTool
import RTool
import Synchronization
import Testing

/// The Swift layer of a plugin, called as a host calls it.
@Suite struct ManifestTests {
  private static let listed = Parameter<Int>.integer("listed", initial: 3, in: 0...9, "a number")
  private static let forgotten = Parameter<Image>.image(
    "forgotten", "an image that the manifest does not list")
  private static let said = Mutex<String?>(nil)

  private nonisolated(unsafe) static let manifest = Manifest(
    name: "probe", version: "1.0", summary: "Read two parameters", description: "", parameters: [listed]
  ).published { _, values in
    guard values[listed] == 7, values[forgotten].width == 1 else { throw TaskFailure.message("other values") }
  }

  @Test func aParameterThatIsNotListedIsAMessage() throws {
    var host = rtool_host()
    host.struct_size = UInt32(MemoryLayout<rtool_host>.size)
    host.fail = { _, status, text in
      let text = text.map { String(cString: $0) }
      ManifestTests.said.withLock { $0 = text }
      return status
    }
    #expect(Self.manifest.pointee.param_count == 1)
    let run = try #require(Self.manifest.pointee.run)
    var number = 7.0
    let status = withUnsafePointer(to: &number) { number in
      var value = rtool_value()
      (value.count, value.numbers) = (1, number)
      return run(&host, &value)
    }
    #expect(status == Int32(RTOOL_FAILED))
    let said = try #require(Self.said.withLock { $0 })
    #expect(said.contains("--forgotten") && said.contains("does not list"), "\(said)")
  }

  @Test func theManifestNeedsWhatItsParametersNeed() {
    let abi = Self.manifest.pointee.abi
    #expect(abi >> 16 == RTOOL_ABI_MAJOR && abi & 0xffff < RTOOL_ABI_MINOR)
  }
}
