/// Normalisations, whole and as exporters take them apart.
extension ONNXImporter {
  /// weight · (x − m) / √(v + epsilon) + bias of each channel, without weight and bias, m and v over some dimensions.
  mutating func normalized(_ view: MapView, axes: [Int], epsilon: Double) throws -> MapView {
    let others = view.dims.indices.filter { !axes.contains($0) }
    let (inside, outside) = (view.factors(axes), view.factors(others))
    let channels = view.shape.channels
    try budget.take(2 * channels)
    let (ones, zeros) = ([Float](repeating: 1, count: channels), [Float](repeating: 0, count: channels))
    func count(_ factors: [AxisFactor], _ axis: AxisFactor.Axis) -> Int {
      factors.reduce(1) { $1.axis == axis ? $0 * $1.extent : $0 }
    }
    if count(inside, .channel) == channels && !inside.contains(where: { $0.axis == .position }) {
      let norm = ChannelNormalization(weight: ones, bias: zeros, epsilon: Float(epsilon))
      return try emitted(.channelNormalization(norm), view.node, dims: view.dims)
    }
    // Groups are neighbouring channels, and all positions.
    let groups = count(outside, .channel)
    guard count(inside, .position) == view.positions, groups > 0,
      outside.filter({ $0.axis == .channel })
        .allSatisfy({ $0 == AxisFactor(axis: .channel, stride: channels / groups, extent: groups) })
    else { throw ImportProblem("normalises over dimensions that are not known") }
    let norm = GroupNormalization(groups: groups, weight: ones, bias: zeros, epsilon: Float(epsilon))
    return try emitted(.groupNormalization(norm), view.node, dims: view.dims)
  }

  /// Scale and shift by constants that are broadcast over a map.
  private mutating func scaled(_ view: MapView, _ scale: Constant?, _ shift: Constant?) throws -> MapView {
    func channels(_ constant: Constant?, default value: Double) throws -> [Double] {
      guard let constant else { return [Double](repeating: value, count: view.shape.channels) }
      guard case .channels(let values) = try spread(constant, over: view) else {
        throw ImportProblem("scales positions by a constant, which is not known")
      }
      return values
    }
    return try affine(
      view, scale: try channels(scale, default: 1), shift: try channels(shift, default: 0))
  }

  /// A list of parameters of one dimension of a map, so that it can be broadcast.
  private func along(_ dim: Int, _ constant: Constant, _ view: MapView) throws -> Constant {
    guard constant.rank == 1 else { throw ImportProblem("has parameters that are no list") }
    let shape = [constant.shape[0]] + [Int](repeating: 1, count: view.rank - dim - 1)
    try budget.take(constant.count)
    return Constant(shape: shape, type: constant.type, values: constant.values)
  }

  mutating func batchNormalization(_ call: ONNXCall) throws -> ImportedValue {
    guard try call.int("training_mode", default: 0) == 0 else {
      throw ImportProblem("is in training; export the model after model.eval()")
    }
    let view = try map(call, 0)
    guard view.rank >= 2 else { throw ImportProblem("reads a map of \(view.rank) dimensions") }
    let parameters = try (1...4).map { try along(1, call.constant($0), view).values }
    let epsilon = try call.float("epsilon", default: 1e-5)
    guard parameters.allSatisfy({ $0.count == view.extents[1] }) else {
      throw ImportProblem("has parameters that are not for \(view.extents[1]) channels")
    }
    let scale = parameters[0].indices.map { parameters[0][$0] / (parameters[3][$0] + epsilon).squareRoot() }
    let shift = scale.indices.map { parameters[1][$0] - parameters[2][$0] * scale[$0] }
    guard scale.allSatisfy(\.isFinite) else { throw ImportProblem("has a variance that is negative") }
    func constant(_ values: [Double]) throws -> Constant {
      try along(1, Constant(shape: [values.count], type: .float, values: values), view)
    }
    return .map(try scaled(view, try constant(scale), try constant(shift)))
  }

  mutating func instanceNormalization(_ call: ONNXCall) throws -> ImportedValue {
    let view = try map(call, 0)
    guard view.rank >= 3 else { throw ImportProblem("reads a map of \(view.rank) dimensions") }
    let normal = try normalized(
      view, axes: Array(2..<view.rank), epsilon: try call.float("epsilon", default: 1e-5))
    return .map(
      try scaled(normal, try along(1, call.constant(1), view), try along(1, call.constant(2), view)))
  }

  mutating func groupNormalization(_ call: ONNXCall) throws -> ImportedValue {
    let view = try map(call, 0)
    let groups = try call.int("num_groups", default: 1)
    guard view.rank >= 2, view.isAllChannels(1), groups > 0, view.shape.channels % groups == 0 else {
      throw ImportProblem("does not cut the channels of \(view.extents) into \(groups) groups")
    }
    let size = view.shape.channels / groups
    var split = view
    split.dims = [view.dims[0], [], []] + view.dims[2...]
    if groups > 1 { split.dims[1] = [AxisFactor(axis: .channel, stride: size, extent: groups)] }
    if size > 1 { split.dims[2] = [AxisFactor(axis: .channel, stride: 1, extent: size)] }
    var normal = try normalized(
      split, axes: Array(2..<split.rank), epsilon: try call.float("epsilon", default: 1e-5))
    // Before opset 21 there was one scale for each group.
    let isByGroup = try call.constant(1).count == groups && size > 1
    if !isByGroup { normal.dims = view.dims }
    normal = try scaled(
      normal, try along(1, call.constant(1), normal), try along(1, call.constant(2), normal))
    normal.dims = view.dims
    return .map(normal)
  }

