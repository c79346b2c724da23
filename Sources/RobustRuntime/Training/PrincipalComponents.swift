import CKernels

/// The principal components of points that vary most.
///
/// The components are sought in a block Krylov space: what the covariance makes of a few random combinations of the
/// points, of that, and so on (Musco, Musco, arXiv 1504.05477). So the covariance itself is never made. What
/// is found leaves hardly more of the points unexplained than the best does, and the best where the points
/// span no more than the space. The result depends on the points and the random numbers alone.
struct PrincipalComponents {
  /// The variance along each direction, falling: squares of deviations, divided by the number of points.
  let variances: [Double]
  /// [component][dimension], orthonormal. The entry of each that is farthest from 0 is positive.
  let directions: [Float]
  let dimension: Int

  private static let blockSize = 16
  /// Size of the space, for each component that is wanted and at least.
  private static let (excess, leastSize) = (5, 160)
  /// A vector is no news if so small a part of it is.
  private static let negligible = 1e-5

  /// - Parameter points: [count][dimension], finite, about their mean.
  /// - Parameter most: components; there are fewer where the points do not span as many dimensions.
  /// - Throws: `RuntimeError.unavailable` without OpenBLAS.
  init(
    of points: UnsafePointer<Float>, count: Int, dimension: Int, most: Int, random: (_ block: Int) -> Philox
  ) throws(RuntimeError) {
    let product = try MatrixProduct.loaded()
    let size = min(count, dimension, max(Self.excess * most, Self.leastSize))
    var basis: [Float] = []
    basis.reserveCapacity((size + Self.blockSize) * dimension)
    var (known, blocks) = (0, 0)
    // Whether the vectors to come are random ones.
    var isFresh = true
    var weights: [Float] = []
    while known < size {
      let first = known
      if isFresh {
        weights = random(blocks).normal(count: Self.blockSize * count)
        blocks += 1
      }
      for vector in Self.combine(weights, points, count, dimension, product) {
        if known < size, Self.append(vector, to: &basis, dimension) { known += 1 }
      }
      if known == first {
        if isFresh { break }
        isFresh = true
        continue
      }
      isFresh = false
      weights = Self.coordinates(
        basis[(first * dimension)...], points, count, dimension, product)
    }
    self.dimension = dimension
    if known == 0 {
      (variances, directions) = ([], [])
      return
    }

    // The best that can be had from the space (Rayleigh, Ritz).
    let coordinates = Self.coordinates(basis[...], points, count, dimension, product)
    var covariance = [Double](repeating: 0, count: known * known)
    coordinates.withUnsafeBufferPointer { coordinates in
      let rows = coordinates.baseAddress!
      for i in 0..<known {
        for j in 0...i {
          let value = rt_dot(rows + i * count, rows + j * count, count) / Double(count)
          (covariance[i * known + j], covariance[j * known + i]) = (value, value)
        }
      }
    }
    let eigen = SymmetricEigenvectors(covariance, size: known)
    let kept = min(most, known)
    variances = eigen.values.prefix(kept).map { max($0, 0) }
    var directions = [Float](repeating: 0, count: kept * dimension)
    product(
      rows: kept, columns: dimension, depth: known, left: eigen.vectors.prefix(kept * known).map(Float.init),
      leftStride: known, right: basis, rightStride: dimension, to: &directions, stride: dimension)
    for k in 0..<kept {
      let row = k * dimension..<(k + 1) * dimension
      let farthest = row.max { abs(directions[$0]) < abs(directions[$1]) }!
      if directions[farthest] < 0 { for i in row { directions[i].negate() } }
    }
    self.directions = directions
  }

  /// Where points lie along the directions: [component][point].
  static func coordinates(
    _ directions: ArraySlice<Float>, _ points: UnsafePointer<Float>, _ count: Int, _ dimension: Int,
    _ product: MatrixProduct
  ) -> [Float] {
    let rows = directions.count / dimension
    var result = [Float](repeating: 0, count: rows * count)
    directions.withUnsafeBufferPointer {
      product(
        rows: rows, columns: count, depth: dimension, left: $0.baseAddress!, leftStride: dimension,
        right: points, rightStride: dimension, transposesRight: true, to: &result, stride: count)
    }
    return result
  }

  /// Sums of the points with weights, [sum][point].
  private static func combine(
    _ weights: [Float], _ points: UnsafePointer<Float>, _ count: Int, _ dimension: Int,
    _ product: MatrixProduct
  ) -> [[Float]] {
    let rows = weights.count / count
    var sums = [Float](repeating: 0, count: rows * dimension)
    product(
      rows: rows, columns: dimension, depth: count, left: weights, leftStride: count, right: points,
      rightStride: dimension, to: &sums, stride: dimension)
    return (0..<rows).map { Array(sums[$0 * dimension..<($0 + 1) * dimension]) }
  }

  /// Appends what is new in a vector, as a unit vector; false: nothing is.
  private static func append(_ vector: [Float], to basis: inout [Float], _ dimension: Int) -> Bool {
    let before = rt_sum_squares(vector, dimension).squareRoot()
    guard before > 0 else { return false }
    var vector = vector
    rt_scale(&vector, Float(1 / before), dimension)
    // Once more, as rounding leaves a little the first time.
    for round in 0..<2 {
      for first in stride(from: 0, to: basis.count, by: dimension) {
        basis.withUnsafeBufferPointer { basis in
          let known = basis.baseAddress! + first
          rt_add_scaled(&vector, known, -Float(rt_dot(vector, known, dimension)), dimension)
        }
      }
      let norm = rt_sum_squares(vector, dimension).squareRoot()
      guard norm > (round == 0 ? negligible : 0.5) else { return false }
      rt_scale(&vector, Float(1 / norm), dimension)
    }
    basis += vector
    return true
  }
}
