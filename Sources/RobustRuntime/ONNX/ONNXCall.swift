/// A node of an ONNX graph with the values that it reads.
struct ONNXCall {
  let node: ONNX.Node
  /// Nil: an input that is left out.
  let inputs: [ImportedValue?]
  let opset: Int
  /// What a ConstantOfShape repeats.
  let fill: Constant?
  /// Whether a result of the node is the network's, and nothing else reads it.
  let isLast: Bool

  var type: String { node.type }

  func input(_ index: Int) -> ImportedValue? { index < inputs.count ? inputs[index] : nil }

  private func attribute(_ name: String) -> ONNX.Attribute.Value? {
    node.attributes.first { $0.name == name }?.value
  }

  func has(_ name: String) -> Bool { attribute(name) != nil }

  /// - Throws: `ImportProblem` if it is there, but of another kind.
  func int(_ name: String, default value: Int) throws -> Int {
    switch attribute(name) {
    case nil: return value
    case .int(let int): return int
    default: throw ImportProblem("has an attribute '\(name)' that is not a whole number")
    }
  }

  func float(_ name: String, default value: Double) throws -> Double {
    switch attribute(name) {
    case nil: return value
    case .float(let float): return Double(float)
    default: throw ImportProblem("has an attribute '\(name)' that is not a number")
    }
  }

  func ints(_ name: String) throws -> [Int]? {
    switch attribute(name) {
    case nil: return nil
    case .ints(let ints): return ints
    default: throw ImportProblem("has an attribute '\(name)' that is not a list of whole numbers")
    }
  }

  func floats(_ name: String) throws -> [Float]? {
    switch attribute(name) {
    case nil: return nil
    case .floats(let floats): return floats
    default: throw ImportProblem("has an attribute '\(name)' that is not a list of numbers")
    }
  }

  func string(_ name: String, default value: String) throws -> String {
    switch attribute(name) {
    case nil: return value
    case .string(let string): return string
    default: throw ImportProblem("has an attribute '\(name)' that is not a text")
    }
  }

  func tensor(_ name: String) throws -> ONNX.Tensor? {
    switch attribute(name) {
    case nil: return nil
    case .tensor(let tensor): return tensor
    default: throw ImportProblem("has an attribute '\(name)' that is not a tensor")
    }
  }

  /// A constant input; nil: it is left out.
  func optionalConstant(_ index: Int) throws -> Constant? {
    switch input(index) {
    case nil: return nil
    case .constant(let constant): return constant
    default: throw ImportProblem("has an input \(index) that depends on the image")
    }
  }

  func constant(_ index: Int) throws -> Constant {
    guard let constant = try optionalConstant(index) else { throw ImportProblem("lacks its input \(index)") }
    return constant
  }

  /// A constant input of one number.
  func scalar(_ index: Int) throws -> Double? {
    guard let constant = try optionalConstant(index) else { return nil }
    guard constant.count == 1 else { throw ImportProblem("has an input \(index) that is not one number") }
    return constant.values[0]
  }

  /// Whole numbers of a list: an attribute of that name, or else a constant input.
  func list(_ name: String, input index: Int) throws -> [Int]? {
    if let ints = try ints(name) { return ints }
    guard let constant = try optionalConstant(index) else { return nil }
    guard constant.rank <= 1, constant.count <= 1 << 12 else {
      throw ImportProblem("has an input \(index) that is not a list")
    }
    return constant.values.map(Int.init(clamping:))
  }

  /// An axis that may count from the end.
  func axis(_ axis: Int, rank: Int) throws -> Int {
    guard axis >= -rank, axis < rank else {
      throw ImportProblem("names the axis \(axis) of a value of \(rank) dimensions")
    }
    return axis < 0 ? axis + rank : axis
  }

  /// Axes that differ, in ascending order.
  func axes(_ axes: [Int], rank: Int) throws -> [Int] {
    let sorted = try axes.map { try axis($0, rank: rank) }.sorted()
    guard Set(sorted).count == sorted.count else { throw ImportProblem("names an axis twice") }
    return sorted
  }

  /// The extents that a Reshape asks for of a value.
  func reshaped(_ extents: [Int]) throws -> [Int] {
    guard var target = try list("shape", input: 1) else { throw ImportProblem("has no shape") }
    let keepsZeros = try int("allowzero", default: 0) != 0
    guard target.count <= ONNXParser.mostDimensions else { throw ImportProblem("has too many dimensions") }
    for i in target.indices where target[i] == 0 && !keepsZeros {
      guard i < extents.count else { throw ImportProblem("copies a dimension that is not there") }
      target[i] = extents[i]
    }
    let count = extents.reduce(1, *)
    if let free = target.firstIndex(of: -1) {
      target[free] = 1
      guard let known = Self.product(target), known > 0, count % known == 0 else {
        throw ImportProblem("gives \(extents) the shape \(target), which does not fit")
      }
      target[free] = count / known
    }
    guard Self.product(target) == count else {
      throw ImportProblem("gives \(extents) the shape \(target), which does not fit")
    }
    return target
  }

  /// Nil: an extent is negative or too large, or the product of some does not fit.
  static func product(_ extents: [Int]) -> Int? {
    var product = 1
    for extent in extents {
      let (next, overflow) = product.multipliedReportingOverflow(by: max(extent, 1))
      guard extent >= 0, extent <= 1 << 40, !overflow else { return nil }
      product = next
    }
    return extents.contains(0) ? 0 : product
  }

