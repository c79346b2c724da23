import CKernels

/// What is applied to the sums of a correlation on their way to the output.
struct Epilogue {
  /// [output channel], up to whole blocks.
  var bias: UnsafePointer<Float>?
  /// [C/16][position][16], as the output.
  var residual: UnsafePointer<Float>?
  var activation = Activation.identity
  /// [C/16][position], where the ReLU mask is written: bits that tell which channels are above 0.
  var reluMask: UnsafeMutablePointer<UInt16>?
  /// [C/16][position], a ReLU mask; the output is 0 where its bits are not set. Excludes the others but `accumulate`.
  var keep: UnsafePointer<UInt16>?
  /// Whether sums are added to the output. Excludes the others but `keep`.
  var accumulate = false

  /// The epilogue for an output that begins with this channel, the first of a block.
  func from(channel: Int, blockStride: Int) -> rt_epilogue {
    var all = rt_epilogue(
      bias: bias.map { $0 + channel }, residual: residual, ceiling: activation.ceiling, relu_mask: reluMask,
      keep: keep,
      accumulate: accumulate)
    return rt_epilogue_at(&all, channel / Tensor.blockSize * blockStride)
  }
}
