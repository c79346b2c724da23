import RTool

/// An enlargement by a network that has learned what photos lose where they are reduced, band by band.
struct DrawnStart {
  let host: Host
  let values: Values
  let small: Image
  let factor: Int
  /// Whether what compression did is to go.
  let isCompressed: Bool

  /// Rows of the small image that are enlarged at a time.
  private static let bandRows = 128

  /// What the network enlarges by, one after the other: at least the factor.
  private var factors: [Int] { factor <= 4 ? [factor] : [2, (factor + 1) / 2] }

  /// Writes all of the large image.
  /// - Parameter tell: is told the rows of the small image that are done.
  func draw(into large: Image, tell: (_ rows: Range<Int>) throws -> Void) throws {
    let reach = Host.enlargementReach
    let side = values[wrap] ? reach : 0
    for top in stride(from: 0, to: small.height, by: Self.bandRows) {
      let rows = top..<min(top + Self.bandRows, small.height)
      try host.scoped {
        let box = Box(
          x: -side, y: top - reach, width: small.width + 2 * side, height: rows.count + 2 * reach)
        var band = try values[wrap] ? host.cropped(wrapping: small, to: box) : host.cropped(small, to: box)
        for (index, factor) in factors.enumerated() {
          band = try host.enlarged(
            band, by: factor, isJPEG: index == 0 && isCompressed, network: values[network])
        }
        let (width, height) = (box.width * factor, box.height * factor)
        if (band.width, band.height) != (width, height) {
          band = try host.resized(band, width: width, height: height, filter: .box)
        }
        for y in 0..<rows.count * factor {
          large.row(top * factor + y).update(
            from: band.row(reach * factor + y) + 3 * side * factor, count: 3 * large.width)
        }
      }
      try tell(rows)
    }
  }
}
