/// One of several parts of a batch. Which part an input belongs to is a pure function of its name, so that it stays where
/// it is when others are added.
struct Shard {
  private let part, count: UInt64

  /// - Throws: `Failure` of usage for what is not I/N with I in 1...N.
  init(_ text: String) throws {
    let numbers = text.split(separator: "/", omittingEmptySubsequences: false).map { UInt64($0) }
    guard numbers.count == 2, let part = numbers[0], let count = numbers[1], count <= 1_000_000,
      part >= 1, part <= count
    else {
      throw Failure.usage("--shard must be I/N with I from 1 to N, as in 3/20, not \(quoted(text))")
    }
    (self.part, self.count) = (part, count)
  }

  func contains(_ input: BatchInput) -> Bool {
    let name = input.path.map { "\(input.directory)/\(fileName(of: $0))" } ?? "\(input.index)"
    return stableHash(name) % count == part - 1
  }
}
