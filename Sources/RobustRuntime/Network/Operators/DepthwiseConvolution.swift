import CKernels

/// A convolution in which each channel has a window of its own, on vectors of 16 channels.
final class DepthwiseConvolution: Operation {
  let geometry: Convolution.Geometry
  /// [block][tap][16]
  private let weights: [Float]
  private let bias: [Float]

  /// - Parameter weights: [channel][tap]
  init(_ geometry: Convolution.Geometry, weights: [Float], scale: [Float], bias: [Float]) {
    self.geometry = geometry
    let (channels, taps, lanes) = (geometry.outChannels, geometry.height * geometry.width, Tensor.blockSize)
    var packed = [Float](repeating: 0, count: Tensor.blocks(channels) * taps * lanes)
    for c in 0..<channels {
      for tap in 0..<taps {
        packed[(c / lanes * taps + tap) * lanes + c % lanes] =
          weights[c * taps + tap] * (scale.isEmpty ? 1 : scale[c])
      }
    }
    (self.weights, self.bias) = (packed, bias)
  }

  func outputShape(of inputs: [Shape]) -> Shape { geometry.outputShape(of: inputs[0]) }
  let passesGradientToSecondInput = true
  var title: String { "depthwise \(geometry.height)x\(geometry.width)/\(geometry.stride)" }
  var productsPerOutput: Int { geometry.height * geometry.width }

  func bound(to inputs: [Tensor], _ output: Tensor, gradient: Bool) throws -> any BoundOperation {
    let (g, input) = (geometry, inputs[0])
    let window = rt_window(
      height: Int32(input.shape.height), width: Int32(input.shape.width),
      grid_height: Int32(output.shape.height), grid_width: Int32(output.shape.width),
      stride: Int32(g.stride), top: Int32(-g.padding.top), left: Int32(-g.padding.left),
      taps_height: Int32(g.height), taps_width: Int32(g.width), out_height: Int32(output.shape.height),
      out_width: Int32(output.shape.width), out_stride: 1, out_y: 0, out_x: 0)
    return Bound(
      weights: weights, taps: g.height * g.width, bias: output.shape.filled(bias), window: window,
      input: input, residual: inputs.count > 1 ? inputs[1] : nil, output: output)
  }

  private struct Bound: BoundOperation {
    let weights: [Float]
    let taps: Int
    let bias: [Float]
    let window: rt_window
    let input: Tensor
    let residual: Tensor?
    let output: Tensor
    let scratch = 0

    func forward(_ activation: Activation, scratch: Scratch) {
      bias.withUnsafeBufferPointer { bias in
        let epilogue = Epilogue(
          residual: residual.map { UnsafePointer($0.value) }, activation: activation,
          reluMask: activation.isClip ? output.reluMask : nil)
        eachPart(rows: output) { block, rows, weights, window in
          var own = epilogue.from(channel: block * Tensor.blockSize, blockStride: output.blockStride)
          own.bias = bias.baseAddress! + block * Tensor.blockSize
          rt_depthwise(
            output.value + block * output.blockStride, input.value + block * input.blockStride, weights,
            window, Int32(rows.lowerBound), Int32(rows.upperBound), &own)
        }
      }
    }

    func backward(maskInput: Bool, scratch: Scratch) {
      residual?.addGradient(output.gradient)
      let epilogue = Epilogue(
        keep: maskInput ? input.reluMask.map { UnsafePointer($0) } : nil, accumulate: input.hasGradient)
      eachPart(rows: input) { block, rows, weights, window in
        var own = epilogue.from(channel: block * Tensor.blockSize, blockStride: input.blockStride)
        rt_depthwise_gradient(
          input.gradient + block * input.blockStride, output.gradient + block * output.blockStride, weights,
          window, Int32(rows.lowerBound), Int32(rows.upperBound), &own)
      }
      (input.hasGradient, input.gradientIsMasked) = (true, epilogue.keep != nil)
    }

    /// Calls `body` with each block of channels and some of the rows of a map, counted over all images.
    private func eachPart(
      rows map: Tensor,
      _ body: (_ block: Int, _ rows: Range<Int>, UnsafePointer<Float>, UnsafePointer<rt_window>) -> Void
    ) {
      let rows = map.images * map.shape.height
      let parts = min(max(Tasks.balanced(1) / max(map.blocks, 1), 1), max(rows, 1))
      weights.withUnsafeBufferPointer { weights in
        Workers.shared.run(map.blocks * parts) { task, _ in
          let (block, part) = task.quotientAndRemainder(dividingBy: parts)
          withUnsafePointer(to: window) {
            body(
              block, rows * part / parts..<rows * (part + 1) / parts,
              weights.baseAddress! + block * taps * Tensor.blockSize, $0)
          }
        }
      }
    }
  }
}
