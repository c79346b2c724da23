import CKernels

/// Tensors in the safetensors format: the length of the header (8 bytes, little-endian), the header in JSON,
/// the data. (https://huggingface.co/docs/safetensors)
///
/// All of the header is checked when it is read, the values when they are asked for. The bytes must outlive
/// this.
package struct SafeTensors {
  package struct Entry {
    let type: ElementType
    package let shape: [Int]
    let bytes: Range<Int>
    var count: Int { bytes.count / type.size }
  }

  package enum ElementType: String {
    case half = "F16"
    case bfloat = "BF16"
    case float = "F32"
    case double = "F64"
    // Counters and the like, which may lie in a checkpoint but are never read.
    case int64 = "I64"
    case int32 = "I32"
    case int16 = "I16"
    case int8 = "I8"
    case uint8 = "U8"
    case bool = "BOOL"

    var size: Int {
      switch self {
      case .double, .int64: 8
      case .float, .int32: 4
      case .half, .bfloat, .int16: 2
      case .int8, .uint8, .bool: 1
      }
    }
  }

  static let longestHeader = 100_000_000

  /// The name of the file, for errors.
  let file: String
  package let entries: [String: Entry]
  package let metadata: [String: String]
  private let data: UnsafeRawBufferPointer
  private let owner: LastingBytes?

  /// - Throws: `CheckpointError`
  package init(_ bytes: UnsafeRawBufferPointer, file: String) throws {
    try self.init(bytes, file: file, owner: nil)
  }

  /// - Parameter owner: of the bytes; tensors that are stored keep it instead of copying.
  /// - Throws: `CheckpointError`
  init(_ bytes: UnsafeRawBufferPointer, file: String, owner: LastingBytes?) throws {
    (self.file, self.owner) = (file, owner)
    func refuse(_ problem: String) -> CheckpointError { CheckpointError(file: file, problem: problem) }

    guard bytes.count >= 8 else { throw refuse("not safetensors: only \(bytes.count) bytes") }
    let length = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
    guard length <= SafeTensors.longestHeader else {
      throw refuse("not safetensors: a header of \(length) bytes")
    }
    guard Int(length) <= bytes.count - 8 else {
      throw refuse("cut short: the header has \(length) bytes, the file \(bytes.count)")
    }
    let header = UnsafeRawBufferPointer(rebasing: bytes[8..<8 + Int(length)])
    data = UnsafeRawBufferPointer(rebasing: bytes[(8 + Int(length))...])
    guard header.first == UInt8(ascii: "{") else {
      throw refuse("not safetensors: the header does not begin with '{'")
    }

    let members: [JSONValue.Member]
    do {
      members = try JSONValue(header).object ?? []
    } catch let error as JSONValue.SyntaxError {
      throw refuse("the header is not JSON: \(error.problem) at byte \(error.offset)")
    }

    var entries: [String: Entry] = [:]
    var metadata: [String: String] = [:]
    for member in members {
      if member.name == "__metadata__" {
        guard let facts = member.value.object else { throw refuse("__metadata__ is not an object") }
        for fact in facts {
          guard let text = fact.value.string else {
            throw refuse("__metadata__ \(fact.name.quoted) is not a string")
          }
          metadata[fact.name] = text
        }
      } else {
        entries[member.name] = try SafeTensors.entry(member, dataSize: data.count, refuse)
      }
    }

    // In the order of their bytes the tensors must follow each other without hole or overlap, to the end of
    // the file.
    var end = 0
    for (name, entry) in entries.sorted(by: {
      ($0.value.bytes.lowerBound, $0.value.bytes.upperBound) < (
        $1.value.bytes.lowerBound, $1.value.bytes.upperBound
      )
    }) {
      guard entry.bytes.lowerBound == end else {
        let what = entry.bytes.lowerBound < end ? "overlaps another tensor" : "has a hole before it"
        throw refuse("\(name.quoted) \(what)")
      }
      end = entry.bytes.upperBound
    }
    guard end == data.count else { throw refuse("\(data.count - end) bytes belong to no tensor") }
    (self.entries, self.metadata) = (entries, metadata)
  }

  private static func entry(
    _ member: JSONValue.Member, dataSize: Int, _ refuse: (String) -> CheckpointError
  ) throws -> Entry {
    let name = member.name.quoted
    guard let facts = member.value.object else { throw refuse("\(name) is not described by an object") }
    func fact(_ key: String) -> JSONValue? { facts.first { $0.name == key }?.value }

    guard let typeName = fact("dtype")?.string else { throw refuse("\(name) has no dtype") }
    guard let type = ElementType(rawValue: typeName) else {
      throw refuse("\(name) has the unknown dtype \(typeName.quoted)")
    }
    guard let extents = fact("shape")?.array else { throw refuse("\(name) has no shape") }
    var (shape, size): ([Int], Int) = ([], type.size)
    for extent in extents {
      guard let extent = extent.natural else {
        throw refuse("\(name) has a shape that is not of whole numbers")
      }
      let (product, overflow) = size.multipliedReportingOverflow(by: extent)
      guard !overflow else { throw refuse("\(name) is too large") }
      shape.append(extent)
      size = product
    }
    guard let offsets = fact("data_offsets")?.array, offsets.count == 2, let from = offsets[0].natural,
      let to = offsets[1].natural, from <= to
    else { throw refuse("\(name) has no proper data_offsets") }
    guard to <= dataSize else {
      throw refuse("cut short: \(name) ends at byte \(to) of the data, which has \(dataSize)")
    }
    guard to - from == size else {
      throw refuse("\(name) has \(to - from) bytes, but its shape takes \(size)")
    }
    return Entry(type: type, shape: shape, bytes: from..<to)
  }

  /// The values of a tensor, all finite.
  /// - Throws: `CheckpointError` if there is no such tensor, or its values are not real numbers.
  package func values(_ name: String) throws -> [Float] {
    let (entry, bytes) = try real(name)
    return try checked(entry.type.floats(bytes, 0..<entry.count), name)
  }

  /// A tensor as it is stored, its values checked as by `values`.
  func stored(_ name: String) throws -> StoredTensor {
    let (entry, bytes) = try real(name)
    let piece = 1 << 14
    for first in stride(from: 0, to: entry.count, by: piece) {
      _ = try checked(entry.type.floats(bytes, first..<min(first + piece, entry.count)), name)
    }
    owner?.release(bytes)
    return StoredTensor(type: entry.type, bytes: bytes, of: owner)
  }

  private func real(_ name: String) throws -> (Entry, UnsafeRawBufferPointer) {
    guard let entry = entries[name] else { throw refuse("\(name.quoted) is missing") }
    guard entry.type.isReal else {
      throw refuse("\(name.quoted) has dtype \(entry.type.rawValue), which holds no weights")
    }
    return (entry, UnsafeRawBufferPointer(rebasing: data[entry.bytes]))
  }

  private func checked(_ values: [Float], _ name: String) throws -> [Float] {
    guard rt_all_finite(values, values.count) else {
      throw refuse("\(name.quoted) holds NaN or infinite values")
    }
    return values
  }

  func shape(_ name: String) -> [Int]? { entries[name]?.shape }

  func refuse(_ problem: String) -> CheckpointError { CheckpointError(file: file, problem: problem) }
}
