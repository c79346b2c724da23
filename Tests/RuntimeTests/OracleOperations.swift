import Glibc
import RobustRuntime

/// An operator in double precision.
protocol OracleOperation {
  func forward(_ inputs: [OracleMap]) -> OracleMap
  /// The gradients by the inputs, from that by the output.
  func backward(_ inputs: [OracleMap], _ output: OracleMap, _ gradient: OracleMap) -> [OracleMap]
}

/// An operator whose outputs are sums of products of inputs with factors, beside what does not depend on the inputs.
protocol LinearOracle: OracleOperation {
  /// The output where all inputs are 0.
  func constant(_ inputs: [OracleMap]) -> OracleMap
  /// Calls `body` with each factor, and with what it multiplies and where the product is added.
  func eachFactor(
    _ inputs: [OracleMap], _ output: OracleMap,
    _ body: (_ to: Int, _ input: Int, _ from: Int, _ factor: Double) -> Void)
}

extension LinearOracle {
  func forward(_ inputs: [OracleMap]) -> OracleMap {
    var output = constant(inputs)
    let shape = OracleMap(like: output)
    output.values.withUnsafeMutableBufferPointer { out in
      eachFactor(inputs, shape) { to, input, from, factor in
        out[to] += factor * inputs[input].values[from]
      }
    }
    return output
  }

  func backward(_ inputs: [OracleMap], _ output: OracleMap, _ gradient: OracleMap) -> [OracleMap] {
    var gradients = inputs.map { OracleMap(like: $0) }
    eachFactor(inputs, output) { to, input, from, factor in
      gradients[input].values[from] += factor * gradient.values[to]
    }
    return gradients
  }
}

extension OracleMap {
  /// Zeros in the shape of another map.
  init(like other: OracleMap) { self.init(other.count, other.channels, other.height, other.width) }

  func zeros(channels: Int? = nil, height: Int? = nil, width: Int? = nil) -> OracleMap {
    OracleMap(count, channels ?? self.channels, height ?? self.height, width ?? self.width)
  }

  var area: Int { height * width }
  /// The channel of a value.
  func channel(_ index: Int) -> Int { index / area % channels }
}

func softmax(_ values: [Double]) -> [Double] {
  let most = values.max() ?? 0
  let exponentials = values.map { exp($0 - most) }
  let sum = exponentials.reduce(0, +)
  return exponentials.map { $0 / sum }
}

extension Graph.Node {
  /// The node by plain loops, with what lowering has joined to it.
  func oracle(_ graph: Graph) -> any OracleOperation {
    let base = `operator`.oracle(graph)
    let takesResidual =
      switch `operator` {
      case .convolution, .trainedNormalization: inputs.count > 1
      default: false
      }
    if activation == .identity && !takesResidual { return base }
    return JoinedOracle(
      operation: base, addsSecond: takesResidual, activation: ActivationOracle(activation: activation))
  }
}

/// An operator, to whose output a second input and then an activation may be applied.
struct JoinedOracle: OracleOperation {
  let operation: any OracleOperation
  let addsSecond: Bool
  let activation: ActivationOracle

  func forward(_ inputs: [OracleMap]) -> OracleMap { activation.forward([sum(inputs)]) }

  func backward(_ inputs: [OracleMap], _ output: OracleMap, _ gradient: OracleMap) -> [OracleMap] {
    let slope = activation.backward([sum(inputs)], output, gradient)[0]
    guard addsSecond else { return operation.backward(inputs, output, slope) }
    return operation.backward([inputs[0]], output, slope) + [slope]
  }

  private func sum(_ inputs: [OracleMap]) -> OracleMap {
    guard addsSecond else { return operation.forward(inputs) }
    return SumOracle().forward([operation.forward([inputs[0]]), inputs[1]])
  }
}

