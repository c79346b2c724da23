/// The eigenvectors of a small symmetric matrix, by Jacobi's rotations of one row and column with another
/// until all that is beside the diagonal is gone (Golub, Van Loan: "Matrix Computations", 8.5).
struct SymmetricEigenvectors {
  /// The eigenvalues, falling.
  let values: [Double]
  /// [eigenvector][size], orthonormal.
  let vectors: [Double]

  private static let mostSweeps = 60

  /// - Parameter matrix: [size][size], finite, of which the two halves agree.
  init(_ matrix: [Double], size: Int) {
    var a = matrix
    var v = [Double](repeating: 0, count: size * size)
    for i in 0..<size { v[i * size + i] = 1 }
    let negligible = 1e-30 * matrix.reduce(0) { $0 + $1 * $1 }
    for _ in 0..<Self.mostSweeps {
      var beside = 0.0
      for i in 0..<size { for j in 0..<i { beside += a[i * size + j] * a[i * size + j] } }
      if beside <= negligible { break }
      a.withUnsafeMutableBufferPointer { a in
        v.withUnsafeMutableBufferPointer { v in
          for p in 0..<size {
            for q in p + 1..<max(size, p + 1) { Self.rotate(a.baseAddress!, v.baseAddress!, size, p, q) }
          }
        }
      }
    }
    let order = (0..<size).sorted { (a[$1 * size + $1], $0) < (a[$0 * size + $0], $1) }
    values = order.map { a[$0 * size + $0] }
    vectors = order.flatMap { v[$0 * size..<($0 + 1) * size] }
  }

  /// Makes element (p, q) zero.
  private static func rotate(
    _ a: UnsafeMutablePointer<Double>, _ v: UnsafeMutablePointer<Double>, _ size: Int, _ p: Int, _ q: Int
  ) {
    let beside = a[p * size + q]
    if beside == 0 { return }
    let half = (a[q * size + q] - a[p * size + p]) / (2 * beside)
    // The smaller of the two angles, by its tangent.
    let tangent = (half < 0 ? -1 : 1) / (abs(half) + (half * half + 1).squareRoot())
    let cosine = 1 / (tangent * tangent + 1).squareRoot()
    let sine = tangent * cosine
    func turn(_ x: UnsafeMutablePointer<Double>, _ y: UnsafeMutablePointer<Double>, step: Int) {
      for i in 0..<size {
        let (first, second) = (x[i * step], y[i * step])
        x[i * step] = cosine * first - sine * second
        y[i * step] = sine * first + cosine * second
      }
    }
    turn(a + p * size, a + q * size, step: 1)
    turn(a + p, a + q, step: size)
    turn(v + p * size, v + q * size, step: 1)
    (a[p * size + q], a[q * size + p]) = (0, 0)
  }
}
