import Glibc
import RobustRuntime
import Testing

/// Files that are damaged, or made to do harm: each is refused in one line, or read as what it is.
@Suite struct ONNXRefusalTests {
  /// Expects that a file is refused for a reason that holds a text.
  private func expectRefusal(
    _ text: String, _ bytes: [UInt8], sourceLocation: SourceLocation = #_sourceLocation
  ) {
    do {
      _ = try ONNXModel(bytes: bytes, name: "made.onnx")
      Issue.record("it was read: \(text)", sourceLocation: sourceLocation)
    } catch let error as CheckpointError {
      #expect(text.isEmpty || error.description.contains(text), sourceLocation: sourceLocation)
      #expect(!error.description.contains("\n"), sourceLocation: sourceLocation)
      #expect(error.file == "made.onnx", sourceLocation: sourceLocation)
    } catch {
      Issue.record("\(error)", sourceLocation: sourceLocation)
    }
  }

  private func expectRefusal(
    _ text: String, from writer: ONNXWriter = .plain, sourceLocation: SourceLocation = #_sourceLocation,
    _ change: (inout ONNXWriter) -> Void
  ) {
    var writer = writer
    change(&writer)
    expectRefusal(text, writer.bytes(), sourceLocation: sourceLocation)
  }

  /// The plain network without its head.
  private var stem: ONNXWriter {
    var writer = ONNXWriter()
    writer.stem()
    return writer
  }

  // MARK: The wire format

