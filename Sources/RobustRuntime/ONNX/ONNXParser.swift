/// Reads the messages of an ONNX file. They nest no deeper than model, graph, node, attribute, tensor: graphs within
/// attributes are passed over. Weights stay where they lie.
struct ONNXParser {
  private let bytes: UnsafeRawBufferPointer
  /// Messages, names and numbers of lists read so far.
  private var entries = 0

  /// The most of them: a limit of memory for files that consist of empty messages.
  static let mostEntries = 1 << 18
  static let mostDimensions = 16

  private init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// - Throws: `ProtobufError`
  static func model(_ bytes: UnsafeRawBufferPointer) throws -> ONNX.Model {
    var parser = ONNXParser(bytes)
    return try parser.model(0..<bytes.count)
  }

  private mutating func model(_ range: Range<Int>) throws -> ONNX.Model {
    var model = ONNX.Model()
    var hasGraph = false
    try each(in: range) { parser, field in
      switch field.number {
      case 1: model.irVersion = try parser.int(field)
      case 2: model.producer = try parser.string(field)
      case 3: model.producerVersion = try parser.string(field)
      case 7:
        guard !hasGraph else { throw parser.failure("it has two graphs", field) }
        hasGraph = true
        model.graph = try parser.graph(parser.bytes(field))
      case 8:
        let (domain, version) = try parser.opset(parser.bytes(field))
        model.opsets[domain == "ai.onnx" ? "" : domain] = version
      case 14:
        let (key, value) = try parser.pair(parser.bytes(field))
        model.metadata[key] = value
      case 25: model.hasFunctions = true
      default: break
      }
    }
    guard hasGraph else { throw ProtobufError(problem: "it has no graph", offset: range.upperBound) }
    return model
  }

  private mutating func opset(_ range: Range<Int>) throws -> (domain: String, version: Int) {
    var (domain, version) = ("", 0)
    try each(in: range) { parser, field in
      switch field.number {
      case 1: domain = try parser.string(field)
      case 2: version = try parser.int(field)
      default: break
      }
    }
    return (domain, version)
  }

  private mutating func pair(_ range: Range<Int>) throws -> (key: String, value: String) {
    var (key, value) = ("", "")
    try each(in: range) { parser, field in
      switch field.number {
      case 1: key = try parser.string(field)
      case 2: value = try parser.string(field)
      default: break
      }
    }
    return (key, value)
  }

  private mutating func graph(_ range: Range<Int>) throws -> ONNX.Graph {
    var graph = ONNX.Graph()
    try each(in: range) { parser, field in
      switch field.number {
      case 1: graph.nodes.append(try parser.node(parser.bytes(field)))
      case 2: graph.name = try parser.string(field)
      case 5: graph.initializers.append(try parser.tensor(parser.bytes(field)))
      case 11: graph.inputs.append(try parser.valueInfo(parser.bytes(field)))
      case 12: graph.outputs.append(try parser.valueInfo(parser.bytes(field)))
      case 15: throw parser.failure("it has sparse weights, which are not known", field)
      default: break
      }
    }
    return graph
  }

  private mutating func node(_ range: Range<Int>) throws -> ONNX.Node {
    var node = ONNX.Node()
    try each(in: range) { parser, field in
      switch field.number {
      case 1: node.inputs.append(try parser.string(field))
      case 2: node.outputs.append(try parser.string(field))
      case 3: node.name = try parser.string(field)
      case 4: node.type = try parser.string(field)
      case 5: node.attributes.append(try parser.attribute(parser.bytes(field)))
      case 7: node.domain = try parser.string(field)
      case 9:
        let (key, value) = try parser.pair(parser.bytes(field))
        if key == "pkg.torch.onnx.name_scopes" { node.scopes = value }
      default: break
      }
    }
    if node.domain == "ai.onnx" { node.domain = "" }
    return node
  }

  private mutating func attribute(_ range: Range<Int>) throws -> ONNX.Attribute {
    var attribute = ONNX.Attribute()
    var type: Int?
    var float: Float?
    var int: Int?
    var string: String?
    var tensor: ONNX.Tensor?
    var (floats, ints, strings) = ([Float](), [Int](), [String]())
    var isOther = false
    try each(in: range) { parser, field in
      switch field.number {
      case 1: attribute.name = try parser.string(field)
      case 2: float = Float(bitPattern: try parser.fixed32(field))
      case 3: int = try parser.int(field)
      case 4: string = try parser.string(field)
      case 5: tensor = try parser.tensor(parser.bytes(field))
      case 7: try parser.floats(field, to: &floats)
      case 8: try parser.ints(field, to: &ints)
      case 9: strings.append(try parser.string(field))
      case 20: type = try parser.int(field)
      case 6, 10, 11, 14, 15, 22, 23: isOther = true
      default: break
      }
    }
    // A number that is 0 need not be there, if its type is.
    switch type {
    case 1: attribute.value = .float(float ?? 0)
    case 2: attribute.value = .int(int ?? 0)
    case 3: attribute.value = .string(string ?? "")
    case 4: attribute.value = tensor.map { .tensor($0) } ?? .other
    case 6: attribute.value = .floats(floats)
    case 7: attribute.value = .ints(ints)
    case 8: attribute.value = .strings(strings)
    case nil, 0:
      if isOther {
        attribute.value = .other
      } else if let float {
        attribute.value = .float(float)
      } else if let int {
        attribute.value = .int(int)
      } else if let string {
        attribute.value = .string(string)
      } else if let tensor {
        attribute.value = .tensor(tensor)
      } else if !floats.isEmpty {
        attribute.value = .floats(floats)
      } else if !strings.isEmpty {
        attribute.value = .strings(strings)
      } else {
        attribute.value = .ints(ints)
      }
    default: attribute.value = .other
    }
    return attribute
  }

