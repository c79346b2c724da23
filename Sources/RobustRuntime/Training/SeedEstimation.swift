import CKernels

/// Estimates the seed distribution of a class from small copies of its photos: a normal distribution
/// (Santurkar et al., arXiv 1906.09453), or several with weights, each with a covariance of low rank.
public struct SeedEstimation: Sendable {
  /// The side of the small photos, in pixels.
  public var side: Int
  /// Directions in which samples differ from the mean.
  public var rank: Int
  /// Normal distributions of a class at most.
  public var mostComponents: Int
  /// The fewest photos of a normal distribution; fewer go to the others instead; nil: `rank` or 5 % of
  /// the class.
  public var fewestPhotos: Int?
  /// The seed of the random numbers.
  public var seed: UInt64

  /// Coordinates in which photos are grouped.
  private static let groupingRank = 16

  public init(
    side: Int, rank: Int = 32, mostComponents: Int = 1, fewestPhotos: Int? = nil, seed: UInt64 = 0
  ) {
    (self.side, self.rank, self.mostComponents) = (side, rank, mostComponents)
    (self.fewestPhotos, self.seed) = (fewestPhotos, seed)
  }

  /// - Throws: `RuntimeError.unavailable` if OpenBLAS is not installed, without which there are no estimates.
  public static func requireLibrary() throws(RuntimeError) { _ = try MatrixProduct.loaded() }

  /// Floats of a photo.
  private var size: Int { 3 * side * side }

  /// The distribution of one class. The same photos give the same bytes, on any number of threads of one kind
  /// of processor. Classes may be estimated at once, on several threads.
  /// - Parameter index: of the class, for random numbers of its own.
  /// - Parameter photos: [count][3][side][side], planar, in 0...1.
  /// - Throws: `RuntimeError.invalid` if there is no photo, `RuntimeError.unavailable` if OpenBLAS is missing,
  /// `RuntimeError.notFinite`.
  public func mixture(
    ofClass index: Int, photos: UnsafeBufferPointer<Float>
  ) throws(RuntimeError) -> SeedMixture {
    guard side > 0, rank > 0, mostComponents > 0 else {
      throw .invalid("seeds need a side, a rank and a number of components above 0")
    }
    let count = photos.count / size
    guard let all = photos.baseAddress, count > 0, photos.count == count * size else {
      throw .invalid("there are no photos of class \(index) to make seeds of")
    }
    guard rt_all_finite(all, photos.count) else {
      throw .notFinite("a photo of class \(index) holds NaN or infinite values")
    }
    let rows = (0..<count).map { all + $0 * size }
    let groups = try groups(rows, class: index)
    var components: [SeedMixture.Component] = []
    for (number, group) in groups.enumerated() {
      components.append(try component(group, class: index, number))
    }
    return SeedMixture(components: components)
  }

  /// The tensors of a file, by class: `seeds.mean` [class][3][side][side] and `seeds.factor`
  /// [class][rank][3][side][side]; where a class has several components both have another extent, of
  /// components, behind that of classes, and `seeds.weight` [class][component] tells their shares, 0 where a
  /// class has fewer.
  public func tensors(_ classes: [SeedMixture], isHalf: Bool = true) -> [NamedTensor] {
    let most = classes.map(\.components.count).max() ?? 1
    var (means, factors, weights): ([Float], [Float], [Float]) = ([], [], [])
    for mixture in classes {
      let photos = mixture.components.reduce(0) { $0 + $1.photoCount }
      for component in mixture.components {
        means += component.mean
        factors += component.factor
        weights.append(Float(Double(component.photoCount) / Double(photos)))
      }
      let missing = most - mixture.components.count
      means += [Float](repeating: 0, count: missing * size)
      factors += [Float](repeating: 0, count: missing * rank * size)
      weights += [Float](repeating: 0, count: missing)
    }
    let leading = most == 1 ? [classes.count] : [classes.count, most]
    let tensors = [
      NamedTensor(name: "seeds.mean", shape: leading + [3, side, side], values: means, isHalf: isHalf),
      NamedTensor(
        name: "seeds.factor", shape: leading + [rank, 3, side, side], values: factors, isHalf: isHalf),
    ]
    return most == 1
      ? tensors : tensors + [NamedTensor(name: "seeds.weight", shape: leading, values: weights)]
  }