extension Graph.Operator {
  /// The operator by plain loops.
  func oracle(_ graph: Graph) -> any OracleOperation {
    switch self {
    case .input:
      AffineOracle(
        scale: graph.deviation.map { 1 / Double($0) },
        shift: zip(graph.mean, graph.deviation).map { -Double($0) / Double($1) })
    case .convolution(let convolution): ConvolutionOracle(convolution)
    case .batchNormalization(let affine): AffineOracle(affine)
    case .trainedNormalization(let norm): AffineOracle(norm.affine)
    case .channelNormalization(let norm):
      NormalizationOracle(
        weight: norm.weight.map(Double.init), bias: norm.bias.map(Double.init),
        epsilon: Double(norm.epsilon), groups: nil)
    case .groupNormalization(let norm):
      NormalizationOracle(
        weight: norm.weight.map(Double.init), bias: norm.bias.map(Double.init),
        epsilon: Double(norm.epsilon), groups: norm.groups)
    case .activation(let activation): ActivationOracle(activation: activation)
    case .softmax: SoftmaxOracle()
    case .add: SumOracle()
    case .multiply: ProductOracle()
    case .addConstant(let map): ConstantOracle(map: map)
    case .maxPool(let pool): MaxPoolOracle(window: pool.window)
    case .averagePool(let pool): AveragePoolOracle(window: pool.window, countsPadding: pool.countsPadding)
    case .adaptiveAveragePool(let height, let width): AdaptivePoolOracle(height: height, width: width)
    case .meanPool: AdaptivePoolOracle(height: 1, width: 1)
    case .concatenation: ConcatenationOracle()
    case .slice(let range): ChannelsOracle(order: Array(range))
    case .permutation(let order): ChannelsOracle(order: order)
    case .tokens(let tokens): TokensOracle(tokens: tokens.values.map { $0.map(Double.init) })
    case .positions(let range): PositionsOracle(range: range)
    case .grid(let range, let rows): PositionsOracle(range: range, rows: rows)
    case .flatten: FlattenOracle()
    case .attention(let attention):
      AttentionOracle(heads: attention.heads, scale: Double(attention.scale))
    }
  }
}

struct ConvolutionOracle: LinearOracle {
  let geometry: Convolution.Geometry
  let weights, bias: [Double]

  init(_ convolution: Convolution) {
    geometry = convolution.geometry
    weights = convolution.weightValues.map(Double.init)
    bias = convolution.biasValues.map(Double.init)
  }

  func constant(_ inputs: [OracleMap]) -> OracleMap {
    let (x, pad) = (inputs[0], geometry.padding)
    var y = x.zeros(
      channels: geometry.outChannels,
      height: (x.height + pad.top + pad.bottom - geometry.height) / geometry.stride + 1,
      width: (x.width + pad.left + pad.right - geometry.width) / geometry.stride + 1)
    for i in y.values.indices { y.values[i] = bias[y.channel(i)] }
    return y
  }

  func eachFactor(_ inputs: [OracleMap], _ y: OracleMap, _ body: (Int, Int, Int, Double) -> Void) {
    let (x, g) = (inputs[0], geometry)
    let (ins, outs) = (g.inChannels / g.groups, g.outChannels / g.groups)
    for n in 0..<y.count {
      for o in 0..<y.channels {
        for i in 0..<ins {
          for ky in 0..<g.height {
            for kx in 0..<g.width {
              let weight = weights[((o * ins + i) * g.height + ky) * g.width + kx]
              if weight == 0 { continue }
              for qy in 0..<y.height {
                let py = qy * g.stride + ky - g.padding.top
                guard py >= 0 && py < x.height else { continue }
                let row = x.index(n, o / outs * ins + i, py, 0)
                let to = y.index(n, o, qy, 0)
                for qx in 0..<y.width {
                  let px = qx * g.stride + kx - g.padding.left
                  if px >= 0 && px < x.width { body(to + qx, 0, row + px, weight) }
                }
              }
            }
          }
        }
      }
    }
  }
}

struct AffineOracle: LinearOracle {
  let scale, shift: [Double]

  init(scale: [Double], shift: [Double]) { (self.scale, self.shift) = (scale, shift) }

  init(_ affine: ChannelAffine) {
    self.init(scale: affine.scale.map(Double.init), shift: affine.shift.map(Double.init))
  }

  func constant(_ inputs: [OracleMap]) -> OracleMap {
    var y = OracleMap(like: inputs[0])
    for i in y.values.indices { y.values[i] = shift[y.channel(i)] }
    return y
  }

  func eachFactor(_ inputs: [OracleMap], _ y: OracleMap, _ body: (Int, Int, Int, Double) -> Void) {
    for i in y.values.indices { body(i, 0, i, scale[y.channel(i)]) }
  }
}

struct SumOracle: LinearOracle {
  func constant(_ inputs: [OracleMap]) -> OracleMap { OracleMap(like: inputs[0]) }

