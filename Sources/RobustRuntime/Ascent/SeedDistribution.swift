import CKernels

/// For each class a normal distribution of small images: mean + Σ z factor, with z normal. (The low-rank form
/// of the class Gaussians of Santurkar et al., arXiv 1906.09453.)
struct SeedDistribution: Sendable {
  let classCount, rank, side: Int
  /// [classCount][3][side][side]
  private let mean: StoredTensor
  /// [classCount][rank][3][side][side]
  private let factor: StoredTensor

  /// Whether the file has one for each class.
  /// - Throws: `CheckpointError` if it has one that does not fit.
  static func isIn(_ file: SafeTensors, classCount: Int) throws -> Bool {
    guard let mean = file.shape("seeds.mean"), let factor = file.shape("seeds.factor") else { return false }
    guard mean.count == 4, mean[0] == classCount, mean[1] == 3, mean[2] == mean[3], mean[2] > 0 else {
      throw file.refuse("'seeds.mean' has the shape \(mean), not [\(classCount), 3, side, side]")
    }
    guard factor.count == 5, factor[0] == classCount, Array(factor[2...]) == Array(mean[1...]) else {
      throw file.refuse(
        "'seeds.factor' has the shape \(factor), not [\(classCount), rank, 3, \(mean[2]), \(mean[2])]")
    }
    return true
  }

  init(_ file: SafeTensors) throws {
    let shape = file.entries["seeds.factor"]!.shape
    (classCount, rank, side) = (shape[0], shape[1], shape[3])
    mean = try file.stored("seeds.mean")
    factor = try file.stored("seeds.factor")
  }

  /// A sample, clamped to 0...1: [3][side][side].
  func sample(_ index: Int, _ random: Philox) -> [Float] {
    let size = 3 * side * side
    var pixels = mean.values(index * size..<(index + 1) * size)
    for (k, z) in random.normal(count: rank).enumerated() {
      let first = (index * rank + k) * size
      rt_add_scaled(&pixels, factor.values(first..<first + size), z, size)
    }
    rt_clamp(&pixels, 0, 1, size)
    return pixels
  }
}
