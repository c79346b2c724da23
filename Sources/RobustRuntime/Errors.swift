/// Why a checkpoint was refused. Its description is one line that names the file.
public struct CheckpointError: Error, Equatable, CustomStringConvertible {
  public let file: String
  public let problem: String
  public var description: String { "\(file): \(problem)" }
}

/// Why a computation was refused or given up. Its description is one line.
public enum RuntimeError: Error, Equatable, CustomStringConvertible {
  /// What was asked makes no sense: a class or layer that does not exist, sizes that do not match.
  case invalid(String)
  /// A loss or gradient became NaN or infinite.
  case notFinite(String)
  /// A library that is loaded when it is needed is not there.
  case unavailable(String)
  case outOfMemory(bytes: Int)

  public var description: String {
    switch self {
    case .invalid(let problem), .notFinite(let problem), .unavailable(let problem): problem
    case .outOfMemory(let bytes):
      "out of memory: \(bytes >> 20) MiB more are needed; try smaller or fewer images"
    }
  }
}
