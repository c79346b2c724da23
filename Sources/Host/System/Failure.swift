import Imaging
import RobustRuntime

/// Why the program ends without having done its work: one line for the user and an exit code.
package struct Failure: Error, CustomStringConvertible {
  package enum Kind {
    case failed
    /// As `failed`: there is no space left to write to.
    case diskFull
    case usage
    /// As `failed`: there is less memory than it takes, which may be otherwise another time.
    case noMemory
    /// A plugin called the host wrongly: a mistake of its author, not of the user.
    case misuse
    case interrupted
    /// What failed was told when it was met: no more is said.
    case told
    /// Whoever was to read the output has gone: nothing is said.
    case closedPipe
  }

  package let kind: Kind
  package let description: String

  package var exitCode: Int32 {
    switch kind {
    case .closedPipe: 0
    case .failed, .diskFull, .noMemory, .misuse, .told: 1
    case .usage: 2
    case .interrupted: 130
    }
  }

  private init(kind: Kind, description: String) {
    self.kind = kind
    self.description = description
  }

  package static func failed(_ text: String) -> Failure { Failure(kind: .failed, description: text) }
  static func noMemory(_ text: String = "out of memory") -> Failure {
    Failure(kind: .noMemory, description: text)
  }
  package static func usage(_ text: String) -> Failure { Failure(kind: .usage, description: text) }
  package static func misuse(_ text: String) -> Failure {
    Failure(kind: .misuse, description: "the plugin made a mistake, tell its author: \(text)")
  }

  /// Any error as the user is told of it.
  package init(_ error: any Error) {
    switch error {
    case let failure as Failure: self = failure
    case RuntimeError.invalid(let text): self = .misuse(text)
    case let error as ImagingError where error.kind == .closedPipe: self = .closedPipe
    case RuntimeError.outOfMemory(_): self = .noMemory("\(error)")
    case let error as ImagingError where error.kind == .noMemory: self = .noMemory("\(error)")
    case let error as ImagingError where error.kind == .diskFull:
      self = Failure(kind: .diskFull, description: "\(error)")
    default: self = .failed("\(error)")
    }
  }

  /// This failure with more words.
  func adding(_ words: String) -> Failure { Failure(kind: kind, description: description + words) }

  /// The same, telling which files had been written by then.
  func naming(written files: [String]) -> Failure {
    guard !files.isEmpty, kind != .closedPipe, kind != .told else { return self }
    let why = description.replacing("; nothing was written", with: "")
    return Failure(
      kind: kind, description: "\(why); written before: \(files.joined(separator: ", "))")
  }

  package static let interrupted = Failure(kind: .interrupted, description: "interrupted")
  package static let told = Failure(kind: .told, description: "")
  package static let closedPipe = Failure(kind: .closedPipe, description: "")
}
