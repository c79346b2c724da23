import RobustRuntime

/// A graph of random operators that fit together, valid by construction.
struct RandomGraph {
  /// The value of a node.
  private struct Value {
    let node: Int
    let shape: Shape
  }

  private(set) var graph: Graph
  let input: Shape
  let images: Int
  private var values: [Value]
  private var random: Words
  private let seed: Int

  /// - Parameter seed: graphs of the same seed are the same.
  init(seed: Int) {
    self.seed = seed
    random = Words("graph \(seed)")
    let channels = [1, 3, 3, 5, 16, 20, 32][random.below(7)]
    input = Shape(channels: channels, height: 1 + random.below(11), width: 1 + random.below(11))
    images = 1 + random.below(2)
    graph = Graph(
      mean: [Float](repeating: 0.1, count: channels), deviation: [Float](repeating: 0.5, count: channels))
    values = [Value(node: 0, shape: input)]
    let size = 2 + random.below(12)
    while graph.nodes.count <= size { grow() }
    // The last node reads the last few values, so that most of the graph matters.
    let last = values[values.count - 1].shape
    let alike = values.suffix(4).filter { ($0.shape.height, $0.shape.width) == (last.height, last.width) }
    if alike.count > 1 { add(.concatenation, alike) }
  }

  // MARK: Random numbers

  /// Words of a hash, one after the other.
  private struct Words {
    private let name: String
    private var block = 0
    private var left: [UInt64] = []

    init(_ name: String) { self.name = name }

    mutating func below(_ count: Int) -> Int {
      if left.isEmpty {
        left = words("\(name), \(block)", count: 64)
        block += 1
      }
      return Int(left.removeLast() >> 8) % count
    }
  }

  private mutating func flip() -> Bool { random.below(2) == 0 }

  /// A divisor.
  private mutating func divisor(of number: Int) -> Int {
    let all = (1...number).filter { number % $0 == 0 }
    return all[random.below(all.count)]
  }

  /// Values in −scale...scale.
  private mutating func numbers(_ count: Int, scale: Float = 1, around centre: Float = 0) -> [Float] {
    uniform("numbers \(seed) \(random.below(1 << 40))", count).map { (2 * $0 - 1) * scale + centre }
  }

  // MARK: Operators

  private mutating func add(_ operator: Graph.Operator, _ inputs: [Value]) {
    let node = graph.add(`operator`, inputs.map(\.node))
    values.append(Value(node: node, shape: try! graph.shapes(height: input.height, width: input.width)[node]))
  }

  /// One of the values, mostly of the last ones.
  private mutating func pick() -> Value {
    let depth = flip() ? 1 : 1 + random.below(values.count)
    return values[values.count - depth]
  }

  /// Adds an operator, or a few that belong together.
  private mutating func grow() {
    let x = pick()
    let (channels, height, width) = (x.shape.channels, x.shape.height, x.shape.width)
    switch random.below(20) {
    case 0, 1, 2: convolution(x)
    case 3:
      add(
        .batchNormalization(
          ChannelAffine(scale: numbers(channels, around: 0.5), shift: numbers(channels, scale: 0.5))), [x])
    case 4:
      add(
        .channelNormalization(
          ChannelNormalization(weight: numbers(channels), bias: numbers(channels), epsilon: 1e-2)), [x])
    case 5:
      let groups = divisor(of: channels)
      add(
        .groupNormalization(
          GroupNormalization(
            groups: groups, weight: numbers(channels), bias: numbers(channels), epsilon: 1e-2)), [x])
    case 6, 7, 8: add(.activation(activation()), [x])
    case 9: add(.softmax, [x])
    case 10: sum(x)
    case 11: product(x)
    case 12:
      add(.addConstant(ConstantMap(shape: x.shape, values: numbers(channels * height * width))), [x])
    case 13: pool(x)
    case 14:
      if flip() {
        add(.meanPool, [x])
      } else {
        add(.adaptiveAveragePool(height: 1 + random.below(4), width: 1 + random.below(4)), [x])
      }
    case 15: concatenation(x)
    case 16:
      let first = random.below(channels)
      add(.slice(first..<first + 1 + random.below(channels - first)), [x])
    case 17:
      var order = Array(0..<channels)
      for k in order.indices { order.swapAt(k, random.below(channels)) }
      add(.permutation(order), [x])
    case 18: tokens(x)
    default: attention(x)
    }
  }

  private mutating func activation() -> Activation {
    let all: [Activation] = [
      .relu, .relu, .relu, .relu6, .silu, .gelu, .geluTanh, .sigmoid, .hardSigmoid, .hardSwish, .tanh,
      .leakyReLU(slope: 0.1), .identity,
    ]
    return all[random.below(all.count)]
  }

