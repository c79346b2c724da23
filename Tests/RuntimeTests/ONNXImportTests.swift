import Glibc
import RobustRuntime
import Testing

/// What ONNX files can say in several ways gives the same network.
@Suite struct ONNXImportTests {
  /// The logits of a hashed image, in double precision.
  private func logits(_ model: ONNXModel, side: Int = 8) -> [Double] {
    let pixels = uniform("image", 3 * side * side).map { Double($0) }
    return GraphOracle(model.graph, OracleMap(1, 3, side, side, pixels)).logits.values
  }

  private func logits(_ writer: ONNXWriter) throws -> [Double] { logits(try writer.model()) }

  private func expectSame(
    _ a: ONNXWriter, _ b: ONNXWriter, within bound: Double = 1e-6,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    #expect(relativeError(try logits(a), try logits(b)) < bound, sourceLocation: sourceLocation)
  }

  /// The plain network with something between its stem and its head.
  private func between(opset: Int = 17, _ build: (inout ONNXWriter) -> Void) -> ONNXWriter {
    var writer = ONNXWriter()
    writer.opset = opset
    writer.stem()
    build(&writer)
    writer.head("x")
    return writer
  }

  // MARK: Facts

  @Test func tellsWhatItIs() throws {
    var writer = ONNXWriter.plain
    writer.metadata = ["mean": "[0.5, 0.25, 0.125]", "std": "[0.5, 1, 2]", "note": "made"]
    let model = try writer.model()
    #expect(model.facts.producer == "writer")
    #expect(model.facts.opset == 17)
    #expect(model.facts.input == "images")
    #expect(model.facts.classCount == 4)
    #expect(model.facts.statedSize == ONNXModel.ImageSize(height: 8, width: 8))
    #expect(model.facts.parameterCount == 196)
    #expect(model.facts.normalization == .metadata)
    #expect(model.facts.metadata["note"] == "made")
    #expect(model.graph.mean == [0.5, 0.25, 0.125])
    #expect(model.graph.deviation == [0.5, 1, 2])
    #expect(model.graph.fixedSize == nil)
    #expect(model.graph.layers.map(\.name) == ["stem", "representation"])
    #expect(model.head.values(0..<24) == uniform("w2", 24).map { $0 - 0.5 })
    #expect(model.representationChannels == 6)
  }

  @Test func takesANormalisationAtTheFront() throws {
    var writer = ONNXWriter()
    writer.weights("mean", [1, 3, 1, 1], [0.5, 0.25, 0.125])
    writer.weights("std", [3, 1, 1], [0.5, 0.25, 2])
    writer.node("Sub", ["images", "mean"], ["centred"])
    writer.node("Div", ["centred", "std"], ["normal"])
    writer.weights("w1", [6, 3, 3, 3])
    writer.node("Conv", ["normal", "w1"], ["stem"])
    writer.head("stem")
    writer.metadata = ["mean": "[0, 0, 0]", "std": "[1, 1, 1]"]
    let model = try writer.model()
    #expect(model.graph.mean == [0.5, 0.25, 0.125])
    #expect(model.graph.deviation == [0.5, 0.25, 2])
    #expect(model.facts.normalization == .graph)
    #expect(model.facts.notes.count == 1)
    #expect(model.graph.nodes.count == 4)
  }

  @Test(arguments: [[-1, 3, -1, -1], [2, 3, 8, 8], [-1, -1, 8, 8], [1, 3, -1, 8]])
  func takesFreeAndFixedInputs(dims: [Int]) throws {
    var writer = ONNXWriter.plain
    writer.input = dims
    let model = try writer.model()
    #expect((model.facts.statedSize == nil) == (dims[2] < 0 && dims[3] < 0))
    #expect(relativeError(logits(model), try logits(ONNXWriter.plain)) < 1e-12)
  }

  @Test func readsImagesWithChannelsLast() throws {
    var writer = ONNXWriter()
    writer.input = [1, 8, 8, 3]
    writer.node("Transpose", ["images"], ["planes"], ["perm": .ints([0, 3, 1, 2])])
    writer.weights("w1", [6, 3, 3, 3])
    writer.weights("b1", [6])
    writer.node("Conv", ["planes", "w1", "b1"], ["conv"], ["pads": .ints([1, 1, 1, 1])])
    writer.node("Relu", ["conv"], ["stem"])
    writer.head("stem")
    try expectSame(writer, .plain)
  }