  func eachFactor(_ inputs: [OracleMap], _ y: OracleMap, _ body: (Int, Int, Int, Double) -> Void) {
    for k in inputs.indices { for i in y.values.indices { body(i, k, i, 1) } }
  }
}

struct ConstantOracle: LinearOracle {
  let map: ConstantMap

  /// Interpolation is the map's own, of which PyTorch's is the oracle.
  func constant(_ inputs: [OracleMap]) -> OracleMap {
    var y = OracleMap(like: inputs[0])
    let values = map.values(height: y.height, width: y.width).map(Double.init)
    for i in y.values.indices { y.values[i] = values[i % values.count] }
    return y
  }

  func eachFactor(_ inputs: [OracleMap], _ y: OracleMap, _ body: (Int, Int, Int, Double) -> Void) {
    for i in y.values.indices { body(i, 0, i, 1) }
  }
}

struct AveragePoolOracle: LinearOracle {
  let window: PoolWindow
  let countsPadding: Bool

  func constant(_ inputs: [OracleMap]) -> OracleMap {
    let size = window.outputSize(height: inputs[0].height, width: inputs[0].width)
    return inputs[0].zeros(height: size.height, width: size.width)
  }

  func eachFactor(_ inputs: [OracleMap], _ y: OracleMap, _ body: (Int, Int, Int, Double) -> Void) {
    let x = inputs[0]
    for plane in 0..<x.count * x.channels {
      for qy in 0..<y.height {
        for qx in 0..<y.width {
          let rows = window.rows(qy, of: x.height)
          let columns = window.columns(qx, of: x.width)
          let share =
            countsPadding
            ? 1 / Double(rows.withPadding * columns.withPadding)
            : 1 / Double(rows.within.count * columns.within.count)
          for py in rows.within {
            for px in columns.within {
              body((plane * y.height + qy) * y.width + qx, 0, (plane * x.height + py) * x.width + px, share)
            }
          }
        }
      }
    }
  }
}

extension PoolWindow {
  /// Rows of a map that the window at one of its positions sees, and how many it sees with those of the padding.
  func rows(_ at: Int, of extent: Int) -> (within: Range<Int>, withPadding: Int) {
    seen(at * strideY - padding.top, height, extent, padding.bottom)
  }

  func columns(_ at: Int, of extent: Int) -> (within: Range<Int>, withPadding: Int) {
    seen(at * strideX - padding.left, width, extent, padding.right)
  }

  private func seen(_ first: Int, _ size: Int, _ extent: Int, _ after: Int) -> (
    within: Range<Int>, withPadding: Int
  ) {
    let end = min(first + size, extent + after)
    return (max(first, 0)..<max(min(end, extent), max(first, 0)), end - first)
  }
}

struct AdaptivePoolOracle: LinearOracle {
  let height, width: Int

  func constant(_ inputs: [OracleMap]) -> OracleMap { inputs[0].zeros(height: height, width: width) }

  func eachFactor(_ inputs: [OracleMap], _ y: OracleMap, _ body: (Int, Int, Int, Double) -> Void) {
    let x = inputs[0]
    func part(_ at: Int, _ parts: Int, _ extent: Int) -> Range<Int> {
      at * extent / parts..<((at + 1) * extent + parts - 1) / parts
    }
    for plane in 0..<x.count * x.channels {
      for qy in 0..<height {
        for qx in 0..<width {
          let (rows, columns) = (part(qy, height, x.height), part(qx, width, x.width))
          let share = 1 / Double(rows.count * columns.count)
          for py in rows {
            for px in columns {
              body((plane * height + qy) * width + qx, 0, (plane * x.height + py) * x.width + px, share)
            }
          }
        }
      }
    }
  }
}

struct ConcatenationOracle: LinearOracle {
  func constant(_ inputs: [OracleMap]) -> OracleMap {
    inputs[0].zeros(channels: inputs.reduce(0) { $0 + $1.channels })
  }

  func eachFactor(_ inputs: [OracleMap], _ y: OracleMap, _ body: (Int, Int, Int, Double) -> Void) {
    var first = 0
    for (k, x) in inputs.enumerated() {
      let size = x.channels * x.area
      for i in x.values.indices {
        body((i / size * y.channels + first) * y.area + i % size, k, i, 1)
      }
      first += x.channels
    }
  }
}

/// out[c] = in[order[c]]
struct ChannelsOracle: LinearOracle {
  let order: [Int]

  func constant(_ inputs: [OracleMap]) -> OracleMap { inputs[0].zeros(channels: order.count) }

