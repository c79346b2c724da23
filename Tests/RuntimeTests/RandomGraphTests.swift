import Glibc
import RobustRuntime
import Testing

@Suite struct RandomGraphTests {
  /// Graphs of random operators give what plain loops give, or are refused with a reason, which few are. How many there
  /// are, RTOOL_RANDOM_GRAPHS says.
  @Test func agreeWithPlainLoops() throws {
    let count = getenv("RTOOL_RANDOM_GRAPHS").flatMap { Int(String(cString: $0)) } ?? 300
    var refused: [String] = []
    for seed in 0..<count {
      let made = RandomGraph(seed: seed)
      let x = OracleMap(
        made.images, made.input.channels, made.input.height, made.input.width,
        uniform("image \(seed)", made.images * made.input.channels * made.input.height * made.input.width)
          .map(Double.init))
      let oracle = GraphOracle(made.graph, x)
      var gradient = oracle.logits
      gradient.values = uniform("gradient \(seed)", gradient.values.count).map { Double($0) - 0.5 }
      do {
        let (y, back) = try run(made.graph, x, gradient)
        let wanted = oracle.gradient(from: [(made.graph.nodes.count - 1, gradient)])
        #expect(isNear(y, oracle.logits, scale: 1), "values of graph \(seed): \(operators(made.graph))")
        #expect(
          isNear(back, wanted, scale: norm(gradient)), "gradient of graph \(seed): \(operators(made.graph))")
      } catch let error as RuntimeError {
        #expect(!error.description.isEmpty)
        refused.append("\(seed): \(error)")
      }
    }
    #expect(refused.count * 20 <= count, "\(refused.prefix(5))")
  }

  /// The oracle's gradients beside finite differences of its values.
  @Test func theOracleIsItsOwnDerivative() {
    for seed in 0..<60 {
      let made = RandomGraph(seed: seed)
      let size = made.images * made.input.channels * made.input.height * made.input.width
      let x = OracleMap(
        made.images, made.input.channels, made.input.height, made.input.width,
        uniform("image \(seed)", size).map(Double.init))
      let oracle = GraphOracle(made.graph, x)
      var weights = oracle.logits
      weights.values = uniform("gradient \(seed)", weights.values.count).map { Double($0) - 0.5 }
      let gradient = oracle.gradient(from: [(made.graph.nodes.count - 1, weights)])
      // Along a direction: Σ gradient · direction.
      let direction = uniform("direction \(seed)", size).map { Double($0) - 0.5 }
      func loss(_ step: Double) -> Double {
        var moved = x
        for i in moved.values.indices { moved.values[i] += step * direction[i] }
        return zip(GraphOracle(made.graph, moved).logits.values, weights.values).reduce(0) {
          $0 + $1.0 * $1.1
        }
      }
      let step = 1e-6
      let difference = (loss(step) - loss(-step)) / (2 * step)
      let slope = zip(gradient.values, direction).reduce(0.0) { $0 + $1.0 * $1.1 }
      #expect(abs(difference - slope) < 1e-4 * (abs(slope) + 1), "graph \(seed): \(operators(made.graph))")
    }
  }

  private func operators(_ graph: Graph) -> String {
    graph.nodes.map { node in
      let name = "\(node.operator)"
      return "\(name.prefix { $0 != "(" })\(node.inputs)"
    }.joined(separator: " ")
  }

  private func norm(_ map: OracleMap) -> Double {
    map.values.reduce(0) { $0 + $1 * $1 }.squareRoot()
  }

  /// - Parameter scale: of the numbers that the values are made from, whose rounding may be all that is left of them.
  private func isNear(_ map: OracleMap, _ wanted: OracleMap, scale: Double) -> Bool {
    guard map.values.count == wanted.values.count else { return false }
    var difference = map
    for i in difference.values.indices { difference.values[i] -= wanted.values[i] }
    return norm(difference) <= 1e-4 * norm(wanted) + 1e-5 * scale
  }
}
