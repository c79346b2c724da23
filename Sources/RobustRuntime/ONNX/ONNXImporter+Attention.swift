/// Products of matrices: linear layers and attention.
extension ONNXImporter {
  /// A linear layer over the last dimension, which must be all channels.
  /// - Parameter matrix: [in][out], or [out][in] if `isTransposed`.
  private mutating func linear(
    _ view: MapView, _ matrix: Constant, isTransposed: Bool, bias: [Double]?
  ) throws -> MapView {
    guard view.rank > 0 else { throw ImportProblem("reads a number, not a map") }
    let last = view.rank - 1
    let map = try arranged(view, channels: [last], positions: Array(0..<last))
    let (ins, outs) = isTransposed ? (matrix.shape[1], matrix.shape[0]) : (matrix.shape[0], matrix.shape[1])
    guard ins == map.shape.channels, outs > 0 else {
      throw ImportProblem("has weights of the shape \(matrix.shape) for \(map.shape.channels) channels")
    }
    var rows = matrix
    if !isTransposed {
      if let turned = matrix.transposed([1, 0]) {
        rows = turned
      } else {
        try budget.take(2 * matrix.count)
        let values = matrix.values
        var turned: [Double] = []
        turned.reserveCapacity(values.count)
        for o in 0..<outs { for i in 0..<ins { turned.append(values[i * outs + o]) } }
        rows = Constant(shape: [outs, ins], type: matrix.type, values: turned)
      }
    }
    var dims = map.dims
    dims[last] = MapView.natural(.channel, outs)
    return try convolved(map, try kernel(rows), bias: bias, dims: dims)
  }

  /// [out][in] as weights of windows of one position.
  private func kernel(_ rows: Constant) throws -> Constant {
    let shape = rows.shape + [1, 1]
    if let kernel = rows.reshaped(shape) ?? rows.withTrailingOnes() { return kernel }
    try budget.take(rows.count)
    return Constant(shape: shape, type: rows.type, values: rows.values)
  }

  mutating func gemm(_ call: ONNXCall) throws -> ImportedValue {
    let view = try map(call, 0)
    let matrix = try call.constant(1)
    guard view.rank == 2, matrix.rank == 2, try call.int("transA", default: 0) == 0 else {
      throw ImportProblem("is a product of matrices that is not known")
    }
    let isTransposed = try call.int("transB", default: 0) != 0
    let outs = matrix.shape[isTransposed ? 0 : 1]
    let (alpha, beta) = (try call.float("alpha", default: 1), try call.float("beta", default: 1))
    var bias: [Double]?
    if let given = try call.optionalConstant(2) {
      guard given.count == outs || given.count == 1, given.count == given.shape.last ?? 1 else {
        throw ImportProblem("has biases of the shape \(given.shape) for \(outs) channels")
      }
      try budget.take(outs)
      let values = given.values
      bias = (0..<outs).map { beta * values[values.count == 1 ? 0 : $0] }
    }
    if alpha == 1 { return .map(try linear(view, matrix, isTransposed: isTransposed, bias: bias)) }
    let product = try linear(view, matrix, isTransposed: isTransposed, bias: nil)
    return .map(
      try affine(
        product, scale: [Double](repeating: alpha, count: outs),
        shift: bias ?? [Double](repeating: 0, count: outs)))
  }

  mutating func matMul(_ call: ONNXCall) throws -> ImportedValue {
    guard call.inputs.count == 2, let a = call.input(0), let b = call.input(1) else {
      throw ImportProblem("has not two inputs")
    }
    if case .constant(let matrix) = b {
      guard matrix.rank >= 2, matrix.shape.dropLast(2).allSatisfy({ $0 == 1 }) else {
        throw ImportProblem("has weights of the shape \(matrix.shape), which are not known")
      }
      let shape = Array(matrix.shape.suffix(2))
      let plain = matrix.rank == 2 ? matrix : matrix.reshaped(shape)
      guard let plain else { throw ImportProblem("has weights of the shape \(matrix.shape)") }
      return .map(try linear(try map(a), plain, isTransposed: false, bias: nil))
    }
    if case .scores(let scores) = a { return .map(try weighted(scores, try map(b))) }
    return .scores(try scores(try map(a), try map(b)))
  }

