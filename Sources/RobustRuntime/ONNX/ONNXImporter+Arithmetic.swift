/// Operators on each number by itself.
extension ONNXImporter {
  /// The value as a function of each number of a map; nil: it is no map.
  private func function(_ value: ImportedValue) -> PendingFunction? {
    switch value {
    case .map(let view): return PendingFunction(view)
    case .function(let function):
      if let node = function.node { return PendingFunction(node) }
      return function
    default: return nil
    }
  }

  /// A function of a value; too long a chain of them becomes a node.
  private mutating func settled(_ function: PendingFunction) throws -> ImportedValue {
    if function.depth >= PendingFunction.deepest { return .map(try realized(function)) }
    return .function(function)
  }

  /// The node that computes a function: an activation, but for a scale and a shift, of the map or of another such
  /// function; else the sum or product that it was made by.
  /// - Throws: `ImportProblem`
  mutating func realized(_ function: PendingFunction) throws -> MapView {
    if let node = function.node { return node }
    let reader = origin
    origin = function.origin
    defer { origin = reader }
    let view: MapView
    if let form = function.function.form {
      view = try emitted(form, of: function.base)
    } else if let (ancestor, form) = function.outermostForm {
      view = try emitted(form, of: try realized(ancestor))
    } else if case .binary(let arithmetic, let a, let b) = function.step {
      view = try combined(arithmetic, try realized(a), try realized(b))
    } else {
      throw ImportProblem("computes a function of each value that is not known")
    }
    function.settle(view)
    return view
  }

  private mutating func emitted(_ form: ScalarFunction.Form, of map: MapView) throws -> MapView {
    var x = map
    if form.inner != 1 { x = try affine(x, scale: form.inner, shift: 0) }
    if form.activation != .identity { x = try emitted(.activation(form.activation), x.node, dims: x.dims) }
    return try affine(x, scale: form.scale, shift: form.shift)
  }

  mutating func unary(
    _ call: ONNXCall, _ value: ImportedValue, _ body: @escaping (Double) -> Double
  ) throws -> ImportedValue {
    if case .moment(let moment) = value { return .moment(try moment.changed(by: call.type)) }
    if let function = function(value) {
      return try settled(PendingFunction(unary: function, origin: origin, body))
    }
    _ = try map(value)
    throw ImportProblem("reads what it cannot")
  }

  mutating func clip(_ call: ONNXCall) throws -> ImportedValue {
    let low = try call.scalar(1) ?? call.float("min", default: -.infinity)
    let high = try call.scalar(2) ?? call.float("max", default: .infinity)
    return try unary(call, try call.first) { min(max($0, low), high) }
  }

  mutating func leakyReLU(_ call: ONNXCall) throws -> ImportedValue {
    let slope: Double
    if call.type == "PRelu" {
      let slopes = try call.constant(1)
      try budget.take(slopes.count)
      let values = slopes.values
      guard let first = values.first, values.allSatisfy({ $0 == first }) else {
        throw ImportProblem("has a slope for each channel, which is not known")
      }
      slope = first
    } else {
      slope = try call.float("alpha", default: 0.01)
    }
    return try unary(call, try call.first) { $0 > 0 ? $0 : slope * $0 }
  }

  mutating func elu(_ call: ONNXCall) throws -> ImportedValue {
    let alpha = try call.float("alpha", default: 1)
    return try unary(call, try call.first) { $0 > 0 ? $0 : alpha * Scalar.exponentialLessOne($0) }
  }

  mutating func hardSigmoid(_ call: ONNXCall) throws -> ImportedValue {
    let (alpha, beta) = (try call.float("alpha", default: 0.2), try call.float("beta", default: 0.5))
    return try unary(call, try call.first) { min(max(alpha * $0 + beta, 0), 1) }
  }

  mutating func gelu(_ call: ONNXCall) throws -> ImportedValue {
    let isTanh = try call.string("approximate", default: "none") == "tanh"
    return try unary(call, try call.first) { isTanh ? Scalar.geluTanh($0) : Scalar.gelu($0) }
  }

  mutating func sum(_ call: ONNXCall) throws -> ImportedValue {
    var result = try call.first
    for index in 1..<max(call.inputs.count, 1) {
      guard let other = call.input(index) else { throw ImportProblem("lacks its input \(index)") }
      result = try arithmetic(.add, result, other)
    }
    return result
  }

