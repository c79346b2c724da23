import CKernels
import PixelGrid

/// An objective made ready for a batch of one size.
final class Evaluator {
  private let plan: Plan
  /// The number of images, of which the plan computes some at a time.
  private let batch: Int
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
  /// What the terms read of as many images as the plan has, by number of the value, and the gradient by it.
  private let values, valueGradients: [Buffer?]
  private let seen, seenGradient: Buffer
  private(set) var losses: [Double]
  /// The name of the model, for errors.
  let model: String

  /// - Parameters:
  ///   - batch: the number of images, a multiple of the plan's.
  ///   - plan: with gradients, if they will be asked for.
  ///   - boundary: what the images are beyond their ends, where smoothness is concerned.
  ///   - seesOther: whether the network will see images in views or with noise.
  /// - Throws: `RuntimeError` if a term does not fit the model or the images.
  init(
    _ objective: Objective, batch: Int, height: Int, width: Int, plan: Plan, plans: PlanPool,
    facts: ModelFacts,
    boundary: Boundary, gradient: Bool, seesOther: Bool
  )
    throws
  {
    (self.plan, self.batch, self.height, self.width) = (plan, batch, height, width)
    (self.boundary, model) = (boundary, facts.name)
    seenView = facts.seenView(height: height, width: width)
    var binder = TermBinder(
      plan: plan, batch: batch, height: height, width: width, boundary: boundary, plans: plans, facts: facts)
    terms = try objective.terms.map { try binder.evaluator(of: $0) }
    let read = Set(terms.flatMap(\.values))
    self.read = read
    deepest = read.max()
    values = plan.tensors.indices.map { read.contains($0) ? Buffer(plan.tensors[$0].count) : nil }
    valueGradients = plan.tensors.indices.map {
      gradient && read.contains($0) ? Buffer(plan.tensors[$0].count) : nil
    }
    let seenCount = batch * 3 * plan.height * plan.width
    seen = Buffer(seesOther || (height, width) != (plan.height, plan.width) ? seenCount : 0)
    seenGradient = Buffer(gradient && deepest != nil ? seenCount : 0)
    losses = [Double](repeating: 0, count: batch)
  }

  /// Floats of the images as the network sees them.
  var seenCount: Int { batch * seenStride }
  private var seenStride: Int { 3 * plan.height * plan.width }

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
    let size = batch * 3 * height * width
    let isSeenAsIs = (height, width) == (plan.height, plan.width)
    let given =
      views.isEmpty && !isSeenAsIs ? [View](repeating: View(boundary: boundary), count: batch) : views
    let views = given.map { $0.after(seenView) }
    let seesMoved = !views.isEmpty && deepest != nil
    let seesNoise = !noise.isEmpty && deepest != nil
    if seesMoved {
      for (n, view) in views.enumerated() { sampler(view).view(image: n, pixels, to: seen.base) }
    } else if seesNoise {
      rt_copy(seen.base, pixels, size)
    }
    if seesNoise { rt_add(seen.base, noise, seenCount) }

    for index in losses.indices { losses[index] = 0 }
    if let gradient { rt_fill(gradient, 0, size) }
    // What comes back through the network is of the moved image.
    let throughNetwork = gradient == nil || deepest == nil ? nil : seenGradient.base
    if seesMoved, let throughNetwork { rt_fill(throughNetwork, 0, seenCount) }
    let seen = Seen(
      pixels: seesMoved || seesNoise ? UnsafePointer(seen.base) : pixels,
      gradient: seesMoved ? throughNetwork : gradient, views: seesMoved ? views : [])
    for first in stride(from: 0, to: batch, by: plan.images) {
      let images = first..<first + plan.images
      let gradients = try evaluate(images, pixels, gradient, seen, step: step)
      guard let gradient, let throughNetwork else { continue }
      if seesMoved { addViewed(throughNetwork, to: gradient, views, images) }
      plan.backward(gradients, passReLU: passReLU, to: throughNetwork + first * seenStride)
      if seesMoved {
        addViewed(throughNetwork, to: gradient, views, images)
      } else {
        rt_add(gradient + first * seenStride, throughNetwork + first * seenStride, images.count * seenStride)
      }
    }
  }

  /// The images of a batch as the network sees them, and where the gradient by what it sees goes.
  private struct Seen {
    let pixels: UnsafePointer<Float>
    let gradient: UnsafeMutablePointer<Float>?
    /// [image]; empty: all as they are.
    let views: [View]
  }

  /// Computes the losses of some images, and their gradients by the pixels and by what the network sees.
  /// - Returns: the gradients by what the terms read, [value].
  private func evaluate(
    _ images: Range<Int>, _ pixels: UnsafePointer<Float>, _ gradient: UnsafeMutablePointer<Float>?,
    _ seen: Seen, step: Int
  ) throws -> [UnsafeMutablePointer<Float>?] {
    if let deepest {
      plan.forward(seen.pixels + images.lowerBound * seenStride, through: deepest, read: read) { value in
        if let buffer = values[value] { plan.tensors[value].copyPlanes(to: buffer.base) }
      }
    }
    for case let buffer? in valueGradients { rt_fill(buffer.base, 0, buffer.count) }
    let gradients = valueGradients.map { gradient == nil ? nil : $0?.base }
    let layers = plan.tensors.indices.map { k in
      values[k].map {
        Planes(shape: plan.tensors[k].shape, images: images, values: $0.base, gradient: gradients[k])
      }
    }
    let point = Point(
      step: step, images: images, batch: batch, plan: plan, height: height, width: width, pixels: pixels,
      pixelGradient: gradient, seen: seen.pixels, seenGradient: seen.gradient, views: seen.views,
      layers: layers)
    for term in terms { try term.evaluate(point, &losses) }
    guard losses[images].allSatisfy(\.isFinite) else {
      throw RuntimeError.notFinite(
        "with the model \(model.quoted) the loss became NaN or infinite at step \(step)")
    }
    return gradients
  }

  /// Adds the gradient by what is seen in the views to that by the pixels.
  private func addViewed(
    _ seen: UnsafePointer<Float>, to gradient: UnsafeMutablePointer<Float>, _ views: [View],
    _ images: Range<Int>
  ) {
    for n in images { sampler(views[n]).addGradient(image: n, seen, to: gradient) }
  }

  private func sampler(_ view: View) -> ViewSampler {
    ViewSampler(view, height: height, width: width, seenHeight: plan.height, seenWidth: plan.width)
  }
}
