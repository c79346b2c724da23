import CKernels
import Synchronization

/// A window of weights sliding over a feature map, in the grid of its positions: what a convolution computes,
/// and also what each phase of its gradient is.
///
/// At grid position (qy, qx) it reads rows qy·stride + top + 0..<tapsHeight of the input (columns likewise;
/// zeros outside) and writes position (qy·outStride + outY, qx·outStride + outX) of the output.
final class Correlation: Sendable {
  /// Where the weight of an output, an input and a tap lies in the array.
  struct Weights: Sendable {
    var values: Convolution.Weights
    /// [group][channel]: factors of the convolution's output channels, which are the inputs of its gradient. None: 1.
    var scale: [Float]
    var scalesInputs = false
    var first = 0
    var outStride, inStride, rowStride, columnStride: Int

    /// The weights of the window rotated by 180 degrees.
    func rotated(_ window: Window) -> Weights {
      var rotated = self
      rotated.first += (window.tapsHeight - 1) * rowStride + (window.tapsWidth - 1) * columnStride
      (rotated.rowStride, rotated.columnStride) = (-rowStride, -columnStride)
      return rotated
    }
  }

  struct Window: Sendable {
    var tapsHeight, tapsWidth: Int
    var stride = 1, top, left: Int
    var outStride = 1, outY = 0, outX = 0

    var taps: Int { tapsHeight * tapsWidth }
  }

  /// The channels of one group. In the weights groups are `groupStride` apart.
  let inChannels, outChannels: Int
  let groups, groupStride: Int
  let window: Window
  private let weights: Weights
  /// The correlation whose gradient this is, with the same weights in the other direction.
  private let convolution: Correlation?
  /// Whether a convolution and its gradient share weights where they can: `Convolution.Geometry.sharesWeights`.
  let sharesWeights: Bool
  /// Weights are packed when first needed, and kept: all plans share them.
  private let packedWeights = Mutex<[Arrangement: PackedWeights]>([:])

  /// How weights lie in memory.
  enum Arrangement: Hashable {
    /// [outputs / 32][K][32]
    case packed
    /// Weights transformed for Winograd's algorithm with tiles of this side: [outputs / 32][(side + 2)²][K][32], K being
    /// inputs, or words of two in bfloat16.
    case winograd(side: Int, rt_format)
    /// Windows of 3x3 weights, which Winograd's algorithm transforms when they are needed: [outputs / 32][inputs up to
    /// whole 32s][9][32]
    case windows
    /// Weights transformed for Winograd's algorithm for a stride of 2: [outputs / 32][36][K][32], K being inputs.
    case stridedWinograd(rt_strided_direction)
    /// Words packed for VNNI: [outputs / 32][row][inputs / 32 or 64][column][slice][2][16 words of inputs][16
    /// outputs]; of int8x3 the largest magnitude of each output's weights follows the words of each 32 outputs.
    case lowPrecision(rt_format)
  }

  init(
    inChannels: Int, outChannels: Int, groups: Int, groupStride: Int, window: Window, weights: Weights,
    gradientOf convolution: Correlation? = nil, sharesWeights: Bool = false
  ) {
    (self.inChannels, self.outChannels, self.groups, self.groupStride) = (
      inChannels, outChannels, groups, groupStride
    )
    (self.window, self.weights, self.convolution) = (window, weights, convolution)
    self.sharesWeights = sharesWeights
  }

  /// The channels of all groups.
  var allInputs: Int { groups * inChannels }
  var allOutputs: Int { groups * outChannels }
  /// Row blocks of 32 outputs, the last filled up.
  var rowBlocks: Int { (allOutputs + Int(RT_MR) - 1) / Int(RT_MR) }

  /// Whether the direct algorithm uses im2col, as so few channels leave most of their block empty.
  var usesIm2Col: Bool {
    groups == 1 && window.taps > 1 && inChannels <= Tensor.blockSize * 3 / 4
  }

  /// Blocks of 16 inputs that a row block sees.
  var seenBlocks: Int {
    if groups == 1 { return Tensor.blocks(allInputs) }
    return (0..<rowBlocks).map { seenBlocks(ofRow: $0 * Int(RT_MR)).count }.max() ?? 0
  }

  /// The first block of inputs that the row block of this row sees.
  func firstChannelBlock(ofRow row: Int) -> Int {
    if groups == 1 { return 0 }
    return min(seenBlocks(ofRow: row).lowerBound, Tensor.blocks(allInputs) - seenBlocks)
  }