  @Test func leavesOutTheSoftmaxAtTheEnd() throws {
    for type in ["Softmax", "LogSoftmax"] {
      var writer = ONNXWriter.plain
      writer.node(type, ["logits"], ["shares"], ["axis": .int(-1)])
      writer.output = "shares"
      #expect(try writer.model().facts.notes.count == 1)
      try expectSame(writer, .plain)
    }
  }

  // MARK: Weights

  /// A layer of weights that all types hold exactly.
  private func halves(_ build: (inout ONNXWriter, [Float]) -> Void) -> ONNXWriter {
    var writer = ONNXWriter()
    writer.stem()
    writer.node("GlobalAveragePool", ["stem"], ["pooled"])
    writer.node("Flatten", ["pooled"], ["flat"])
    build(&writer, (0..<24).map { Float($0 % 7 - 3) / 2 })
    writer.node("MatMul", ["flat", "w"], ["logits"])
    return writer
  }

  @Test func readsEveryTypeOfWeights() throws {
    let plain = halves { $0.weights("w", [6, 4], $1) }
    let packed: (inout Protobuf, [Float]) -> Void = { tensor, values in
      tensor.field(4, values.withUnsafeBytes { [UInt8]($0) })
    }
    try expectSame(halves { writer, v in writer.tensor("w", [6, 4], type: 1) { packed(&$0, v) } }, plain)
    try expectSame(
      halves { writer, v in writer.tensor("w", [6, 4], type: 1) { for x in v { $0.field(4, x) } } }, plain)
    try expectSame(
      halves { writer, v in
        writer.tensor("w", [6, 4], type: 11, raw: v.map { Double($0) }.withUnsafeBytes { [UInt8]($0) })
      }, plain)
    try expectSame(
      halves { writer, v in
        writer.tensor("w", [6, 4], type: 11) {
          $0.field(10, v.map { Double($0) }.withUnsafeBytes { [UInt8]($0) })
        }
      }, plain)
    // bfloat16 is the upper half of a float.
    let bfloat = { (x: Float) in UInt16(x.bitPattern >> 16) }
    try expectSame(
      halves { writer, v in
        writer.tensor("w", [6, 4], type: 16, raw: v.map(bfloat).withUnsafeBytes { [UInt8]($0) })
      }, plain)
    try expectSame(
      halves { writer, v in
        writer.tensor("w", [6, 4], type: 16) { tensor in for x in v { tensor.field(5, Int(bfloat(x))) } }
      }, plain)
    #if !arch(x86_64)
      let half = { (x: Float) in Float16(x).bitPattern }
      try expectSame(
        halves { writer, v in
          writer.tensor("w", [6, 4], type: 10, raw: v.map(half).withUnsafeBytes { [UInt8]($0) })
        }, plain)
    #endif
    // E5M2 is the upper half of half precision, 1.5 being 0x3E, 1 0x3C, 0.5 0x38.
    let codes: [Float: UInt8] = [0: 0, 0.5: 0x38, 1: 0x3C, 1.5: 0x3E, -0.5: 0xB8, -1: 0xBC, -1.5: 0xBE]
    try expectSame(
      halves { writer, v in writer.tensor("w", [6, 4], type: 19, raw: v.map { codes[$0]! }) }, plain)
  }

  @Test func dequantisesWeights() throws {
    let plain = halves { $0.weights("w", [6, 4], $1) }
    let quantised = halves { writer, values in
      writer.tensor("q", [6, 4], type: 3, raw: values.map { UInt8(bitPattern: Int8($0 * 2) + 5) })
      writer.weights("scale", [], [0.5])
      writer.tensor("zero", [], type: 3, raw: [5])
      writer.node("DequantizeLinear", ["q", "scale", "zero"], ["w"])
    }
    try expectSame(quantised, plain)
    let byChannel = halves { writer, values in
      writer.tensor("q", [6, 4], type: 3, raw: values.map { UInt8(bitPattern: Int8($0 * 2)) })
      writer.weights("scale", [4], [0.5, 0.5, 0.5, 0.5])
      writer.node("DequantizeLinear", ["q", "scale"], ["w"], ["axis": .int(1)])
    }
    try expectSame(byChannel, plain)
  }

