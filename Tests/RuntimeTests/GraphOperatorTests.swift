import Foundation
import RobustRuntime
import Testing

/// Operators in graphs of their own, beside a plain evaluation in double precision.
@Suite struct GraphOperatorTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    var channels = 20
    var height = 7
    var width = 6
    var count = 2
    /// Adds the operators behind node 0.
    let build: @Sendable (inout Graph) -> Void
    var testDescription: String { "\(name), \(count)x\(channels)x\(height)x\(width)" }
  }

  /// Values in −2...2.
  static func numbers(_ name: String, _ count: Int) -> [Float] { uniform(name, count).map { 4 * $0 - 2 } }

  static func activation(_ name: String, _ activation: Activation) -> Case {
    Case(name: name) { _ = $0.add(.activation(activation), 0) }
  }

  static func window(
    _ name: String, _ window: PoolWindow, countsPadding: Bool? = nil, height: Int = 9, width: Int = 10
  ) -> Case {
    Case(name: name, height: height, width: width) { graph in
      if let countsPadding {
        _ = graph.add(.averagePool(AveragePool(window, countsPadding: countsPadding)), 0)
      } else {
        _ = graph.add(.maxPool(MaxPool(window)), 0)
      }
    }
  }

  static func depthwise(
    _ name: String, channels: Int, size: (Int, Int) = (3, 3), stride: Int = 1, padding: Padding = Padding(1),
    dilation: Int = 1, height: Int = 11, width: Int = 13, affine: Bool = false
  ) -> Case {
    Case(name: "depthwise, \(name)", channels: channels, height: height, width: width) { graph in
      var x = graph.add(.activation(.relu), 0)
      x = graph.add(
        .convolution(
          Convolution(
            inChannels: channels, outChannels: channels, height: size.0, width: size.1, stride: stride,
            padding: padding, dilation: dilation, groups: channels,
            weights: numbers("w", channels * size.0 * size.1), bias: numbers("b", channels))), x)
      if affine {
        x = graph.add(
          .batchNormalization(ChannelAffine(scale: numbers("s", channels), shift: numbers("t", channels))), x)
      }
      _ = graph.add(.activation(.relu), x)
    }
  }

  static func convolution(
    _ name: String, channels: Int = 20, out: Int = 18, size: (Int, Int) = (3, 3), stride: Int = 1,
    padding: Padding, dilation: Int = 1, groups: Int = 1
  ) -> Case {
    Case(name: "convolution, \(name)", channels: channels, height: 11, width: 12) { graph in
      let convolution = Convolution(
        inChannels: channels, outChannels: out, height: size.0, width: size.1, stride: stride,
        padding: padding, dilation: dilation, groups: groups,
        weights: numbers("w", out * channels / groups * size.0 * size.1), bias: numbers("b", out))
      _ = graph.add(.convolution(convolution), 0)
    }
  }

  static func attention(
    _ name: String, heads: Int, depth: Int, values: Int, height: Int, width: Int
  ) -> Case {
    let (keys, all) = (heads * depth, heads * values)
    return Case(name: "attention, \(name)", channels: 2 * keys + all, height: height, width: width) { graph in
      let q = graph.add(.slice(0..<keys), 0)
      let k = graph.add(.slice(keys..<2 * keys), 0)
      let v = graph.add(.slice(2 * keys..<2 * keys + all), 0)
      _ = graph.add(.attention(Attention(heads: heads, scale: 0.3)), q, k, v)
    }
  }

  static let cases: [Case] = [
    activation("relu", .relu), activation("relu6", .relu6), activation("silu", .silu),
    activation("gelu", .gelu), activation("gelu by tanh", .geluTanh), activation("sigmoid", .sigmoid),
    activation("hard sigmoid", .hardSigmoid), activation("hard swish", .hardSwish),
    activation("tanh", .tanh), activation("leaky relu", .leakyReLU(slope: 0.1)),
    Case(name: "an activation of large values") { graph in
      let scale = [Float](repeating: 100, count: 20)
      let x = graph.add(.batchNormalization(ChannelAffine(scale: scale, shift: scale)), 0)
      _ = graph.add(.add, graph.add(.activation(.gelu), x), graph.add(.activation(.silu), x))
    },
    Case(name: "layer norm") { graph in
      let norm = ChannelNormalization(weight: numbers("w", 20), bias: numbers("b", 20), epsilon: 1e-6)
      _ = graph.add(.channelNormalization(norm), 0)
    },
    Case(name: "layer norm, 32 channels", channels: 32, height: 12, width: 13) { graph in
      let norm = ChannelNormalization(weight: numbers("w", 32), bias: numbers("b", 32), epsilon: 1e-5)
      _ = graph.add(.activation(.relu), graph.add(.channelNormalization(norm), 0))
    },
    Case(name: "group norm") { graph in
      let norm = GroupNormalization(
        groups: 4, weight: numbers("w", 20), bias: numbers("b", 20), epsilon: 1e-5)
      _ = graph.add(.activation(.relu), graph.add(.groupNormalization(norm), 0))
    },
    Case(name: "group norm of a residual") { graph in
      let norm = GroupNormalization(
        groups: 1, weight: numbers("w", 20), bias: numbers("b", 20), epsilon: 1e-5)
      _ = graph.add(.add, graph.add(.groupNormalization(norm), 0), 0)
    },
    Case(name: "softmax") { _ = $0.add(.softmax, 0) },
    Case(name: "softmax of 16", channels: 16, height: 9, width: 21) { _ = $0.add(.softmax, 0) },
    Case(name: "product with itself") { _ = $0.add(.multiply, 0, 0) },
    Case(name: "product") { graph in
      let x = graph.add(.activation(.sigmoid), 0)
      _ = graph.add(.multiply, x, graph.add(.activation(.relu), 0))
    },
    Case(name: "gate") { graph in
      let x = graph.add(.activation(.relu), 0)
      _ = graph.add(.multiply, x, graph.add(.activation(.sigmoid), graph.add(.meanPool, x)))
    },
    Case(name: "constant map") { graph in
      _ = graph.add(
        .addConstant(
          ConstantMap(shape: Shape(channels: 20, height: 7, width: 6), values: numbers("c", 20 * 42))), 0)
    },
    Case(name: "constant map, interpolated") { graph in
      let shape = Shape(channels: 20, height: 4, width: 5)
      let map = ConstantMap(shape: shape, values: numbers("c", 400), isInterpolated: true)
      _ = graph.add(.addConstant(map), 0)
    },
    window("max pool", PoolWindow(size: 3, stride: 2, pad: 1)),
    window("max pool, ceiled", PoolWindow(size: 3, stride: 2, ceil: true)),
    window(
      "max pool of 2x3",
      PoolWindow(
        height: 2, width: 3, strideY: 1, strideX: 2, padding: Padding(top: 0, left: 1, bottom: 1, right: 0))),
    window("mean pool", PoolWindow(size: 2, stride: 2), countsPadding: true),
    window("mean pool, padding counted", PoolWindow(size: 3, stride: 2, pad: 1), countsPadding: true),
    window("mean pool, padding not counted", PoolWindow(size: 3, stride: 2, pad: 1), countsPadding: false),
    window("mean pool, ceiled", PoolWindow(size: 3, stride: 2, pad: 1, ceil: true), countsPadding: true),
    window(
      "mean pool, ceiled, not counted", PoolWindow(size: 2, stride: 2, ceil: true), countsPadding: false),
    Case(name: "adaptive pool") { _ = $0.add(.adaptiveAveragePool(height: 3, width: 4), 0) },
    Case(name: "adaptive pool to more") { _ = $0.add(.adaptiveAveragePool(height: 9, width: 7), 0) },
    Case(name: "concatenation") { graph in
      let a = graph.add(.slice(3..<10), 0)
      let b = graph.add(.activation(.relu), 0)
      _ = graph.add(.concatenation, [a, b, 0, a])
    },
    Case(name: "concatenation of blocks", channels: 32) { graph in
      let a = graph.add(.activation(.relu), 0)
      let b = graph.add(.concatenation, 0, a)
      _ = graph.add(.activation(.relu), graph.add(.concatenation, b, graph.add(.activation(.silu), b)))
    },
    Case(name: "densely connected", channels: 32) { graph in
      // Maps of whole blocks, one of which is read again after it was joined, and a last one of a part of a block.
      var maps = [graph.add(.activation(.silu), 0)]
      for k in 0..<3 {
        let joined = graph.add(.concatenation, maps)
        let all = 32 + 16 * k
        let norm = ChannelAffine(scale: numbers("s\(k)", all), shift: numbers("t\(k)", all))
        let x = graph.add(.activation(.relu), graph.add(.batchNormalization(norm), joined))
        let out = k < 2 ? 16 : 9
        let convolution = Convolution(
          inChannels: all, outChannels: out, height: 3, width: 3, pad: 1,
          weights: numbers("w\(k)", all * out * 9))
        maps.append(graph.add(.convolution(convolution), x))
      }
      let joined = graph.add(.concatenation, maps)
      let again = graph.add(.concatenation, [joined, maps[1]])
      _ = graph.add(.activation(.relu), graph.add(.concatenation, [again, joined]))
    },
    Case(name: "a residual that is joined", channels: 16) { graph in
      func convolution(_ name: String) -> Graph.Operator {
        .convolution(
          Convolution(inChannels: 16, outChannels: 16, height: 1, width: 1, weights: numbers(name, 256)))
      }
      let a = graph.add(convolution("a"), 0)
      let b = graph.add(.activation(.relu6), graph.add(.add, graph.add(convolution("b"), a), a))
      let c = graph.add(.concatenation, a, b)
      let d = graph.add(
        .groupNormalization(
          GroupNormalization(
            groups: 2, weight: numbers("g", 32), bias: numbers("h", 32), epsilon: 1e-3)), c)
      _ = graph.add(.add, graph.add(.activation(.relu), d), c)
    },
    Case(name: "slice of blocks", channels: 48) { _ = $0.add(.slice(16..<48), 0) },
    Case(name: "shuffle") { graph in
      _ = graph.add(.permutation((0..<20).map { $0 % 2 * 10 + $0 / 2 }), 0)
    },
    Case(name: "tokens") { graph in
      let x = graph.add(.tokens(ClassTokens(values: [numbers("t", 20), numbers("u", 20)])), 0)
      _ = graph.add(.positions(1..<5), x)
    },
    Case(name: "flatten") { _ = $0.add(.flatten, 0) },
    attention("whole blocks", heads: 2, depth: 16, values: 32, height: 5, width: 7),
    attention("parts of blocks", heads: 3, depth: 5, values: 7, height: 4, width: 5),
    attention("many tokens", heads: 1, depth: 32, values: 32, height: 9, width: 11),
    attention("deep heads", heads: 2, depth: 24, values: 24, height: 1, width: 17),
    Case(name: "attention to itself", channels: 32, height: 3, width: 5) { graph in
      let x = graph.add(.activation(.relu), 0)
      _ = graph.add(.attention(Attention(heads: 2, scale: 0.2)), x, x, x)
    },
    depthwise("whole blocks", channels: 32), depthwise("strided", channels: 20, stride: 2),
    depthwise("stride 3", channels: 5, size: (5, 5), stride: 3, padding: Padding(2)),
    depthwise("7x7", channels: 40, size: (7, 7), padding: Padding(3), affine: true),
    depthwise("wide", channels: 16, height: 3, width: 70),
    depthwise("no padding", channels: 18, size: (2, 3), padding: Padding(0)),
    depthwise("uneven padding", channels: 17, padding: Padding(top: 0, left: 2, bottom: 1, right: 0)),
    depthwise("dilated", channels: 17, padding: Padding(2), dilation: 2),
    depthwise("smaller than its window", channels: 3, size: (5, 5), padding: Padding(2), height: 2, width: 3),
    convolution("uneven padding", padding: Padding(top: 0, left: 0, bottom: 1, right: 1)),
    convolution("strided, uneven padding", stride: 2, padding: Padding(top: 0, left: 0, bottom: 1, right: 1)),
    convolution(
      "strided, uneven padding before", stride: 2, padding: Padding(top: 2, left: 1, bottom: 0, right: 1)),
    convolution("1x7", size: (1, 7), padding: Padding(top: 0, left: 3, bottom: 0, right: 3)),
    convolution(
      "7x1, strided", size: (7, 1), stride: 2, padding: Padding(top: 3, left: 0, bottom: 3, right: 0)),
    convolution("dilated", padding: Padding(2), dilation: 2),
    convolution("dilated, strided", stride: 2, padding: Padding(3), dilation: 3),
    convolution(
      "few channels, uneven padding", channels: 3, padding: Padding(top: 1, left: 0, bottom: 2, right: 1)),
    convolution("few channels, dilated", channels: 3, stride: 2, padding: Padding(2), dilation: 2),
    convolution("in groups", channels: 24, out: 36, padding: Padding(1), groups: 12),
    Case(name: "branches", channels: 32) { graph in
      // Each of two convolutions could take in the sum, and one activation is read twice.
      func convolution(_ name: String) -> Graph.Operator {
        .convolution(
          Convolution(inChannels: 32, outChannels: 32, height: 1, width: 1, weights: numbers(name, 1024)))
      }
      let a = graph.add(convolution("a"), 0)
      let b = graph.add(convolution("b"), 0)
      let sum = graph.add(.activation(.relu), graph.add(.add, b, a))
      let c = graph.add(convolution("c"), sum)
      let scale = ChannelAffine(scale: numbers("s", 32), shift: numbers("t", 32))
      let d = graph.add(.batchNormalization(scale), c)
      _ = graph.add(.add, graph.add(.activation(.gelu), d), sum)
    },
  ]

  @Test(arguments: cases)
  func agreesWithPlainLoops(_ c: Case) throws {
    var graph = Graph(
      mean: [Float](repeating: 0.1, count: c.channels), deviation: [Float](repeating: 0.5, count: c.channels))
    c.build(&graph)
    let x = OracleMap(
      c.count, c.channels, c.height, c.width,
      Self.numbers("x", c.count * c.channels * c.height * c.width).map(Double.init))
    let oracle = GraphOracle(graph, x)
    var gradient = oracle.logits
    gradient.values = Self.numbers("gradient", gradient.values.count).map(Double.init)
    let last = graph.nodes.count - 1
    let wanted = oracle.gradient(from: [(last, gradient)])
    let (y, back) = try run(graph, x, gradient)
    #expect(y.values.count == oracle.logits.values.count)
    #expect(relativeError(y.values, oracle.logits.values) < 3e-6)
    #expect(relativeError(back.values, wanted.values) < 1e-5)

    // The plain gradient beside finite differences, where no kink is near.
    let step = 1e-6
    for word in words("positions", count: 12) {
      let i = Int(word % UInt64(x.values.count))
      func loss(_ step: Double) -> Double {
        var moved = x
        moved.values[i] += step
        return zip(GraphOracle(graph, moved).logits.values, gradient.values).reduce(0) { $0 + $1.0 * $1.1 }
      }
      let difference = (loss(step) - loss(-step)) / (2 * step)
      #expect(abs(difference - wanted.values[i]) < 1e-4 * max(1, abs(difference)))
    }
  }

  /// Tells how long each row takes, forward and backward, as the fastest of many passes.
  @Test(.enabled(if: ProcessInfo.processInfo.environment["RTOOL_TIME_OPERATORS"] != nil))
  func timesOperators() throws {
    for c in Self.cases {
      var graph = Graph(
        mean: [Float](repeating: 0, count: c.channels), deviation: [Float](repeating: 1, count: c.channels))
      c.build(&graph)
      let plan = try Plan(
        Network(graph), images: c.count, height: c.height, width: c.width, gradient: true)
      let times = plan.stepTimes(passes: 200)
      let forward = times.reduce(0) { $0 + $1.forward } * 1e6
      let backward = times.reduce(0) { $0 + $1.backward } * 1e6
      print(c.testDescription, "forward \(Int(forward)) us, backward \(Int(backward)) us", separator: "\t")
    }
  }
}

