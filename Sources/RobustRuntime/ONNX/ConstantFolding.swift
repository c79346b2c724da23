/// Computes nodes that read constants alone.
struct ConstantFolding {
  let call: ONNXCall
  let inputs: [Constant?]
  let budget: FoldingBudget

  /// The results of a node; nil: it does not compute constants of constants.
  /// - Throws: `ImportProblem`
  static func results(of call: ONNXCall, budget: FoldingBudget) throws -> [Constant]? {
    var inputs: [Constant?] = []
    for input in call.inputs {
      switch input {
      case nil: inputs.append(nil)
      case .constant(let constant): inputs.append(constant)
      default: return nil
      }
    }
    guard !inputs.isEmpty else { return nil }
    return try ConstantFolding(call: call, inputs: inputs, budget: budget).results()
  }

  private func input(_ index: Int) throws -> Constant {
    guard index < inputs.count, let input = inputs[index] else {
      throw ImportProblem("lacks its input \(index)")
    }
    return input
  }

  private func results() throws -> [Constant]? {
    if let function = Scalar.functions[call.type] { return [try map(function)] }
    switch call.type {
    case "Identity", "Dropout": return [try input(0)]
    case "Cast": return [try cast()]
    case "CastLike":
      let (x, like) = (try input(0), try input(1))
      return [try converted(x, to: like.type)]
    case "Add": return [try arithmetic(.add)]
    case "Sub": return [try arithmetic(.subtract)]
    case "Mul": return [try arithmetic(.multiply)]
    case "Div": return [try division()]
    case "Pow": return [try arithmetic(.power)]
    case "Min": return [try arithmetic(.minimum)]
    case "Max": return [try arithmetic(.maximum)]
    case "Mod": return [try binary { $1 == 0 ? 0 : $0 - ($0 / $1).rounded(.down) * $1 }]
    case "Equal": return [try comparison { $0 == $1 }]
    case "Less": return [try comparison { $0 < $1 }]
    case "LessOrEqual": return [try comparison { $0 <= $1 }]
    case "Greater": return [try comparison { $0 > $1 }]
    case "GreaterOrEqual": return [try comparison { $0 >= $1 }]
    case "And": return [try comparison { $0 != 0 && $1 != 0 }]
    case "Or": return [try comparison { $0 != 0 || $1 != 0 }]
    case "Not": return [try map { $0 == 0 ? 1 : 0 }]
    case "Where": return [try choice()]
    case "Clip": return [try clip()]
    case "Shape": return [try shape()]
    case "Size": return [Constant(shape: [], type: .int64, values: [Double(try input(0).count)])]
    case "ConstantOfShape": return [try constantOfShape()]
    case "Range": return [try range()]
    case "Reshape", "Flatten", "Squeeze", "Unsqueeze":
      let x = try input(0)
      guard let shape = try call.regrouped(x.shape) else { return nil }
      return [try reshaped(x, shape)]
    case "Transpose": return [try transpose()]
    case "Expand": return [try expand()]
    case "Tile": return [try tile()]
    case "Concat": return [try concat()]
    case "Gather": return [try gather()]
    case "Slice": return [try slice()]
    case "Split": return try split()
    case "ReduceMean": return [try reduce({ $1 / Double(max($0, 1)) }, over: { $0 + $1 })]
    case "ReduceSum": return [try reduce({ $1 }, over: { $0 + $1 })]
    case "ReduceL2": return [try reduce({ $1.squareRoot() }, over: { $0 + $1 * $1 })]
    case "ReduceSumSquare": return [try reduce({ $1 }, over: { $0 + $1 * $1 })]
    case "ReduceMax": return [try reduce(from: -.infinity, { $1 }, over: { max($0, $1) })]
    case "ReduceMin": return [try reduce(from: .infinity, { $1 }, over: { min($0, $1) })]
    case "ReduceProd": return [try reduce(from: 1, { $1 }, over: { $0 * $1 })]
    case "BatchNormalization": return [try batchNormalization()]
    case "DequantizeLinear": return [try dequantize()]
    case "QuantizeLinear": return [try quantize()]
    default: return nil
    }
  }

