import CRTool

/// The host's threads, for work that is cut into pieces. How it is cut must not depend on their number.
public struct Crew: @unchecked Sendable {
  private let table: UnsafePointer<rtool_host>?

  /// No threads but the caller's.
  public init() { table = nil }

  fileprivate init(_ table: UnsafePointer<rtool_host>) { self.table = table }

  /// Calls `body` once for each piece, in any order and several at a time, and returns when all are done.
  public func run(_ pieces: Int, _ body: @Sendable (_ piece: Int) -> Void) {
    guard let table else {
      for piece in 0..<pieces { body(piece) }
      return
    }
    withoutActuallyEscaping(body) { body in
      withUnsafePointer(to: body) { body in
        table.pointee.parallel(
          table, UInt32(pieces),
          { user, piece in
            user!.assumingMemoryBound(to: (@Sendable (Int) -> Void).self).pointee(Int(piece))
          }, UnsafeMutableRawPointer(mutating: body))
      }
    }
  }
}

extension Host {
  /// An older host has none: then all is done by the caller.
  public var crew: Crew { has(\.parallel) ? Crew(table) : Crew() }
}
