import CRTool

/// Structures of the interface grow at their end, so a plugin's may be shorter or longer than this host's. They are
/// read and written only as far as both reach.
enum Growth {
  /// The sizes that the structures had when they came, most of them in interface 0.1: no plugin has less.
  static let manifest = end(of: \rtool_manifest.run)
  static let parameter = end(of: \rtool_param.step)
  static let objective = end(of: \rtool_objective.term_count)
  static let term = end(of: \rtool_term.layer_count)
  static let ascent = end(of: \rtool_ascent.note)
  static let outcome = end(of: \rtool_outcome.losses)
  static let result = end(of: \rtool_result.pieces)
  static let expectation = end(of: \rtool_expectation.seconds)
  static let workingCopy = end(of: \rtool_working_copy.seen_mask)

  private static func end<Structure, Field>(of field: KeyPath<Structure, Field>) -> Int {
    MemoryLayout<Structure>.offset(of: field)! + MemoryLayout<Field>.size
  }

  /// The structure at `pointer`, whose first field is its size; nil: it is not there, or too short to be one.
  static func read<Structure>(_ pointer: UnsafePointer<Structure>?, into blank: Structure, atLeast least: Int)
    -> Structure?
  {
    guard let raw = pointer.map({ UnsafeRawPointer($0) }) else { return nil }
    let size = Int(raw.load(as: UInt32.self))
    return size >= least && size < 1 << 16 ? read(raw, size: size, into: blank) : nil
  }

  /// The structure of `size` bytes at `pointer`; what it is too short for stays as it is in `blank`.
  static func read<Structure>(_ pointer: UnsafeRawPointer, size: Int, into blank: Structure) -> Structure {
    var structure = blank
    withUnsafeMutableBytes(of: &structure) {
      $0.copyMemory(from: UnsafeRawBufferPointer(start: pointer, count: min(size, $0.count)))
    }
    return structure
  }

  static func write<Structure>(_ structure: Structure, to pointer: UnsafeMutableRawPointer, size: Int) {
    withUnsafeBytes(of: structure) {
      pointer.copyMemory(from: $0.baseAddress!, byteCount: min(size, $0.count))
    }
  }
}
