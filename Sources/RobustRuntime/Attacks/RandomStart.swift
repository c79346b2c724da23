import CKernels

/// Where an attack with a random start begins: a pure function of the seed, the number of the run, and the
/// image's identifier, whatever else is attacked beside it.
struct RandomStart {
  private let numbers: Philox

  /// - Parameter run: counts restarts and the like, so that each has a start of its own.
  init(seed: UInt64, run: Int, image: UInt64) {
    // An odd factor, so that the keys of runs and seeds lie far apart.
    numbers = Philox(seed: seed &+ UInt64(run) &* 0x9E37_79B9_7F4A_7C15, stream: image)
  }

  /// A perturbation within the ball. L2: of a uniform direction and of a length uniform in 0...radius. Linf:
  /// uniform in the cube.
  func inside(_ norm: PerturbationNorm, radius: Double, count: Int) -> [Float] {
    switch norm {
    case .l2:
      var values = numbers.normal(count: count)
      let share = Float(Philox.unit(numbers.words(UInt64.max).x))
      RandomStart.scale(&values, to: radius * Double(share), norm)
      return values
    case .linf: return numbers.uniform(count: count).map { Float(radius) * (2 * $0 - 1) }
    }
  }

  /// A perturbation of just this size, as attacks of the APGD family begin: a normal sample, or one uniform
  /// in a cube, brought to it.
  func onSphere(_ norm: PerturbationNorm, radius: Double, count: Int) -> [Float] {
    var values = norm == .l2 ? numbers.normal(count: count) : numbers.uniform(count: count).map { 2 * $0 - 1 }
    RandomStart.scale(&values, to: radius, norm)
    return values
  }

  private static func scale(_ values: inout [Float], to radius: Double, _ norm: PerturbationNorm) {
    let size =
      norm == .l2
      ? rt_sum_squares(values, values.count).squareRoot()
      : Double(values.reduce(0) { max($0, abs($1)) })
    rt_scale(&values, Float(radius / (size + 1e-12)), values.count)
  }
}

extension Philox {
  /// A word as a number uniform in [0, 1).
  fileprivate static func unit(_ word: UInt32) -> Double { Double(word) * 0x1p-32 }
}
