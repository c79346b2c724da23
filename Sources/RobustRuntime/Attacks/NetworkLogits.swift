import CKernels

/// The logits of a network made ready for inference, for all its classes or for some of them alone.
package final class NetworkLogits: LogitFunction {
  package let height, width, capacity: Int
  /// Which logits of the network are looked at; nil: all.
  private let classes: [Int]?
  /// The name of the network, for errors.
  private let model: String
  private let network: Network
  private var plan: Plan
  /// The last value, [class][image], and its gradient.
  private var planes, planeGradients: Buffer

  package var classCount: Int { classes?.count ?? all }
  private var all: Int { plan.tensors[plan.logits].shape.channels }

  /// - Parameter classes: indices of the network's logits, in the order in which they are given; nil: all.
  /// - Parameter model: the network's name, for errors.
  /// - Throws: `RuntimeError.outOfMemory`
  package init(
    _ network: Network, capacity: Int, height: Int, width: Int, classes: [Int]? = nil, model: String
  ) throws {
    (self.network, self.capacity, self.height, self.width) = (network, capacity, height, width)
    (self.classes, self.model) = (classes, model)
    plan = try Plan(network, images: capacity, height: height, width: width, gradient: true)
    planes = Buffer(plan.tensors[plan.logits].count)
    planeGradients = Buffer(plan.tensors[plan.logits].count)
  }

  /// Halves the plan's images while they are enough, so that a few images that are left take little time. The
  /// whole capacity comes back when it is needed.
  private func makePlan(for count: Int) throws {
    var images = capacity
    while (images + 1) / 2 >= count && images > 1 { images = (images + 1) / 2 }
    guard images != plan.images else { return }
    plan = try Plan(network, images: images, height: height, width: width, gradient: true)
  }

  package func logits(
    of pixels: UnsafePointer<Float>, count: Int, to logits: UnsafeMutablePointer<Float>
  ) throws {
    precondition((1...capacity).contains(count))
    try makePlan(for: count)
    plan.forward(pixels, through: plan.logits)
    plan.tensors[plan.logits].copyPlanes(to: planes.base)
    for c in 0..<classCount {
      let plane = planes.base + (classes?[c] ?? c) * plan.images
      for n in 0..<count { logits[n * classCount + c] = plane[n] }
    }
    guard rt_all_finite(logits, count * classCount) else {
      throw RuntimeError.notFinite("the model \(model.quoted) yields logits that are NaN or infinite")
    }
  }

  package func gradient(
    ofLogits logitGradient: UnsafePointer<Float>, count: Int, to pixels: UnsafeMutablePointer<Float>
  ) throws {
    rt_fill(planeGradients.base, 0, planeGradients.count)
    for c in 0..<classCount {
      let plane = planeGradients.base + (classes?[c] ?? c) * plan.images
      for n in 0..<count { plane[n] = logitGradient[n * classCount + c] }
    }
    var gradients = [UnsafeMutablePointer<Float>?](repeating: nil, count: plan.tensors.count)
    gradients[plan.logits] = planeGradients.base
    plan.backward(gradients, passReLU: false, to: pixels)
  }
}

extension Classifier {
  /// The classifier as attacks see it, with plans of its own.
  /// - Parameters:
  ///   - capacity: the most images at once, at least 1.
  ///   - classes: indices of the classes whose logits are looked at, in their new order; nil: all.
  /// - Throws: `RuntimeError`
  public func logitFunction(capacity: Int, height: Int, width: Int, classes: [Int]? = nil) throws
    -> any LogitFunction
  {
    guard capacity > 0 else { throw RuntimeError.invalid("there are no images") }
    guard min(height, width) >= facts.smallest else {
      throw RuntimeError.invalid(
        "the image is \(width)x\(height); the least side is \(facts.smallest)")
    }
    if let strange = classes?.first(where: { !facts.classes.indices.contains($0) }) {
      throw RuntimeError.invalid("the model has no class \(strange)")
    }
    return try NetworkLogits(
      plans.network, capacity: capacity, height: height, width: width, classes: classes,
      model: facts.name)
  }
}
