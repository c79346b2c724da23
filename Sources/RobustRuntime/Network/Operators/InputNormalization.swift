import CKernels

/// (x − mean) / deviation by channel, from images [image][channel][row][column] to a tensor's
/// [channel][image]....
struct InputNormalization: Sendable {
  let mean, deviation: [Float]

  func forward(_ images: UnsafePointer<Float>, to output: Tensor) {
    let (to, area, count, channels) = (output.value, output.plane / output.images, output.images, mean.count)
    Workers.shared.run(channels * count) { piece, _ in
      let (c, n) = piece.quotientAndRemainder(dividingBy: count)
      rt_affine(
        to + piece * area, images + (n * channels + c) * area, 1 / deviation[c], -mean[c] / deviation[c], area
      )
    }
  }

  /// Writes the gradient by the images.
  func backward(_ output: Tensor, to gradient: UnsafeMutablePointer<Float>) {
    let (from, area, count, channels) = (
      output.gradient, output.plane / output.images, output.images, mean.count
    )
    Workers.shared.run(channels * count) { piece, _ in
      let (c, n) = piece.quotientAndRemainder(dividingBy: count)
      rt_affine(gradient + (n * channels + c) * area, from + piece * area, 1 / deviation[c], 0, area)
    }
  }
}