  // MARK: Attention

  /// - Parameter queries: [..., queries, depth]
  /// - Parameter keys: [..., depth, keys]
  private mutating func scores(_ queries: MapView, _ keys: MapView) throws -> AttentionScores {
    let rank = queries.rank
    guard rank >= 2, keys.rank == rank else {
      throw ImportProblem("multiplies maps of \(queries.extents) and \(keys.extents)")
    }
    let outer = Array(0..<rank - 2)
    for dim in outer {
      guard queries.extents[dim] == keys.extents[dim], !queries.has(.position, in: dim),
        !keys.has(.position, in: dim)
      else { throw ImportProblem("multiplies maps of \(queries.extents) and \(keys.extents)") }
    }
    guard queries.isOnly(.channel, rank - 1), keys.isOnly(.channel, rank - 2),
      queries.isOnly(.position, rank - 2), keys.isOnly(.position, rank - 1)
    else { throw ImportProblem("multiplies maps along their positions, which is not known") }
    guard queries.extents[rank - 1] == keys.extents[rank - 2] else {
      throw ImportProblem("multiplies maps of \(queries.extents) and \(keys.extents)")
    }
    let q = try arranged(queries, channels: outer + [rank - 1], positions: [rank - 2])
    let k = try arranged(keys, channels: outer + [rank - 2], positions: [rank - 1])
    let heads = outer.reduce(1) { product, dim in
      queries.dims[dim].reduce(product) { $1.axis == .channel ? $0 * $1.extent : $0 }
    }
    return AttentionScores(queries: q, keys: k, heads: heads, outer: outer.map { queries.dims[$0] }, scale: 1)
  }

  func scaled(
    _ scores: AttentionScores, _ arithmetic: ArithmeticOperator, _ constant: Constant
  ) throws -> ImportedValue {
    var scores = scores
    if arithmetic == .add {
      try budget.take(constant.count)
      guard constant.values.allSatisfy({ $0 == 0 }) else {
        throw ImportProblem("adds a constant to the scores of an attention, which is not known")
      }
      return .scores(scores)
    }
    guard constant.count == 1, !scores.isSoftmax, arithmetic == .multiply || arithmetic == .divide else {
      throw ImportProblem("computes with the scores of an attention in a way that is not known")
    }
    scores.scale = arithmetic.apply(scores.scale, constant.values[0])
    return .scores(scores)
  }

  /// - Parameter values: [..., keys, depth]
  private mutating func weighted(_ scores: AttentionScores, _ values: MapView) throws -> MapView {
    let rank = values.rank
    let outer = Array(0..<max(rank - 2, 0))
    guard scores.isSoftmax, rank == scores.outer.count + 2, values.isOnly(.channel, rank - 1),
      values.isOnly(.position, rank - 2),
      outer.allSatisfy({ dim in
        !values.has(.position, in: dim)
          && values.extents[dim] == scores.outer[dim].reduce(1) { $0 * $1.extent }
      })
    else { throw ImportProblem("weighs values of \(values.extents) by scores in a way that is not known") }
    let v = try arranged(values, channels: outer + [rank - 1], positions: [rank - 2])
    guard v.shape.channels % scores.heads == 0, scores.scale.isFinite else {
      throw ImportProblem("weighs values of \(values.extents) by \(scores.heads) heads")
    }
    let attention = Attention(heads: scores.heads, scale: Float(scores.scale))
    let node = try emit(.attention(attention), scores.queries.node, scores.keys.node, v.node)
    var dims = scores.outer
    var stride = shapes[node].channels
    for dim in dims.indices {
      for i in dims[dim].indices where dims[dim][i].axis == .channel {
        stride /= dims[dim][i].extent
        dims[dim][i] = AxisFactor(axis: .channel, stride: stride, extent: dims[dim][i].extent)
      }
    }
    let queries = scores.queries
    return view(
      node, dims + [MapView.natural(.position, queries.positions), MapView.natural(.channel, stride)])
  }

