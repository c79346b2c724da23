import Synchronization

/// Plans of one network, kept for the next use. A plan in use is not in the pool, so uses on several threads,
/// or one within another, do not meet.
final class PlanPool: Sendable {
  let network: Network
  private let idle = Mutex<[Idle]>([])

  /// Plans take memory, and few sizes are in use at a time.
  private static let mostIdle = 3

  /// Handed from thread to thread, but used by one at a time.
  private struct Idle: @unchecked Sendable { let plan: Plan }

  init(_ network: Network) { self.network = network }

  /// - Parameters:
  ///   - batch: the number of images of which the plan is to compute as many at once as is best.
  ///   - value: the last value that will be computed; those behind it take no memory.
  /// - Throws: `RuntimeError.outOfMemory`, or what `body` throws.
  func withPlan<Result>(
    batch: Int, height: Int, width: Int, gradient: Bool, through value: Int, _ body: (Plan) throws -> Result
  ) throws -> Result {
    let network = network.prefix(through: value)
    let images = try network.imagesAtOnce(of: batch, height: height, width: width)
    let parked = idle.withLock { idle -> Idle? in
      let fitting = idle.lastIndex {
        ($0.plan.images, $0.plan.height, $0.plan.width) == (images, height, width)
          && $0.plan.operations.count == value && ($0.plan.hasGradient || !gradient)
      }
      return fitting.map { idle.remove(at: $0) }
    }
    let plan =
      try parked?.plan ?? Plan(network, images: images, height: height, width: width, gradient: gradient)
    let returned = Idle(plan: plan)
    defer {
      idle.withLock { idle in
        idle.append(returned)
        if idle.count > PlanPool.mostIdle { idle.removeFirst() }
      }
    }
    return try body(plan)
  }

  /// A value of the network for images of a size that it takes.
  /// - Throws: `RuntimeError`
  func features(of images: ImageBatch, value: Int) throws -> FeatureMap {
    try withPlan(
      batch: images.count, height: images.height, width: images.width, gradient: false, through: value
    ) { plan in
      let shape = plan.tensors[value].shape
      let values = images.pixels.withUnsafeBufferPointer { pixels in
        stride(from: 0, to: images.count, by: plan.images).flatMap { first in
          plan.forward(pixels.baseAddress! + first * images.stride, through: value)
          return plan.features(value).values
        }
      }
      return FeatureMap(
        count: images.count, channels: shape.channels, height: shape.height, width: shape.width,
        values: values)
    }
  }
}