  func eachFactor(_ inputs: [OracleMap], _ y: OracleMap, _ body: (Int, Int, Int, Double) -> Void) {
    let (x, area) = (inputs[0], inputs[0].area)
    for n in 0..<x.count {
      for (to, from) in order.enumerated() {
        for p in 0..<area {
          body((n * order.count + to) * area + p, 0, (n * x.channels + from) * area + p, 1)
        }
      }
    }
  }
}

struct TokensOracle: LinearOracle {
  /// [token][channel]
  let tokens: [[Double]]

  func constant(_ inputs: [OracleMap]) -> OracleMap {
    var y = inputs[0].zeros(height: 1, width: tokens.count + inputs[0].area)
    for n in 0..<y.count {
      for c in 0..<y.channels {
        for (t, token) in tokens.enumerated() { y.values[y.index(n, c, 0, t)] = token[c] }
      }
    }
    return y
  }

  func eachFactor(_ inputs: [OracleMap], _ y: OracleMap, _ body: (Int, Int, Int, Double) -> Void) {
    let area = inputs[0].area
    for i in inputs[0].values.indices { body(i / area * y.width + tokens.count + i % area, 0, i, 1) }
  }
}

struct PositionsOracle: LinearOracle {
  let range: Range<Int>
  var rows = 1

  func constant(_ inputs: [OracleMap]) -> OracleMap {
    inputs[0].zeros(height: rows, width: range.count / rows)
  }

  func eachFactor(_ inputs: [OracleMap], _ y: OracleMap, _ body: (Int, Int, Int, Double) -> Void) {
    for i in y.values.indices {
      body(i, 0, i / range.count * inputs[0].area + range.lowerBound + i % range.count, 1)
    }
  }
}

struct FlattenOracle: LinearOracle {
  func constant(_ inputs: [OracleMap]) -> OracleMap {
    inputs[0].zeros(channels: inputs[0].channels * inputs[0].area, height: 1, width: 1)
  }

  func eachFactor(_ inputs: [OracleMap], _ y: OracleMap, _ body: (Int, Int, Int, Double) -> Void) {
    for i in y.values.indices { body(i, 0, i, 1) }
  }
}

/// Of equal values the first is the largest.
struct MaxPoolOracle: OracleOperation {
  let window: PoolWindow

  func forward(_ inputs: [OracleMap]) -> OracleMap {
    let x = inputs[0]
    let size = window.outputSize(height: x.height, width: x.width)
    var y = x.zeros(height: size.height, width: size.width)
    for (to, from) in largest(x, y).enumerated() { y.values[to] = x.values[from] }
    return y
  }

  func backward(_ inputs: [OracleMap], _ output: OracleMap, _ gradient: OracleMap) -> [OracleMap] {
    var sum = OracleMap(like: inputs[0])
    for (to, from) in largest(inputs[0], output).enumerated() { sum.values[from] += gradient.values[to] }
    return [sum]
  }

  /// For each output, where its value lies in the input.
  private func largest(_ x: OracleMap, _ y: OracleMap) -> [Int] {
    var places: [Int] = []
    for plane in 0..<x.count * x.channels {
      for qy in 0..<y.height {
        for qx in 0..<y.width {
          var best: Int?
          for py in window.rows(qy, of: x.height).within {
            for px in window.columns(qx, of: x.width).within {
              let at = (plane * x.height + py) * x.width + px
              if best.map({ x.values[at] > x.values[$0] }) ?? true { best = at }
            }
          }
          places.append(best!)
        }
      }
    }
    return places
  }
}

/// The second map may have one position, which then multiplies all of the first.
struct ProductOracle: OracleOperation {
  func forward(_ inputs: [OracleMap]) -> OracleMap {
    var y = inputs[0]
    for i in y.values.indices { y.values[i] *= inputs[1].values[second(i, inputs)] }
    return y
  }

  func backward(_ inputs: [OracleMap], _ output: OracleMap, _ gradient: OracleMap) -> [OracleMap] {
    var gradients = inputs.map { OracleMap(like: $0) }
    for i in gradient.values.indices {
      let other = second(i, inputs)
      gradients[0].values[i] += gradient.values[i] * inputs[1].values[other]
      gradients[1].values[other] += gradient.values[i] * inputs[0].values[i]
    }
    return gradients
  }

