import RobustRuntime
import Testing

/// Each operator, alone and joined with its neighbours, against the oracle; each gradient against finite
/// differences of the oracle, which in double precision are good to 1e-8.
@Suite struct OperatorTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var name = ""
    var channels = 3, out = 4
    var kernel = (3, 3)
    var stride = 1, pad = 1, groups = 1
    var count = 1, height = 6, width = 5
    var testDescription: String {
      "\(name) \(count)x\(channels)x\(height)x\(width) -> \(out), \(kernel.0)x\(kernel.1) stride \(stride) pad \(pad) groups \(groups)"
    }
  }

  static let convolutions: [Case] = [
    Case(name: "1x1", kernel: (1, 1), pad: 0),
    Case(name: "1x1, batch", channels: 17, out: 33, kernel: (1, 1), pad: 0, count: 3, height: 7, width: 9),
    Case(name: "1x1, strided", kernel: (1, 1), stride: 2, pad: 0, count: 2),
    Case(name: "1x1, padded", kernel: (1, 1), pad: 1),
    Case(name: "3x3"),
    Case(name: "3x3, batch", channels: 16, out: 20, count: 3, height: 8, width: 12),
    Case(name: "3x3, many channels", channels: 70, out: 130, count: 1, height: 9, width: 7),
    Case(name: "3x3, many positions", channels: 4, out: 8, count: 2, height: 37, width: 41),
    Case(name: "3x3, wide", channels: 2, out: 3, count: 2, height: 5, width: 150),
    Case(name: "3x3, one pixel", height: 1, width: 1),
    Case(name: "3x3, one row", count: 2, height: 1, width: 9),
    Case(name: "3x3, one column", count: 2, height: 9, width: 1),
    Case(name: "3x3, no pad", pad: 0),
    Case(name: "3x3, wide pad", pad: 2),
    Case(name: "3x3, pad beyond the window", pad: 5),
    Case(name: "3x3, strided", stride: 2),
    Case(name: "3x3, strided, even", stride: 2, count: 2, height: 8, width: 8),
    Case(name: "3x3, strided, one pixel", stride: 2, height: 1, width: 1),
    Case(name: "3x3, strided, one pixel of many channels", channels: 40, stride: 2, height: 1, width: 1),
    Case(name: "3x3, stride 3", stride: 3, height: 10, width: 11),
    Case(name: "3x3, groups", channels: 6, out: 9, groups: 3, count: 2),
    Case(name: "3x3, strided groups", channels: 8, out: 4, stride: 2, groups: 4, count: 2),
    Case(name: "3x3, depthwise", channels: 5, out: 5, groups: 5),
    Case(name: "7x7, strided", kernel: (7, 7), stride: 2, pad: 3, count: 2, height: 15, width: 16),
    Case(name: "7x7, larger than the map", kernel: (7, 7), stride: 2, pad: 3, height: 3, width: 2),
    Case(name: "1x1, few positions", channels: 40, out: 64, kernel: (1, 1), pad: 0, height: 7, width: 7),
    Case(name: "1x1, one position", channels: 20, out: 32, kernel: (1, 1), pad: 0, height: 1, width: 1),
    Case(name: "3x3, few positions", channels: 36, out: 64, count: 2, height: 5, width: 5),
    Case(name: "3x3, few Winograd tiles", channels: 40, out: 40, height: 14, width: 14),
    Case(name: "3x3, transposed weights", channels: 96, out: 72, height: 13, width: 14),
    Case(name: "3x3, small transposed weights", channels: 64, out: 160, height: 7, width: 7),
    Case(
      name: "1x1, transposed weights", channels: 96, out: 200, kernel: (1, 1), pad: 0, height: 7, width: 7),
    Case(
      name: "1x1, strided, transposed weights", channels: 64, out: 96, kernel: (1, 1), stride: 2, pad: 0,
      height: 14, width: 13),
    Case(
      name: "1x1, int8x3 blocks", channels: 128, out: 40, kernel: (1, 1), pad: 0, count: 2, height: 13,
      width: 11
    ),
    Case(
      name: "1x1, strided, int8x3 blocks", channels: 64, out: 33, kernel: (1, 1), stride: 2, pad: 0,
      count: 2,
      height: 9, width: 70),
    Case(
      name: "3x3, strided, int8x3 blocks", channels: 128, out: 40, stride: 2, count: 2, height: 15,
      width: 18),
    Case(name: "3x3, int8x3 blocks, wide pad", channels: 64, out: 8, pad: 4, height: 5, width: 6),
    Case(name: "3x3, narrow", channels: 18, out: 33, count: 3, height: 21, width: 15),
    Case(name: "3x3, several runs of Winograd tiles", channels: 17, out: 34, count: 2, height: 18, width: 67),
    Case(name: "3x3, no padding", channels: 9, out: 8, pad: 0, height: 20, width: 19),
    Case(name: "3x3, wide padding", channels: 8, out: 9, pad: 2, count: 2, height: 7, width: 20),
    Case(
      name: "3x3, strided, many channels", channels: 33, out: 40, stride: 2, count: 2, height: 30, width: 37),
    Case(name: "3x3, stride 3", channels: 9, out: 8, stride: 3, height: 17, width: 16),
    Case(
      name: "1x1, strided, many channels", channels: 40, out: 33, kernel: (1, 1), stride: 2, pad: 0, count: 3,
      height: 13, width: 14),
    Case(
      name: "5x5, strided, few channels", channels: 7, out: 9, kernel: (5, 5), stride: 3, pad: 2, count: 3,
      height: 14, width: 17),
    Case(name: "9x9", channels: 1, out: 2, kernel: (9, 9), pad: 4, height: 11, width: 12),
    Case(name: "3x3, strided, few positions", channels: 32, out: 64, stride: 2, height: 14, width: 13),
    Case(name: "3x3, strided, one channel", channels: 1, stride: 2, count: 2, height: 9, width: 8),
    Case(name: "2x5", kernel: (2, 5), pad: 2),
    Case(name: "4x4, stride 4", kernel: (4, 4), stride: 4, pad: 0, height: 9, width: 11),
    Case(name: "5x5", channels: 2, out: 3, kernel: (5, 5), pad: 2, count: 2),
  ]

  static let algorithms: [Convolution.Algorithm] = [
    .direct, .winograd(side: 4), .winograd(side: 2), .bf16x2, .bf16, .int8x3,
  ]

  /// Multiples of 1/128, which bfloat16 holds too: rounding to it changes none.
  private func random(_ name: String, _ count: Int) -> [Float] {
    uniform(name, count).map { (($0 * 256).rounded(.down) - 128) / 128 }
  }

  /// What operators one after the other make of a map, and what its gradient is at some positions.
  private struct Expectation {
    let x, y: OracleMap
    /// That of the loss by the output.
    let gradient: OracleMap
    /// Of the loss by the input, by its index.
    let slopes: [(index: Int, slope: Double)]
  }

  private func expectation(_ operators: [OracleOperator], _ x: OracleMap) -> Expectation {
    func output(_ x: OracleMap) -> OracleMap { operators.reduce(x) { $1.apply($0) } }
    let y = output(x)
    var gradient = y
    gradient.values = random("gradient", y.values.count).map(Double.init)
    func loss(_ x: OracleMap) -> Double {
      zip(gradient.values, output(x).values).reduce(0) { $0 + $1.0 * $1.1 }
    }
    let step = 1e-5
    let slopes = words("positions", count: min(40, x.values.count)).map { word in
      let i = Int(word % UInt64(x.values.count))
      var (above, below) = (x, x)
      above.values[i] += step
      below.values[i] -= step
      return (i, (loss(above) - loss(below)) / (2 * step))
    }
    return Expectation(x: x, y: y, gradient: gradient, slopes: slopes)
  }

  private func check(_ graph: Graph, _ expected: Expectation, _ comment: Comment? = nil) throws {
    let (y, back) = try run(graph, expected.x, expected.gradient)
    #expect(
      (y.count, y.channels, y.height, y.width) == (
        expected.y.count, expected.y.channels, expected.y.height, expected.y.width
      ), comment)
    #expect(relativeError(y.values, expected.y.values) < 1e-5, comment)
    let scale = max(expected.slopes.reduce(0) { max($0, abs($1.slope)) }, 1e-3)
    #expect(
      expected.slopes.allSatisfy { abs(back.values[$0.index] - $0.slope) < 1e-4 * scale }, comment)
  }

  /// Compares with the operators one after the other, and checks their gradient at some positions.
  private func check(_ graph: Graph, _ operators: [OracleOperator], _ x: OracleMap) throws {
    try check(graph, expectation(operators, x))
  }

  private func input(_ c: Case) -> OracleMap {
    OracleMap(
      c.count, c.channels, c.height, c.width,
      random("x", c.count * c.channels * c.height * c.width).map(Double.init))
  }

  private func graph(_ c: Case) -> Graph {
    Graph(mean: [Float](repeating: 0, count: c.channels), deviation: [Float](repeating: 1, count: c.channels))
  }

  private func convolution(_ c: Case, _ algorithm: Convolution.Algorithm? = nil) -> (
    Convolution, OracleOperator
  ) {
    let out = c.out
    let weights = random("w", out * c.channels / c.groups * c.kernel.0 * c.kernel.1)
    let bias = random("b", out)
    return (
      Convolution(
        inChannels: c.channels, outChannels: out, height: c.kernel.0, width: c.kernel.1, stride: c.stride,
        pad: c.pad,
        groups: c.groups, weights: weights, bias: bias, algorithm: algorithm),
      .convolution(
        out: out, height: c.kernel.0, width: c.kernel.1, stride: c.stride, pad: c.pad, groups: c.groups,
        weights: weights.map(Double.init), bias: bias.map(Double.init))
    )
  }

  /// By each algorithm, against one and the same expectation.
  @Test(arguments: convolutions) func convolution(_ c: Case) throws {
    let expected = expectation([convolution(c).1], input(c))
    for algorithm in Self.algorithms {
      var graph = graph(c)
      _ = graph.add(.convolution(convolution(c, algorithm).0), 0)
      try check(graph, expected, "\(algorithm)")
    }
  }

  /// Maps so large, or channels so many, that the work is cut in all the ways there are.
  static let large: [Case] = [
    Case(name: "1x1", channels: 48, out: 300, kernel: (1, 1), pad: 0, height: 70, width: 71),
    Case(name: "3x3", channels: 96, out: 160, count: 2, height: 57, width: 58),
    Case(name: "3x3, small maps", channels: 200, out: 256, count: 8, height: 7, width: 7),
    Case(name: "3x3, strided", channels: 64, out: 96, stride: 2, count: 3, height: 57, width: 56),
    Case(name: "1x1", channels: 128, out: 200, kernel: (1, 1), pad: 0, count: 2, height: 64, width: 65),
    Case(name: "3x3, many channels", channels: 512, out: 40, count: 2, height: 16, width: 17),
    Case(
      name: "1x1, strided", channels: 256, out: 512, kernel: (1, 1), stride: 2, pad: 0, height: 56, width: 55),
  ]

  /// Gradients in bf16x2 agree with those of floats to some millionths, whatever the numbers, as sums in int8x3 do;
  /// bf16 makes what floats make of rounded numbers.
  @Test(arguments: large, [Convolution.Algorithm.bf16, .bf16x2, .int8x3])
  func lowPrecisionAgreesWithFloats(_ c: Case, _ algorithm: Convolution.Algorithm) throws {
    let (out, side) = (c.out, c.kernel.0)
    func numbers(_ name: String, _ count: Int) -> [Float] {
      algorithm == .bf16 ? random(name, count) : uniform(name, count).map { 2 * $0 - 1 }
    }
    let weights = numbers("w", out * c.channels * side * side)
    func results(_ algorithm: Convolution.Algorithm) throws -> (OracleMap, OracleMap) {
      var graph = graph(c)
      let convolution = Convolution(
        inChannels: c.channels, outChannels: out, height: side, width: side, stride: c.stride, pad: c.pad,
        weights: weights, algorithm: algorithm)
      let shape = convolution.outputShape(of: [
        Shape(channels: c.channels, height: c.height, width: c.width)
      ])
      _ = graph.add(.convolution(convolution), 0)
      let count = c.count * out * shape.height * shape.width
      let gradient = OracleMap(
        c.count, out, shape.height, shape.width, numbers("g", count).map(Double.init))
      let x = numbers("x", c.count * c.channels * c.height * c.width).map(Double.init)
      return try run(graph, OracleMap(c.count, c.channels, c.height, c.width, x), gradient)
    }
    let (own, floats) = (try results(algorithm), try results(.direct))
    #expect(relativeError(own.0.values, floats.0.values) < (algorithm == .int8x3 ? 3e-6 : 1e-5))
    #expect(relativeError(own.1.values, floats.1.values) < (algorithm == .bf16 ? 1e-6 : 1e-5))
  }

  /// To the bit, by each algorithm and by the one that is chosen.
  @Test(arguments: large, algorithms.map { Optional($0) } + [nil])
  func aBatchComputesWhatItsImagesCompute(_ c: Case, _ algorithm: Convolution.Algorithm?) throws {
    let weights = uniform("w", c.out * c.channels * c.kernel.0 * c.kernel.1).map { 2 * $0 - 1 }
    let convolution = Convolution(
      inChannels: c.channels, outChannels: c.out, height: c.kernel.0, width: c.kernel.1, stride: c.stride,
      pad: c.pad, weights: weights, algorithm: algorithm)
    var graph = graph(c)
    _ = graph.add(.convolution(convolution), 0)
    let shape = convolution.outputShape(of: [Shape(channels: c.channels, height: c.height, width: c.width)])
    let count = 3
    func map(_ name: String, _ channels: Int, _ height: Int, _ width: Int) -> OracleMap {
      // Images of different ranges, so that they would not be scaled alike.
      let size = channels * height * width
      let values = uniform(name, count * size).enumerated().map {
        Double((2 * $1 - 1) * Float($0 / size + 1))
      }
      return OracleMap(count, channels, height, width, values)
    }
    func image(_ n: Int, of map: OracleMap) -> OracleMap {
      let size = map.values.count / map.count
      return OracleMap(1, map.channels, map.height, map.width, Array(map.values[n * size..<(n + 1) * size]))
    }
    let (x, gradient) = (map("x", c.channels, c.height, c.width), map("g", c.out, shape.height, shape.width))
    let (y, back) = try run(graph, x, gradient)
    for n in 0..<count {
      let own = try run(graph, image(n, of: x), image(n, of: gradient))
      #expect(own.1.values == image(n, of: back).values, "the gradient of image \(n)")
      #expect(own.0.values == image(n, of: y).values, "image \(n)")
    }
  }

  /// A position of small numbers beside one of large ones keeps its precision, one of zeros gives zeros, and what is not
  /// finite stays so, at its position alone.
  @Test func int8x3HasAScaleForEachPosition() throws {
    let c = Case(channels: 192, out: 48, kernel: (1, 1), pad: 0, height: 5, width: 9)
    let weights = uniform("w", c.out * c.channels).map { 2 * $0 - 1 }
    let convolution = Convolution(
      inChannels: c.channels, outChannels: c.out, height: 1, width: 1, weights: weights, algorithm: .int8x3)
    var graph = graph(c)
    _ = graph.add(.convolution(convolution), 0)
    let area = c.height * c.width
    var x = input(c)
    for i in x.values.indices {
      x.values[i] *= Double(sign: .plus, exponent: i % area * 4 - 90, significand: 1)
    }
    let (zeros, infinite, unknown) = (7, 20, 33)
    for channel in 0..<c.channels { x.values[channel * area + zeros] = 0 }
    x.values[5 * area + infinite] = .infinity
    x.values[100 * area + unknown] = .nan

    let y = try run(graph, x, OracleMap(1, c.out, c.height, c.width)).0
    let oracle = OracleOperator.convolution(
      out: c.out, height: 1, width: 1, stride: 1, pad: 0, groups: 1, weights: weights.map(Double.init),
      bias: [Double](repeating: 0, count: c.out))
    let expected = oracle.apply(x)
    for position in 0..<area {
      func column(_ map: OracleMap) -> [Double] { (0..<c.out).map { map.values[$0 * area + position] } }
      switch position {
      case zeros: #expect(column(y).allSatisfy { $0 == 0 })
      case infinite, unknown: #expect(column(y).allSatisfy { !$0.isFinite })
      default: #expect(relativeError(column(y), column(expected)) < 3e-6, "position \(position)")
      }
    }
  }

  /// Convolution, batch normalisation and ReLU become one step.
  @Test(arguments: [convolutions[1], convolutions[5], convolutions[17]]) func joined(_ c: Case) throws {
    let (convolution, oracle) = convolution(c)
    let (scale, shift) = (random("s", c.out), random("t", c.out))
    var graph = graph(c)
    let y = graph.add(.convolution(convolution), 0)
    _ = graph.add(
      .activation(.relu), graph.add(.batchNormalization(ChannelAffine(scale: scale, shift: shift)), y))
    #expect(Network(graph).stepCount == 1)
    try check(
      graph, [oracle, .affine(scale: scale.map(Double.init), shift: shift.map(Double.init)), .relu], input(c))
  }

  /// relu(conv(x) + x): the residual joins the convolution, and the gradient has two ways back.
  @Test(arguments: algorithms) func residual(
    _ algorithm: Convolution.Algorithm
  ) throws {
    let c = Case(channels: 6, out: 6, count: 2, height: 9, width: 10)
    let (convolution, oracle) = convolution(c, algorithm)
    var graph = graph(c)
    let y = graph.add(.convolution(convolution), 0)
    _ = graph.add(.activation(.relu), graph.add(.add, y, 0))
    #expect(Network(graph).stepCount == 1)
    let x = input(c)
    var both = OracleMap(2, 6, c.height, c.width)
    both.values = x.values
    // As one convolution: the identity is added to the middle tap.
    guard
      case .convolution(let out, let h, let w, let stride, let pad, let groups, var weights, let bias) =
        oracle
    else { return }
    for o in 0..<6 { weights[((o * 6 + o) * 3 + 1) * 3 + 1] += 1 }
    try check(
      graph,
      [
        .convolution(
          out: out, height: h, width: w, stride: stride, pad: pad, groups: groups, weights: weights,
          bias: bias), .relu,
      ], x)
  }

  /// What is read twice, or is a layer, is not joined.
  @Test func layersStayReadable() throws {
    let c = Case(channels: 4, out: 4)
    let (convolution, oracle) = convolution(c)
    var graph = graph(c)
    let y = graph.add(.convolution(convolution), 0)
    graph.layers.append(Graph.Layer(name: "before", node: y))
    _ = graph.add(.activation(.relu), y)
    #expect(Network(graph).stepCount == 2)
    try check(graph, [oracle, .relu], input(c))
  }

  @Test func affineReLUAndSum() throws {
    let c = Case(channels: 5, count: 2)
    let (scale, shift) = (random("s", 5), random("t", 5))
    let x = input(c)
    var graph = graph(c)
    let y = graph.add(.batchNormalization(ChannelAffine(scale: scale, shift: shift)), 0)
    _ = graph.add(.add, graph.add(.activation(.relu), y), graph.add(.activation(.relu), y))
    try check(
      graph,
      [
        .affine(scale: scale.map { 2 * Double($0) }, shift: shift.map { 2 * Double($0) }), .relu,
      ], x)
  }

  @Test(arguments: [(3, 2, 1, 9, 12), (3, 2, 1, 1, 1), (2, 2, 0, 8, 7), (3, 1, 1, 5, 4)])
  func maxPool(size: Int, stride: Int, pad: Int, height: Int, width: Int) throws {
    let c = Case(channels: 3, count: 2, height: height, width: width)
    var graph = graph(c)
    _ = graph.add(.maxPool(MaxPool(size: size, stride: stride, pad: pad)), 0)
    // Among numbers so coarse many would be equal, and the maximum has no gradient there.
    var x = input(c)
    x.values = uniform("x", x.values.count).map(Double.init)
    try check(graph, [.maxPool(size: size, stride: stride, pad: pad)], x)
  }

  @Test(arguments: [(1, 1), (7, 9), (16, 16)]) func meanPool(height: Int, width: Int) throws {
    let c = Case(channels: 70, count: 3, height: height, width: width)
    var graph = graph(c)
    _ = graph.add(.meanPool, 0)
    try check(graph, [.meanPool], input(c))
  }

  /// The layout of memory keeps apart what lives at the same time, and does no worse than twice the least.
  @Test func arena() {
    let sizes = words("arena", count: 200).map { Int($0 % 1000) }
    let times = words("times", count: 400).map { Int($0 % 50) }
    let blocks = sizes.indices.map {
      Arena.Block(
        size: sizes[$0], first: min(times[2 * $0], times[2 * $0 + 1]),
        last: max(times[2 * $0], times[2 * $0 + 1]))
    }
    let (offsets, total) = Arena.layout(blocks)
    for (i, a) in blocks.enumerated() {
      #expect(offsets[i] + a.size <= total)
      for (j, b) in blocks.enumerated() where i < j && a.first <= b.last && b.first <= a.last {
        #expect(offsets[i] + a.size <= offsets[j] || offsets[j] + b.size <= offsets[i])
      }
    }
    let least = (0..<50).map { time in
      blocks.reduce(0) { $0 + ($1.first <= time && time <= $1.last ? $1.size : 0) }
    }.max()!
    #expect(total <= 2 * least)
  }
}