  // MARK: Value by value

  private func read(_ constant: Constant) throws -> [Double] {
    try budget.take(constant.count)
    return constant.values
  }

  private func map(_ body: (Double) -> Double) throws -> Constant {
    let x = try input(0)
    return Constant(shape: x.shape, type: x.type, values: try read(x).map(body))
  }

  private func clip() throws -> Constant {
    let low = try call.scalar(1) ?? call.float("min", default: -.infinity)
    let high = try call.scalar(2) ?? call.float("max", default: .infinity)
    return try map { min(max($0, low), high) }
  }

  private func cast() throws -> Constant {
    guard let type = ONNXFile.type(try call.int("to", default: 1)) else {
      throw ImportProblem("casts to a type that is not known")
    }
    return try converted(try input(0), to: type)
  }

  private func converted(_ x: Constant, to type: ElementType) throws -> Constant {
    // Weights that become other floats stay as they lie.
    if type.isReal == x.type.isReal && type != .bool { return x }
    return Constant(
      shape: x.shape, type: type,
      values: try read(x).map {
        type.isReal ? $0 : type == .bool ? ($0 == 0 ? 0 : 1) : $0.rounded(.towardZero)
      })
  }

  /// The shape of constants that are broadcast against each other.
  private func broadcast(_ shapes: [[Int]]) throws -> [Int] {
    let rank = shapes.map(\.count).max() ?? 0
    guard rank <= ONNXParser.mostDimensions else { throw ImportProblem("has too many dimensions") }
    var result = [Int](repeating: 1, count: rank)
    for shape in shapes {
      for (i, extent) in shape.enumerated() {
        let axis = rank - shape.count + i
        guard extent == 1 || result[axis] == 1 || result[axis] == extent else {
          throw ImportProblem("has inputs of the shapes \(shapes), which do not fit together")
        }
        if extent != 1 { result[axis] = extent }
      }
    }
    guard ONNXCall.product(result) != nil else {
      throw ImportProblem("asks for a constant that is too large")
    }
    return result
  }

  /// The values of a constant broadcast to a shape.
  private func spread(_ constant: Constant, to shape: [Int]) throws -> [Double] {
    let count = shape.reduce(1, *)
    try budget.take(count)
    let values = try read(constant)
    if constant.shape == shape { return values }
    var steps = [Int](repeating: 0, count: shape.count)
    var step = 1
    for (i, extent) in constant.shape.enumerated().reversed() {
      if extent != 1 { steps[shape.count - constant.rank + i] = step }
      step *= max(extent, 1)
    }
    return gathered(values, shape: shape, steps: steps, offset: 0)
  }

  /// The values at offset + Σ index · step.
  private func gathered(_ values: [Double], shape: [Int], steps: [Int], offset: Int) -> [Double] {
    var places = [offset]
    if shape.contains(0) { return [] }
    for (extent, step) in zip(shape, steps) where extent != 1 {
      var longer: [Int] = []
      longer.reserveCapacity(places.count * extent)
      for place in places { for i in 0..<extent { longer.append(place + i * step) } }
      places = longer
    }
    return places.map { values[$0] }
  }

  private func binary(_ type: ElementType? = nil, _ body: (Double, Double) -> Double) throws -> Constant {
    var result = try input(0)
    // Min and Max take any number of inputs.
    for index in 1..<max(inputs.count, 2) {
      let other = try input(index)
      let shape = try broadcast([result.shape, other.shape])
      let (a, b) = (try spread(result, to: shape), try spread(other, to: shape))
      result = Constant(shape: shape, type: type ?? result.type, values: zip(a, b).map { body($0, $1) })
    }
    return result
  }

  private func arithmetic(_ arithmetic: ArithmeticOperator) throws -> Constant {
    try binary { arithmetic.apply($0, $1) }
  }

  private func division() throws -> Constant {
    guard try input(0).isInteger else { return try arithmetic(.divide) }
    return try binary(nil) { $1 == 0 ? 0 : ($0 / $1).rounded(.towardZero) }
  }