  mutating func arithmetic(_ arithmetic: ArithmeticOperator, _ call: ONNXCall) throws -> ImportedValue {
    guard call.inputs.count == 2, let a = call.input(0), let b = call.input(1) else {
      throw ImportProblem("has not two inputs")
    }
    return try self.arithmetic(arithmetic, a, b)
  }

  private mutating func arithmetic(
    _ arithmetic: ArithmeticOperator, _ a: ImportedValue, _ b: ImportedValue
  ) throws -> ImportedValue {
    if let moment = try momentArithmetic(arithmetic, a, b) { return moment }
    switch (a, b) {
    case (.scores(let scores), .constant(let constant)): return try scaled(scores, arithmetic, constant)
    case (.constant(let constant), .scores(let scores)) where arithmetic != .divide:
      return try scaled(scores, arithmetic, constant)
    case (_, .constant(let constant)):
      return try withConstant(arithmetic, a, constant, constantFirst: false)
    case (.constant(let constant), _):
      return try withConstant(arithmetic, b, constant, constantFirst: true)
    default: break
    }
    if let f = function(a), let g = function(b), f.base.node == g.base.node, f.base.dims == g.base.dims {
      return try settled(PendingFunction(arithmetic, f, g, origin: origin))
    }
    return .map(try combined(arithmetic, try map(a), try map(b)))
  }

  private mutating func withConstant(
    _ arithmetic: ArithmeticOperator, _ value: ImportedValue, _ constant: Constant, constantFirst: Bool
  ) throws -> ImportedValue {
    if constant.count == 1, let function = function(value), constant.rank <= function.base.rank {
      let number = constant.values[0]
      return try settled(
        PendingFunction(unary: function, origin: origin) {
          constantFirst ? arithmetic.apply(number, $0) : arithmetic.apply($0, number)
        })
    }
    var view = try map(value)
    if constant.rank > view.rank {
      view.dims.insert(contentsOf: [[AxisFactor]](repeating: [], count: constant.rank - view.rank), at: 0)
    }
    let table = try spread(constant, over: view)
    let numbers: [Double]
    switch (table, arithmetic) {
    case (.channels(let values), _): numbers = values
    case (.positions(let values), .add), (.positions(let values), .subtract):
      return .map(try adding(values, to: view, arithmetic, constantFirst: constantFirst))
    default: throw ImportProblem("scales positions by a constant, which is not known")
    }
    let (ones, zeros) = (
      [Double](repeating: 1, count: numbers.count), [Double](repeating: 0, count: numbers.count)
    )
    switch arithmetic {
    case .add: return .map(try affine(view, scale: ones, shift: numbers))
    case .subtract where constantFirst:
      return .map(try affine(view, scale: ones.map { -$0 }, shift: numbers))
    case .subtract: return .map(try affine(view, scale: ones, shift: numbers.map { -$0 }))
    case .multiply: return .map(try affine(view, scale: numbers, shift: zeros))
    case .divide where !constantFirst:
      return .map(try affine(view, scale: numbers.map { 1 / $0 }, shift: zeros))
    default: throw ImportProblem("computes with a constant of each channel in a way that is not known")
    }
  }

  private mutating func adding(
    _ values: [Double], to view: MapView, _ arithmetic: ArithmeticOperator, constantFirst: Bool
  ) throws -> MapView {
    var (view, values) = (view, values)
    if arithmetic == .subtract {
      if constantFirst { view = try affine(view, scale: -1, shift: 0) } else { values = values.map { -$0 } }
    }
    isFixed = true
    let map = ConstantMap(shape: view.shape, values: values.map { Float($0) })
    return try emitted(.addConstant(map), view.node, dims: view.dims)
  }

  /// A constant that is broadcast over a map.
  enum Spread {
    /// One number for each channel.
    case channels([Double])
    /// [channel][position]
    case positions([Double])
  }

