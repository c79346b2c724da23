/// Why an operator cannot read its inputs.
struct ShapeError: Error {
  let problem: String
}

extension Graph {
  /// Channels, and positions, beyond which nothing is computed.
  private static let (mostChannels, mostPositions) = (1 << 22, 1 << 28)

  /// The shape of each node for images of a size: the one place where operators are held against what they read. Whatever
  /// runs a graph does so after this.
  /// - Throws: `RuntimeError.invalid`
  package func shapes(height: Int, width: Int) throws -> [Shape] {
    if let fixedSize, fixedSize != (height, width) {
      throw RuntimeError.invalid(
        "the model takes images of \(fixedSize.width)x\(fixedSize.height) alone, not \(width)x\(height)")
    }
    var shapes: [Shape] = []
    for (n, node) in nodes.enumerated() {
      do {
        guard node.inputs.allSatisfy({ $0 >= 0 && $0 < n }) else {
          throw ShapeError(problem: "it reads a node that is not before it")
        }
        let shape =
          if case .input = node.operator {
            Shape(channels: mean.count, height: height, width: width)
          } else {
            try node.operator.outputShape(of: node.inputs.map { shapes[$0] })
          }
        guard (1...Graph.mostChannels).contains(shape.channels), shape.height > 0, shape.width > 0,
          shape.height <= Graph.mostPositions, shape.width <= Graph.mostPositions / shape.height
        else {
          throw ShapeError(problem: "its output would be \(shape.channels)x\(shape.height)x\(shape.width)")
        }
        shapes.append(shape)
      } catch let error as ShapeError {
        throw RuntimeError.invalid(
          "an image of \(width)x\(height) does not fit the model: operator \(n), \(node.operator.name): "
            + error.problem)
      }
    }
    return shapes
  }
}

extension Graph.Operator {
  /// What messages call it.
  package var name: String {
    let description = "\(self)"
    return String(description.prefix { $0 != "(" })
  }

  private var inputCount: ClosedRange<Int> {
    switch self {
    case .input: 0...0
    case .add, .multiply: 2...2
    case .attention: 3...3
    case .concatenation: 1...(1 << 16)
    default: 1...1
    }
  }

  /// - Throws: `ShapeError`
  func outputShape(of inputs: [Shape]) throws -> Shape {
    guard inputCount.contains(inputs.count) else {
      throw ShapeError(problem: "it has \(inputs.count) inputs")
    }
    guard let x = inputs.first else { throw ShapeError(problem: "it has no input") }
    func need(_ condition: Bool, _ problem: @autoclosure () -> String) throws {
      if !condition { throw ShapeError(problem: problem()) }
    }
    func needChannels(_ count: Int) throws {
      try need(x.channels == count, "it takes \(count) channels, not \(x.channels)")
    }
    switch self {
    case .input, .activation, .softmax: return x
    case .convolution(let convolution):
      let g = convolution.geometry
      try needChannels(g.inChannels)
      try need(
        x.height + g.padding.top + g.padding.bottom >= g.height
          && x.width + g.padding.left + g.padding.right >= g.width,
        "its window of \(g.width)x\(g.height) does not fit a map of \(x.width)x\(x.height)")
      return g.outputShape(of: x)
    case .batchNormalization(let affine):
      try needChannels(affine.scale.count)
      return x
    case .trainedNormalization(let norm):
      try needChannels(norm.scale.count)
      return x
    case .channelNormalization(let norm):
      try needChannels(norm.weight.count)
      return x
    case .groupNormalization(let norm):
      try needChannels(norm.weight.count)
      return x
    case .add:
      try need(inputs[0] == inputs[1], "its inputs are \(inputs[0].text) and \(inputs[1].text)")
      return x
    case .multiply:
      let gate = Shape(channels: x.channels, height: 1, width: 1)
      try need(
        inputs[0] == inputs[1] || inputs[1] == gate, "its inputs are \(inputs[0].text) and \(inputs[1].text)")
      return x
    case .addConstant(let map):
      try needChannels(map.shape.channels)
      try need(
        map.isInterpolated || (x.height, x.width) == (map.shape.height, map.shape.width),
        "its constant is for maps of \(map.shape.width)x\(map.shape.height), not \(x.width)x\(x.height)")
      return x
    case .maxPool(let pool): return try checked(pool.window, x)
    case .averagePool(let pool): return try checked(pool.window, x)
    case .adaptiveAveragePool(let height, let width):
      try need(height > 0 && width > 0, "it has no parts")
      return Shape(channels: x.channels, height: height, width: width)
    case .meanPool: return Shape(channels: x.channels, height: 1, width: 1)
    case .concatenation:
      var channels = 0
      for input in inputs {
        try need(
          (input.height, input.width) == (x.height, x.width),
          "its inputs are \(x.text) and \(input.text)")
        channels += input.channels
      }
      return Shape(channels: channels, height: x.height, width: x.width)
    case .slice(let range):
      try need(
        range.lowerBound >= 0 && range.upperBound <= x.channels,
        "it takes channels \(range) of \(x.channels)")
      return Shape(channels: range.count, height: x.height, width: x.width)
    case .permutation(let order):
      try need(
        order.allSatisfy { $0 >= 0 && $0 < x.channels }, "it takes channels beyond the \(x.channels)")
      return Shape(channels: order.count, height: x.height, width: x.width)
    case .tokens(let tokens):
      try need(
        tokens.values.allSatisfy { $0.count == x.channels }, "its tokens have not \(x.channels) channels")
      return tokens.outputShape(of: inputs)
    case .positions(let range):
      try need(
        range.lowerBound >= 0 && range.upperBound <= x.height * x.width,
        "it takes positions \(range) of \(x.height * x.width)")
      return Shape(channels: x.channels, height: 1, width: range.count)
    case .grid(let range, let rows):
      try need(
        range.lowerBound >= 0 && range.upperBound <= x.height * x.width && rows > 0
          && range.count % rows == 0,
        "it takes positions \(range) of \(x.height * x.width) in \(rows) rows")
      return Shape(channels: x.channels, height: rows, width: range.count / rows)
    case .flatten:
      let (count, overflow) = x.channels.multipliedReportingOverflow(by: x.height * x.width)
      return Shape(channels: overflow ? 0 : count, height: 1, width: 1)
    case .attention(let attention):
      let (keys, values) = (inputs[1], inputs[2])
      try need(
        attention.heads > 0 && x.channels % attention.heads == 0 && values.channels % attention.heads == 0,
        "\(attention.heads) heads do not divide \(x.channels) channels")
      try need(
        keys.channels == x.channels && keys.height * keys.width == values.height * values.width,
        "its keys are \(keys.text) and its values \(values.text)")
      return attention.outputShape(of: inputs)
    }
  }

  private func checked(_ window: PoolWindow, _ x: Shape) throws -> Shape {
    let size = window.outputSize(height: x.height, width: x.width)
    guard size.height > 0, size.width > 0 else {
      throw ShapeError(
        problem: "its window of \(window.width)x\(window.height) does not fit a map of \(x.width)x\(x.height)"
      )
    }
    return Shape(channels: x.channels, height: size.height, width: size.width)
  }
}

extension Shape {
  /// "64x56x56"
  var text: String { "\(channels)x\(height)x\(width)" }
}
