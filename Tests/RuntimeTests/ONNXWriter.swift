import RobustRuntime

/// Writes messages in the wire format of protocol buffers, for files that no exporter writes.
struct Protobuf {
  private(set) var bytes: [UInt8] = []

  mutating func varint(_ value: UInt64) {
    var value = value
    while value > 0x7F {
      bytes.append(UInt8(value & 0x7F) | 0x80)
      value >>= 7
    }
    bytes.append(UInt8(value))
  }

  mutating func field(_ number: Int, _ value: Int) {
    varint(UInt64(number) << 3)
    varint(UInt64(bitPattern: Int64(value)))
  }

  mutating func field(_ number: Int, _ value: Float) {
    varint(UInt64(number) << 3 | 5)
    bytes += withUnsafeBytes(of: value.bitPattern.littleEndian) { [UInt8]($0) }
  }

  mutating func field(_ number: Int, _ content: [UInt8]) {
    varint(UInt64(number) << 3 | 2)
    varint(UInt64(content.count))
    bytes += content
  }

  mutating func field(_ number: Int, _ text: String) { field(number, [UInt8](text.utf8)) }

  mutating func field(_ number: Int, _ build: (inout Protobuf) -> Void) {
    var message = Protobuf()
    build(&message)
    field(number, message.bytes)
  }
}

/// A small ONNX file made in memory.
struct ONNXWriter {
  enum Attribute {
    case int(Int)
    case float(Float)
    case ints([Int])
    case string(String)
  }

  var opset = 17
  var input = [1, 3, 8, 8]
  var metadata: [String: String] = [:]
  private var nodes: [[UInt8]] = []
  private var initializers: [[UInt8]] = []
  var output = "logits"

  mutating func node(
    _ type: String, _ inputs: [String], _ outputs: [String], domain: String = "", name: String? = nil,
    _ attributes: [String: Attribute] = [:]
  ) {
    var node = Protobuf()
    for input in inputs { node.field(1, input) }
    for output in outputs { node.field(2, output) }
    node.field(3, name ?? outputs.first ?? "")
    node.field(4, type)
    for (name, value) in attributes.sorted(by: { $0.key < $1.key }) {
      node.field(5) { attribute in
        attribute.field(1, name)
        switch value {
        case .int(let int):
          attribute.field(3, int)
          attribute.field(20, 2)
        case .float(let float):
          attribute.field(2, float)
          attribute.field(20, 1)
        case .ints(let ints):
          for int in ints { attribute.field(8, int) }
          attribute.field(20, 7)
        case .string(let text):
          attribute.field(4, text)
          attribute.field(20, 3)
        }
      }
    }
    if !domain.isEmpty { node.field(7, domain) }
    nodes.append(node.bytes)
  }

  /// Weights of float32, as raw bytes.
  mutating func weights(_ name: String, _ dims: [Int], _ values: [Float]) {
    tensor(name, dims, type: 1, raw: values.withUnsafeBytes { [UInt8]($0) })
  }

  /// Hashed weights around 0.
  mutating func weights(_ name: String, _ dims: [Int]) {
    weights(name, dims, uniform(name, dims.reduce(1, *)).map { $0 - 0.5 })
  }

  mutating func integers(_ name: String, _ values: [Int]) {
    tensor(name, [values.count], type: 7) { for value in values { $0.field(7, value) } }
  }

  mutating func tensor(
    _ name: String, _ dims: [Int], type: Int, raw: [UInt8]? = nil,
    _ build: (inout Protobuf) -> Void = { _ in }
  ) {
    var tensor = Protobuf()
    for dim in dims { tensor.field(1, dim) }
    tensor.field(2, type)
    tensor.field(8, name)
    if let raw { tensor.field(9, raw) }
    build(&tensor)
    initializers.append(tensor.bytes)
  }

  /// - Parameter more: adds fields to the graph.
  func bytes(_ more: (inout Protobuf) -> Void = { _ in }) -> [UInt8] {
    var model = Protobuf()
    model.field(1, 8)
    model.field(2, "writer")
    model.field(8) { $0.field(2, opset) }
    model.field(7) { graph in
      for node in nodes { graph.field(1, node) }
      for tensor in initializers { graph.field(5, tensor) }
      graph.field(11, valueInfo("images", input))
      graph.field(12, valueInfo(output, [input[0], 4]))
      more(&graph)
    }
    for (key, value) in metadata {
      model.field(14) {
        $0.field(1, key)
        $0.field(2, value)
      }
    }
    return model.bytes
  }

  private func valueInfo(_ name: String, _ dims: [Int]) -> [UInt8] {
    var info = Protobuf()
    info.field(1, name)
    info.field(2) { type in
      type.field(1) { tensor in
        tensor.field(1, 1)
        tensor.field(2) { shape in
          for dim in dims {
            shape.field(1) { if dim < 0 { $0.field(2, "free") } else { $0.field(1, dim) } }
          }
        }
      }
    }
    return info.bytes
  }

  /// Convolution, ReLU, mean and linear layer: four classes.
  static var plain: ONNXWriter {
    var writer = ONNXWriter()
    writer.stem()
    writer.head("stem")
    return writer
  }

  /// A convolution from the images to 6 channels, "stem".
  mutating func stem() {
    weights("w1", [6, 3, 3, 3])
    weights("b1", [6])
    node("Conv", ["images", "w1", "b1"], ["conv"], ["pads": .ints([1, 1, 1, 1])])
    node("Relu", ["conv"], ["stem"])
  }

  /// Mean and linear layer.
  mutating func head(_ from: String, channels: Int = 6) {
    node("GlobalAveragePool", [from], ["pooled"])
    node("Flatten", ["pooled"], ["flat"])
    weights("w2", [4, channels])
    weights("b2", [4])
    node("Gemm", ["flat", "w2", "b2"], ["logits"], ["transB": .int(1)])
  }

  func model() throws -> ONNXModel { try ONNXModel(bytes: bytes(), name: "made.onnx") }
}
