import CKernels
import PixelGrid

/// An objective made ready for a batch of one size.
final class Evaluator {
  private let plan: Plan
  /// The extents of the images. Where the network takes none of them, it sees them in the plan's size.
  private let height, width: Int
  /// How it sees them then.
  private let seenView: View
  private let boundary: Boundary
  private let terms: [any TermEvaluator]
  /// The deepest value that a term reads; nil: the network is not needed.
  private let deepest: Int?
  /// The values that terms read.
  private let read: Set<Int>
  /// What the terms read, by number of the value, and the gradient by it.
  private let values, valueGradients: [Buffer?]
  private let seen, seenGradient: Buffer
  private(set) var losses: [Double]
  /// The name of the model, for errors.
  let model: String

  /// - Parameters:
  ///   - plan: with gradients, if they will be asked for.
  ///   - boundary: what the images are beyond their ends, where smoothness is concerned.
  ///   - seesOther: whether the network will see images in views or with noise.
  /// - Throws: `RuntimeError` if a term does not fit the model or the images.
  init(
    _ objective: Objective, height: Int, width: Int, plan: Plan, plans: PlanPool, facts: ModelFacts,
    boundary: Boundary, gradient: Bool, seesOther: Bool
  )
    throws
  {
    (self.plan, self.height, self.width, self.boundary, model) = (plan, height, width, boundary, facts.name)
    seenView = facts.seenView(height: height, width: width)
    var binder = TermBinder(
      plan: plan, height: height, width: width, boundary: boundary, plans: plans, facts: facts)
    terms = try objective.terms.map { try binder.evaluator(of: $0) }
    let read = Set(terms.flatMap(\.values))
    self.read = read
    deepest = read.max()
    values = plan.tensors.indices.map { read.contains($0) ? Buffer(plan.tensors[$0].count) : nil }
    valueGradients = plan.tensors.indices.map {
      gradient && read.contains($0) ? Buffer(plan.tensors[$0].count) : nil
    }
    let seenCount = plan.images * 3 * plan.height * plan.width
    seen = Buffer(seesOther || (height, width) != (plan.height, plan.width) ? seenCount : 0)
    seenGradient = Buffer(gradient && deepest != nil ? seenCount : 0)
    losses = [Double](repeating: 0, count: plan.images)
  }

  /// Floats of the images as the network sees them.
  var seenCount: Int { plan.images * 3 * plan.height * plan.width }

  /// The probability of the classes of the first cross-entropy term, a mean over the batch.
  var classProbability: Double? { terms.lazy.compactMap { ($0 as? CrossEntropyTerm)?.probability }.first }

  /// Computes the losses at images [image][3][row][column], and writes their gradient if it is wanted.
  /// - Parameters:
  ///   - views: of each image; empty: as they are.
  ///   - noise: what the network sees added; empty: nothing.
  /// - Throws: `RuntimeError.notFinite`, or what a custom term threw.
  func evaluate(
    _ pixels: UnsafePointer<Float>, step: Int, views: [View] = [], noise: [Float] = [], passReLU: Bool,
    gradient: UnsafeMutablePointer<Float>?
  ) throws {
    let size = plan.images * 3 * height * width
    let isSeenAsIs = (height, width) == (plan.height, plan.width)
    let given =
      views.isEmpty && !isSeenAsIs ? [View](repeating: View(boundary: boundary), count: plan.images) : views
    let views = given.map { $0.after(seenView) }
    let seesMoved = !views.isEmpty && deepest != nil
    let seesNoise = !noise.isEmpty && deepest != nil
    if seesMoved {
      for (n, view) in views.enumerated() { sampler(view).view(image: n, pixels, to: seen.base) }
    } else if seesNoise {
      rt_copy(seen.base, pixels, size)
    }
    if seesNoise { rt_add(seen.base, noise, seenCount) }
    let seenPixels = seesMoved || seesNoise ? UnsafePointer(seen.base) : pixels
    if let deepest {
      plan.forward(seenPixels, through: deepest, read: read) { value in
        if let buffer = values[value] { plan.tensors[value].copyPlanes(to: buffer.base) }
      }
    }

    for index in losses.indices { losses[index] = 0 }
    for case let buffer? in valueGradients { rt_fill(buffer.base, 0, buffer.count) }
    if let gradient { rt_fill(gradient, 0, size) }
    // What comes back through the network is of the moved image.
    let throughNetwork = gradient == nil || deepest == nil ? nil : seenGradient.base
    if seesMoved, let throughNetwork { rt_fill(throughNetwork, 0, seenCount) }
    let gradients = valueGradients.map { gradient == nil ? nil : $0?.base }
    let layers = plan.tensors.indices.map { k in
      values[k].map {
        Planes(shape: plan.tensors[k].shape, images: plan.images, values: $0.base, gradient: gradients[k])
      }
    }
    let point = Point(
      step: step, plan: plan, height: height, width: width, pixels: pixels, pixelGradient: gradient,
      seen: seenPixels,
      seenGradient: seesMoved ? throughNetwork : gradient, views: seesMoved ? views : [], layers: layers
    )
    for term in terms { try term.evaluate(point, &losses) }
    guard losses.allSatisfy(\.isFinite) else {
      throw RuntimeError.notFinite(
        "with the model \(model.quoted) the loss became NaN or infinite at step \(step)")
    }

    guard let gradient, let throughNetwork else { return }
    if seesMoved { addViewed(throughNetwork, to: gradient, views) }
    plan.backward(gradients, passReLU: passReLU, to: throughNetwork)
    if seesMoved {
      addViewed(throughNetwork, to: gradient, views)
    } else {
      rt_add(gradient, throughNetwork, size)
    }
  }

  /// Adds the gradient by what is seen in the views to that by the pixels.
  private func addViewed(
    _ seen: UnsafePointer<Float>, to gradient: UnsafeMutablePointer<Float>, _ views: [View]
  ) {
    for (n, view) in views.enumerated() { sampler(view).addGradient(image: n, seen, to: gradient) }
  }

  private func sampler(_ view: View) -> ViewSampler {
    ViewSampler(view, height: height, width: width, seenHeight: plan.height, seenWidth: plan.width)
  }
}
