import CKernels

/// (x − mean) / deviation by channel, between images [image][channel][row][column] and a tensor.
struct InputNormalization: Sendable {
  let mean, deviation: [Float]

  /// - Parameter values: where the tensor's value is written.
  func forward(_ images: UnsafePointer<Float>, to values: UnsafeMutablePointer<Float>, of output: Tensor) {
    let (scale, shift) = (deviation.map { 1 / $0 }, zip(mean, deviation).map { -$0 / $1 })
    eachSpan(of: output) { span in
      scale.withUnsafeBufferPointer { scale in
        shift.withUnsafeBufferPointer { shift in
          rt_planar_to_blocked(
            values + span.blocked, images + span.planes, span.area, span.channels, span.count,
            scale.baseAddress! + span.channel, shift.baseAddress! + span.channel, false)
        }
      }
    }
  }

  /// Writes the gradient by the images.
  func backward(_ output: Tensor, to gradient: UnsafeMutablePointer<Float>) {
    let scale = deviation.map { 1 / $0 }
    eachSpan(of: output) { span in
      scale.withUnsafeBufferPointer { scale in
        rt_blocked_to_planar(
          gradient + span.planes, span.area, output.gradient + span.blocked, span.channels, span.count,
          scale.baseAddress! + span.channel)
      }
    }
  }

  /// A range of positions of one image and one block of channels: where it begins in the images' planes, of `area`
  /// floats each, and in the tensor.
  private struct Span {
    let channel: Int
    let channels: Int32
    let planes, blocked, area, count: Int
  }

  private func eachSpan(of output: Tensor, _ body: (Span) -> Void) {
    let (area, images, channels, size) = (
      output.positions / output.images, output.images, mean.count, 1 << 12
    )
    let spans = (area + size - 1) / size
    Workers.shared.run(output.blocks * images * spans) { task, _ in
      let (rest, span) = task.quotientAndRemainder(dividingBy: spans)
      let (block, n) = rest.quotientAndRemainder(dividingBy: images)
      let (channel, first) = (block * Tensor.blockSize, span * size)
      body(
        Span(
          channel: channel, channels: Int32(min(Tensor.blockSize, channels - channel)),
          planes: (n * channels + channel) * area + first,
          blocked: block * output.blockStride + (n * area + first) * Tensor.blockSize, area: area,
          count: min(size, area - first)))
    }
  }
}