  /// Photos that are alike, the largest group first.
  private func groups(
    _ rows: [UnsafePointer<Float>], class index: Int
  ) throws(RuntimeError) -> [[UnsafePointer<Float>]] {
    if mostComponents == 1 { return [rows] }
    let (centred, _) = centred(rows)
    let main = try components(centred, rows.count, most: min(Self.groupingRank, rank), class: index, 0)
    let dimension = main.variances.count
    if dimension == 0 { return [rows] }
    let coordinates = PrincipalComponents.coordinates(
      main.directions[...], centred, rows.count, size, try MatrixProduct.loaded())
    var points = [Double](repeating: 0, count: coordinates.count)
    for k in 0..<dimension {
      for i in rows.indices { points[i * dimension + k] = Double(coordinates[k * rows.count + i]) }
    }
    let clusters = Clusters(
      points, dimension: dimension, most: mostComponents,
      fewest: fewestPhotos ?? max(rank, rows.count / 20),
      random: random(class: index, component: 0, block: 255))
    return (0..<clusters.count).map { group in
      rows.indices.filter { clusters.labels[$0] == group }.map { rows[$0] }
    }
  }

  private func component(
    _ rows: [UnsafePointer<Float>], class index: Int, _ number: Int
  ) throws(RuntimeError) -> SeedMixture.Component {
    let (centred, mean) = centred(rows)
    let main = try components(centred, rows.count, most: rank, class: index, number + 1)
    var factor = main.directions + [Float](repeating: 0, count: (rank - main.variances.count) * size)
    for (k, variance) in main.variances.enumerated() {
      for i in k * size..<(k + 1) * size { factor[i] *= Float(variance.squareRoot()) }
    }
    return SeedMixture.Component(photoCount: rows.count, mean: mean, factor: factor)
  }

  private func components(
    _ centred: [Float], _ count: Int, most: Int, class index: Int, _ component: Int
  ) throws(RuntimeError) -> PrincipalComponents {
    try PrincipalComponents(of: centred, count: count, dimension: size, most: most) {
      random(class: index, component: component, block: $0)
    }
  }

  /// Photos about their mean, and the mean.
  private func centred(_ rows: [UnsafePointer<Float>]) -> (centred: [Float], mean: [Float]) {
    var sum = [Double](repeating: 0, count: size)
    for row in rows { for i in 0..<size { sum[i] += Double(row[i]) } }
    let mean = sum.map { Float($0 / Double(rows.count)) }
    var centred = [Float](repeating: 0, count: rows.count * size)
    centred.withUnsafeMutableBufferPointer { centred in
      for (n, row) in rows.enumerated() {
        let out = centred.baseAddress! + n * size
        for i in 0..<size { out[i] = row[i] - mean[i] }
      }
    }
    return (centred, mean)
  }

  private func random(class index: Int, component: Int, block: Int) -> Philox {
    Philox(seed: seed, stream: UInt64(index) << 32 | UInt64(component) << 16 | UInt64(min(block, 0xFFFF)))
  }
}

/// Normal distributions of small photos, one or several, each mean + Σ z factor with z normal.
public struct SeedMixture: Sendable {
  /// The components in the order of their shares, the greatest first.
  public let components: [Component]

  public struct Component: Sendable {
    /// How many photos it is made of.
    public let photoCount: Int
    /// [3][side][side]
    public let mean: [Float]
    /// [rank][3][side][side], in the order of their norms, the greatest first; zeros where the photos differ
    /// in fewer directions. The entry of each that is farthest from 0 is positive.
    public let factor: [Float]
  }
}