  private mutating func tensor(_ range: Range<Int>) throws -> ONNX.Tensor {
    var tensor = ONNX.Tensor()
    tensor.message = range
    var isExternal = false
    var external: [String: String] = [:]
    try each(in: range) { parser, field in
      switch field.number {
      case 1:
        try parser.ints(field, to: &tensor.dims)
        guard tensor.dims.count <= ONNXParser.mostDimensions else {
          throw parser.failure("a tensor has more than \(ONNXParser.mostDimensions) dimensions", field)
        }
      case 2: tensor.type = try parser.int(field)
      case 8: tensor.name = try parser.string(field)
      case 9: tensor.raw = try parser.bytes(field)
      case 13:
        let (key, value) = try parser.pair(parser.bytes(field))
        external[key] = value
      case 14: isExternal = try parser.int(field) == 1
      default: break
      }
    }
    if isExternal { tensor.external = external }
    return tensor
  }

  private mutating func valueInfo(_ range: Range<Int>) throws -> ONNX.ValueInfo {
    var info = ONNX.ValueInfo()
    try each(in: range) { parser, field in
      switch field.number {
      case 1: info.name = try parser.string(field)
      case 2: info.dims = try parser.dimensions(ofType: parser.bytes(field))
      default: break
      }
    }
    return info
  }

  /// The dimensions of a TypeProto, if it is that of a tensor with a shape.
  private mutating func dimensions(ofType range: Range<Int>) throws -> [ONNX.ValueInfo.Dimension]? {
    var dims: [ONNX.ValueInfo.Dimension]?
    try each(in: range) { parser, type in
      guard type.number == 1 else { return }
      try parser.each(in: parser.bytes(type)) { parser, tensor in
        guard tensor.number == 2 else { return }
        var shape: [ONNX.ValueInfo.Dimension] = []
        try parser.each(in: parser.bytes(tensor)) { parser, dimension in
          guard dimension.number == 1 else { return }
          guard shape.count < ONNXParser.mostDimensions else {
            throw parser.failure("a value has more than \(ONNXParser.mostDimensions) dimensions", dimension)
          }
          shape.append(try parser.dimension(parser.bytes(dimension)))
        }
        dims = shape
      }
    }
    return dims
  }

  private mutating func dimension(_ range: Range<Int>) throws -> ONNX.ValueInfo.Dimension {
    var dimension = ONNX.ValueInfo.Dimension.free("")
    try each(in: range) { parser, field in
      switch field.number {
      case 1: dimension = .fixed(try parser.int(field))
      case 2: dimension = .free(try parser.string(field))
      default: break
      }
    }
    return dimension
  }

  // MARK: Values of fields

  private mutating func each(
    in range: Range<Int>, _ body: (inout ONNXParser, ProtobufFields.Field) throws -> Void
  ) throws {
    var fields = ProtobufFields(bytes, range)
    while let field = try fields.next() {
      try count(1, field)
      try body(&self, field)
    }
  }

  private mutating func count(_ more: Int, _ field: ProtobufFields.Field) throws {
    entries += more
    guard entries <= ONNXParser.mostEntries else {
      throw failure("it has more than \(ONNXParser.mostEntries) entries", field)
    }
  }

  private func bytes(_ field: ProtobufFields.Field) throws -> Range<Int> {
    guard case .bytes(let range) = field.value else { throw mismatch(field) }
    return range
  }

  private func string(_ field: ProtobufFields.Field) throws -> String {
    let part = UnsafeRawBufferPointer(rebasing: bytes[try bytes(field)])
    guard let string = String(validating: part, as: UTF8.self) else {
      throw failure("a text is not UTF-8", field)
    }
    return string
  }

  private func int(_ field: ProtobufFields.Field) throws -> Int {
    guard case .varint(let value) = field.value else { throw mismatch(field) }
    return Int(truncatingIfNeeded: value)
  }

  private func fixed32(_ field: ProtobufFields.Field) throws -> UInt32 {
    guard case .fixed32(let value) = field.value else { throw mismatch(field) }
    return value
  }

  /// Adds one number, or those that are packed.
  private mutating func ints(_ field: ProtobufFields.Field, to list: inout [Int]) throws {
    guard case .bytes(let range) = field.value else {
      list.append(try int(field))
      return
    }
    var packed = ProtobufFields(bytes, range)
    while let value = try packed.packedVarint() {
      try count(1, field)
      list.append(Int(truncatingIfNeeded: value))
    }
  }

  private mutating func floats(_ field: ProtobufFields.Field, to list: inout [Float]) throws {
    guard case .bytes(let range) = field.value else {
      list.append(Float(bitPattern: try fixed32(field)))
      return
    }
    guard range.count % 4 == 0 else { throw failure("numbers are cut short", field) }
    try count(range.count / 4, field)
    for at in stride(from: range.lowerBound, to: range.upperBound, by: 4) {
      let bits = bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self)
      list.append(Float(bitPattern: UInt32(littleEndian: bits)))
    }
  }

  private func mismatch(_ field: ProtobufFields.Field) -> ProtobufError {
    failure("the field \(field.number) is of another kind than in ONNX", field)
  }

  private func failure(_ problem: String, _ field: ProtobufFields.Field) -> ProtobufError {
    ProtobufError(problem: problem, offset: field.offset)
  }
}
