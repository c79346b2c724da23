import CKernels

/// An objective made ready for a batch of one size.
final class Evaluator {
  private let plan: Plan
  private let terms: [any TermEvaluator]
  /// The deepest value that a term reads; nil: the network is not needed.
  private let deepest: Int?
  /// By number of the value.
  private let valueGradients: [Buffer?]
  private let seen, seenGradient: Buffer
  private(set) var losses: [Double]

  /// - Parameter plan: with gradients, if they will be asked for.
  /// - Throws: `RuntimeError` if a term does not fit the model or the images.
  init(_ objective: Objective, plan: Plan, plans: PlanPool, facts: ModelFacts, gradient: Bool, jitter: Bool)
    throws
  {
    self.plan = plan
    var binder = TermBinder(plan: plan, plans: plans, facts: facts)
    terms = try objective.terms.map { try binder.evaluator(of: $0) }
    let read = Set(terms.flatMap(\.values))
    deepest = read.max()
    valueGradients = plan.tensors.indices.map {
      gradient && read.contains($0) ? Buffer(plan.tensors[$0].count) : nil
    }
    let size = plan.images * 3 * plan.height * plan.width
    seen = Buffer(jitter ? size : 0)
    seenGradient = Buffer(gradient && deepest != nil ? size : 0)
    losses = [Double](repeating: 0, count: plan.images)
  }

  /// Of the first cross-entropy term.
  var classProbability: Double? { terms.lazy.compactMap { ($0 as? CrossEntropyTerm)?.probability }.first }

  /// Computes the losses at images [image][3][row][column], and writes their gradient if it is wanted.
  /// - Throws: `RuntimeError.notFinite`, or what a custom term threw.
  func evaluate(
    _ pixels: UnsafePointer<Float>, step: Int, moves: [Move], passReLU: Bool,
    gradient: UnsafeMutablePointer<Float>?
  ) throws {
    let size = plan.images * 3 * plan.height * plan.width
    let seesMoved = !moves.isEmpty && deepest != nil
    if seesMoved { move(pixels, to: seen.base, moves) }
    let seenPixels = seesMoved ? UnsafePointer(seen.base) : pixels
    if let deepest { plan.forward(seenPixels, through: deepest) }

    for index in losses.indices { losses[index] = 0 }
    for case let buffer? in valueGradients { rt_fill(buffer.base, 0, buffer.count) }
    if let gradient { rt_fill(gradient, 0, size) }
    // What comes back through the network is of the moved image.
    let throughNetwork = gradient == nil || deepest == nil ? nil : seenGradient.base
    if seesMoved, let throughNetwork { rt_fill(throughNetwork, 0, size) }
    let gradients = valueGradients.map { gradient == nil ? nil : $0?.base }
    let point = Point(
      step: step, plan: plan, pixels: pixels, pixelGradient: gradient, seen: seenPixels,
      seenGradient: seesMoved ? throughNetwork : gradient, moves: seesMoved ? moves : [], gradients: gradients
    )
    for term in terms { try term.evaluate(point, &losses) }
    guard losses.allSatisfy(\.isFinite) else {
      throw RuntimeError.notFinite("the loss became NaN or infinite at step \(step)")
    }

    guard let gradient, let throughNetwork else { return }
    if seesMoved { moveBack(throughNetwork, addingTo: gradient, moves) }
    plan.backward(gradients, passReLU: passReLU, to: throughNetwork)
    if seesMoved {
      moveBack(throughNetwork, addingTo: gradient, moves)
    } else {
      rt_add(gradient, throughNetwork, size)
    }
  }

  private func move(_ pixels: UnsafePointer<Float>, to moved: UnsafeMutablePointer<Float>, _ moves: [Move]) {
    eachPixel(moves) { from, to in moved[to] = pixels[from] }
  }

  private func moveBack(
    _ moved: UnsafePointer<Float>, addingTo gradient: UnsafeMutablePointer<Float>, _ moves: [Move]
  ) {
    eachPixel(moves) { from, to in gradient[from] += moved[to] }
  }

  /// Calls `body` with the place of each pixel before and after the image was moved.
  @inline(__always)
  private func eachPixel(_ moves: [Move], _ body: (_ from: Int, _ to: Int) -> Void) {
    let (height, width) = (plan.height, plan.width)
    for n in 0..<plan.images {
      let columns = (0..<width).map { Move.mirrored($0 - moves[n].x, width) }
      for c in 0..<3 {
        for y in 0..<height {
          let read = ((3 * n + c) * height + Move.mirrored(y - moves[n].y, height)) * width
          let write = ((3 * n + c) * height + y) * width
          columns.withUnsafeBufferPointer { columns in
            for x in 0..<width { body(read + columns[x], write + x) }
          }
        }
      }
    }
  }
}
