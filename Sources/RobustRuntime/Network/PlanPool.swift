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

  /// - Throws: `RuntimeError.outOfMemory`, or what `body` throws.
  func withPlan<Result>(
    images: Int, height: Int, width: Int, gradient: Bool, _ body: (Plan) throws -> Result
  ) throws -> Result {
    let parked = idle.withLock { idle -> Idle? in
      let fitting = idle.lastIndex {
        ($0.plan.images, $0.plan.height, $0.plan.width) == (images, height, width)
          && ($0.plan.hasGradient || !gradient)
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

  /// The same with a plan for as many images of a batch as are best computed at once.
  func withPlan<Result>(
    batch: Int, height: Int, width: Int, gradient: Bool, _ body: (Plan) throws -> Result
  ) throws -> Result {
    try withPlan(
      images: network.imagesAtOnce(of: batch, height: height, width: width), height: height, width: width,
      gradient: gradient, body)
  }

  /// A value of the network for images of a size that it takes.
  /// - Throws: `RuntimeError`
  func features(of images: ImageBatch, through value: (Plan) -> Int) throws -> FeatureMap {
    try withPlan(batch: images.count, height: images.height, width: images.width, gradient: false) { plan in
      let value = value(plan)
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
