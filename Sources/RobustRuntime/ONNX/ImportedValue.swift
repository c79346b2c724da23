/// What a value of an ONNX graph is while the graph is imported.
enum ImportedValue {
  case constant(Constant)
  case map(MapView)
  /// A function of each number of a map that has no node yet.
  case function(PendingFunction)
  /// A map within a border of a constant, which the window that reads it takes over.
  case padded(MapView, Padding, value: Double)
  /// A step on the way to a normalisation.
  case moment(Moment)
  /// The products of queries and keys, on the way to attention.
  case scores(AttentionScores)
  /// Where scores are not numbers, which is nowhere.
  case nowhere

  /// The dimensions; nil: they are not told.
  var extents: [Int]? {
    switch self {
    case .constant(let constant): constant.shape
    case .map(let view): view.extents
    case .function(let function): function.base.extents
    default: nil
    }
  }
}

/// A function of each number of a map, which becomes a node when something other than a function reads it.
final class PendingFunction {
  /// The operator that made it, and of what.
  enum Step {
    case unary(PendingFunction, (Double) -> Double)
    case binary(ArithmeticOperator, PendingFunction, PendingFunction)
  }

  /// How many steps wait for a node at most.
  static let deepest = 16

  let base: MapView
  let function: ScalarFunction
  let depth: Int
  /// Where the operator that made it comes from.
  let origin: String
  private(set) var step: Step?
  private(set) var node: MapView?

  /// A map as it is.
  init(_ map: MapView) { (base, function, depth, origin, node) = (map, .identity, 0, "", map) }

  init(unary parent: PendingFunction, origin: String, _ body: @escaping (Double) -> Double) {
    (base, function, depth) = (parent.base, parent.function.map(body), parent.depth + 1)
    self.origin = origin
    step = .unary(parent, body)
  }

  /// - Precondition: both are functions of the same map.
  init(_ arithmetic: ArithmeticOperator, _ a: PendingFunction, _ b: PendingFunction, origin: String) {
    (base, depth, self.origin) = (a.base, max(a.depth, b.depth) + 1, origin)
    function = a.function.combined(b.function, arithmetic.apply)
    step = .binary(arithmetic, a, b)
  }

  /// The functions that it is made of, those of which it was made last before others.
  var ancestors: [PendingFunction] {
    var (found, seen, open) = ([PendingFunction](), Set<ObjectIdentifier>(), [self])
    while let next = open.popLast() {
      let parents: [PendingFunction]
      switch next.step {
      case .unary(let parent, _): parents = [parent]
      case .binary(_, let a, let b): parents = [a, b]
      case nil: parents = []
      }
      for parent in parents where seen.insert(ObjectIdentifier(parent)).inserted {
        found.append(parent)
        open.append(parent)
      }
    }
    return found.sorted { $0.depth > $1.depth }
  }

  /// What it is as a function of one of its ancestors; nil: it is not one of that alone.
  func function(of ancestor: PendingFunction) -> ScalarFunction? {
    var known: [ObjectIdentifier: ScalarFunction] = [ObjectIdentifier(ancestor): .identity]
    func value(_ function: PendingFunction) -> ScalarFunction? {
      if let value = known[ObjectIdentifier(function)] { return value }
      let result: ScalarFunction
      switch function.step {
      case .unary(let parent, let body):
        guard let x = value(parent) else { return nil }
        result = x.map(body)
      case .binary(let arithmetic, let a, let b):
        guard let x = value(a), let y = value(b) else { return nil }
        result = x.combined(y, arithmetic.apply)
      case nil: return nil
      }
      known[ObjectIdentifier(function)] = result
      return result
    }
    return value(self)
  }

  /// The ancestor nearest to the map of which this is a form that is known.
  var outermostForm: (ancestor: PendingFunction, form: ScalarFunction.Form)? {
    for ancestor in ancestors.reversed() where ancestor.depth > 0 {
      if let form = function(of: ancestor)?.form { return (ancestor, form) }
    }
    return nil
  }

  /// The node that it has become.
  func settle(_ view: MapView) { (node, step) = (view, nil) }
}

enum ArithmeticOperator {
  case add, subtract, multiply, divide, power, minimum, maximum

  func apply(_ a: Double, _ b: Double) -> Double {
    switch self {
    case .add: a + b
    case .subtract: a - b
    case .multiply: a * b
    case .divide: a / b
    case .power: Scalar.power(a, b)
    case .minimum: min(a, b)
    case .maximum: max(a, b)
    }
  }
}

/// What a decomposed normalisation has computed so far of a map, over some dimensions.
struct Moment {
  enum Kind {
    case mean
    /// x − mean
    case centred
    /// (x − mean)²
    case square
    /// The mean of the squares, and what was added to it.
    case variance(epsilon: Double)
    case deviation(epsilon: Double)
    /// 1 / deviation
    case inverse(epsilon: Double)
  }

  let map: MapView
  let axes: [Int]
  var kind: Kind

  func isOf(_ other: Moment) -> Bool {
    map.node == other.map.node && map.dims == other.map.dims && axes == other.axes
  }
}

/// scale · qᵀk, before or after the softmax over the keys.
struct AttentionScores {
  /// Channels of a head side by side.
  let queries, keys: MapView
  let heads: Int
  /// The dimensions before those of queries and keys, which count images and heads.
  let outer: [[AxisFactor]]
  var scale: Double
  var isSoftmax = false
}