  @Test func leavesOutRoundedActivations() throws {
    let writer = between {
      $0.weights("scale", [], [0.02])
      $0.tensor("zero", [], type: 2, raw: [0])
      $0.node("QuantizeLinear", ["stem", "scale", "zero"], ["rounded"])
      $0.node("DequantizeLinear", ["rounded", "scale", "zero"], ["x"])
    }
    #expect(try writer.model().facts.notes.count == 1)
    try expectSame(writer, .plain)
  }

  @Test func readsWeightsFromAFileBeside() throws {
    let folder = try TemporaryFolder()
    let values = uniform("w2", 24).map { $0 - 0.5 }
    var writer = ONNXWriter()
    writer.stem()
    writer.node("GlobalAveragePool", ["stem"], ["pooled"])
    writer.node("Flatten", ["pooled"], ["flat"])
    writer.tensor("w2", [4, 6], type: 1) { tensor in
      for (key, value) in [("location", "weights.bin"), ("offset", "8"), ("length", "96")] {
        tensor.field(13) {
          $0.field(1, key)
          $0.field(2, value)
        }
      }
      tensor.field(14, 1)
    }
    writer.weights("b2", [4])
    writer.node("Gemm", ["flat", "w2", "b2"], ["logits"], ["transB": .int(1)])
    try folder.write(
      [UInt8](repeating: 7, count: 8) + values.withUnsafeBytes { [UInt8]($0) }, to: "weights.bin")
    let path = try folder.write(writer.bytes(), to: "model.onnx")
    #expect(relativeError(logits(try ONNXModel(contentsOf: path)), try logits(ONNXWriter.plain)) < 1e-12)
    #expect(throws: CheckpointError.self) { try writer.model() }

    // Nothing outside of the folder, by no way.
    try folder.write([], to: "empty.bin")
    #expect(symlink("/etc/passwd", folder.path + "/link.bin") == 0)
    for (location, offset, length) in [
      ("/etc/passwd", "0", "96"), ("../weights.bin", "0", "96"), ("a/../../x", "0", "96"),
      ("link.bin", "0", "96"),
      ("none.bin", "0", "96"), ("", "0", "96"), (".", "0", "96"), ("weights.bin", "9", "96"),
      ("weights.bin", "99999999999", "96"), ("weights.bin", "-1", "96"), ("weights.bin", "8", "95"),
      ("weights.bin", "8", "9999999999999999999999"), ("empty.bin", "0", "96"), ("weights.bin\0", "8", "96"),
    ] {
      var writer = ONNXWriter.plain
      writer.tensor("w3", [4, 6], type: 1) { tensor in
        for (key, value) in [("location", location), ("offset", offset), ("length", length)] {
          tensor.field(13) {
            $0.field(1, key)
            $0.field(2, value)
          }
        }
        tensor.field(14, 1)
      }
      writer.node("Gemm", ["flat", "w3"], ["other"], ["transB": .int(1)])
      writer.output = "other"
      let path = try folder.write(writer.bytes(), to: "bad.onnx")
      #expect(throws: CheckpointError.self, "\(location) \(offset) \(length)") {
        try ONNXModel(contentsOf: path)
      }
    }
  }

  // MARK: Operators in parts

  @Test func recognisesActivations() throws {
    let gelu = between(opset: 20) { $0.node("Gelu", ["stem"], ["x"]) }
    try expectSame(
      between {
        $0.weights("root", [], [1.4142135])
        $0.weights("one", [], [1])
        $0.weights("half", [], [0.5])
        $0.node("Div", ["stem", "root"], ["a"])
        $0.node("Erf", ["a"], ["b"])
        $0.node("Add", ["b", "one"], ["c"])
        $0.node("Mul", ["stem", "c"], ["d"])
        $0.node("Mul", ["d", "half"], ["x"])
      }, gelu)
    try expectSame(
      between {
        $0.weights("root", [], [1.4142135])
        $0.weights("one", [], [1])
        $0.weights("half", [], [0.5])
        $0.node("Mul", ["stem", "half"], ["d"])
        $0.node("Div", ["stem", "root"], ["a"])
        $0.node("Erf", ["a"], ["b"])
        $0.node("Add", ["one", "b"], ["c"])
        $0.node("Mul", ["d", "c"], ["x"])
      }, gelu)
    try expectSame(
      between {
        $0.weights("k", [], [0.7978845608])
        $0.weights("c", [], [0.044715])
        $0.weights("three", [], [3])
        $0.weights("one", [], [1])
        $0.weights("half", [], [0.5])
        $0.node("Pow", ["stem", "three"], ["p"])
        $0.node("Mul", ["p", "c"], ["q"])
        $0.node("Add", ["stem", "q"], ["r"])
        $0.node("Mul", ["r", "k"], ["s"])
        $0.node("Tanh", ["s"], ["t"])
        $0.node("Add", ["t", "one"], ["u"])
        $0.node("Mul", ["stem", "half"], ["v"])
        $0.node("Mul", ["v", "u"], ["x"])
      }, between(opset: 20) { $0.node("Gelu", ["stem"], ["x"], ["approximate": .string("tanh")]) })
    let hardSwish = between { $0.node("HardSwish", ["stem"], ["x"]) }
    try expectSame(
      between {
        $0.weights("three", [], [3])
        $0.weights("zero", [], [0])
        $0.weights("six", [], [6])
        $0.node("Add", ["stem", "three"], ["a"])
        $0.node("Clip", ["a", "zero", "six"], ["b"])
        $0.node("Div", ["b", "six"], ["c"])
        $0.node("Mul", ["stem", "c"], ["x"])
      }, hardSwish)
    try expectSame(
      between {
        $0.node("HardSigmoid", ["stem"], ["c"], ["alpha": .float(1 / 6), "beta": .float(0.5)])
        $0.node("Mul", ["c", "stem"], ["x"])
      }, hardSwish)
    // 2 relu(x) - 1, read by two.
    try expectSame(
      between {
        $0.weights("two", [], [2])
        $0.node("Neg", ["stem"], ["a"])
        $0.node("Neg", ["a"], ["b"])
        $0.node("Max", ["b", "b"], ["c"])
        $0.node("Mul", ["c", "two"], ["d"])
        $0.node("Sub", ["d", "c"], ["x"])
      }, .plain)
    // Twice an activation of which the first is read elsewhere as well.
    try expectSame(
      between {
        $0.node("Sigmoid", ["stem"], ["a"])
        $0.node("Tanh", ["a"], ["b"])
        $0.node("Sub", ["b", "b"], ["c"])
        $0.node("Sigmoid", ["b"], ["d"])
        $0.node("Add", ["d", "stem"], ["e"])
        $0.node("Sub", ["e", "d"], ["x"])
      }, .plain, within: 1e-5)
  }

  @Test func recognisesNormalisations() throws {
    let scale = { (writer: inout ONNXWriter) in
      writer.weights("gain", [6])
      writer.weights("shift", [6])
    }
    let whole = between {
      scale(&$0)
      $0.node("Transpose", ["stem"], ["t"], ["perm": .ints([0, 2, 3, 1])])
      $0.node("LayerNormalization", ["t", "gain", "shift"], ["n"], ["epsilon": .float(1e-3)])
      $0.node("Transpose", ["n"], ["x"], ["perm": .ints([0, 3, 1, 2])])
    }
    for inverse in [false, true] {
      try expectSame(
        between {
          scale(&$0)
          $0.weights("eps", [], [1e-3])
          $0.weights("two", [], [2])
          $0.weights("one", [], [1])
          $0.integers("planes", [6, 1, 1])
          $0.node("ReduceMean", ["stem"], ["m"], ["axes": .ints([1])])
          $0.node("Sub", ["stem", "m"], ["d"])
          if inverse { $0.node("Mul", ["d", "d"], ["s"]) } else { $0.node("Pow", ["d", "two"], ["s"]) }
          $0.node("ReduceMean", ["s"], ["v"], ["axes": .ints([1])])
          $0.node("Add", ["v", "eps"], ["w"])
          $0.node("Sqrt", ["w"], ["r"])
          if inverse {
            $0.node("Div", ["one", "r"], ["i"])
            $0.node("Mul", ["d", "i"], ["n"])
          } else {
            $0.node("Div", ["d", "r"], ["n"])
          }
          $0.node("Reshape", ["gain", "planes"], ["g"])
          $0.node("Reshape", ["shift", "planes"], ["h"])
          $0.node("Mul", ["n", "g"], ["a"])
          $0.node("Add", ["a", "h"], ["x"])
        }, whole)
    }
    // Group normalisation: of opset 21, of opset 18, and as a normalisation of instances.
    let groups = between(opset: 21) {
      scale(&$0)
      $0.node("GroupNormalization", ["stem", "gain", "shift"], ["x"], ["num_groups": .int(2)])
    }
    try expectSame(
      between {
        scale(&$0)
        $0.integers("split", [0, 2, -1])
        $0.integers("whole", [1, 6, 8, 8])
        $0.integers("planes", [6, 1, 1])
        $0.weights("ones", [2], [1, 1])
        $0.weights("zeros", [2], [0, 0])
        $0.node("Reshape", ["stem", "split"], ["s"])
        $0.node("InstanceNormalization", ["s", "ones", "zeros"], ["n"])
        $0.node("Reshape", ["n", "whole"], ["y"])
        $0.node("Reshape", ["gain", "planes"], ["g"])
        $0.node("Reshape", ["shift", "planes"], ["h"])
        $0.node("Mul", ["y", "g"], ["a"])
        $0.node("Add", ["a", "h"], ["x"])
      }, groups)
    try expectSame(
      between(opset: 18) {
        $0.weights("gain", [2], [0.5, 2])
        $0.weights("shift", [2], [1, -1])
        $0.node("GroupNormalization", ["stem", "gain", "shift"], ["x"], ["num_groups": .int(2)])
      },
      between(opset: 21) {
        $0.weights("gain", [6], [0.5, 0.5, 0.5, 2, 2, 2])
        $0.weights("shift", [6], [1, 1, 1, -1, -1, -1])
        $0.node("GroupNormalization", ["stem", "gain", "shift"], ["x"], ["num_groups": .int(2)])
      })
    let parameters = { (writer: inout ONNXWriter) in
      scale(&writer)
      writer.weights("mean", [6])
      writer.weights("variance", [6], uniform("variance", 6).map { $0 + 0.5 })
    }
    try expectSame(
      between {
        parameters(&$0)
        $0.node("BatchNormalization", ["stem", "gain", "shift", "mean", "variance"], ["x"])
      },
      between {
        parameters(&$0)
        $0.weights("eps", [], [1e-5])
        $0.integers("planes", [6, 1, 1])
        $0.node("Add", ["variance", "eps"], ["v"])
        $0.node("Sqrt", ["v"], ["d"])
        $0.node("Div", ["gain", "d"], ["k"])
        $0.node("Mul", ["mean", "k"], ["mk"])
        $0.node("Sub", ["shift", "mk"], ["b"])
        $0.node("Unsqueeze", ["k", "axes"], ["k3"])
        $0.integers("axes", [1, 2])
        $0.node("Reshape", ["b", "planes"], ["b3"])
        $0.node("Mul", ["k3", "stem"], ["y"])
        $0.node("Add", ["b3", "y"], ["x"])
      })
  }

  @Test func movesChannelsAndBack() throws {
    // A shuffle and its inverse.
    try expectSame(
      between {
        $0.integers("two", [1, 2, 3, 8, 8])
        $0.integers("three", [1, 3, 2, 8, 8])
        $0.integers("plain", [0, -1, 8, 8])
        for (i, shape) in ["two", "three"].enumerated() {
          $0.node("Reshape", [i == 0 ? "stem" : "s0", shape], ["r\(i)"])
          $0.node("Transpose", ["r\(i)"], ["t\(i)"], ["perm": .ints([0, 2, 1, 3, 4])])
          $0.node("Reshape", ["t\(i)", "plain"], [i == 0 ? "s0" : "y"])
        }
        $0.node("Identity", ["y"], ["x"])
      }, .plain)
    // The same with something between that needs the shuffled channels.
    let shuffled = between {
      $0.integers("two", [1, 2, 3, 8, 8])
      $0.integers("plain", [0, -1, 8, 8])
      $0.weights("w", [6, 1, 3, 3])
      $0.node("Reshape", ["stem", "two"], ["r"])
      $0.node("Transpose", ["r"], ["t"], ["perm": .ints([0, 2, 1, 3, 4])])
      $0.node("Reshape", ["t", "plain"], ["s"])
      $0.node("Conv", ["s", "w"], ["x"], ["group": .int(6), "pads": .ints([1, 1, 1, 1])])
    }
    let gathered = between {
      $0.integers("order", [0, 3, 1, 4, 2, 5])
      $0.weights("w", [6, 1, 3, 3])
      $0.node("Gather", ["stem", "order"], ["s"], ["axis": .int(1)])
      $0.node("Conv", ["s", "w"], ["x"], ["group": .int(6), "auto_pad": .string("SAME_UPPER")])
    }
    try expectSame(shuffled, gathered)
    // Cut and joined, by three operators.
    try expectSame(
      between {
        $0.integers("sizes", [2, 4])
        $0.node("Split", ["stem", "sizes"], ["a", "b"], ["axis": .int(1)])
        $0.node("Concat", ["a", "b"], ["x"], ["axis": .int(1)])
      }, .plain)
    try expectSame(
      between(opset: 11) {
        $0.integers("from", [0])
        $0.integers("to", [3])
        $0.integers("end", [Int.max])
        $0.integers("axis", [-3])
        $0.node("Slice", ["stem", "from", "to", "axis"], ["a"])
        $0.node("Slice", ["stem", "to", "end", "axis"], ["b"])
        $0.node("Concat", ["a", "b"], ["x"], ["axis": .int(-3)])
      }, .plain)
  }

  @Test func padsWindows() throws {
    let padded = between {
      $0.weights("w", [6, 6, 3, 3])
      $0.node("Conv", ["stem", "w"], ["x"], ["pads": .ints([0, 1, 2, 1]), "strides": .ints([2, 2])])
    }
    try expectSame(
      between {
        $0.weights("w", [6, 6, 3, 3])
        $0.integers("pads", [0, 0, 0, 1, 0, 0, 1, 0])
        $0.node("Pad", ["stem", "pads"], ["p"])
        $0.node("Conv", ["p", "w"], ["x"], ["pads": .ints([0, 0, 1, 1]), "strides": .ints([2, 2])])
      }, padded)
    try expectSame(
      between {
        $0.integers("pads", [0, 0, 1, 1, 0, 0, 1, 1])
        $0.node("Pad", ["stem", "pads"], ["p"])
        $0.node("MaxPool", ["p"], ["x"], ["kernel_shape": .ints([3, 3]), "strides": .ints([2, 2])])
      },
      between {
        $0.node(
          "MaxPool", ["stem"], ["x"],
          ["kernel_shape": .ints([3, 3]), "strides": .ints([2, 2]), "pads": .ints([1, 1, 1, 1])])
      })
    try expectSame(
      between {
        $0.integers("pads", [0, 0, 1, 1, 0, 0, 1, 1])
        $0.node("Pad", ["stem", "pads"], ["p"])
        $0.node("AveragePool", ["p"], ["x"], ["kernel_shape": .ints([3, 3])])
      },
      between {
        $0.node(
          "AveragePool", ["stem"], ["x"],
          ["kernel_shape": .ints([3, 3]), "pads": .ints([1, 1, 1, 1]), "count_include_pad": .int(1)])
      })
  }

  @Test func takesMeans() throws {
    for type in ["ReduceMean", "AveragePool"] {
      var writer = ONNXWriter()
      writer.stem()
      if type == "ReduceMean" {
        writer.node(type, ["stem"], ["pooled"], ["axes": .ints([2, 3]), "keepdims": .int(1)])
      } else {
        writer.node(type, ["stem"], ["pooled"], ["kernel_shape": .ints([8, 8])])
      }
      writer.integers("shape", [-1, 6])
      writer.node("Reshape", ["pooled", "shape"], ["flat"])
      writer.weights("w2", [4, 6])
      writer.weights("b2", [4])
      writer.node("Transpose", ["w2"], ["rows"])
      writer.node("MatMul", ["flat", "rows"], ["product"])
      writer.node("Add", ["b2", "product"], ["logits"])
      try expectSame(writer, .plain)
    }
  }

  @Test func gatesMaps() throws {
    // x · sigmoid(0 · mean + 0) is half of x.
    let half = between {
      $0.weights("half", [], [0.5])
      $0.node("Mul", ["stem", "half"], ["x"])
    }
    for gateFirst in [false, true] {
      try expectSame(
        between {
          $0.weights("nothing", [6, 6, 1, 1], [Float](repeating: 0, count: 36))
          $0.node("ReduceMean", ["stem"], ["m"], ["axes": .ints([2, 3])])
          $0.node("Conv", ["m", "nothing"], ["z"])
          $0.node("Sigmoid", ["z"], ["g"])
          $0.node("Mul", gateFirst ? ["g", "stem"] : ["stem", "g"], ["x"])
        }, half)
    }
  }

  /// Attention by hand, and as one operator, on [images, heads, tokens, depth] and [images, tokens, channels].
  @Test func recognisesAttention() throws {
    func tokens(_ writer: inout ONNXWriter) {
      writer.integers("planes", [1, 6, 64])
      writer.integers("back", [1, 6, 8, 8])
      writer.integers("heads", [1, 64, 2, 3])
      writer.integers("joined", [1, 64, 6])
      writer.node("Reshape", ["stem", "planes"], ["f"])
      writer.node("Transpose", ["f"], ["t"], ["perm": .ints([0, 2, 1])])
      for name in ["q", "k", "v"] {
        writer.weights("w\(name)", [6, 6])
        writer.node("MatMul", ["t", "w\(name)"], [name])
      }
    }
    func finish(_ writer: inout ONNXWriter, _ name: String) {
      writer.node("Transpose", [name], ["o"], ["perm": .ints([0, 2, 1])])
      writer.node("Reshape", ["o", "back"], ["x"])
    }
    func split(_ writer: inout ONNXWriter) {
      for name in ["q", "k", "v"] {
        writer.node("Reshape", [name, "heads"], ["\(name)r"])
        writer.node(
          "Transpose", ["\(name)r"], ["\(name)h"], ["perm": .ints([0, 2, 1, 3])])
      }
    }
    func join(_ writer: inout ONNXWriter, _ name: String) {
      writer.node("Transpose", [name], ["jt"], ["perm": .ints([0, 2, 1, 3])])
      writer.node("Reshape", ["jt", "joined"], ["j"])
      finish(&writer, "j")
    }
    let byHand = between {
      tokens(&$0)
      split(&$0)
      $0.weights("root", [], [1.7320508])
      $0.weights("zero", [], [0])
      $0.node("Transpose", ["kh"], ["kt"], ["perm": .ints([0, 1, 3, 2])])
      $0.node("MatMul", ["qh", "kt"], ["s"])
      $0.node("Div", ["s", "root"], ["scaled"])
      $0.node("Softmax", ["scaled"], ["shares"], ["axis": .int(-1)])
      $0.node("IsNaN", ["shares"], ["nan"])
      $0.node("Where", ["nan", "zero", "shares"], ["clean"])
      $0.node("MatMul", ["clean", "vh"], ["a"])
      join(&$0, "a")
    }
    let whole = between(opset: 23) {
      tokens(&$0)
      split(&$0)
      $0.node("Attention", ["qh", "kh", "vh"], ["a"])
      join(&$0, "a")
    }
    let flat = between(opset: 23) {
      tokens(&$0)
      $0.node("Attention", ["q", "k", "v"], ["a"], ["q_num_heads": .int(2), "kv_num_heads": .int(2)])
      finish(&$0, "a")
    }
    try expectSame(whole, byHand)
    try expectSame(flat, byHand)
  }

  @Test func fixesTheSizeWhereThereIsNoOther() throws {
    let embedded = between {
      $0.weights("place", [1, 6, 8, 8])
      $0.node("Add", ["stem", "place"], ["x"])
    }
    #expect(try embedded.model().graph.fixedSize?.height == 8)
    var flat = ONNXWriter()
    flat.stem()
    flat.node("Flatten", ["stem"], ["f"])
    flat.weights("w2", [6 * 64, 4])
    flat.node("Gemm", ["f", "w2"], ["logits"])
    #expect(try flat.model().graph.fixedSize?.width == 8)
    flat.input = [-1, 3, -1, -1]
    #expect(throws: CheckpointError.self) { try flat.model() }
    flat.metadata = ["size": "8"]
    #expect(try flat.model().graph.fixedSize?.width == 8)
  }
}
