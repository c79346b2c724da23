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
    /// Factors of the convolution's output channels, [group][channel]; which are the inputs in its gradient.
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
  }

  /// Of one group; groups follow each other in the weights by `groupStep`.
  let inChannels, outChannels: Int
  let groups, groupStep: Int
  let window: Window
  private let weights: Weights
  /// The one whose gradient this is, with the same weights in the other direction.
  private let convolution: Correlation?
  /// Whether the convolution's weights serve it where they can, so that it has none of its own.
  let sharesWeights: Bool
  /// Made when first needed, and kept: all plans share them.
  private let made = Mutex<[Arrangement: FloatBlock]>([:])

  /// How weights lie in memory.
  enum Arrangement: Hashable {
    /// [group][outputs / block][depth][block]
    case packed(block: Int)
    /// For Winograd's algorithm, with tiles of this side: [outputs / 32][(side + 2)²][inChannels][32].
    case transformed(side: Int)
    /// For both directions: [outputs / 32][tap][inputs / 32][32 inputs][32 outputs].
    case squares
    /// Rounded to bfloat16, two in a word: [outputs / 32][tap][inputs / 32][32 outputs][16 pairs of inputs].
    case words
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

  /// Terms of each sum.
  var depth: Int { inChannels * window.tapsHeight * window.tapsWidth }

  /// Outputs of a group, filled up to whole blocks of rows.
  func paddedOutputs(block: Int) -> Int { (outChannels + block - 1) / block * block }

  /// Whether Winograd's algorithm turns the maps instead of the weights, which are then transformed as those of
  /// the convolution are.
  var turnsMaps: Bool { isGradient }

  func weights(_ arrangement: Arrangement) throws -> FloatBlock {
    try made.withLock { made in
      if let known = made[arrangement] { return known }
      let new: FloatBlock
      switch arrangement {
      case .packed(let block):
        new = try arranged(weights, block: block, floats: block * depth) {
          rt_pack($0, $1, Int32(block))
        }
      case .transformed(let side):
        new = try arranged(
          turnsMaps ? weights.turned(window) : weights, block: Int(RT_MANY_ROWS),
          floats: Int(RT_MANY_ROWS) * inChannels * CorrelationMethod.products(side: side)
        ) { rt_winograd_weights($0, $1, Int32(side)) }
      case .words:
        let area = window.tapsHeight * window.tapsWidth
        new = try arranged(
          weights, block: Int(RT_MANY_ROWS), floats: channelBlocks * Int(RT_SQUARE) / 2 * area
        ) { rt_pack_words(UnsafeMutableRawPointer($0).assumingMemoryBound(to: UInt32.self), $1) }
      case .squares:
        let perInput = channelBlocks * Int(RT_MANY_ROWS) * window.tapsHeight * window.tapsWidth
        new = try arranged(weights, block: Int(RT_MANY_ROWS), floats: Int(RT_MANY_ROWS) * perInput) {
          rt_pack_squares($0, $1)
        }
      }
      made[arrangement] = new
      return new
    }
  }

  /// Whether it is the gradient of a convolution.
  var isGradient: Bool { convolution != nil }

  /// Blocks of 32 inputs, the last filled up.
  var channelBlocks: Int { (inChannels + Int(RT_MANY_ROWS) - 1) / Int(RT_MANY_ROWS) }

  /// Weights in squares of 32 by 32.
  struct Squares {
    let weights: FloatBlock
    /// Whether they are words of its own, else floats of the convolution whose gradient this is.
    let areWords: Bool
    /// Which of the taps of the weights each of the window's is.
    let taps: [Int32]
    /// From a square to that of the next outputs, tap and inputs.
    let rowStep, tapStep, channelStep: Int
  }

  /// Whether it has squares: it is the gradient of a convolution that is not parted in groups.
  var hasSquares: Bool { isGradient && groups == 1 && depth > 0 }

  /// Whether it can be done with rounded floats.
  var canRound: Bool {
    groups == 1 && depth > 0 && window.step <= 2 && max(window.tapsHeight, window.tapsWidth) <= 16
  }

  /// - Throws: `RuntimeError.outOfMemory`
  func squares() throws -> Squares? {
    guard let convolution, hasSquares else { return nil }
    let taps = (0..<window.tapsHeight).flatMap { y in
      (0..<window.tapsWidth).map { x in
        Int32(weights.first + y * weights.rowStep + x * weights.columnStep)
      }
    }
    let all = convolution.window.tapsHeight * convolution.window.tapsWidth
    let arrangement = convolution.isPackedAsSquares ? Arrangement.packed(block: Int(RT_MANY_ROWS)) : .squares
    return Squares(
      weights: try convolution.weights(arrangement), areWords: false, taps: taps, rowStep: 1,
      tapStep: convolution.channelBlocks, channelStep: all * convolution.channelBlocks)
  }

  /// Its own weights, rounded to bfloat16.
  /// - Throws: `RuntimeError.outOfMemory`
  func roundedSquares() throws -> Squares {
    let taps = window.tapsHeight * window.tapsWidth
    return Squares(
      weights: try weights(.words), areWords: true, taps: (0..<taps).map(Int32.init),
      rowStep: taps * channelBlocks, tapStep: channelBlocks, channelStep: 1)
  }

  /// Weights that are packed in blocks of 32 rows are squares where there is one tap.
  private var isPackedAsSquares: Bool { depth == inChannels && inChannels % Int(RT_MANY_ROWS) == 0 }

  /// Positions of the window for an output of this size.
  func grid(outHeight: Int, outWidth: Int) -> (height: Int, width: Int) {
    (
      (outHeight - window.y + window.spread - 1) / window.spread,
      (outWidth - window.x + window.spread - 1) / window.spread
    )
  }

  /// The convolution's weights, in blocks of which those of this correlation can be made when they are needed. Nil:
  /// they are not there, or this correlation's own are.
  func weightsToTranspose(_ arrangement: Arrangement) -> FloatBlock? {
    guard sharesWeights, let convolution, groups == 1, outChannels % Int(RT_MANY_ROWS) == 0 else {
      return nil
    }
    if case .packed = arrangement, depth != inChannels || convolution.depth != convolution.inChannels {
      return nil
    }
    if made.withLock({ $0[arrangement] }) != nil { return nil }
    return convolution.made.withLock { $0[arrangement] }
  }

  /// - Parameter blockFloats: of a block of so many rows.
  private func arranged(
    _ weights: Weights, block rows: Int, floats blockFloats: Int,
    _ arrange: (UnsafeMutablePointer<Float>, UnsafePointer<rt_weights>) -> Void
  ) throws -> FloatBlock {
    let blocks = paddedOutputs(block: rows) / rows
    let arranged = try FloatBlock(count: groups * blocks * blockFloats)
    guard blockFloats > 0 else { return arranged }
    weights.values.withValues { values in
      let values = values.baseAddress!
      let scaled = weights.scalesInputs ? inChannels : outChannels
      Workers.shared.run(groups * blocks) { piece, _ in
        let (group, block) = piece.quotientAndRemainder(dividingBy: blocks)
        let firstOut = block * rows
        var part = rt_weights(
          values: values + weights.first + group * groupStep + firstOut * weights.outStep,
          out_step: weights.outStep, in_step: weights.inStep, row_step: weights.rowStep,
          column_step: weights.columnStep, outs: Int32(min(rows, outChannels - firstOut)),
          ins: Int32(inChannels), rows: Int32(window.tapsHeight), columns: Int32(window.tapsWidth),
          out_scale: nil, in_scale: nil)
        weights.scale.withUnsafeBufferPointer { scale in
          let scale = scale.baseAddress! + group * scaled
          if weights.scalesInputs { part.in_scale = scale } else { part.out_scale = scale + firstOut }
          arrange(arranged.base + piece * blockFloats, &part)
        }
      }
    }
    return arranged
  }
}
