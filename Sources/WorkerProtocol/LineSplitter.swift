/// Bytes as they come, as lines.
public struct LineSplitter {
  private var rest: [UInt8] = []

  public init() {}

  /// Calls `take` with each line that is whole by now, without its end.
  public mutating func feed(_ bytes: ArraySlice<UInt8>, _ take: ([UInt8]) -> Void) {
    // There is no end of a line in what is left from before.
    var (begin, search) = (0, rest.count)
    rest += bytes
    while let end = rest[search...].firstIndex(of: 0x0A) {
      take(Array(rest[begin..<end]))
      (begin, search) = (end + 1, end + 1)
    }
    rest.removeFirst(begin)
  }
}
