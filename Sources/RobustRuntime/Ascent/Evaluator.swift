import CKernels
import PixelGrid

/// An objective made ready for a batch of one size.
final class Evaluator {
  private let plan: Plan
  /// The extents of the images. Where the network takes none as small, it sees them and what is beyond their ends, up to the
  /// plan's size.
  private let height, width: Int
  private let boundary: Boundary
  private let terms: [any TermEvaluator]
  /// The deepest value that a term reads; nil: the network is not needed.
  private let deepest: Int?
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
    var binder = TermBinder(
      plan: plan, height: height, width: width, boundary: boundary, plans: plans, facts: facts)
    terms = try objective.terms.map { try binder.evaluator(of: $0) }
    let read = Set(terms.flatMap(\.values))
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
    let views =
      views.isEmpty && size < seenCount
      ? [View](repeating: View(boundary: boundary), count: plan.images) : views
    let seesMoved = !views.isEmpty && deepest != nil
    let seesNoise = !noise.isEmpty && deepest != nil
    if seesMoved {
      view(pixels, to: seen.base, views)
    } else if seesNoise {
      rt_copy(seen.base, pixels, size)
    }
    if seesNoise { rt_add(seen.base, noise, seenCount) }
    let seenPixels = seesMoved || seesNoise ? UnsafePointer(seen.base) : pixels
    if let deepest {
      plan.forward(seenPixels, through: deepest) { value in
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
    if seesMoved { viewBack(throughNetwork, addingTo: gradient, views) }
    plan.backward(gradients, passReLU: passReLU, to: throughNetwork)
    if seesMoved {
      viewBack(throughNetwork, addingTo: gradient, views)
    } else {
      rt_add(gradient, throughNetwork, size)
    }
  }

  private func view(_ pixels: UnsafePointer<Float>, to seen: UnsafeMutablePointer<Float>, _ views: [View]) {
    eachPixel(views) { at, a, b, c, d, wa, wb, wc, wd in
      seen[at] = wa * pixels[a] + wb * pixels[b] + wc * pixels[c] + wd * pixels[d]
    }
  }

  private func viewBack(
    _ seen: UnsafeMutablePointer<Float>, addingTo gradient: UnsafeMutablePointer<Float>, _ views: [View]
  ) {
    eachPixel(views) { at, a, b, c, d, wa, wb, wc, wd in
      gradient[a] += wa * seen[at]
      gradient[b] += wb * seen[at]
      gradient[c] += wc * seen[at]
      gradient[d] += wd * seen[at]
    }
  }

  /// Calls `body` with the place of each pixel of the views, and with places and shares of the four pixels of the image
  /// that it lies between.
  @inline(__always)
  private func eachPixel(
    _ views: [View], _ body: (Int, Int, Int, Int, Int, Float, Float, Float, Float) -> Void
  ) {
    for n in 0..<plan.images {
      let rows = views[n].rows(plan.height, of: height)
      let columns = views[n].columns(plan.width, of: width)
      for c in 0..<3 {
        let plane = (3 * n + c) * height * width
        let seenPlane = (3 * n + c) * plan.height * plan.width
        for (y, row) in rows.enumerated() {
          let (upper, lower) = (plane + row.first * width, plane + row.second * width)
          for (x, column) in columns.enumerated() {
            body(
              seenPlane + y * plan.width + x, upper + column.first, upper + column.second,
              lower + column.first,
              lower + column.second, (1 - row.share) * (1 - column.share), (1 - row.share) * column.share,
              row.share * (1 - column.share), row.share * column.share)
          }
        }
      }
    }
  }
}