  private func comparison(_ body: (Double, Double) -> Bool) throws -> Constant {
    try binary(.bool) { body($0, $1) ? 1 : 0 }
  }

  private func choice() throws -> Constant {
    let (condition, a, b) = (try input(0), try input(1), try input(2))
    let shape = try broadcast([condition.shape, a.shape, b.shape])
    let (truth, yes, no) = (
      try spread(condition, to: shape), try spread(a, to: shape), try spread(b, to: shape)
    )
    return Constant(
      shape: shape, type: a.type, values: truth.indices.map { truth[$0] != 0 ? yes[$0] : no[$0] })
  }

  // MARK: Shapes

  private func shape() throws -> Constant {
    let shape = try input(0).shape
    return Constant(integers: try call.part(ofShape: shape))
  }

  private func list(_ index: Int) throws -> [Int] {
    guard let list = try call.list("", input: index) else { throw ImportProblem("lacks its input \(index)") }
    return list
  }

  private func checked(_ shape: [Int]) throws -> [Int] {
    guard shape.count <= ONNXParser.mostDimensions, let count = ONNXCall.product(shape) else {
      throw ImportProblem("asks for a constant of the shape \(shape.prefix(16))")
    }
    try budget.take(count)
    return shape
  }

  private func constantOfShape() throws -> Constant {
    let shape = try checked(try list(0))
    var (value, type) = (0.0, ElementType.float)
    if let tensor = call.fill {
      guard tensor.count == 1 else { throw ImportProblem("has a value that is not one number") }
      (value, type) = (tensor.values[0], tensor.type)
    }
    return Constant(shape: shape, type: type, values: [Double](repeating: value, count: shape.reduce(1, *)))
  }

  private func range() throws -> Constant {
    guard let start = try call.scalar(0), let limit = try call.scalar(1), let step = try call.scalar(2),
      step != 0
    else { throw ImportProblem("lacks a start, a limit or a step") }
    let count = Int(clamping: ((limit - start) / step).rounded(.up))
    let shape = try checked([max(count, 0)])
    return Constant(
      shape: shape, type: try input(0).type, values: (0..<shape[0]).map { start + Double($0) * step })
  }

  private func reshaped(_ x: Constant, _ shape: [Int]) throws -> Constant {
    if let result = x.reshaped(shape) { return result }
    return Constant(shape: shape, type: x.type, values: try read(x))
  }

  private func transpose() throws -> Constant {
    let x = try input(0)
    let order = try call.order(rank: x.rank)
    if let result = x.transposed(order) { return result }
    let (steps, values) = (rowMajorSteps(x.shape), try read(x))
    let shape = order.map { x.shape[$0] }
    return Constant(
      shape: shape, type: x.type,
      values: gathered(values, shape: shape, steps: order.map { steps[$0] }, offset: 0))
  }

  private func rowMajorSteps(_ shape: [Int]) -> [Int] {
    var steps = [Int](repeating: 1, count: shape.count)
    for axis in steps.indices.dropLast().reversed() {
      steps[axis] = steps[axis + 1] * max(shape[axis + 1], 1)
    }
    return steps
  }

  private func expand() throws -> Constant {
    let x = try input(0)
    let target = try list(1)
    let shape = try broadcast([x.shape, target])
    guard ONNXCall.product(shape) != nil else { throw ImportProblem("asks for the shape \(target)") }
    return Constant(shape: shape, type: x.type, values: try spread(x, to: shape))
  }

  private func tile() throws -> Constant {
    let (x, repeats) = (try input(0), try list(1))
    guard repeats.count == x.rank, repeats.allSatisfy({ $0 >= 0 && $0 < 1 << 32 }) else {
      throw ImportProblem("repeats \(x.rank) dimensions \(repeats) times")
    }
    // Each dimension is counted as repetitions, which do not move, and what is repeated.
    let steps = rowMajorSteps(x.shape)
    var (extents, moves) = ([Int](), [Int]())
    for axis in 0..<x.rank {
      extents += [repeats[axis], x.shape[axis]]
      moves += [0, steps[axis]]
    }
    guard let count = ONNXCall.product(extents) else {
      throw ImportProblem("asks for a constant that is too large")
    }
    try budget.take(count)
    let shape = zip(x.shape, repeats).map { $0 * $1 }
    let values = try read(x)
    return Constant(
      shape: shape, type: x.type, values: gathered(values, shape: extents, steps: moves, offset: 0))
  }