  func spread(_ constant: Constant, over view: MapView) throws -> Spread {
    let extents = view.extents
    let missing = extents.count - constant.rank
    guard missing >= 0 else { throw ImportProblem("has a constant of more dimensions than the map") }
    var steps = [Int](repeating: 0, count: extents.count)
    var step = 1
    for (i, extent) in constant.shape.enumerated().reversed() {
      guard extent == 1 || extent == extents[missing + i] else {
        throw ImportProblem("has a constant of the shape \(constant.shape) for a map of \(extents)")
      }
      if extent != 1 { steps[missing + i] = step }
      step *= extent
    }
    try budget.take(constant.count)
    let values = constant.values
    let channels = view.places(.channel, steps: steps)
    try budget.take(channels.count)
    if view.dims.indices.contains(where: { steps[$0] != 0 && view.has(.image, in: $0) }) {
      // A constant that was made for each image of a batch; that of the first stands for all.
      let size = values.count / images
      guard values.count % images == 0,
        (1..<images).allSatisfy({ n in
          values[n * size..<(n + 1) * size].elementsEqual(values[..<size])
        })
      else { throw ImportProblem("has a constant that differs from image to image") }
    }
    guard view.dims.indices.contains(where: { steps[$0] != 0 && view.has(.position, in: $0) }) else {
      return .channels(channels.map { values[$0] })
    }
    let positions = view.places(.position, steps: steps)
    try budget.take(channels.count * positions.count)
    var table: [Double] = []
    table.reserveCapacity(channels.count * positions.count)
    for channel in channels { for position in positions { table.append(values[channel + position]) } }
    return .positions(table)
  }

  /// Adds, subtracts or multiplies two maps.
  mutating func combined(_ arithmetic: ArithmeticOperator, _ a: MapView, _ b: MapView) throws -> MapView {
    var (a, b) = (a, b)
    let rank = max(a.rank, b.rank)
    a.dims.insert(contentsOf: [[AxisFactor]](repeating: [], count: rank - a.rank), at: 0)
    b.dims.insert(contentsOf: [[AxisFactor]](repeating: [], count: rank - b.rank), at: 0)
    guard zip(a.extents, b.extents).allSatisfy({ $0 == $1 || $0 == 1 || $1 == 1 }) else {
      throw ImportProblem("has maps of \(a.extents) and \(b.extents), which do not fit together")
    }
    if a.positions == 1 && b.positions > 1 && arithmetic != .subtract { swap(&a, &b) }
    if a.dims != b.dims {
      (a, b) = (try withNaturalChannels(a), try withNaturalChannels(b))
      // A map of one position is spread over all of the other.
      let isGate = b.positions == 1 && a.positions > 1 && arithmetic == .multiply
      guard
        a.dims.indices.allSatisfy({ dim in
          a.dims[dim] == b.dims[dim] || isGate && b.dims[dim].isEmpty && a.isOnly(.position, dim)
        })
      else { throw ImportProblem("has maps whose dimensions are not of the same kind") }
    }
    switch arithmetic {
    case .add: break
    case .subtract: b = try affine(b, scale: -1, shift: 0)
    case .multiply: return try emitted(.multiply, a.node, b.node, dims: a.dims)
    default: throw ImportProblem("computes with two maps in a way that is not known")
    }
    return try emitted(.add, a.node, b.node, dims: a.dims)
  }

  /// The map with its channels in the order of the dimensions, if they are in one dimension.
  private mutating func withNaturalChannels(_ view: MapView) throws -> MapView {
    let channels = view.dims.indices.filter { view.has(.channel, in: $0) }
    guard channels.allSatisfy({ !view.has(.position, in: $0) }) else { return view }
    return try arranged(
      view, channels: channels, positions: view.dims.indices.filter { view.has(.position, in: $0) })
  }

  // MARK: Casts and shapes

  mutating func quantization(_ call: ONNXCall) throws -> [ImportedValue] {
    note("values are rounded to few bits in the file, which is left out")
    return [try call.first]
  }

  func shape(_ call: ONNXCall) throws -> [ImportedValue] {
    guard let extents = try call.first.extents else {
      throw ImportProblem("asks for a shape that is not told")
    }
    if call.type == "Size" {
      return [.constant(Constant(shape: [], type: .int64, values: [Double(extents.reduce(1, *))]))]
    }
    return [.constant(Constant(integers: try call.part(ofShape: extents)))]
  }
}
