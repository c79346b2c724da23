/// The messages of an ONNX file (https://onnx.ai/onnx/repo-docs/IR.html), as far as a network needs them.
enum ONNX {
  struct Model {
    var irVersion = 0
    var producer = "", producerVersion = ""
    /// By domain; "" is ONNX's own.
    var opsets: [String: Int] = [:]
    var metadata: [String: String] = [:]
    var graph = Graph()
    var hasFunctions = false
  }

  struct Graph {
    var name = ""
    var nodes: [Node] = []
    var initializers: [Tensor] = []
    var inputs: [ValueInfo] = [], outputs: [ValueInfo] = []
  }

  struct Node {
    var name = "", type = "", domain = ""
    var inputs: [String] = [], outputs: [String] = []
    var attributes: [Attribute] = []
    /// The modules within each other that the node comes from, where the exporter tells them.
    var scopes: String?
  }

  struct Attribute {
    enum Value {
      case float(Float)
      case int(Int)
      case string(String)
      case tensor(Tensor)
      case floats([Float])
      case ints([Int])
      case strings([String])
      /// A graph, or something else that is not read.
      case other
    }

    var name = ""
    var value = Value.other
  }

  struct Tensor {
    var name = ""
    var dims: [Int] = []
    /// A number of TensorProto.DataType.
    var type = 0
    /// Where the elements lie, if they lie in the file as they are in memory.
    var raw: Range<Int>?
    /// Where the elements lie, if that is not in this file.
    var external: [String: String]?
    /// The whole message, in which typed numbers are looked for when they are needed.
    var message = 0..<0
  }

  struct ValueInfo {
    enum Dimension: Equatable {
      case fixed(Int)
      /// A name, or "" for a size that is not known.
      case free(String)
    }

    var name = ""
    /// Nil: nothing is known.
    var dims: [Dimension]?
  }
}
