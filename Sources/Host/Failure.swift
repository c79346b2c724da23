import Imaging

/// Why the program ends without having done its work: one line for the user and an exit code.
struct Failure: Error, CustomStringConvertible {
  enum Kind: Int32 {
    case failed = 1
    case usage = 2
    case interrupted = 130
    /// Whoever was to read the output has gone: nothing is said.
    case closedPipe = 0
  }

  let kind: Kind
  let description: String

  private init(kind: Kind, description: String) {
    self.kind = kind
    self.description = description
  }

  static func failed(_ text: String) -> Failure { Failure(kind: .failed, description: text) }
  static func usage(_ text: String) -> Failure { Failure(kind: .usage, description: text) }
  /// Any error as the user is told of it.
  init(_ error: any Error) {
    switch error {
    case let failure as Failure: self = failure
    case let error as ImagingError where error.kind == .closedPipe: self = .closedPipe
    default: self = .failed("\(error)")
    }
  }

  static let interrupted = Failure(kind: .interrupted, description: "interrupted")
  static let closedPipe = Failure(kind: .closedPipe, description: "")
}
