import CKernels
import Synchronization

/// A window of weights sliding over a feature map, in the grid of its positions: what a convolution computes,
/// and also what each part of its gradient is.
///
/// At grid position (qy, qx) it reads rows qy·step + top + 0..<tapsHeight of the input (columns likewise;
/// zeros outside) and writes position (qy·spread + y, qx·spread + x) of the output.
final class Correlation: Sendable {
  /// Where the weight of an output, an input and a tap lies in the array.
  struct Weights: Sendable {
    var values: Convolution.Weights
    /// Factors of the convolution's output channels, [group][channel]; which are the inputs in its gradient. None: 1.
    var scale: [Float]
    var scalesInputs = false
    var first = 0
    var outStep, inStep, rowStep, columnStep: Int

    /// Those of the window turned by half a turn.
    func turned(_ window: Window) -> Weights {
      var turned = self
      turned.first += (window.tapsHeight - 1) * rowStep + (window.tapsWidth - 1) * columnStep
      (turned.rowStep, turned.columnStep) = (-rowStep, -columnStep)
      return turned
    }
  }

  struct Window: Sendable {
    var tapsHeight, tapsWidth: Int
    var step = 1, top, left: Int
    var spread = 1, y = 0, x = 0

    var taps: Int { tapsHeight * tapsWidth }
  }

  /// Of one group; groups follow each other in the weights by `groupStep`.
  let inChannels, outChannels: Int
  let groups, groupStep: Int
  let window: Window
  private let weights: Weights
  /// The one whose gradient this is, with the same weights in the other direction.
  private let convolution: Correlation?
  /// Whether a convolution and its gradient share weights where they can: `Convolution.Geometry.sharesWeights`.
  let sharesWeights: Bool
  /// Made when first needed, and kept: all plans share them.
  private let made = Mutex<[Arrangement: PackedWeights]>([:])

  /// How weights lie in memory.
  enum Arrangement: Hashable {
    /// [outputs / 32][term][32]
    case packed
    /// For Winograd's algorithm, with tiles of this side: [outputs / 32][(side + 2)²][input][32], or pairs of inputs in
    /// bfloat16 instead of inputs.
    case transformed(side: Int, pairs: Bool)
    /// Parts of bfloat16, two in a word: [outputs / 32][row][inputs / 32][column][part][2][16 pairs of inputs][16 outputs];
    /// or three parts of bytes, four in a word: [outputs / 32][row][inputs / 64][column][part][2][16 words of inputs][16
    /// outputs], and behind the words of each 32 outputs the largest magnitude of their weights.
    case words(parts: Int)
  }

  init(
    inChannels: Int, outChannels: Int, groups: Int, groupStep: Int, window: Window, weights: Weights,
    gradientOf convolution: Correlation? = nil, sharesWeights: Bool = false
  ) {
    (self.inChannels, self.outChannels, self.groups, self.groupStep) = (
      inChannels, outChannels, groups, groupStep
    )
    (self.window, self.weights, self.convolution) = (window, weights, convolution)
    self.sharesWeights = sharesWeights
  }

  /// Over all groups.
  var allInputs: Int { groups * inChannels }
  var allOutputs: Int { groups * outChannels }
  /// Blocks of 32 outputs, the last filled up.
  var rowBlocks: Int { (allOutputs + Int(RT_ROWS) - 1) / Int(RT_ROWS) }

  /// Whether what a position sees is copied side by side, as so few channels leave most of their block empty.
  var usesPatches: Bool {
    groups == 1 && window.taps > 1 && inChannels <= Tensor.lanes * 3 / 4
  }

  /// Blocks of 16 inputs that a block of outputs sees.
  var seenBlocks: Int {
    if groups == 1 { return Tensor.blocks(allInputs) }
    return (0..<rowBlocks).map { seenBlocks(ofRow: $0 * Int(RT_ROWS)).count }.max() ?? 0
  }