  /// The extents under which dimensions of one are added (Unsqueeze) or taken away (Squeeze), or all are joined to two
  /// (Flatten); nil: the node does something else.
  func regrouped(_ extents: [Int]) throws -> [Int]? {
    switch type {
    case "Reshape": return try reshaped(extents)
    case "Flatten":
      let given = try int("axis", default: 1)
      let axis = given == extents.count ? given : try axis(given, rank: extents.count)
      return [extents[..<axis].reduce(1, *), extents[axis...].reduce(1, *)]
    case "Squeeze":
      guard let listed = try list("axes", input: 1) else { return extents.filter { $0 != 1 } }
      let axes = try axes(listed, rank: extents.count)
      guard axes.allSatisfy({ extents[$0] == 1 }) else {
        throw ImportProblem("takes away a dimension that is not 1 of \(extents)")
      }
      return extents.indices.filter { !axes.contains($0) }.map { extents[$0] }
    case "Unsqueeze":
      let listed = try list("axes", input: 1) ?? []
      guard extents.count + listed.count <= ONNXParser.mostDimensions else {
        throw ImportProblem("has too many dimensions")
      }
      var result = extents
      for axis in try axes(listed, rank: extents.count + listed.count) { result.insert(1, at: axis) }
      return result
    default: return nil
    }
  }

  /// The part of a shape that a Shape gives.
  func part(ofShape shape: [Int]) throws -> [Int] {
    func index(_ given: Int) -> Int { min(max(given < 0 ? given + shape.count : given, 0), shape.count) }
    let start = index(try int("start", default: 0))
    let end = has("end") ? index(try int("end", default: 0)) : shape.count
    return start < end ? Array(shape[start..<end]) : []
  }

  /// The axes over which a reduction goes, in ascending order.
  func reducedAxes(rank: Int) throws -> [Int] {
    let listed = try list("axes", input: 1) ?? []
    if listed.isEmpty { return try int("noop_with_empty_axes", default: 0) != 0 ? [] : Array(0..<rank) }
    return try axes(listed, rank: rank)
  }

  var keepsDimensions: Bool { get throws { try int("keepdims", default: 1) != 0 } }

  /// The order of dimensions of a Transpose.
  func order(rank: Int) throws -> [Int] {
    let order = try ints("perm") ?? Array((0..<rank).reversed())
    guard order.count == rank, order.sorted() == Array(0..<rank) else {
      throw ImportProblem("gives \(rank) dimensions the order \(order)")
    }
    return order
  }

  /// One part of an axis that a Slice takes: every `step`th of `count` indices from `start` on.
  struct Part {
    let axis, start, count, step: Int
  }

  func slices(_ extents: [Int]) throws -> [Part] {
    guard let starts = try list("starts", input: 1), let ends = try list("ends", input: 2) else {
      throw ImportProblem("has no starts and ends")
    }
    let listed = try list("axes", input: 3) ?? Array(starts.indices)
    let steps = try list("steps", input: 4) ?? [Int](repeating: 1, count: starts.count)
    guard starts.count == ends.count, listed.count == starts.count, steps.count == starts.count else {
      throw ImportProblem("has lists that differ in length")
    }
    var parts: [Part] = []
    for (i, given) in listed.enumerated() {
      let axis = try axis(given, rank: extents.count)
      guard !parts.contains(where: { $0.axis == axis }) else { throw ImportProblem("names an axis twice") }
      let (extent, step) = (extents[axis], steps[i])
      guard step != 0, step > -1 << 32, step < 1 << 32 else { throw ImportProblem("has the step \(step)") }
      // Indices below zero count from the end.
      func index(_ given: Int, _ range: ClosedRange<Int>) -> Int {
        let index = given < 0 ? given.addingReportingOverflow(extent).partialValue : given
        return min(max(given < 0 && index > extent ? Int.min : index, range.lowerBound), range.upperBound)
      }
      if step > 0 {
        let (start, end) = (index(starts[i], 0...extent), index(ends[i], 0...extent))
        parts.append(
          Part(axis: axis, start: start, count: max((end - start + step - 1) / step, 0), step: step))
      } else {
        let (start, end) = (
          index(starts[i], -1...max(extent - 1, -1)), index(ends[i], -1...max(extent - 1, -1))
        )
        parts.append(
          Part(axis: axis, start: start, count: max((start - end - step - 1) / -step, 0), step: step))
      }
    }
    return parts
  }

  /// The sizes of the parts of a Split.
  func parts(of extent: Int) throws -> [Int] {
    let count = try int("num_outputs", default: node.outputs.count)
    guard (1...1 << 12).contains(count) else { throw ImportProblem("has \(count) outputs") }
    let even = (extent + count - 1) / count
    let sizes =
      try list("split", input: 1)
      ?? (0..<count).map { min(even, max(extent - $0 * even, 0)) }
    guard sizes.count >= node.outputs.count, ONNXCall.product(sizes) != nil, sizes.reduce(0, &+) == extent,
      sizes.allSatisfy({ $0 <= extent })
    else { throw ImportProblem("cuts \(extent) into \(sizes)") }
    return sizes
  }
}

extension Int {
  /// The whole number nearest to zero from a number; what is beyond all integers becomes the outermost one.
  init(clamping value: Double) {
    self = value.isNaN ? 0 : value >= 0x1p62 ? .max : value <= -0x1p62 ? .min : Int(value)
  }
}