  private func concat() throws -> Constant {
    let parts = try inputs.indices.map { try input($0) }
    let first = parts[0]
    let axis = try call.axis(call.int("axis", default: 0), rank: first.rank)
    var shape = first.shape
    shape[axis] = 0
    for part in parts {
      guard part.rank == first.rank,
        first.shape.indices.allSatisfy({ $0 == axis || part.shape[$0] == first.shape[$0] })
      else { throw ImportProblem("joins constants of the shapes \(parts.prefix(8).map(\.shape))") }
      shape[axis] += part.shape[axis]
    }
    _ = try checked(shape)
    let outer = shape[..<axis].reduce(1, *)
    let rows = try parts.map { (values: try read($0), row: $0.count / max(outer, 1)) }
    var result: [Double] = []
    result.reserveCapacity(shape.reduce(1, *))
    for i in 0..<outer { for part in rows { result += part.values[i * part.row..<(i + 1) * part.row] } }
    return Constant(shape: shape, type: first.type, values: result)
  }

  private func gather() throws -> Constant {
    let (x, chosen) = (try input(0), try input(1))
    let axis = try call.axis(call.int("axis", default: 0), rank: x.rank)
    let extent = x.shape[axis]
    let indices = try read(chosen).map { value -> Int in
      let index = Int(clamping: value)
      guard index >= -extent, index < extent else { throw ImportProblem("takes index \(index) of \(extent)") }
      return index < 0 ? index + extent : index
    }
    let shape = try checked(Array(x.shape[..<axis]) + chosen.shape + x.shape[(axis + 1)...])
    let values = try read(x)
    let (outer, inner) = (x.shape[..<axis].reduce(1, *), x.shape[(axis + 1)...].reduce(1, *))
    var result: [Double] = []
    result.reserveCapacity(shape.reduce(1, *))
    for i in 0..<outer {
      for index in indices {
        let start = (i * extent + index) * inner
        result += values[start..<start + inner]
      }
    }
    return Constant(shape: shape, type: x.type, values: result)
  }

  private func slice() throws -> Constant {
    let x = try input(0)
    var (shape, offset) = (x.shape, 0)
    var steps = rowMajorSteps(x.shape)
    for part in try call.slices(x.shape) {
      shape[part.axis] = part.count
      if part.count > 0 { offset += part.start * steps[part.axis] }
      if part.count > 1 { steps[part.axis] *= part.step }
    }
    return Constant(
      shape: shape, type: x.type, values: gathered(try read(x), shape: shape, steps: steps, offset: offset))
  }

  private func split() throws -> [Constant] {
    let x = try input(0)
    let axis = try call.axis(call.int("axis", default: 0), rank: x.rank)
    let (values, steps) = (try read(x), rowMajorSteps(x.shape))
    var start = 0
    return try call.parts(of: x.shape[axis]).map { size in
      defer { start += size }
      var shape = x.shape
      shape[axis] = size
      return Constant(
        shape: shape, type: x.type,
        values: gathered(values, shape: shape, steps: steps, offset: start * steps[axis]))
    }
  }

  // MARK: Sums and normalisation

  /// - Parameter finish: of the number of values and what they were combined to.
  private func reduce(
    from start: Double = 0, _ finish: (Int, Double) -> Double, over combine: (Double, Double) -> Double
  ) throws -> Constant {
    let x = try input(0)
    let axes = try call.reducedAxes(rank: x.rank)
    let values = try read(x)
    var kept = x.shape
    for axis in axes { kept[axis] = 1 }
    let size = kept.reduce(1, *)
    var sums = [Double](repeating: start, count: size)
    // Where each value goes: dimensions that are summed do not move.
    var steps = rowMajorSteps(kept)
    for axis in axes { steps[axis] = 0 }
    try budget.take(values.count)
    let places = gathered((0..<size).map(Double.init), shape: x.shape, steps: steps, offset: 0)
    for (place, value) in zip(places, values) { sums[Int(place)] = combine(sums[Int(place)], value) }
    let count = size == 0 ? 0 : values.count / size
    return Constant(
      shape: try call.keepsDimensions
        ? kept : x.shape.indices.filter { !axes.contains($0) }.map { x.shape[$0] },
      type: x.type, values: sums.map { finish(count, $0) })
  }

