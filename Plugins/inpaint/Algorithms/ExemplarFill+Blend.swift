extension ExemplarFill {
  /// Replaces the colours of the fill by the surface whose differences are those the patches vote for, and which
  /// stays near the voted colours v: the least squares of sum (u_q - u_p - g_pq)^2 + sum (u_p - v_p)^2 / reach^2 over
  /// neighbours p, q, with the known pixels fixed. So a step between two copied regions, or at the border, is spread
  /// over about `reach` pixels, and the texture stays.
  func blend(_ field: PatchField) {
    let width = field.width
    let height = field.height
    var right = [SIMD4<Float>](repeating: SIMD4(), count: field.area)
    var down = right
    var surface = (0..<field.area).map { field.texels[$0].lowHalf }
    for pixel in 0..<field.area where touchesHole(pixel, in: field) {
      let differences = field.voteDifferences(at: pixel, tolerance: lastTolerance)
      right[pixel] = differences.right.lowHalf
      down[pixel] = differences.down.lowHalf
    }
    let screen = 1 / (blendReach * blendReach)
    for sweep in 0..<Int(6 * blendReach) {
      for k in field.holePixels.indices {
        let pixel = Int(field.holePixels[sweep % 2 == 0 ? k : field.holePixels.count - 1 - k])
        let x = pixel % width
        let y = pixel / width
        var sum = screen * field.texels[pixel].lowHalf
        var count = screen
        if x > 0 {
          sum += surface[pixel - 1] + right[pixel - 1]
          count += 1
        }
        if x + 1 < width {
          sum += surface[pixel + 1] - right[pixel]
          count += 1
        }
        if y > 0 {
          sum += surface[pixel - width] + down[pixel - width]
          count += 1
        }
        if y + 1 < height {
          sum += surface[pixel + width] - down[pixel]
          count += 1
        }
        surface[pixel] += 1.6 * (sum / count - surface[pixel])
      }
    }
    for entry in field.holePixels { field.texels[Int(entry)].lowHalf = surface[Int(entry)] }
  }

  /// Whether a pixel, its right or its lower neighbour is to be filled.
  private func touchesHole(_ pixel: Int, in field: PatchField) -> Bool {
    field.isHole[pixel]
      || (pixel % field.width + 1 < field.width && field.isHole[pixel + 1])
      || (pixel + field.width < field.area && field.isHole[pixel + field.width])
  }
}