  /// The first of them.
  func firstChannelBlock(ofRow row: Int) -> Int {
    if groups == 1 { return 0 }
    return min(seenBlocks(ofRow: row).lowerBound, Tensor.blocks(allInputs) - seenBlocks)
  }

  private func seenBlocks(ofRow row: Int) -> Range<Int> {
    let last = min(row + Int(RT_ROWS), allOutputs) - 1
    let (first, end) = (row / outChannels * inChannels, (last / outChannels + 1) * inChannels)
    return first / Tensor.lanes..<Tensor.blocks(end)
  }

  /// Terms of each sum, with zeros that fill up blocks of channels.
  var depth: Int {
    if usesPatches { return Tensor.blocks(inChannels * window.taps) * Tensor.lanes }
    return window.taps * seenBlocks * Tensor.lanes
  }

  /// Whether Winograd's algorithm turns the maps instead of the weights, which are then transformed as those of
  /// the convolution are.
  var turnsMaps: Bool { isGradient }

  func weights(_ arrangement: Arrangement) throws -> PackedWeights {
    let floats = rowBlocks * blockFloats(arrangement)
    if case .parameter(let parameter) = weights.values {
      let packed = parameter.parameters.packed
      try packed.reserve(floats)
      return packed
    }
    return try made.withLock { made in
      if let known = made[arrangement] { return known }
      let packed = PackedWeights()
      try packed.reserve(floats)
      pack(arrangement, to: packed.base)
      made[arrangement] = packed
      return packed
    }
  }

  /// Packs weights that are trained, unless they are packed as they are now. To be called before they are read.
  func refresh(_ packed: PackedWeights, _ arrangement: Arrangement) {
    guard case .parameter(let parameter) = weights.values else { return }
    let content = PackedWeights.Content(
      correlation: ObjectIdentifier(self), arrangement: arrangement, version: parameter.parameters.version)
    if packed.content == content { return }
    pack(arrangement, to: packed.base)
    packed.content = content
  }

  /// Floats of a block of 32 rows.
  private func blockFloats(_ arrangement: Arrangement) -> Int {
    switch arrangement {
    case .packed: Int(RT_ROWS) * depth
    case .transformed(let side, let pairs):
      Int(RT_ROWS) * transformedDepth(pairs: pairs) * CorrelationMethod.products(side: side)
    case .words(let parts): rowWords(parts: parts)
    }
  }

  private func pack(_ arrangement: Arrangement, to block: UnsafeMutablePointer<Float>) {
    let floats = blockFloats(arrangement)
    switch arrangement {
    case .packed:
      let channels = usesPatches ? inChannels : seenBlocks * Tensor.lanes
      arrange(weights, to: block, floats) { rt_pack($0, $1, Int32(channels)) }
    case .transformed(let side, let pairs):
      arrange(turnsMaps ? weights.turned(window) : weights, to: block, floats) {
        rt_winograd_weights($0, $1, Int32(side), pairs)
      }
    case .words(let parts):
      arrange(weights, to: block, floats) {
        rt_pack_words(UnsafeMutableRawPointer($0).assumingMemoryBound(to: UInt32.self), $1, Int32(parts))
      }
    }
  }

  /// Whether its weights change.
  var isTrained: Bool { if case .parameter = weights.values { true } else { false } }

  /// Words of a position that Winograd's algorithm multiplies.
  func transformedDepth(pairs: Bool) -> Int {
    (pairs ? (seenBlocks + 1) / 2 : seenBlocks) * Tensor.lanes
  }

  /// Whether it is the gradient of a convolution.
  var isGradient: Bool { convolution != nil }

  /// Blocks of inputs that are in parts, the last filled up.
  func channelBlocks(parts: Int) -> Int {
    let channels = Int(rt_part_channels(Int32(parts)))
    return (inChannels + channels - 1) / channels
  }

  /// Words of 32 outputs.
  func rowWords(parts: Int) -> Int { rt_row_words(window.taps * channelBlocks(parts: parts), Int32(parts)) }