  private func second(_ index: Int, _ inputs: [OracleMap]) -> Int {
    inputs[1].area == inputs[0].area ? index : index / inputs[0].area
  }
}

struct ActivationOracle: OracleOperation {
  let activation: Activation

  func forward(_ inputs: [OracleMap]) -> OracleMap {
    var y = inputs[0]
    for i in y.values.indices { y.values[i] = value(y.values[i]) }
    return y
  }

  func backward(_ inputs: [OracleMap], _ output: OracleMap, _ gradient: OracleMap) -> [OracleMap] {
    var sum = gradient
    for i in sum.values.indices { sum.values[i] *= slope(inputs[0].values[i]) }
    return [sum]
  }

  func value(_ x: Double) -> Double {
    switch activation {
    case .identity: x
    case .relu: max(x, 0)
    case .relu6: min(max(x, 0), 6)
    case .silu: x * logistic(x)
    case .gelu: x * normal(x)
    case .geluTanh: 0.5 * x * (1 + Glibc.tanh(inner(x)))
    case .sigmoid: logistic(x)
    case .hardSigmoid: min(max(x / 6 + 0.5, 0), 1)
    case .hardSwish: x * min(max(x / 6 + 0.5, 0), 1)
    case .tanh: Glibc.tanh(x)
    case .leakyReLU(let slope): x > 0 ? x : Double(slope) * x
    }
  }

  func slope(_ x: Double) -> Double {
    switch activation {
    case .identity: return 1
    case .relu: return x > 0 ? 1 : 0
    case .relu6: return x > 0 && x < 6 ? 1 : 0
    case .silu: return logistic(x) * (1 + x * (1 - logistic(x)))
    case .gelu: return normal(x) + x * exp(-x * x / 2) / (2 * Double.pi).squareRoot()
    case .geluTanh:
      let t = Glibc.tanh(inner(x))
      let inner = (2 / Double.pi).squareRoot() * (1 + 3 * 0.044715 * x * x)
      return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * inner
    case .sigmoid: return logistic(x) * (1 - logistic(x))
    case .hardSigmoid: return x > -3 && x < 3 ? 1.0 / 6 : 0
    case .hardSwish: return x <= -3 ? 0 : x >= 3 ? 1 : x / 3 + 0.5
    case .tanh: return 1 - Glibc.tanh(x) * Glibc.tanh(x)
    case .leakyReLU(let slope): return x > 0 ? 1 : Double(slope)
    }
  }

  private func logistic(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
  private func normal(_ x: Double) -> Double { 0.5 * (1 + erf(x / 2.0.squareRoot())) }
  private func inner(_ x: Double) -> Double { (2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x) }
}

/// Over the channels of each position.
struct SoftmaxOracle: OracleOperation {
  func forward(_ inputs: [OracleMap]) -> OracleMap {
    var y = inputs[0]
    eachPosition(y) { places in
      for (place, share) in zip(places, softmax(places.map { y.values[$0] })) { y.values[place] = share }
    }
    return y
  }

  func backward(_ inputs: [OracleMap], _ output: OracleMap, _ gradient: OracleMap) -> [OracleMap] {
    var sum = gradient
    eachPosition(output) { places in
      let mean = places.reduce(0.0) { $0 + output.values[$1] * gradient.values[$1] }
      for place in places { sum.values[place] = output.values[place] * (gradient.values[place] - mean) }
    }
    return [sum]
  }

  private func eachPosition(_ x: OracleMap, _ body: ([Int]) -> Void) {
    for n in 0..<x.count {
      for p in 0..<x.area { body((0..<x.channels).map { (n * x.channels + $0) * x.area + p }) }
    }
  }
}

/// Over the channels of a group and all positions, or without groups over the channels of each position.
struct NormalizationOracle: OracleOperation {
  let weight, bias: [Double]
  let epsilon: Double
  let groups: Int?

  func forward(_ inputs: [OracleMap]) -> OracleMap {
    let x = inputs[0]
    var y = x
    eachGroup(x) { places in
      let (mean, deviation) = moments(x, places)
      for place in places {
        let c = x.channel(place)
        y.values[place] = weight[c] * (x.values[place] - mean) / deviation + bias[c]
      }
    }
    return y
  }