  private func seenBlocks(ofRow row: Int) -> Range<Int> {
    let last = min(row + Int(RT_MR), allOutputs) - 1
    let (first, end) = (row / outChannels * inChannels, (last / outChannels + 1) * inChannels)
    return first / Tensor.blockSize..<Tensor.blocks(end)
  }

  /// K, the reduction depth, with zeros that fill up blocks of channels.
  var depth: Int {
    if usesIm2Col { return Tensor.blocks(inChannels * window.taps) * Tensor.blockSize }
    return window.taps * depthOfTap
  }

  /// The share of one tap in the reduction depth: the inputs that a row block sees.
  var depthOfTap: Int { seenBlocks * Tensor.blockSize }

  /// Whether Winograd's algorithm rotates the maps instead of the weights, which are then transformed as those of
  /// the convolution are.
  var rotatesMaps: Bool { isGradient }

  func weights(_ arrangement: Arrangement) throws -> PackedWeights {
    let floats = rowBlocks * blockFloats(arrangement)
    if case .parameter(let parameter) = weights.values {
      let packed = parameter.parameters.packed
      try packed.reserve(floats)
      return packed
    }
    return try packedWeights.withLock { packedWeights in
      if let known = packedWeights[arrangement] { return known }
      let packed = PackedWeights()
      try packed.reserve(floats)
      pack(arrangement, to: packed.base)
      packedWeights[arrangement] = packed
      return packed
    }
  }

  /// Packs weights that are trained, unless they are packed as they are now; to be called before they are read.
  func refresh(_ packed: PackedWeights, _ arrangement: Arrangement) {
    guard case .parameter(let parameter) = weights.values else { return }
    let content = PackedWeights.Content(
      correlation: ObjectIdentifier(self), arrangement: arrangement, version: parameter.parameters.version)
    if packed.content == content { return }
    pack(arrangement, to: packed.base)
    packed.content = content
  }

  /// Floats of a row block.
  func blockFloats(_ arrangement: Arrangement) -> Int {
    switch arrangement {
    case .packed: Int(RT_MR) * depth
    case .winograd(let side, let format):
      Int(RT_MR) * winogradDepth(format) * Convolution.Algorithm.winogradProducts(side: side)
    case .windows: windowDepth * window.taps * Int(RT_MR)
    case .stridedWinograd: Int(RT_MR) * depthOfTap * Int(RT_STRIDED_MATRICES)
    case .lowPrecision(let format): rowWords(format)
    }
  }

  private func pack(_ arrangement: Arrangement, to packed: UnsafeMutablePointer<Float>) {
    let floats = blockFloats(arrangement)
    weights.values.withValues { values in
      Workers.shared.run(rowBlocks) { block, _ in
        pack(arrangement, rowBlock: block, of: values, to: packed + block * floats)
      }
    }
  }

  /// Packs the weights of some row blocks, as they are now.
  func pack(_ arrangement: Arrangement, rowBlocks: Range<Int>, to packed: UnsafeMutablePointer<Float>) {
    let floats = blockFloats(arrangement)
    weights.values.withValues { values in
      for (k, block) in rowBlocks.enumerated() {
        pack(arrangement, rowBlock: block, of: values, to: packed + k * floats)
      }
    }
  }

  private func pack(
    _ arrangement: Arrangement, rowBlock block: Int, of values: UnsafeBufferPointer<Float>,
    to packed: UnsafeMutablePointer<Float>
  ) {
    switch arrangement {
    case .packed:
      let channels = usesIm2Col ? inChannels : seenBlocks * Tensor.blockSize
      guard depth > 0 else { return }
      withRowBlock(block, weights, values) { rt_pack_weights(packed, $0, Int32(channels)) }
    case .winograd(let side, let format):
      withRowBlock(block, rotatesMaps ? weights.rotated(window) : weights, values) {
        rt_winograd_weights(packed, $0, Int32(side), format)
      }
    case .windows:
      withRowBlock(block, rotatesMaps ? weights.rotated(window) : weights, values) {
        rt_winograd_windows(packed, $0)
      }
    case .stridedWinograd(let direction):
      withRowBlock(block, weights, values) { rt_strided_weights(packed, $0, direction) }
    case .lowPrecision(let format):
      withRowBlock(block, weights, values) {
        rt_pack_low_precision_weights(
          UnsafeMutableRawPointer(packed).assumingMemoryBound(to: UInt32.self), $0, format)
      }
    }
  }

  /// Whether the weights change.
  var isTrained: Bool { if case .parameter = weights.values { true } else { false } }

  /// K of Winograd's products: inputs, or words of two in bfloat16.
  func winogradDepth(_ format: rt_format) -> Int {
    (format == RT_BF16 ? (seenBlocks + 1) / 2 : seenBlocks) * Tensor.blockSize
  }