  /// Whether it can be done by products of bfloat16.
  var canSplit: Bool {
    groups == 1 && depth > 0 && window.step <= 2 && max(window.tapsHeight, window.tapsWidth) <= 16
  }

  /// Whether it can be done by products of bytes, whose blocks of channels are whole.
  var canCutToBytes: Bool {
    canSplit && !isGradient && inChannels % Int(rt_part_channels(Int32(RT_BYTES))) == 0
      && depth < CorrelationMethod.mostTermsOfBytes
  }

  /// Positions of the window for an output of this size.
  func grid(outHeight: Int, outWidth: Int) -> (height: Int, width: Int) {
    (
      (outHeight - window.y + window.spread - 1) / window.spread,
      (outWidth - window.x + window.spread - 1) / window.spread
    )
  }

  /// The convolution's weights, in blocks of which those of this correlation can be made when they are needed. Nil:
  /// they are not there, or this correlation's own are.
  func weightsToTranspose(_ arrangement: Arrangement) -> PackedWeights? {
    guard sharesWeights, let convolution, groups == 1, outChannels % Int(RT_ROWS) == 0 else {
      return nil
    }
    if case .packed = arrangement, window.taps != 1 || convolution.window.taps != 1 {
      return nil
    }
    if made.withLock({ $0[arrangement] }) != nil { return nil }
    return convolution.made.withLock { $0[arrangement] }
  }

  /// - Parameter blockFloats: of a block of 32 rows.
  private func arrange(
    _ weights: Weights, to arranged: UnsafeMutablePointer<Float>, _ blockFloats: Int,
    _ arrange: (UnsafeMutablePointer<Float>, UnsafePointer<rt_weights>) -> Void
  ) {
    let (blocks, rows) = (rowBlocks, Int(RT_ROWS))
    guard blockFloats > 0 else { return }
    weights.values.withValues { values in
      let values = values.baseAddress! + weights.first
      Workers.shared.run(blocks) { block, _ in
        let firstOut = block * rows
        let firstIn = firstChannelBlock(ofRow: firstOut) * Tensor.lanes
        var part = rt_weights(
          values: values, out_step: weights.outStep, in_step: weights.inStep, row_step: weights.rowStep,
          column_step: weights.columnStep, group_step: groupStep, first_out: Int32(firstOut),
          outs: Int32(min(rows, allOutputs - firstOut)), first_in: Int32(firstIn),
          ins: Int32(min(seenBlocks * Tensor.lanes, allInputs - firstIn)), group_outs: Int32(outChannels),
          group_ins: Int32(inChannels), rows: Int32(window.tapsHeight), columns: Int32(window.tapsWidth),
          out_scale: nil, in_scale: nil)
        weights.scale.withUnsafeBufferPointer { scale in
          if scale.isEmpty { return arrange(arranged + block * blockFloats, &part) }
          if weights.scalesInputs {
            part.in_scale = scale.baseAddress!
          } else {
            part.out_scale = scale.baseAddress!
          }
          arrange(arranged + block * blockFloats, &part)
        }
      }
    }
  }
}

/// Weights as a kernel reads them. Those that are constant have a block of their own for each arrangement; those that are
/// trained share one, in which each convolution packs its own before it runs, so that nothing is stale and memory does not
/// grow with the network.
final class PackedWeights: @unchecked Sendable {
  /// What lies in a shared block.
  struct Content: Equatable {
    let correlation: ObjectIdentifier
    let arrangement: Correlation.Arrangement
    let version: Int
  }

  private var block: FloatBlock?
  private var floats = 0
  var content: Content?

  var base: UnsafeMutablePointer<Float> { block!.base }

  /// Makes room. What lay there is gone if there was less.
  /// - Throws: `RuntimeError.outOfMemory`
  func reserve(_ count: Int) throws {
    if block != nil && count <= floats { return }
    (block, content) = (nil, nil)
    (block, floats) = (try FloatBlock(count: count), count)
  }
}
