import Glibc

/// Images as x = sigmoid(C B(s ∘ z)): z are coefficients of an orthonormal real Fourier basis B, s falls with the
/// frequency as the spectra of photos do, C mixes decorrelated colours.
///
/// The basis of an image is the product of those of its columns and its rows, so that each direction is one matrix
/// product, for any size. It spans for each pair of frequencies what the complex transform spans.
package struct FourierParameters {
  private let product: MatrixProduct
  private let height, width: Int
  /// [frequency][position], orthonormal.
  private let columns, rows: [Float]
  /// [row frequency][column frequency]; the mean of the squares is 1.
  private let scales: [Float]

  /// Orthonormal opponent colours times their standard deviation in photos (of logits, about 0, mean square 1).
  private static let colours: [[Float]] = {
    let deviations: [Float] = [1.64, 0.52, 0.20]
    let basis: [[Float]] = [
      [0.577_350_27, 0.577_350_27, 0.577_350_27], [0.707_106_78, 0, -0.707_106_78],
      [0.408_248_29, -0.816_496_58, 0.408_248_29],
    ]
    return zip(basis, deviations).map { row, deviation in row.map { $0 * deviation } }
  }()

  /// Images nearer to black or white than this start at it, where the sigmoid still has a slope.
  private static let least: Float = 0.01

  /// - Throws: `RuntimeError.unavailable` without OpenBLAS.
  package init(height: Int, width: Int) throws(RuntimeError) {
    product = try MatrixProduct.loaded()
    (self.height, self.width) = (height, width)
    (columns, rows) = (Self.basis(height), Self.basis(width))
    let (across, down) = (Self.frequencies(width), Self.frequencies(height))
    let lowest = 1 / Float(max(height, width))
    var scales = [Float](repeating: 0, count: height * width)
    for y in 0..<height {
      for x in 0..<width {
        scales[y * width + x] = 1 / max((down[y] * down[y] + across[x] * across[x]).squareRoot(), lowest)
      }
    }
    let mean = scales.reduce(0) { $0 + Double($1 * $1) } / Double(scales.count)
    self.scales = scales.map { $0 / Float(mean.squareRoot()) }
  }

  /// Constant, then cosine and sine of each frequency: [frequency][position].
  private static func basis(_ length: Int) -> [Float] {
    var basis = [Float](repeating: 0, count: length * length)
    for k in 0..<length {
      let cycles = (k + 1) / 2
      let isSingle = k == 0 || 2 * cycles == length
      let scale = (isSingle ? 1 : 2.0.squareRoot()) / Double(length).squareRoot()
      for i in 0..<length {
        // Reduced before it is multiplied, for exact angles.
        let angle = 2 * Double.pi * Double((cycles * i) % length) / Double(length)
        basis[k * length + i] = Float(scale * (k % 2 == 0 && k > 0 ? sin(angle) : cos(angle)))
      }
    }
    return basis
  }

  /// The frequency in cycles a pixel.
  private static func frequencies(_ length: Int) -> [Float] {
    (0..<length).map { Float(($0 + 1) / 2) / Float(length) }
  }

  /// The coefficients of images.
  package func parameters(of images: ImageBatch) -> ImageBatch {
    var z = images
    for i in z.pixels.indices {
      let x = min(max(images.pixels[i], Self.least), 1 - Self.least)
      z.pixels[i] = log(x / (1 - x))
    }
    let norms = Self.colours.map { row in row.reduce(0) { $0 + $1 * $1 } }
    eachImage(&z) { planes in
      mix(planes) { c, k in Self.colours[k][c] / norms[k] }
      for k in 0..<3 {
        analyse(planes + k * height * width)
        for i in 0..<height * width { planes[k * height * width + i] /= scales[i] }
      }
    }
    return z
  }

  /// The images of coefficients.
  package func images(_ z: ImageBatch) -> ImageBatch {
    var x = z
    eachImage(&x) { planes in
      for k in 0..<3 {
        scale(planes + k * height * width)
        synthesise(planes + k * height * width)
      }
      mix(planes) { k, c in Self.colours[k][c] }
    }
    for i in x.pixels.indices { x.pixels[i] = 1 / (1 + exp(-x.pixels[i])) }
    return x
  }

  /// Turns a gradient by the images x into that by their coefficients.
  package func pullBack(_ gradient: inout ImageBatch, at x: ImageBatch) {
    for i in gradient.pixels.indices { gradient.pixels[i] *= x.pixels[i] * (1 - x.pixels[i]) }
    eachImage(&gradient) { planes in
      mix(planes) { c, k in Self.colours[k][c] }
      for k in 0..<3 {
        analyse(planes + k * height * width)
        scale(planes + k * height * width)
      }
    }
  }

  private func eachImage(_ batch: inout ImageBatch, _ body: (UnsafeMutablePointer<Float>) -> Void) {
    let size = batch.stride
    batch.pixels.withUnsafeMutableBufferPointer { pixels in
      for n in 0..<pixels.count / max(size, 1) { body(pixels.baseAddress! + n * size) }
    }
  }

  /// Each of the three planes becomes Σ factor(from, to) · plane(from).
  private func mix(_ planes: UnsafeMutablePointer<Float>, _ factor: (_ from: Int, _ to: Int) -> Float) {
    let area = height * width
    let f = (0..<3).map { to in (0..<3).map { factor($0, to) } }
    for i in 0..<area {
      let (a, b, c) = (planes[i], planes[area + i], planes[2 * area + i])
      for to in 0..<3 { planes[to * area + i] = f[to][0] * a + f[to][1] * b + f[to][2] * c }
    }
  }

  private func scale(_ plane: UnsafeMutablePointer<Float>) {
    for i in 0..<height * width { plane[i] *= scales[i] }
  }

  /// plane ← columns · plane · rowsᵀ
  private func analyse(_ plane: UnsafeMutablePointer<Float>) {
    multiply(plane, transposesLeft: false, transposesRight: true)
  }

  /// plane ← columnsᵀ · plane · rows
  private func synthesise(_ plane: UnsafeMutablePointer<Float>) {
    multiply(plane, transposesLeft: true, transposesRight: false)
  }

  private func multiply(
    _ plane: UnsafeMutablePointer<Float>, transposesLeft: Bool, transposesRight: Bool
  ) {
    let (h, w) = (height, width)
    var half = [Float](repeating: 0, count: height * width)
    product(
      rows: h, columns: w, depth: h, left: columns, leftStride: h, transposesLeft: transposesLeft,
      right: plane,
      rightStride: w, to: &half, stride: w)
    product(
      rows: h, columns: w, depth: w, left: half, leftStride: w, right: rows, rightStride: w,
      transposesRight: transposesRight, to: plane, stride: w)
  }
}