  /// With h = g · weight the gradient is (h − mean(h) − x̂ mean(h x̂)) / deviation.
  func backward(_ inputs: [OracleMap], _ output: OracleMap, _ gradient: OracleMap) -> [OracleMap] {
    let x = inputs[0]
    var sum = OracleMap(like: x)
    eachGroup(x) { places in
      let (mean, deviation) = moments(x, places)
      let normal = places.map { (x.values[$0] - mean) / deviation }
      let slopes = places.map { gradient.values[$0] * weight[x.channel($0)] }
      let count = Double(places.count)
      let average = slopes.reduce(0, +) / count
      let product = zip(slopes, normal).reduce(0.0) { $0 + $1.0 * $1.1 } / count
      for (k, place) in places.enumerated() {
        sum.values[place] = (slopes[k] - average - normal[k] * product) / deviation
      }
    }
    return [sum]
  }

  private func moments(_ x: OracleMap, _ places: [Int]) -> (mean: Double, deviation: Double) {
    let mean = places.reduce(0.0) { $0 + x.values[$1] } / Double(places.count)
    let variance =
      places.reduce(0.0) { $0 + (x.values[$1] - mean) * (x.values[$1] - mean) } / Double(places.count)
    return (mean, (variance + epsilon).squareRoot())
  }

  private func eachGroup(_ x: OracleMap, _ body: ([Int]) -> Void) {
    for n in 0..<x.count {
      if let groups {
        let size = x.channels / groups * x.area
        for g in 0..<groups {
          let first = n * x.channels * x.area + g * size
          body(Array(first..<first + size))
        }
      } else {
        for p in 0..<x.area { body((0..<x.channels).map { (n * x.channels + $0) * x.area + p }) }
      }
    }
  }
}

/// softmax(scale · qᵀk) v for each head.
struct AttentionOracle: OracleOperation {
  let heads: Int
  let scale: Double

  func forward(_ inputs: [OracleMap]) -> OracleMap {
    let (q, k, v) = (inputs[0], inputs[1], inputs[2])
    var y = v.zeros(height: q.height, width: q.width)
    let depth = v.channels / heads
    for n in 0..<q.count {
      for head in 0..<heads {
        for t in 0..<q.area {
          let shares = shares(q, k, n, head, t)
          for c in 0..<depth {
            let row = (n * v.channels + head * depth + c) * v.area
            var sum = 0.0
            for s in 0..<v.area { sum += shares[s] * v.values[row + s] }
            y.values[(n * y.channels + head * depth + c) * y.area + t] = sum
          }
        }
      }
    }
    return y
  }

  func backward(_ inputs: [OracleMap], _ output: OracleMap, _ gradient: OracleMap) -> [OracleMap] {
    let (q, k, v) = (inputs[0], inputs[1], inputs[2])
    var (gq, gk, gv) = (OracleMap(like: q), OracleMap(like: k), OracleMap(like: v))
    let (depth, keyDepth) = (v.channels / heads, q.channels / heads)
    for n in 0..<q.count {
      for head in 0..<heads {
        for t in 0..<q.area {
          let shares = shares(q, k, n, head, t)
          // The gradient by the shares, then by the products.
          var slopes = [Double](repeating: 0, count: v.area)
          for c in 0..<depth {
            let row = (n * v.channels + head * depth + c) * v.area
            let g = gradient.values[(n * v.channels + head * depth + c) * q.area + t]
            for s in 0..<v.area {
              slopes[s] += g * v.values[row + s]
              gv.values[row + s] += g * shares[s]
            }
          }
          let mean = zip(slopes, shares).reduce(0.0) { $0 + $1.0 * $1.1 }
          for s in 0..<v.area { slopes[s] = scale * shares[s] * (slopes[s] - mean) }
          for c in 0..<keyDepth {
            let channel = n * q.channels + head * keyDepth + c
            let at = channel * q.area + t
            for s in 0..<k.area {
              gq.values[at] += slopes[s] * k.values[channel * k.area + s]
              gk.values[channel * k.area + s] += slopes[s] * q.values[at]
            }
          }
        }
      }
    }
    return [gq, gk, gv]
  }

  /// What a token takes of each token's value.
  private func shares(_ q: OracleMap, _ k: OracleMap, _ n: Int, _ head: Int, _ token: Int) -> [Double] {
    let depth = q.channels / heads
    var products = [Double](repeating: 0, count: k.area)
    for c in 0..<depth {
      let channel = n * q.channels + head * depth + c
      let query = q.values[channel * q.area + token]
      for s in 0..<k.area { products[s] += query * k.values[channel * k.area + s] }
    }
    return softmax(products.map { $0 * scale })
  }
}
