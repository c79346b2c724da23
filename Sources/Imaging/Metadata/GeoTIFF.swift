// GeoTIFF says where the pixels of a picture lie on Earth: by their size and the places of some, or by a matrix
// (OGC 19-008r4, annex B).

private let pixelScale = 33550
private let tiePoints = 33922
private let transformation = 34264
private let keys = 34735
private let rasterType = 1025
private let pixelIsPoint = 2
/// Coefficients of a projection, which count pixels as well.
private let rationalPolynomial = 50844

extension EXIFBlock {
  var isGeoTIFF: Bool { main.map { $0[keys] != nil || $0[rationalPolynomial] != nil } ?? false }

  /// Makes the fields true of the picture with so many times the pixels across and down.
  mutating func scaleGeography(x: Double, y: Double) {
    // Places count from the corner of the first pixel, or from its middle.
    let middle = isPixelPoint ? 0.5 : 0
    if var scale = doubles(pixelScale), scale.count >= 2 {
      scale[0] /= x
      scale[1] /= y
      set(pixelScale, scale)
    }
    if var points = doubles(tiePoints) {
      for at in stride(from: 0, to: points.count - 5, by: 6) {
        points[at] = (points[at] + middle) * x - middle
        points[at + 1] = (points[at + 1] + middle) * y - middle
      }
      set(tiePoints, points)
    }
    if var matrix = doubles(transformation), matrix.count == 16 {
      for row in stride(from: 0, to: 16, by: 4) {
        matrix[row + 3] +=
          matrix[row] * (middle / x - middle) + matrix[row + 1] * (middle / y - middle)
        matrix[row] /= x
        matrix[row + 1] /= y
      }
      set(transformation, matrix)
    }
    remove(rationalPolynomial)
  }

  mutating func removeGeography() {
    for tag in [pixelScale, tiePoints, transformation, keys, 34736, 34737, rationalPolynomial] { remove(tag) }
  }

  private var isPixelPoint: Bool {
    let numbers = numbers(keys)
    return stride(from: 4, to: numbers.count - 3, by: 4).contains {
      numbers[$0] == rasterType && numbers[$0 + 1] == 0 && numbers[$0 + 3] == pixelIsPoint
    }
  }
}
