import CRTool
import Glibc
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
  ).published { host, values in
    if values[listed] == 5 { return try prepare(host) }
    guard values[listed] == 7, values[forgotten].width == 1 else { throw TaskFailure.message("other values") }
  }

  /// Calls the task with its one parameter as a host would.
  private func run(_ host: rtool_host, _ number: Double) throws -> rtool_status {
    let run = try #require(Self.manifest.pointee.run)
    var host = host
    return withUnsafePointer(to: number) { number in
      var value = rtool_value()
      (value.count, value.numbers) = (1, number)
      return run(&host, &value)
    }
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
    #expect(try run(host, 7) == Int32(RTOOL_FAILED))
    let said = try #require(Self.said.withLock { $0 })
    #expect(said.contains("--forgotten") && said.contains("does not list"), "\(said)")
  }

  private static func prepare(_ host: Host) throws {
    let squares = try host.prepared("squares", Int32.self, count: 4) { squares in
      for index in squares.indices { squares[index] = Int32(index * index) }
    }
    #expect(Array(squares) == [0, 1, 4, 9])
    #expect(throws: TaskFailure.self) {
      try host.prepared("nothing", Int32.self, count: 4) { _ in throw TaskFailure.message("no squares") }
    }
    #expect(try host.with(model: "other").seed == 9)
    #expect(throws: TaskFailure.self) { try host.with(model: "unknown") }
  }

  private nonisolated(unsafe) static let other: UnsafePointer<rtool_host> = {
    let other = UnsafeMutablePointer<rtool_host>.allocate(capacity: 1)
    other.initialize(to: rtool_host())
    (other.pointee.struct_size, other.pointee.seed) = (UInt32(MemoryLayout<rtool_host>.size), 9)
    return UnsafePointer(other)
  }()

  @Test func whatIsPreparedIsFilledInOnce() throws {
    var host = rtool_host()
    host.struct_size = UInt32(MemoryLayout<rtool_host>.size)
    host.fail = { _, status, _ in status }
    host.prepared = { host, _, bytes, make, user in
      let memory = calloc(bytes, 1)
      return make!(host, memory, user) == Int32(RTOOL_OK) ? UnsafeRawPointer(memory) : nil
    }
    host.with_model = { _, text in String(cString: text!) == "other" ? ManifestTests.other : nil }
    #expect(try run(host, 5) == Int32(RTOOL_OK))
  }

  @Test func theManifestNeedsWhatItsParametersNeed() {
    let abi = Self.manifest.pointee.abi
    #expect(abi >> 16 == RTOOL_ABI_MAJOR && abi & 0xffff < RTOOL_ABI_MINOR)
  }
}
