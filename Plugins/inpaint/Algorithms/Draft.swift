/// A fill as it stands at one resolution while it is searched, to be looked at before the search goes on.
package struct Draft {
  let field: PatchField
  let coordinates: ColorCoordinates
  /// Pixels of the picture along each side of one of the draft's.
  package let scale: Int
  /// Rounds of the search at this resolution up to now.
  package let round: Int

  /// The number of pixels that are filled at this resolution.
  package var count: Int { field.holePixels.count }

  /// The colour at a place of the picture, in its pixels, interpolated linearly: red, green and blue in 0…1.
  package func color(x: Float, y: Float) -> SIMD3<Float> {
    func neighbours(_ position: Float, _ length: Int) -> (Int, Int, Float) {
      let place = min(max(position / Float(scale) - 0.5, 0), Float(length - 1))
      let first = Int(place)
      return (first, min(first + 1, length - 1), place - Float(first))
    }
    let (left, right, u) = neighbours(x, field.width)
    let (top, bottom, v) = neighbours(y, field.height)
    func row(_ y: Int) -> SIMD4<Float> {
      let (a, b) = (
        field.texels[y * field.width + left].lowHalf, field.texels[y * field.width + right].lowHalf
      )
      return a + u * (b - a)
    }
    let (upper, lower) = (row(top), row(bottom))
    return coordinates.color(of: upper + v * (lower - upper))
  }
}