  @Test func refusesFilesCutAnywhere() {
    let bytes = ONNXWriter.plain.bytes()
    for length in bytes.indices {
      // What is left may still be a message, but it then lacks something.
      #expect(throws: CheckpointError.self) {
        try ONNXModel(bytes: Array(bytes[..<length]), name: "made.onnx")
      }
    }
  }

  @Test func refusesWhatIsNoMessage() {
    let long = [UInt8](repeating: 0xFF, count: 11)
    expectRefusal("no graph", [])
    expectRefusal("more than 64 bits", long)
    expectRefusal("does not end", [0x08, 0x80])
    expectRefusal("unknown kind 3", [0x0B])
    expectRefusal("unknown kind 4", [0x0C])
    expectRefusal("unknown kind 7", [0x0F])
    expectRefusal("out of range", [0x00, 0x01])
    expectRefusal("out of range", [0x80, 0x80, 0x80, 0x80, 0x10, 0x00])
    expectRefusal("longer than what is left", [0x3A, 0x05, 0x00])
    expectRefusal("longer than what is left", [0x3A] + [UInt8](repeating: 0xFF, count: 9) + [0x01])
    expectRefusal("cut short", [0x2D, 0x00])
    expectRefusal("cut short", [0x09, 0x00, 0x01])
    expectRefusal("another kind", [0x38, 0x01])
    expectRefusal("another kind", [0x0A, 0x00])
    expectRefusal("not UTF-8", [0x12, 0x01, 0xFF])
    // Kinds that are passed over.
    expectRefusal("no graph", [0x29] + [UInt8](repeating: 1, count: 8) + [0x35, 1, 2, 3, 4])
  }

  @Test func refusesMessagesWithinMessages() {
    // Attributes with graphs with nodes with attributes, which are passed over.
    var inner: [UInt8] = []
    for _ in 0..<10_000 {
      var message = Protobuf()
      message.field(6, inner)
      inner = message.bytes
    }
    var node = Protobuf()
    node.field(2, "logits")
    node.field(4, "If")
    node.field(5, inner)
    let other = ONNXWriter.plain.bytes { $0.field(1, node.bytes) }
    expectRefusal("(If) is not known", other)
    expectRefusal("two graphs", ONNXWriter.plain.bytes() + [0x3A, 0x00])
  }

  @Test func refusesTooManyEntries() {
    expectRefusal(
      "more than 262144 entries",
      ONNXWriter.plain.bytes { graph in
        graph = Protobuf()
        for _ in 0..<300_000 { graph.field(1, [] as [UInt8]) }
      })
    expectRefusal("dimensions") {
      $0.tensor("many", [Int](repeating: 1, count: 17), type: 1, raw: [0, 0, 0, 0])
    }
    expectRefusal("262144 entries") { writer in
      writer.tensor("long", [1], type: 1) { $0.field(1, [UInt8](repeating: 1, count: 300_000)) }
    }
  }

  // MARK: Weights

  @Test func refusesWeightsThatLie() {
    func tensor(
      _ dims: [Int], type: Int = 1, raw: [UInt8]? = nil,
      _ build: @escaping (inout Protobuf) -> Void = { _ in }
    )
      -> ONNXWriter
    {
      var writer = ONNXWriter.plain
      writer.tensor("w3", dims, type: type, raw: raw, build)
      writer.node("Gemm", ["flat", "w3"], ["other"])
      writer.output = "other"
      return writer
    }
    let four = [UInt8](repeating: 0, count: 4)
    expectRefusal("takes 96", tensor([6, 4], raw: four).bytes())
    expectRefusal("shape", tensor([-6, 4], raw: four).bytes())
    expectRefusal("shape", tensor([1 << 40, 1 << 40], raw: four).bytes())
    expectRefusal("shape", tensor([0, 1 << 40, 1 << 40], raw: []).bytes())
    expectRefusal("shape", tensor([1 << 62], raw: four).bytes())
    expectRefusal("type 8", tensor([6, 4], type: 8, raw: four).bytes())
    expectRefusal("type 22", tensor([6, 4], type: 22, raw: four).bytes())
    expectRefusal("not 24 numbers", tensor([6, 4]).bytes())
    expectRefusal("not 24 numbers", tensor([6, 4]) { $0.field(4, [UInt8](repeating: 0, count: 92)) }.bytes())
    expectRefusal("not 24 numbers", tensor([6, 4]) { $0.field(4, [UInt8](repeating: 0, count: 95)) }.bytes())
    expectRefusal(
      "not 24 numbers", tensor([6, 4]) { $0.field(4, [UInt8](repeating: 0, count: 100)) }.bytes())
    expectRefusal("not 24 numbers", tensor([6, 4], type: 6) { $0.field(5, [1, 2, 3]) }.bytes())
    expectRefusal("damaged", tensor([1, 6], type: 6) { $0.field(5, [1, 2, 3, 4, 5, 6, 0x80]) }.bytes())
    expectRefusal("not 1099511627776 numbers", tensor([1 << 40]).bytes())
    expectRefusal("lie in another file that is not named", tensor([6, 4]) { $0.field(14, 1) }.bytes())
    expectRefusal("stand twice") { $0.weights("w1", [6, 3, 3, 3]) }
    expectRefusal("sparse", ONNXWriter.plain.bytes { $0.field(15, [] as [UInt8]) })
  }

  @Test func warnsOfWeightsThatAreNoNumbers() throws {
    var writer = ONNXWriter()
    writer.weights("w1", [6, 3, 3, 3], [Float](repeating: .nan, count: 162))
    writer.node("Conv", ["images", "w1"], ["stem"])
    writer.head("stem")
    #expect(try writer.model().facts.notes.contains { $0.contains("stem") && $0.contains("NaN") })
  }

  // MARK: Graphs

  @Test func refusesGraphsThatAreNone() {
    expectRefusal("'missing'", from: stem) { $0.head("missing") }
    expectRefusal("cycle", from: stem) {
      $0.node("Add", ["stem", "b"], ["a"])
      $0.node("Relu", ["a"], ["b"])
      $0.head("b")
    }
    expectRefusal("defined already") { $0.node("Relu", ["flat"], ["logits"]) }
    expectRefusal("not computed") { $0.output = "nothing" }
    expectRefusal("'strange' (Strange) is not known", from: stem) {
      $0.node("Strange", ["stem"], ["x"], name: "strange")
      $0.head("x")
    }
    expectRefusal("(other.Relu) is not known", from: stem) {
      $0.node("Relu", ["stem"], ["x"], domain: "other")
      $0.head("x")
    }
    expectRefusal("opset 9") { $0.opset = 9 }
    expectRefusal("three channels") { $0.input = [1, 1, 8, 8] }
    expectRefusal("[images, 3, height, width]") { $0.input = [1, 3, 8] }
    expectRefusal("too large") { $0.input = [1, 3, 1 << 30, 8] }
    expectRefusal("too large") { $0.input = [1 << 30, 3, 8, 8] }
    expectRefusal("2 inputs", ONNXWriter.plain.bytes { graph in graph.field(11) { $0.field(1, "more") } })
    expectRefusal("not one number for each class") { $0.output = "stem" }
    expectRefusal("list of three numbers") { $0.metadata = ["mean": "[1, 2]", "std": "[1, 1, 1]"] }
    expectRefusal("not positive") { $0.metadata = ["mean": "[1, 2, 3]", "std": "[1, 1, 0]"] }
  }

  @Test func refusesShapesThatDoNotFit() {
    func between(_ text: String, _ build: (inout ONNXWriter) -> Void) {
      expectRefusal(text, from: stem) {
        build(&$0)
        $0.head("x")
      }
    }
    between("has weights of the shape") {
      $0.weights("w", [6, 5, 3, 3])
      $0.node("Conv", ["stem", "w"], ["x"])
    }
    between("larger than its map") {
      $0.weights("w", [1, 6, 9, 9])
      $0.node("Conv", ["stem", "w"], ["x"])
    }
    between("groups") {
      $0.weights("w", [6, 6, 1, 1])
      $0.node("Conv", ["stem", "w"], ["x"], ["group": .int(Int.max)])
    }
    between("strides") {
      $0.weights("w", [6, 6, 1, 1])
      $0.node("Conv", ["stem", "w"], ["x"], ["strides": .ints([0, 0])])
    }
    between("strides") {
      $0.weights("w", [6, 6, 1, 1])
      $0.node("Conv", ["stem", "w"], ["x"], ["strides": .ints([1, 2])])
    }
    between("dilations") {
      $0.weights("w", [6, 6, 3, 3])
      $0.node("Conv", ["stem", "w"], ["x"], ["dilations": .ints([1 << 40, 1])])
    }
    between("pads") {
      $0.weights("w", [6, 6, 1, 1])
      $0.node("Conv", ["stem", "w"], ["x"], ["pads": .ints([-1, 0, 0, 0])])
    }
    between("does not fit") {
      $0.integers("shape", [1, 7, -1])
      $0.node("Reshape", ["stem", "shape"], ["x"])
    }
    between("does not fit") {
      $0.integers("shape", [Int.max, Int.max, 0])
      $0.node("Reshape", ["stem", "shape"], ["x"])
    }
    between("pads a pool") {
      $0.node("MaxPool", ["stem"], ["x"], ["kernel_shape": .ints([2, 2]), "pads": .ints([2, 2, 2, 2])])
    }
    between("order") { $0.node("Transpose", ["stem"], ["x"], ["perm": .ints([0, 1, 2, 2])]) }
    between("axis 9") { $0.node("Softmax", ["stem"], ["x"], ["axis": .int(9)]) }
    between("fit together") {
      $0.node("MaxPool", ["stem"], ["small"], ["kernel_shape": .ints([2, 2])])
      $0.node("Add", ["stem", "small"], ["x"])
    }
    between("function of each value") { $0.node("Elu", ["conv"], ["x"]) }
    between("mask") {
      for name in ["q", "k", "v", "m"] { $0.node("Identity", ["stem"], [name]) }
      $0.node("Attention", ["q", "k", "v", "m"], ["x"])
    }
    between("not a list of whole numbers") {
      $0.node("MaxPool", ["stem"], ["x"], ["kernel_shape": .string("2")])
    }
    between("other dimensions") {
      $0.integers("shape", [1, 8, 6, 8])
      $0.node("Reshape", ["stem", "shape"], ["r"])
      $0.weights("w", [8, 8, 1, 1])
      $0.node("Conv", ["r", "w"], ["c"])
      $0.node("Identity", ["c"], ["x"])
    }
  }

  @Test func refusesConstantsThatAreTooLarge() {
    func folding(_ build: (inout ONNXWriter) -> Void) {
      expectRefusal("", from: stem) {
        build(&$0)
        $0.node("Add", ["stem", "large"], ["x"])
        $0.head("x")
      }
    }
    for shape in [[1 << 40], [1 << 20, 1 << 20], [Int.max], [-1], [1 << 40, 1 << 40, 0]] {
      folding {
        $0.integers("shape", shape)
        $0.node("ConstantOfShape", ["shape"], ["large"])
      }
      folding {
        $0.weights("one", [1])
        $0.integers("shape", shape)
        $0.node("Expand", ["one", "shape"], ["large"])
      }
      folding {
        $0.weights("one", [Int](repeating: 1, count: shape.count))
        $0.integers("shape", shape)
        $0.node("Tile", ["one", "shape"], ["large"])
      }
    }
    folding {
      $0.weights("from", [], [0])
      $0.weights("to", [], [1e30])
      $0.weights("step", [], [1])
      $0.node("Range", ["from", "to", "step"], ["large"])
    }
    // Each twice as long as the one before.
    folding {
      $0.weights("c0", [64])
      for i in 0..<60 { $0.node("Concat", ["c\(i)", "c\(i)"], ["c\(i + 1)"], ["axis": .int(0)]) }
      $0.node("Identity", ["c60"], ["large"])
    }
    // Long chains of functions.
    var writer = stem
    for i in 0..<200 { writer.node("Tanh", [i == 0 ? "stem" : "t\(i)"], ["t\(i + 1)"]) }
    writer.head("t200")
    #expect(throws: Never.self) { try writer.model() }
  }

  // MARK: Mutated files

  /// A reproducible stream of numbers.
  private struct Numbers {
    var state: UInt64
    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return z ^ (z >> 31)
    }
    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
  }

  /// How many files are mutated: RTOOL_MUTATIONS, or some thousands.
  private static let mutations = getenv("RTOOL_MUTATIONS").flatMap { Int(String(cString: $0)) } ?? 3_000

  /// Bytes changed, cut out, doubled and swapped: no file ends the program, whatever it is read as.
  @Test func survivesMutations() throws {
    let exports = [
      "vit-script14-batch", "shufflenet-script11-batch", "timm-vit-dynamo18", "mixture-dynamo18",
    ]
    var sources = [ONNXWriter.plain.bytes()]
    for export in exports {
      let path = "\(ONNXGoldenTests.folder)/\(export).onnx"
      sources.append(try CheckpointFile.withBytes(of: path) { [UInt8]($0) })
    }
    var numbers = Numbers(state: 20)
    var read = 0
    for round in 0..<Self.mutations {
      var bytes = sources[round % 4 == 3 ? 1 + round / 4 % exports.count : 0]
      for _ in 0...numbers.below(4) {
        let at = numbers.below(bytes.count)
        switch numbers.below(6) {
        case 0: bytes[at] = UInt8(truncatingIfNeeded: numbers.next())
        case 1: bytes[at] ^= 1 << UInt8(numbers.below(8))
        case 2: bytes[at] = [0, 1, 0x7F, 0x80, 0xFF][numbers.below(5)]
        case 3: bytes.removeSubrange(at..<min(at + 1 + numbers.below(8), bytes.count))
        case 4: bytes.insert(contentsOf: bytes[at..<min(at + 1 + numbers.below(40), bytes.count)], at: at)
        default: bytes.swapAt(at, numbers.below(bytes.count))
        }
        if bytes.isEmpty { bytes = [0] }
      }
      do {
        _ = try ONNXModel(bytes: bytes, name: "mutated.onnx")
        read += 1
      } catch let error as CheckpointError {
        if error.description.contains("\n") { Issue.record("more than one line: \(error)") }
      }
    }
    #expect(read > 0)
  }
}
