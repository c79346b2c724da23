import Foundation
import Glibc
import Testing

/// The progress bar, on a terminal and where there is none.
@Suite struct ProgressTests {
  let sandbox: Sandbox
  init() throws { sandbox = try Sandbox() }

  /// What a command says on a terminal of so many columns.
  private func onTerminal(_ arguments: [String], columns: UInt16 = 100, term: String = "xterm") throws
    -> (status: Int32, text: String)
  {
    // As posix_openpt, unlockpt and ptsname do, which Glibc's module leaves out.
    let master = open("/dev/ptmx", O_RDWR | O_NOCTTY)
    defer { close(master) }
    var (lock, number) = (Int32(0), UInt32(0))
    try #require(master >= 0 && ioctl(master, Self.setLock, &lock) == 0)
    try #require(ioctl(master, Self.getNumber, &number) == 0)
    var size = winsize(ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
    try #require(ioctl(master, UInt(TIOCSWINSZ), &size) == 0)
    let running = try Spawn(
      program: Program.path, arguments: arguments, folder: sandbox.folder,
      environment: ["HOME": sandbox.folder, "TERM": term, "LC_ALL": "C.UTF-8"], errors: "/dev/pts/\(number)"
    ).start()
    // Reading fails once the program, the last to have the terminal open, has ended.
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = read(master, &buffer, buffer.count)
      if count <= 0 { break }
      bytes += buffer[..<count]
    }
    return (running.wait(), String(decoding: bytes, as: UTF8.self))
  }

  /// TIOCSPTLCK and TIOCGPTN of <asm-generic/ioctls.h>.
  private static let (setLock, getNumber) = (UInt(0x4004_5431), UInt(0x8004_5430))
  private static let command = ["generate", "--class", "forest", "--steps", "8", "-o", "out.png"]
  private static let erasing = "\r\u{1B}[K"

  @Test func itGrowsInPlaceAndGoes() throws {
    let (status, text) = try onTerminal(Self.command)
    #expect(status == 0)
    let bars = text.components(separatedBy: "\r").filter { $0.contains("generate [") }
    #expect(!bars.isEmpty, "\(text)")
    let shares = bars.compactMap { bar in
      bar.components(separatedBy: "] ").last?.split(separator: " ").first.flatMap { Int($0) }
    }
    #expect(shares.count == bars.count && shares == shares.sorted())
    #expect(shares.allSatisfy { (0...100).contains($0) })
    #expect(text.hasSuffix(Self.erasing), "the line is left empty")
    #expect(!text.contains("\n"), "it stays on its line")
  }

  @Test func itFitsIntoTheTerminal() throws {
    let (_, text) = try onTerminal(Self.command, columns: 30)
    let bars = text.components(separatedBy: "\r").map { $0.replacingOccurrences(of: "\u{1B}[K", with: "") }
    #expect(bars.contains { $0.contains("generate [") })
    #expect(bars.allSatisfy { $0.count < 30 })
  }

  @Test func itIsNotShownWhereItWouldBeNoise() throws {
    #expect(try onTerminal(Self.command, term: "dumb").text == "")
    #expect(try onTerminal(Self.command + ["--quiet"]).text == "")
    #expect(try sandbox.run(Program.path, Self.command).errors == "")
  }

  @Test func errorsStandOnALineOfTheirOwn() throws {
    // The folder goes while the task works: nothing can be written.
    let (status, text) = try onTerminal(["generate", "--class", "forest", "-o", "nowhere/out.png"])
    #expect(status != 0)
    let message = try #require(text.components(separatedBy: Self.erasing).last)
    #expect(message.hasPrefix("rtool generate: ") && message.contains("nowhere"), "\(text)")
  }
}
