import CVips
import Glibc

/// Colours of an encoding as sRGB, and the way back, through light: by tables and a matrix, which keep shadows and the ends
/// of steep curves as no transform over a grid of colours does.
final class LightConversion: Sendable {
  /// Light of each value of 16 bits.
  private let light: [Float]
  /// Values of light, at places that lie as square roots do.
  private let values: [UInt16]
  /// From light of the encoding's primaries to that of sRGB's, row after row, and back.
  private let toSRGB, fromSRGB: [Float]
  private static let sRGB = ColourEncoding(
    chromaticities: [0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06], light: ColourEncoding.sRGBLight)
  private static let sRGBLight = sRGB.lightOfValues
  private static let sRGBValues = valuesOfLight(sRGBLight)

  init(_ encoding: ColourEncoding) {
    light = encoding.lightOfValues
    values = Self.valuesOfLight(light)
    let (own, wanted) = (encoding.toXYZ, Self.sRGB.toXYZ)
    toSRGB = (wanted.inverse * own).rows.map(Float.init)
    fromSRGB = (own.inverse * wanted).rows.map(Float.init)
  }

  /// The least value of each of 65536 lights, whose square roots are at equal distances.
  private static func valuesOfLight(_ light: [Float]) -> [UInt16] {
    var value = 0
    return (0...65535).map { place in
      let wanted = pow(Float(place) / 65535, 2)
      while value < 65535, light[value] < wanted { value += 1 }
      // The nearer of both.
      let below = value > 0 && wanted - light[value - 1] < light[value] - wanted
      return UInt16(below ? value - 1 : value)
    }
  }

  /// 3 bands of sRGB at `depth` from 1 or 3 bands of 8 or 16 bits.
  func sRGB(of image: NativeImage, depth: Int) throws(VipsError) -> NativeImage {
    let values = try wide(image)
    let grey = image.bands == 1
    return try native(
      converted(values, bands: image.bands, light, grey ? nil : toSRGB, Self.sRGBValues), image, bands: 3,
      depth)
  }

  /// 1 or 3 bands of the encoding at `depth` from 3 of sRGB at 16 bits; grey is the light of all.
  func own(of image: NativeImage, bands: Int, depth: Int) throws(VipsError) -> NativeImage {
    let colours = try image.values(UInt16.self)
    if bands == 3 {
      return try native(
        converted(colours, bands: 3, Self.sRGBLight, fromSRGB, values), image, bands: 3, depth)
    }
    let greys = stride(from: 0, to: colours.count, by: 3).map { at in
      let (r, g, b) = (Int(colours[at]), Int(colours[at + 1]), Int(colours[at + 2]))
      let light = 0.2126 * Self.sRGBLight[r] + 0.7152 * Self.sRGBLight[g] + 0.0722 * Self.sRGBLight[b]
      return values[Self.place(light)]
    }
    return try native(greys, image, bands: 1, depth)
  }

  private static func place(_ light: Float) -> Int {
    light > 0 ? Int(min(light, 1).squareRoot() * 65535 + 0.5) : 0
  }

  /// Three values of each pixel.
  private func converted(
    _ colours: [UInt16], bands: Int, _ light: [Float], _ matrix: [Float]?, _ values: [UInt16]
  ) -> [UInt16] {
    guard let m = matrix else {
      return colours.flatMap { [UInt16](repeating: values[Self.place(light[Int($0)])], count: 3) }
    }
    var out = colours
    for at in stride(from: 0, to: colours.count - 2, by: 3) {
      let (r, g, b) = (
        light[Int(colours[at])], light[Int(colours[at + 1])], light[Int(colours[at + 2])]
      )
      out[at] = values[Self.place(m[0] * r + m[1] * g + m[2] * b)]
      out[at + 1] = values[Self.place(m[3] * r + m[4] * g + m[5] * b)]
      out[at + 2] = values[Self.place(m[6] * r + m[7] * g + m[8] * b)]
    }
    return out
  }

