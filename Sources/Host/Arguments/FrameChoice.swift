/// Which frames of the task's first image are worked on: the value of --frames-of.
enum FrameChoice: Equatable {
  /// Nothing was said: the first, and the user is told that there are others.
  case unsaid
  /// From 0 on.
  case one(Int)
  case all

  /// Throws a usage failure for what is neither "all" nor a number from 1 on.
  init(_ text: String?) throws {
    guard let text else {
      self = .unsaid
      return
    }
    if text == "all" {
      self = .all
    } else if let number = Int(text), (1...1_000_000).contains(number) {
      self = .one(number - 1)
    } else {
      throw Failure.usage("--frames-of must be all or a number from 1 on, not \(quoted(text))")
    }
  }

  /// As the user writes it; nil: nothing was said.
  var text: String? {
    switch self {
    case .unsaid: nil
    case .one(let index): "\(index + 1)"
    case .all: "all"
    }
  }

  /// The first to be worked on, from 0 on.
  var first: Int { if case .one(let index) = self { index } else { 0 } }
}
