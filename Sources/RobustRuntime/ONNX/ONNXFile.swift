/// An ONNX file: its messages, and its weights as named tensors.
package struct ONNXFile: TensorFile {
  package let file: String
  package let format = "ONNX"
  package private(set) var tensors: [String: TensorFacts] = [:]
  package var metadata: [String: String] { model.metadata }
  let model: ONNX.Model
  /// The size of the file in bytes.
  let size: Int
  private let bytes: UnsafeRawBufferPointer
  private let owner: LastingBytes?
  private let external: ExternalData
  private var initializers: [String: Int] = [:]

  /// The numbers of TensorProto.DataType.
  private static let types: [Int: ElementType] = [
    1: .float, 2: .uint8, 3: .int8, 4: .uint16, 5: .int16, 6: .int32, 7: .int64, 9: .bool, 10: .half,
    11: .double, 12: .uint32, 13: .uint64, 16: .bfloat, 17: .float8e4m3, 18: .float8e4m3fnuz,
    19: .float8e5m2, 20: .float8e5m2fnuz,
  ]

  /// The type of a number of TensorProto.DataType.
  static func type(_ number: Int) -> ElementType? { types[number] }

  /// Reads everything but the weights. The bytes must outlive this.
  /// - Parameter owner: of the bytes, if they last; tensors then stay in the file instead of being copied.
  /// - Parameter folder: where the file lies; nil: what lies beside it is not read.
  /// - Throws: `CheckpointError`
  init(_ bytes: UnsafeRawBufferPointer, file: String, owner: LastingBytes? = nil, folder: String? = nil)
    throws
  {
    (self.bytes, self.file, self.owner, size) = (bytes, file, owner, bytes.count)
    external = ExternalData(file: file, folder: folder)
    do {
      model = try ONNXParser.model(bytes)
    } catch let error as ProtobufError {
      throw CheckpointError(file: file, problem: "damaged ONNX: \(error.problem), at byte \(error.offset)")
    }
    for (index, tensor) in model.graph.initializers.enumerated() {
      guard initializers.updateValue(index, forKey: tensor.name) == nil else {
        throw refuse("the weights \(tensor.name.quoted) stand twice")
      }
      tensors[tensor.name] = try facts(tensor)
    }
  }

  /// Whether bytes begin as an ONNX file does: with the version of the format, or with what made it, or its graph.
  static func recognizes(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var fields = ProtobufFields(bytes, 0..<bytes.count)
    guard let first = try? fields.next() else { return false }
    switch (first.number, first.value) {
    case (1, .varint(let version)): return version < 1000
    case (2...4, .bytes), (7, .bytes), (8, .bytes), (14, .bytes): return true
    default: return false
    }
  }

  private func facts(_ tensor: ONNX.Tensor) throws -> TensorFacts {
    guard let type = ONNXFile.types[tensor.type] else {
      throw refuse("the weights \(tensor.name.quoted) are of the type \(tensor.type), which is not known")
    }
    guard let count = ONNXCall.product(tensor.dims), count <= Int.max / type.size else {
      throw refuse("the weights \(tensor.name.quoted) have the shape \(tensor.dims)")
    }
    return TensorFacts(type: type, shape: tensor.dims, count: count)
  }

  package func tensor(_ name: String) throws -> StoredTensor {
    guard let index = initializers[name] else { throw refuse("\(name.quoted) is missing") }
    return try constant(model.graph.initializers[index]).stored
  }

  /// The values of an initializer or of an attribute, as they lie.
  /// - Throws: `CheckpointError` if they are not there as the shape says.
  func constant(_ tensor: ONNX.Tensor) throws -> Constant {
    let facts = try facts(tensor)
    let count = facts.count * facts.type.size
    let source: Constant.Elements
    if let external = tensor.external {
      let (bytes, owner) = try self.external.bytes(of: external, tensor: tensor.name, count: count)
      source = Constant.Elements(type: facts.type, bytes: bytes, owner: owner)
    } else if let raw = tensor.raw {
      guard raw.count == count else {
        throw refuse(
          "the weights \(tensor.name.quoted) have \(raw.count) bytes, but the shape \(tensor.dims) takes \(count)"
        )
      }
      source = Constant.Elements(
        type: facts.type, bytes: UnsafeRawBufferPointer(rebasing: bytes[raw]), owner: owner)
    } else {
      return Constant(shape: facts.shape, type: facts.type, values: try typedValues(tensor, facts))
    }
    return Constant(shape: facts.shape, source)
  }

  /// The elements of a tensor that lie in fields for numbers of a kind.
  private func typedValues(_ tensor: ONNX.Tensor, _ facts: TensorFacts) throws -> [Double] {
    let (field, width): (Int, Int?) =
      switch facts.type {
      case .float: (4, 4)
      case .double: (10, 8)
      case .int64: (7, nil)
      case .uint32, .uint64: (11, nil)
      default: (5, nil)
      }
    var values: [Double] = []
    func wrongCount() -> CheckpointError {
      refuse(
        "the weights \(tensor.name.quoted) are not \(facts.count) numbers, as the shape \(tensor.dims) takes")
    }
    // Each number has a byte at least.
    guard facts.count <= tensor.message.count else { throw wrongCount() }
    values.reserveCapacity(facts.count)
    func append(_ bits: UInt64) throws {
      guard values.count < facts.count else { throw wrongCount() }
      values.append(facts.type.value(ofField: bits))
    }
    do {
      var fields = ProtobufFields(bytes, tensor.message)
      while let next = try fields.next() {
        guard next.number == field else { continue }
        switch next.value {
        case .varint(let bits), .fixed64(let bits): try append(bits)
        case .fixed32(let bits): try append(UInt64(bits))
        case .bytes(let range):
          if let width {
            guard range.count % width == 0 else { throw wrongCount() }
            for at in stride(from: range.lowerBound, to: range.upperBound, by: width) {
              try append(
                width == 4
                  ? UInt64(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self)))
                  : UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self)))
            }
          } else {
            var packed = ProtobufFields(bytes, range)
            while let bits = try packed.packedVarint() { try append(bits) }
          }
        }
      }
    } catch let error as ProtobufError {
      throw refuse("damaged ONNX: \(error.problem), at byte \(error.offset)")
    }
    guard values.count == facts.count else { throw wrongCount() }
    return values
  }
}

extension ElementType {
  /// The number that a field of a TensorProto holds: floats of fewer bits lie as integers of the same bits.
  fileprivate func value(ofField bits: UInt64) -> Double {
    switch self {
    case .float: Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits)))
    case .double: Double(bitPattern: bits)
    case .uint64: Double(bits)
    case .half, .bfloat, .float8e4m3, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz:
      withUnsafeBytes(of: bits.littleEndian) { Double(floats($0, 0..<1)[0]) }
    case .bool: bits == 0 ? 0 : 1
    default: Double(Int64(truncatingIfNeeded: bits))
    }
  }
}