  private func wide(_ image: NativeImage) throws(VipsError) -> [UInt16] {
    image.bitDepth == 8
      ? try image.values(UInt8.self).map { UInt16($0) * 257 } : try image.values(UInt16.self)
  }

  private func native(_ values: [UInt16], _ image: NativeImage, bands: Int, _ depth: Int) throws(VipsError)
    -> NativeImage
  {
    try values.withUnsafeBufferPointer { buffer throws(VipsError) in
      let wrapped = try NativeImage(
        cvips_wrap(buffer.baseAddress!, Int32(image.width), Int32(image.height), Int32(bands), CVIPS_UINT16))
      let space = bands == 1 ? CVIPS_GREY : CVIPS_RGB
      let right = depth == 16 ? wrapped : try wrapped.rescaled(1 / 257.0, to: CVIPS_UINT8)
      return try right.named(space).inMemory()
    }
  }
}

extension ColourEncoding {
  /// Light of each value of 16 bits, 0...1.
  fileprivate var lightOfValues: [Float] {
    (0...65535).map { Float(min(max(light(Double($0) / 65535), 0), 1)) }
  }

  /// From light of the primaries to XYZ under this white as it looks under sRGB's (Bradford's adaptation).
  fileprivate var toXYZ: Matrix {
    func xyz(_ point: Int) -> [Double] {
      let (x, y) = (chromaticities[2 * point], chromaticities[2 * point + 1])
      return [x / y, 1, (1 - x - y) / y]
    }
    let primaries = Matrix(columns: xyz(1), xyz(2), xyz(3))
    let amounts = primaries.inverse * xyz(0)
    let cones = Matrix(rows: [0.8951, 0.2664, -0.1614, -0.7502, 1.7135, 0.0367, 0.0389, -0.0685, 1.0296])
    let (from, to) = (cones * xyz(0), cones * [0.3127 / 0.329, 1, (1 - 0.3127 - 0.329) / 0.329])
    let adaptation = cones.inverse * Matrix(diagonal: zip(to, from).map { $0 / $1 }) * cones
    return adaptation * primaries * Matrix(diagonal: amounts)
  }
}

/// 3 x 3, row after row.
private struct Matrix {
  var rows: [Double]

  init(rows: [Double]) { self.rows = rows }
  init(diagonal d: [Double]) { rows = [d[0], 0, 0, 0, d[1], 0, 0, 0, d[2]] }
  init(columns a: [Double], _ b: [Double], _ c: [Double]) {
    rows = (0..<3).flatMap { [a[$0], b[$0], c[$0]] }
  }

  var inverse: Matrix {
    let m = rows
    func minor(_ a: Int, _ b: Int, _ c: Int, _ d: Int) -> Double { m[a] * m[d] - m[b] * m[c] }
    let adjugate: [Double] = [
      minor(4, 5, 7, 8), -minor(1, 2, 7, 8), minor(1, 2, 4, 5),
      -minor(3, 5, 6, 8), minor(0, 2, 6, 8), -minor(0, 2, 3, 5),
      minor(3, 4, 6, 7), -minor(0, 1, 6, 7), minor(0, 1, 3, 4),
    ]
    let determinant = m[0] * adjugate[0] + m[1] * adjugate[3] + m[2] * adjugate[6]
    return Matrix(rows: adjugate.map { $0 / determinant })
  }

  static func * (a: Matrix, b: Matrix) -> Matrix {
    var product = [Double](repeating: 0, count: 9)
    for row in 0..<3 {
      for column in 0..<3 {
        for k in 0..<3 { product[3 * row + column] += a.rows[3 * row + k] * b.rows[3 * k + column] }
      }
    }
    return Matrix(rows: product)
  }

  static func * (a: Matrix, b: [Double]) -> [Double] {
    var product = [Double](repeating: 0, count: 3)
    for row in 0..<3 {
      for k in 0..<3 { product[row] += a.rows[3 * row + k] * b[k] }
    }
    return product
  }
}
