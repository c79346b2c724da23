import Synchronization

/// Plans of one network, kept for the next use. A plan in use is not in the pool, so uses on several threads,
/// or one within another, do not meet.
final class PlanPool: Sendable {
  let network: Network
  private let state = Mutex(State())

  /// Plans take memory, and few sizes are in use at a time.
  private static let mostIdle = 3

  private struct State {
    var idle: [Idle] = []
    var inUse = 0
    /// The most that were in use at once, as many of which will be needed again.
    var mostInUse = 0

    mutating func take(_ fits: (Plan) -> Bool) -> Idle? {
      inUse += 1
      mostInUse = max(mostInUse, inUse)
      return idle.lastIndex { fits($0.plan) }.map { idle.remove(at: $0) }
    }

    mutating func park(_ plan: Idle?) {
      inUse -= 1
      if let plan { idle.append(plan) }
      if idle.count > max(PlanPool.mostIdle, mostInUse) { idle.removeFirst() }
    }
  }

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
    let parked = state.withLock {
      $0.take {
        ($0.images, $0.height, $0.width) == (images, height, width)
          && $0.operations.count == value && ($0.hasGradient || !gradient)
      }
    }
    var returned = parked
    defer { state.withLock { [returned] in $0.park(returned) } }
    let plan =
      try parked?.plan ?? Plan(network, images: images, height: height, width: width, gradient: gradient)
    returned = Idle(plan: plan)
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