/// Runs a graph, and its gradient for a given gradient of the output.
func run(_ graph: Graph, _ x: OracleMap, _ gradient: OracleMap) throws -> (OracleMap, OracleMap) {
  let plan = try Plan(Network(graph), images: x.count, height: x.height, width: x.width, gradient: true)
  plan.forward(x.values.map(Float.init), through: plan.logits)
  let y = plan.features(plan.logits)
  // [image][channel]... to the plan's [channel][image]...
  let area = gradient.area
  var given = [Float](repeating: 0, count: gradient.values.count)
  for n in 0..<gradient.count {
    for c in 0..<gradient.channels {
      for i in 0..<area {
        given[(c * gradient.count + n) * area + i] = Float(
          gradient.values[(n * gradient.channels + c) * area + i])
      }
    }
  }
  var back = [Float](repeating: .nan, count: x.values.count)
  given.withUnsafeMutableBufferPointer { given in
    var gradients = [UnsafeMutablePointer<Float>?](repeating: nil, count: plan.tensors.count)
    gradients[plan.logits] = given.baseAddress
    plan.backward(gradients, passReLU: false, to: &back)
  }
  return (
    OracleMap(y.count, y.channels, y.height, y.width, y.values.map(Double.init)),
    OracleMap(x.count, x.channels, x.height, x.width, back.map(Double.init))
  )
}
