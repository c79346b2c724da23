import CKernels

/// (x − mean) / deviation by channel, between images [image][channel][row][column] and a tensor.
struct InputNormalization: Sendable {
  let mean, deviation: [Float]

  func forward(_ images: UnsafePointer<Float>, to output: Tensor) {
    let (scale, shift) = (deviation.map { 1 / $0 }, zip(mean, deviation).map { -$0 / $1 })
    eachPart(of: output) { part in
      scale.withUnsafeBufferPointer { scale in
        shift.withUnsafeBufferPointer { shift in
          rt_to_lanes(
            output.value + part.lanes, images + part.planes, part.area, part.channels, part.count,
            scale.baseAddress! + part.channel, shift.baseAddress! + part.channel, false)
        }
      }
    }
  }

  /// Writes the gradient by the images.
  func backward(_ output: Tensor, to gradient: UnsafeMutablePointer<Float>) {
    let scale = deviation.map { 1 / $0 }
    eachPart(of: output) { part in
      scale.withUnsafeBufferPointer { scale in
        rt_from_lanes(
          gradient + part.planes, part.area, output.gradient + part.lanes, part.channels, part.count,
          scale.baseAddress! + part.channel)
      }
    }
  }

  /// Positions of one image and one block of channels: where they begin in the images' planes, of `area` floats each, and
  /// in the tensor.
  private struct Part {
    let channel: Int
    let channels: Int32
    let planes, lanes, area, count: Int
  }

  private func eachPart(of output: Tensor, _ body: (Part) -> Void) {
    let (area, images, channels, size) = (
      output.positions / output.images, output.images, mean.count, 1 << 12
    )
    let parts = (area + size - 1) / size
    Workers.shared.run(output.blocks * images * parts) { piece, _ in
      let (rest, part) = piece.quotientAndRemainder(dividingBy: parts)
      let (block, n) = rest.quotientAndRemainder(dividingBy: images)
      let (channel, first) = (block * Tensor.lanes, part * size)
      body(
        Part(
          channel: channel, channels: Int32(min(Tensor.lanes, channels - channel)),
          planes: (n * channels + channel) * area + first,
          lanes: block * output.step + (n * area + first) * Tensor.lanes, area: area,
          count: min(size, area - first)))
    }
  }
}