  /// Inputs whose windows are packed, with zeros behind the last.
  var windowDepth: Int { (inChannels + Int(RT_MR) - 1) / Int(RT_MR) * Int(RT_MR) }

  /// Whether this is the gradient of a convolution.
  var isGradient: Bool { convolution != nil }

  /// Blocks of inputs, of one K-block for each tap, the last filled up.
  func channelBlocks(_ format: rt_format) -> Int {
    let channels = Int(rt_k_block_channels(format))
    return (inChannels + channels - 1) / channels
  }

  /// Words of a row block.
  func rowWords(_ format: rt_format) -> Int {
    rt_packed_row_words(window.taps * channelBlocks(format), format)
  }

  /// Whether the low-precision GEMM covers these shapes.
  var allowsLowPrecision: Bool {
    groups == 1 && depth > 0 && window.stride <= 2 && max(window.tapsHeight, window.tapsWidth) <= 16
  }

  /// Whether int8x3 covers these shapes: blocks of channels are whole, and sums fit in integers.
  var allowsInt8x3: Bool {
    allowsLowPrecision && !isGradient && inChannels % Int(rt_k_block_channels(RT_INT8X3)) == 0
      && depth < Convolution.Algorithm.mostDepthOfInt8x3
  }

  /// Positions of the window for an output of this size.
  func grid(outHeight: Int, outWidth: Int) -> (height: Int, width: Int) {
    (
      (outHeight - window.outY + window.outStride - 1) / window.outStride,
      (outWidth - window.outX + window.outStride - 1) / window.outStride
    )
  }

  /// The convolution's packed weights, if they can be transposed for this correlation when they are needed. Nil:
  /// they are not there, or this correlation's own are.
  func weightsToTranspose(_ arrangement: Arrangement) -> PackedWeights? {
    guard sharesWeights, let convolution, groups == 1, outChannels % Int(RT_MR) == 0 else {
      return nil
    }
    if case .packed = arrangement, window.taps != 1 || convolution.window.taps != 1 {
      return nil
    }
    if packedWeights.withLock({ $0[arrangement] }) != nil { return nil }
    return convolution.packedWeights.withLock { $0[arrangement] }
  }

  /// Calls `body` with the weights of a row block.
  private func withRowBlock(
    _ block: Int, _ weights: Weights, _ values: UnsafeBufferPointer<Float>,
    _ body: (UnsafePointer<rt_weights>) -> Void
  ) {
    let rows = Int(RT_MR)
    let firstOut = block * rows
    let firstIn = firstChannelBlock(ofRow: firstOut) * Tensor.blockSize
    var rowBlock = rt_weights(
      values: values.baseAddress! + weights.first, out_stride: weights.outStride,
      in_stride: weights.inStride, row_stride: weights.rowStride, column_stride: weights.columnStride,
      group_stride: groupStride, first_out: Int32(firstOut), outs: Int32(min(rows, allOutputs - firstOut)),
      first_in: Int32(firstIn), ins: Int32(min(seenBlocks * Tensor.blockSize, allInputs - firstIn)),
      group_outs: Int32(outChannels), group_ins: Int32(inChannels), rows: Int32(window.tapsHeight),
      columns: Int32(window.tapsWidth), out_scale: nil, in_scale: nil)
    weights.scale.withUnsafeBufferPointer { scale in
      if !scale.isEmpty {
        if weights.scalesInputs {
          rowBlock.in_scale = scale.baseAddress!
        } else {
          rowBlock.out_scale = scale.baseAddress!
        }
      }
      body(&rowBlock)
    }
  }
}

/// Weights as a kernel reads them. Constant weights have memory of their own for each arrangement; trained ones
/// share one memory, in which each convolution packs its own before it runs, so that nothing is stale and
/// memory does not grow with the network.
final class PackedWeights: @unchecked Sendable {
  /// What lies in shared memory.
  struct Content: Equatable {
    let correlation: ObjectIdentifier
    let arrangement: Correlation.Arrangement
    let version: Int
  }

  private var block: FloatBlock?
  private var floats = 0
  var content: Content?

  var base: UnsafeMutablePointer<Float> { block!.base }

  /// Makes room for so many floats. What lay there is gone if there was less.
  /// - Throws: `RuntimeError.outOfMemory`
  func reserve(_ count: Int) throws {
    if block != nil && count <= floats { return }
    (block, content) = (nil, nil)
    (block, floats) = (try FloatBlock(count: count), count)
  }
}