  private mutating func convolution(_ x: Value) {
    let channels = x.shape.channels
    let groups = flip() ? 1 : divisor(of: channels)
    let outs = groups * (groups == channels && flip() ? 1 : 1 + random.below(max(40 / groups, 1)))
    let sizes = [1, 1, 2, 3, 3, 3, 5]
    var (rows, columns) = (sizes[random.below(7)], 0)
    columns = random.below(4) == 0 ? sizes[random.below(7)] : rows
    var dilation = random.below(4) == 0 ? 2 : 1
    let even = random.below(max(rows, columns))
    var padding = Padding(even)
    if random.below(4) == 0 {
      padding = Padding(
        top: random.below(3), left: random.below(3), bottom: random.below(3), right: random.below(3))
    }
    func fits(_ extent: Int, _ size: Int, _ pad: Int) -> Bool { extent + pad >= (size - 1) * dilation + 1 }
    if !fits(x.shape.height, rows, padding.top + padding.bottom) { (rows, dilation) = (1, 1) }
    if !fits(x.shape.width, columns, padding.left + padding.right) { (columns, dilation) = (1, 1) }
    let perOutput = channels / groups * rows * columns
    add(
      .convolution(
        Convolution(
          inChannels: channels, outChannels: outs, height: rows, width: columns,
          stride: [1, 1, 1, 2, 2, 3][random.below(6)], padding: padding, dilation: dilation, groups: groups,
          weights: numbers(outs * perOutput, scale: (3 / Float(perOutput)).squareRoot()),
          bias: numbers(outs))), [x])
  }

  private mutating func sum(_ x: Value) {
    let alike = values.filter { $0.shape == x.shape }
    add(.add, [x, alike[random.below(alike.count)]])
  }

  private mutating func product(_ x: Value) {
    if flip() {
      add(.meanPool, [x])
      add(.activation(.sigmoid), [values[values.count - 1]])
      add(.multiply, [x, values[values.count - 1]])
    } else {
      let alike = values.filter { $0.shape == x.shape }
      add(.multiply, [x, alike[random.below(alike.count)]])
    }
  }

  private mutating func pool(_ x: Value) {
    let (rows, columns) = (1 + random.below(min(3, x.shape.height)), 1 + random.below(min(3, x.shape.width)))
    let padding = Padding(
      top: random.below(rows), left: random.below(columns), bottom: random.below(rows),
      right: random.below(columns))
    let window = PoolWindow(
      height: rows, width: columns, strideY: 1 + random.below(3), strideX: 1 + random.below(3),
      padding: padding, ceil: flip())
    add(
      flip() ? .maxPool(MaxPool(window)) : .averagePool(AveragePool(window, countsPadding: flip())), [x])
  }

  private mutating func concatenation(_ x: Value) {
    let alike = values.filter {
      ($0.shape.height, $0.shape.width) == (x.shape.height, x.shape.width) && $0.shape.channels <= 48
    }
    var parts = [x]
    for _ in 0...random.below(3) where !alike.isEmpty { parts.append(alike[random.below(alike.count)]) }
    add(.concatenation, parts)
  }

  private mutating func tokens(_ x: Value) {
    let (channels, positions) = (x.shape.channels, x.shape.height * x.shape.width)
    switch random.below(3) {
    case 0:
      add(.tokens(ClassTokens(values: (0...random.below(2)).map { _ in numbers(channels) })), [x])
    case 1:
      let first = random.below(positions)
      add(.positions(first..<first + 1 + random.below(positions - first)), [x])
    default:
      if channels * positions <= 600 { add(.flatten, [x]) }
    }
  }

  /// Attention of queries, keys and values that linear layers make.
  private mutating func attention(_ x: Value) {
    let heads = 1 + random.below(3)
    let (depth, own) = ([4, 5, 16][random.below(3)], [4, 7, 16][random.below(3)])
    var parts: [Value] = []
    for width in [depth, depth, own] {
      let weights = numbers(
        heads * width * x.shape.channels, scale: (3 / Float(x.shape.channels)).squareRoot())
      add(
        .convolution(
          Convolution(
            inChannels: x.shape.channels, outChannels: heads * width, height: 1, width: 1, weights: weights,
            bias: numbers(heads * width))), [x])
      parts.append(values[values.count - 1])
    }
    add(.attention(Attention(heads: heads, scale: 1 / Float(depth).squareRoot())), parts)
  }
}
