import CKernels

/// A tensor that is to be written to a file.
public struct NamedTensor: Sendable {
  public var name: String
  /// The extents, whose product is the number of values. Without extents it is one value.
  public var shape: [Int]
  /// The values in row-major order.
  public var values: [Float]
  /// Whether the file is to hold halves (F16) instead of floats (F32).
  public var isHalf: Bool

  public init(name: String, shape: [Int], values: [Float], isHalf: Bool = false) {
    (self.name, self.shape, self.values, self.isHalf) = (name, shape, values, isHalf)
  }

  fileprivate var type: ElementType { isHalf ? .half : .float }
  fileprivate var byteCount: Int { values.count * type.size }
}

/// Writes the safetensors format, in memory. (https://huggingface.co/docs/safetensors)
public enum SafeTensorsWriter {
  /// The bytes of a file. They depend on what is in it, not on the order in which it is given: the metadata come
  /// first, sorted by key, then the tensors of floats and those of halves, each sorted by name. The header is filled up
  /// with spaces, so that the data begin at a multiple of 8 bytes and every number is aligned.
  ///
  /// Halves are rounded to the nearest, ties to even; what is beyond their range becomes ±65504.
  /// - Throws: `RuntimeError.notFinite` for values that are NaN or infinite, `RuntimeError.invalid` for names that
  ///   stand twice or are reserved and for shapes that do not fit the values.
  public static func bytes(
    _ tensors: [NamedTensor], metadata: [String: String] = [:]
  ) throws(RuntimeError) -> [UInt8] {
    // What needs more alignment comes first.
    let tensors = tensors.sorted { ($0.isHalf ? 1 : 0, $0.name) < ($1.isHalf ? 1 : 0, $1.name) }
    try check(tensors)

    var members: [String] = []
    if !metadata.isEmpty {
      let facts = metadata.sorted { $0.key < $1.key }.map { "\($0.key.inJSON):\($0.value.inJSON)" }
      members.append(#""__metadata__":{\#(facts.joined(separator: ","))}"#)
    }
    var size = 0
    for tensor in tensors {
      let end = size + tensor.byteCount
      let extents = tensor.shape.map(String.init).joined(separator: ",")
      let facts =
        #""dtype":"\#(tensor.type.rawValue)","shape":[\#(extents)],"data_offsets":[\#(size),\#(end)]"#
      members.append("\(tensor.name.inJSON):{\(facts)}")
      size = end
    }
    var header = Array("{\(members.joined(separator: ","))}".utf8)
    header += [UInt8](repeating: UInt8(ascii: " "), count: (8 - header.count % 8) % 8)
    guard header.count <= SafeTensors.longestHeader else {
      throw .invalid("the header of the file would have \(header.count) bytes")
    }

    let start = 8 + header.count
    return [UInt8](unsafeUninitializedCapacity: start + size) { bytes, count in
      withUnsafeBytes(of: UInt64(header.count).littleEndian) { length in
        UnsafeMutableRawBufferPointer(bytes).copyMemory(from: length)
      }
      _ = bytes[8...].update(fromContentsOf: header)
      var out = UnsafeMutableRawPointer(bytes.baseAddress!) + start
      for tensor in tensors {
        tensor.values.withUnsafeBufferPointer { values in
          guard let from = values.baseAddress else { return }
          if tensor.isHalf {
            rt_to_half(out, from, values.count)
          } else {
            out.copyMemory(from: from, byteCount: tensor.byteCount)
          }
        }
        out += tensor.byteCount
      }
      count = start + size
    }
  }

  private static func check(_ tensors: [NamedTensor]) throws(RuntimeError) {
    var names: Set = ["__metadata__"]
    for tensor in tensors {
      guard names.insert(tensor.name).inserted else {
        throw .invalid("a tensor cannot be named \(tensor.name.quoted): the name is taken")
      }
      var size = 1
      for extent in tensor.shape {
        let (product, overflow) = size.multipliedReportingOverflow(by: extent)
        guard !overflow, extent >= 0 else { throw unfit(tensor) }
        size = product
      }
      guard size == tensor.values.count else { throw unfit(tensor) }
      guard rt_all_finite(tensor.values, tensor.values.count) else {
        throw .notFinite("\(tensor.name.quoted) holds NaN or infinite values, which cannot be written")
      }
    }
  }

  private static func unfit(_ tensor: NamedTensor) -> RuntimeError {
    .invalid("\(tensor.name.quoted) has \(tensor.values.count) values, not the shape \(tensor.shape)")
  }
}

extension String {
  /// The text as a JSON string, in quotes.
  package var inJSON: String {
    var text = "\""
    for scalar in unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text + "\""
  }
}