  mutating func softmax(_ call: ONNXCall) throws -> ImportedValue {
    let isOld = call.opset < 13
    if case .scores(var scores) = try call.first {
      let rank = scores.outer.count + 2
      let axis = try call.axis(try call.int("axis", default: isOld ? 1 : -1), rank: rank)
      guard axis == rank - 1, !scores.isSoftmax else {
        throw ImportProblem("takes the softmax of an attention along another axis than its keys")
      }
      scores.isSoftmax = true
      return .scores(scores)
    }
    let view = try map(call, 0)
    let axis = try call.axis(try call.int("axis", default: isOld ? 1 : -1), rank: view.rank)
    // Before opset 13 all dimensions from the axis on were one.
    let axes = isOld ? Array(axis..<view.rank) : [axis]
    guard view.factors(axes).allSatisfy({ $0.axis == .channel }),
      view.factors(axes).reduce(1, { $0 * $1.extent }) == view.shape.channels
    else { throw ImportProblem("takes the softmax of something else than all channels") }
    if call.isLast {
      note("the softmax at the end is left out: logits come from the layer before it")
      return .map(view)
    }
    return .map(try emitted(.softmax, view.node, dims: view.dims))
  }

  mutating func logSoftmax(_ call: ONNXCall) throws -> ImportedValue {
    guard call.isLast else { throw ImportProblem("stands within the network, which is not known") }
    note("the log-softmax at the end is left out: logits come from the layer before it")
    return try call.first
  }

  /// Whether a softmax is not a number, which it is where a row has no key; there is none such without masks.
  mutating func isNaN(_ call: ONNXCall) throws -> ImportedValue {
    guard case .scores = try call.first else { throw ImportProblem("is not known") }
    return .nowhere
  }

  mutating func choice(_ call: ONNXCall) throws -> ImportedValue {
    guard case .nowhere = try call.first, let otherwise = call.input(2) else {
      throw ImportProblem("chooses by what depends on the image, which is not known")
    }
    return otherwise
  }

  /// The whole of an attention: [images, heads, tokens, depth], or [images, tokens, channels].
  mutating func attention(_ call: ONNXCall) throws -> ImportedValue {
    guard (3..<max(call.inputs.count, 3)).allSatisfy({ call.input($0) == nil }),
      try call.int("is_causal", default: 0) == 0, try call.float("softcap", default: 0) == 0
    else { throw ImportProblem("has a mask or a cap, which are not known") }
    var parts = [try map(call, 0), try map(call, 1), try map(call, 2)]
    let isFlat = parts[0].rank == 3
    if isFlat {
      let heads = try call.int("q_num_heads", default: 0)
      guard heads > 0, try call.int("kv_num_heads", default: 0) == heads else {
        throw ImportProblem("has heads of queries and keys that differ, which is not known")
      }
      parts = try parts.map { part in
        let extents = part.extents
        guard part.rank == 3, extents[2] % heads == 0,
          let split = part.reshaped(to: [extents[0], extents[1], heads, extents[2] / heads])
        else { throw ImportProblem("does not cut \(extents) into \(heads) heads") }
        return split.transposed([0, 2, 1, 3])
      }
    }
    guard parts.allSatisfy({ $0.rank == 4 }) else {
      throw ImportProblem("reads maps that are not of 4 dimensions")
    }
    let depth = parts[0].extents[3]
    var scores = try scores(parts[0], parts[1].transposed([0, 1, 3, 2]))
    scores.scale = try call.float("scale", default: 1 / Double(depth).squareRoot())
    scores.isSoftmax = true
    let result = try weighted(scores, parts[2])
    guard isFlat else { return .map(result) }
    let extents = result.extents
    guard
      let joined = result.transposed([0, 2, 1, 3]).reshaped(
        to: [extents[0], extents[2], extents[1] * extents[3]])
    else { throw ImportProblem("has heads that do not join") }
    return .map(joined)
  }
}
