import CKernels

/// For each class a distribution of small images: mean + Σ z factor, with z normal (the low-rank form of the class
/// Gaussians of Santurkar et al., arXiv 1906.09453), or a mixture of several such components.
struct SeedDistribution: Sendable {
  let classCount: Int
  private let layout: Layout
  /// [class][component][3][side][side]
  private let mean: StoredTensor
  /// [class][component][rank][3][side][side]
  private let factor: StoredTensor
  /// [class][component]; the sum of each class is about 1.
  private let weights: [Float]

  var side: Int { layout.side }

  /// The extents of the tensors. A component may have a weight of 0, of a class with fewer than others.
  private struct Layout {
    let components, rank, side: Int

    /// Reads the extents; nil: the file has no distributions.
    /// - Throws: `CheckpointError` if it has one that does not fit.
    init?(_ file: any TensorFile, classCount: Int) throws {
      guard let mean = file.shape("seeds.mean"), let factor = file.shape("seeds.factor") else { return nil }
      let isMixture = mean.count == 5 || file.shape("seeds.weight") != nil
      let leading = isMixture ? 2 : 1
      let wanted = isMixture ? "\(classCount), components" : "\(classCount)"
      guard mean.count == leading + 3, mean[0] == classCount, mean.allSatisfy({ $0 > 0 }),
        mean[leading] == 3, mean[leading + 1] == mean[leading + 2]
      else { throw file.refuse("'seeds.mean' has the shape \(mean), not [\(wanted), 3, side, side]") }
      let side = mean[leading + 1]
      guard factor.count == leading + 4, factor[..<leading] == mean[..<leading],
        factor[(leading + 1)...] == mean[leading...]
      else {
        let first = mean[..<leading].map(String.init).joined(separator: ", ")
        throw file.refuse(
          "'seeds.factor' has the shape \(factor), not [\(first), rank, 3, \(side), \(side)]")
      }
      if isMixture {
        guard let weight = file.shape("seeds.weight") else { throw file.refuse("'seeds.weight' is missing") }
        guard weight[...] == mean[..<leading] else {
          throw file.refuse("'seeds.weight' has the shape \(weight), not \(mean[..<leading])")
        }
      }
      (components, rank, self.side) = (isMixture ? mean[1] : 1, factor[leading], side)
    }
  }

  /// Whether the file has a distribution for each class.
  /// - Throws: `CheckpointError` if it has one that does not fit.
  static func isIn(_ file: any TensorFile, classCount: Int) throws -> Bool {
    try Layout(file, classCount: classCount) != nil
  }

  /// Reads the distributions; nil: the file has none.
  /// - Throws: `CheckpointError` if it has one that does not fit.
  init?(_ file: any TensorFile, classCount: Int) throws {
    guard let layout = try Layout(file, classCount: classCount) else { return nil }
    (self.layout, self.classCount) = (layout, classCount)
    mean = try file.stored("seeds.mean")
    factor = try file.stored("seeds.factor")
    guard file.shape("seeds.weight") != nil else {
      weights = [Float](repeating: 1, count: classCount)
      return
    }
    weights = try file.values("seeds.weight")
    for index in 0..<classCount {
      let shares = weights[index * layout.components..<(index + 1) * layout.components]
      let sum = shares.reduce(0) { $0 + Double($1) }
      guard shares.allSatisfy({ $0 >= 0 }), abs(sum - 1) <= 1e-3 else {
        throw file.refuse("'seeds.weight' of class \(index) are no shares of 1")
      }
    }
  }

  /// A sample, clamped to 0...1: [3][side][side].
  func sample(_ index: Int, _ random: Philox) -> [Float] {
    let size = 3 * side * side
    let component = index * layout.components + component(of: index, random)
    var pixels = mean.values(component * size..<(component + 1) * size)
    for (k, z) in random.normal(count: layout.rank).enumerated() {
      let first = (component * layout.rank + k) * size
      rt_add_scaled(&pixels, factor.values(first..<first + size), z, size)
    }
    rt_clamp(&pixels, 0, 1, size)
    return pixels
  }

  /// Chooses a component of a class by the last number of the stream, whose first numbers are those of the factors.
  private func component(of index: Int, _ random: Philox) -> Int {
    let shares = weights[index * layout.components..<(index + 1) * layout.components]
    var rest = Double(random.words(.max).w) * 0x1p-32 * shares.reduce(0) { $0 + Double($1) }
    for (component, share) in shares.enumerated() where share > 0 {
      rest -= Double(share)
      if rest < 0 { return component }
    }
    return shares.lastIndex { $0 > 0 }! - shares.startIndex
  }
}