  /// Standardised weights, which an exporter writes as the normalisation of a batch.
  private func batchNormalization() throws -> Constant {
    let x = try input(0)
    guard x.rank >= 2 else { throw ImportProblem("normalises a value of \(x.rank) dimensions") }
    let (channels, inner) = (x.shape[1], x.shape[2...].reduce(1, *))
    let parameters = try (1...4).map { try read(try input($0)) }
    guard parameters.allSatisfy({ $0.count == channels }) else {
      throw ImportProblem("has parameters that are not for \(channels) channels")
    }
    let epsilon = try call.float("epsilon", default: 1e-5)
    var values = try read(x)
    for c in 0..<channels {
      let places = (0..<x.shape[0]).flatMap { n in
        (0..<inner).map { (n * channels + c) * inner + $0 }
      }
      var (mean, variance) = (parameters[2][c], parameters[3][c])
      if try call.int("training_mode", default: 0) != 0 {
        let count = Double(max(places.count, 1))
        mean = places.reduce(0) { $0 + values[$1] } / count
        variance = places.reduce(0) { $0 + (values[$1] - mean) * (values[$1] - mean) } / count
      }
      let scale = parameters[0][c] / (variance + epsilon).squareRoot()
      for place in places { values[place] = (values[place] - mean) * scale + parameters[1][c] }
    }
    return Constant(shape: x.shape, type: x.type, values: values)
  }

  /// Scale and zero point, one for all or one for each index of an axis.
  private func quantization(_ x: Constant) throws -> (scale: [Double], zero: [Double]) {
    let scale = try input(1)
    let zero = inputs.count > 2 ? inputs[2] : nil
    var shape = x.shape
    if scale.count > 1 {
      guard x.rank > 0 else { throw ImportProblem("has several scales for one number") }
      let axis = try call.axis(call.int("axis", default: 1), rank: x.rank)
      guard scale.rank == 1, scale.count == x.shape[axis], zero == nil || zero?.shape == scale.shape else {
        throw ImportProblem("has scales of the shape \(scale.shape) for \(x.shape)")
      }
      shape = [Int](repeating: 1, count: x.rank)
      shape[axis] = scale.count
    } else {
      guard zero == nil || zero?.count == 1 else { throw ImportProblem("has several zero points") }
      shape = []
    }
    func spread(_ constant: Constant) throws -> [Double] {
      try self.spread(Constant(shape: shape, type: constant.type, values: constant.values), to: x.shape)
    }
    return (try spread(scale), try zero.map(spread) ?? [Double](repeating: 0, count: x.count))
  }

  private func dequantize() throws -> Constant {
    let x = try input(0)
    let (scale, zero) = try quantization(x)
    let values = try read(x)
    return Constant(
      shape: x.shape, type: .float, values: values.indices.map { (values[$0] - zero[$0]) * scale[$0] })
  }

  /// Rounds as the type of the zero point does.
  private func quantize() throws -> Constant {
    let x = try input(0)
    let type = (inputs.count > 2 ? inputs[2]?.type : nil) ?? .uint8
    let range: ClosedRange<Double>
    switch type {
    case .uint8: range = 0...255
    case .int8: range = -128...127
    case .uint16: range = 0...65535
    case .int16: range = -32768...32767
    default: throw ImportProblem("rounds to a type that is not known")
    }
    let (scale, zero) = try quantization(x)
    let values = try read(x)
    return Constant(
      shape: x.shape, type: type,
      values: values.indices.map {
        let level = (values[$0] / scale[$0]).rounded(.toNearestOrEven) + zero[$0]
        return min(max(level, range.lowerBound), range.upperBound)
      })
  }
}