  mutating func layerNormalization(_ call: ONNXCall) throws -> ImportedValue {
    let view = try map(call, 0)
    let axis = try call.axis(try call.int("axis", default: -1), rank: view.rank)
    let normal = try normalized(
      view, axes: Array(axis..<view.rank), epsilon: try call.float("epsilon", default: 1e-5))
    return .map(try scaled(normal, try call.constant(1), try call.optionalConstant(2)))
  }

  // MARK: Normalisations in parts

  /// Means over all positions are pooling; those over channels are the first step of a normalisation.
  mutating func reduceMean(_ call: ONNXCall) throws -> ImportedValue {
    if case .moment(let moment) = try call.first {
      guard case .square = moment.kind, call.type == "ReduceMean",
        try call.reducedAxes(rank: moment.map.rank) == moment.axes, try call.keepsDimensions
      else { throw ImportProblem("reads a part of a normalisation that is not known") }
      return .moment(Moment(map: moment.map, axes: moment.axes, kind: .variance(epsilon: 0)))
    }
    let view = try map(call, 0)
    let axes = try call.reducedAxes(rank: view.rank)
    let factors = view.factors(axes)
    guard !axes.contains(where: { view.has(.image, in: $0) }) else {
      throw ImportProblem("takes a mean over images")
    }
    if factors.contains(where: { $0.axis == .channel }) {
      guard call.type == "ReduceMean", try call.keepsDimensions else {
        throw ImportProblem("sums channels, which is not known")
      }
      return .moment(Moment(map: view, axes: axes, kind: .mean))
    }
    var pooled = view
    if !factors.isEmpty {
      let count = factors.reduce(1) { $0 * $1.extent }
      guard count == view.positions else { throw ImportProblem("takes a mean over some of the positions") }
      pooled = try emitted(.meanPool, view.node, dims: view.dims)
      for axis in axes { pooled.dims[axis] = [] }
      if call.type == "ReduceSum" {
        isFixed = true
        pooled = try affine(pooled, scale: Double(count), shift: 0)
      }
    }
    if !(try call.keepsDimensions) {
      pooled.dims = pooled.dims.indices.filter { !axes.contains($0) }.map { pooled.dims[$0] }
    }
    return .map(pooled)
  }

  /// Sums and products of parts of a normalisation; nil: none is among the inputs.
  mutating func momentArithmetic(
    _ arithmetic: ArithmeticOperator, _ a: ImportedValue, _ b: ImportedValue
  ) throws -> ImportedValue? {
    let unknown = ImportProblem("computes with a mean over channels in a way that is not known")
    func changed(_ moment: Moment, to kind: Moment.Kind) -> ImportedValue {
      .moment(Moment(map: moment.map, axes: moment.axes, kind: kind))
    }
    switch (a, b) {
    case (.moment(let a), .moment(let b)):
      guard a.isOf(b) else { throw unknown }
      switch (arithmetic, a.kind, b.kind) {
      case (.multiply, .centred, .centred): return changed(a, to: .square)
      case (.divide, .centred, .deviation(let epsilon)), (.multiply, .centred, .inverse(let epsilon)),
        (.multiply, .inverse(let epsilon), .centred):
        return .map(try normalized(a.map, axes: a.axes, epsilon: epsilon))
      default: throw unknown
      }
    case (.moment(let moment), .constant(let constant)), (.constant(let constant), .moment(let moment)):
      guard constant.count == 1 else { throw unknown }
      let number = constant.values[0]
      let isFirst = if case .constant = a { true } else { false }
      switch (arithmetic, moment.kind) {
      case (.add, .variance(let epsilon)): return changed(moment, to: .variance(epsilon: epsilon + number))
      case (.power, .centred) where number == 2 && !isFirst: return changed(moment, to: .square)
      case (.power, .variance(let epsilon)) where number == 0.5 && !isFirst:
        return changed(moment, to: .deviation(epsilon: epsilon))
      case (.power, .variance(let epsilon)) where number == -0.5 && !isFirst:
        return changed(moment, to: .inverse(epsilon: epsilon))
      case (.divide, .deviation(let epsilon)) where number == 1 && isFirst:
        return changed(moment, to: .inverse(epsilon: epsilon))
      default: throw unknown
      }
    case (_, .moment(let moment)):
      let view = try map(a)
      guard arithmetic == .subtract, case .mean = moment.kind, view.node == moment.map.node,
        view.dims == moment.map.dims
      else { throw unknown }
      return changed(moment, to: .centred)
    case (.moment, _): throw unknown
    default: return nil
    }
  }
}

extension Moment {
  /// What a function of it is.
  func changed(by function: String) throws -> Moment {
    switch (function, kind) {
    case ("Sqrt", .variance(let epsilon)): Moment(map: map, axes: axes, kind: .deviation(epsilon: epsilon))
    case ("Reciprocal", .deviation(let epsilon)):
      Moment(map: map, axes: axes, kind: .inverse(epsilon: epsilon))
    default: throw ImportProblem("computes with a mean over channels in a way that is not known")
    }
  }
}
