import Testing
import WorkerProtocol

@Suite struct LineTests {
  /// Lines are the same wherever the bytes are cut.
  @Test func linesOfAnyPieces() {
    let bytes = Array("one\n\nthree, which is longer\nno end".utf8)
    for length in 1...bytes.count {
      var splitter = LineSplitter()
      var lines: [String] = []
      for start in stride(from: 0, to: bytes.count, by: length) {
        splitter.feed(bytes[start..<min(start + length, bytes.count)]) {
          lines.append(String(decoding: $0, as: UTF8.self))
        }
      }
      #expect(lines == ["one", "", "three, which is longer"], "pieces of \(length)")
    }
  }
}
