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
    var values: [Float]
    /// Factors of the convolution's output channels, [group][channel]; which are the inputs in its gradient.
    var scale: [Float]
    var scalesInputs = false
    var first = 0
    var outStep, inStep, rowStep, columnStep: Int
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
  // Made when first needed, and kept: all plans share them.
  private let packed = Mutex<FloatBlock?>(nil)
  private let transformed = Mutex<FloatBlock?>(nil)

  init(inChannels: Int, outChannels: Int, groups: Int, groupStep: Int, window: Window, weights: Weights) {
    (self.inChannels, self.outChannels, self.groups, self.groupStep) = (
      inChannels, outChannels, groups, groupStep
    )
    (self.window, self.weights) = (window, weights)
  }

  /// Terms of each sum.
  var depth: Int { inChannels * window.tapsHeight * window.tapsWidth }

  /// Outputs of a group, filled up to whole tiles.
  var paddedOutputs: Int { (outChannels + Int(RT_ROWS) - 1) / Int(RT_ROWS) * Int(RT_ROWS) }

  /// [group][outputs / 8][depth][8]
  func packedWeights() throws -> FloatBlock {
    try packed.withLock { known in
      let made = try known ?? arranged(floatsPerInput: window.tapsHeight * window.tapsWidth, rt_pack)
      known = made
      return made
    }
  }

  /// For Winograd's algorithm: [group][outputs / 8][36][inChannels][8].
  func transformedWeights() throws -> FloatBlock {
    try transformed.withLock { known in
      let made = try known ?? arranged(floatsPerInput: Int(RT_WINOGRAD), rt_winograd_weights)
      known = made
      return made
    }
  }

  private func arranged(
    floatsPerInput: Int, _ arrange: (UnsafeMutablePointer<Float>, UnsafePointer<rt_weights>) -> Void
  ) throws -> FloatBlock {
    let blockFloats = Int(RT_ROWS) * inChannels * floatsPerInput
    let blocks = paddedOutputs / Int(RT_ROWS)
    let arranged = try FloatBlock(count: groups * blocks * blockFloats)
    guard blockFloats > 0 else { return arranged }
    weights.values.withUnsafeBufferPointer { values in
      let values = values.baseAddress!
      let scaled = weights.scalesInputs ? inChannels : outChannels
      Workers.shared.run(groups * blocks) { piece, _ in
        let (group, block) = piece.quotientAndRemainder(dividingBy: blocks)
        let firstOut = block * Int(RT_ROWS)
        var part = rt_weights(
          values: values + weights.first + group * groupStep + firstOut * weights.outStep,
          out_step: weights.outStep, in_step: weights.inStep, row_step: weights.rowStep,
          column_step: weights.columnStep, outs: Int32(min(Int(RT_ROWS), outChannels - firstOut)),
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
