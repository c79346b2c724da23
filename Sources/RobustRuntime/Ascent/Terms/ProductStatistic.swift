import CKernels

/// The weighted mean over positions of the products of each two channels: the Gram matrix, or, about the means, the
/// covariance.
///
/// The work is cut in tasks whose size does not depend on the number of threads, and their sums are added in order.
struct ProductStatistic {
  private let product: MatrixProduct
  private let channels, area: Int
  /// The features, about their means where these count, with each position weighted: [channel][position].
  let weighted: Buffer
  /// [channel][channel], symmetric.
  private var matrix, difference: [Float]
  /// A matrix for each task of the positions.
  private let sums: Buffer

  private static let positionsAtOnce = 4096
  private static let rowsAtOnce = 32

  /// - Throws: `RuntimeError.unavailable` without OpenBLAS.
  init(channels: Int, area: Int) throws(RuntimeError) {
    product = try MatrixProduct.loaded()
    (self.channels, self.area) = (channels, area)
    matrix = [Float](repeating: 0, count: channels * channels)
    difference = matrix
    weighted = Buffer(channels * area)
    sums = Buffer(ProductStatistic.tasks(area, ProductStatistic.positionsAtOnce) * matrix.count)
  }

  private static func tasks(_ count: Int, _ size: Int) -> Int { (count + size - 1) / size }

  /// The matrix of `weighted` with the features.
  mutating func update(_ features: UnsafePointer<Float>, stride: Int, scale: Double) {
    let (product, channels, area, weighted, sums) = (product, channels, area, weighted.base, sums.base)
    let (size, rows) = (ProductStatistic.positionsAtOnce, ProductStatistic.rowsAtOnce)
    let (positionTasks, rowTasks) = (
      ProductStatistic.tasks(area, size), ProductStatistic.tasks(channels, rows)
    )
    // One factor about its mean is enough: the weighted sum of the deviations times the other's mean is 0.
    Workers.shared.run(positionTasks * rowTasks) { task, _ in
      let (positionTask, rowTask) = task.quotientAndRemainder(dividingBy: rowTasks)
      let (first, row) = (positionTask * size, rowTask * rows)
      product(
        rows: min(rows, channels - row), columns: channels, depth: min(size, area - first),
        scale: Float(scale),
        left: weighted + row * area + first, leftStride: area, right: features + first, rightStride: stride,
        transposesRight: true, to: sums + (positionTask * channels + row) * channels, stride: channels)
    }
    matrix.withUnsafeMutableBufferPointer { matrix in
      guard let matrix = matrix.baseAddress else { return }
      rt_fill(matrix, 0, channels * channels)
      for task in 0..<positionTasks { rt_add(matrix, sums + task * channels * channels, channels * channels) }
    }
  }

  func distance(to target: ProductStatistic) -> Double {
    rt_squared_distance(matrix, target.matrix, matrix.count) / target.scale
  }

  private var scale: Double { rt_sum_squares(matrix, matrix.count) + 1e-12 }

  /// Adds the gradient by the features.
  /// - Parameter share: twice the term's weight, by the sum of the positions' weights.
  mutating func addGradient(
    to gradient: UnsafeMutablePointer<Float>, stride: Int, _ target: ProductStatistic, share: Double
  ) {
    for i in matrix.indices { difference[i] = matrix[i] - target.matrix[i] }
    let (product, channels, area, weighted, difference) = (product, channels, area, weighted.base, difference)
    let (size, factor) = (ProductStatistic.positionsAtOnce / 4, Float(2 * share / target.scale))
    // The matrix is symmetric: each feature stands in a row and in a column.
    Workers.shared.run(over: area, by: size) { first, count in
      product(
        rows: channels, columns: count, depth: channels, scale: factor, left: difference,
        leftStride: channels,
        right: weighted + first, rightStride: area, kept: 1, to: gradient + first, stride: stride)
    }
  }
}
