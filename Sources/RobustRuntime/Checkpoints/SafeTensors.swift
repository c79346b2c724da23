/// Tensors in the safetensors format: the length of the header (8 bytes, little-endian), the header in JSON,
/// the data. (https://huggingface.co/docs/safetensors)
///
/// All of the header is checked when it is read, the values when they are asked for. The bytes must outlive
/// this.
package struct SafeTensors: TensorFile {
  static let longestHeader = 100_000_000

  static func begins(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard let length: UInt64 = bytes.littleEndian(0), bytes.count > 8 else { return false }
    return length <= longestHeader && bytes[8] == UInt8(ascii: "{")
  }

  package let file: String
  package let format = "safetensors"
  package let tensors: [String: TensorFacts]
  package let metadata: [String: String]
  /// Where in the data each tensor lies.
  private let places: [String: Range<Int>]
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

    var tensors: [String: TensorFacts] = [:]
    var places: [String: Range<Int>] = [:]
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
        (tensors[member.name], places[member.name]) = try SafeTensors.entry(
          member, dataSize: data.count, refuse)
      }
    }

    // In the order of their bytes the tensors must follow each other without hole or overlap, to the end of
    // the file.
    var end = 0
    for (name, place) in places.sorted(by: {
      ($0.value.lowerBound, $0.value.upperBound) < ($1.value.lowerBound, $1.value.upperBound)
    }) {
      guard place.lowerBound == end else {
        let what = place.lowerBound < end ? "overlaps another tensor" : "has a hole before it"
        throw refuse("\(name.quoted) \(what)")
      }
      end = place.upperBound
    }
    guard end == data.count else { throw refuse("\(data.count - end) bytes belong to no tensor") }
    (self.tensors, self.metadata, self.places) = (tensors, metadata, places)
  }

  private static func entry(
    _ member: JSONValue.Member, dataSize: Int, _ refuse: (String) -> CheckpointError
  ) throws -> (TensorFacts, Range<Int>) {
    let name = member.name.quoted
    guard let facts = member.value.object else { throw refuse("\(name) is not described by an object") }
    func fact(_ key: String) -> JSONValue? { facts.first { $0.name == key }?.value }

    guard let typeName = fact("dtype")?.string else { throw refuse("\(name) has no dtype") }
    guard let type = ElementType(rawValue: typeName) else {
      throw refuse("\(name) has the unknown dtype \(typeName.quoted)")
    }
    guard let extents = fact("shape")?.array else { throw refuse("\(name) has no shape") }
    let shape = extents.compactMap(\.natural)
    guard shape.count == extents.count else {
      throw refuse("\(name) has a shape that is not of whole numbers")
    }
    guard let count = TensorFacts.count(of: shape),
      case (let size, let overflow) = count.multipliedReportingOverflow(by: type.size), !overflow
    else { throw refuse("\(name) is too large") }
    guard let offsets = fact("data_offsets")?.array, offsets.count == 2, let from = offsets[0].natural,
      let to = offsets[1].natural, from <= to
    else { throw refuse("\(name) has no proper data_offsets") }
    guard to <= dataSize else {
      throw refuse("cut short: \(name) ends at byte \(to) of the data, which has \(dataSize)")
    }
    guard to - from == size else {
      throw refuse("\(name) has \(to - from) bytes, but its shape takes \(size)")
    }
    return (TensorFacts(type: type, shape: shape, count: count), from..<to)
  }

  package func tensor(_ name: String) throws -> StoredTensor {
    guard let facts = tensors[name], let place = places[name] else {
      throw refuse("\(name.quoted) is missing")
    }
    return StoredTensor(type: facts.type, bytes: UnsafeRawBufferPointer(rebasing: data[place]), of: owner)
  }
}
