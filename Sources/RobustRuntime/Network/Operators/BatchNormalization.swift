import CKernels

/// Batch normalisation (Ioffe and Szegedy, arXiv 1502.03167) that is being trained: by the statistics of the batch,
/// or by those that were gathered on the way. A second input, if there is one, is added before the activation.
///
/// With x̂ = (x − mean) / √(variance + ε) it gives scale · x̂ + shift (+ residual). Running statistics move by a
/// tenth to those of the batch, of which the variance is the unbiased one, as in PyTorch.
package final class BatchNormalization: Operation {
  let scale, shift: ParameterReference
  let runningMean, runningVariance: ParameterReference
  let epsilon: Float
  let mode: NormMode

  /// The share of a batch in the running statistics.
  static let momentum: Float = 0.1

  package init(
    scale: ParameterReference, shift: ParameterReference, runningMean: ParameterReference,
    runningVariance: ParameterReference, epsilon: Float = 1e-5, mode: NormMode
  ) {
    (self.scale, self.shift, self.runningMean, self.runningVariance) = (
      scale, shift, runningMean, runningVariance
    )
    (self.epsilon, self.mode) = (epsilon, mode)
  }

  /// The norm as inference has it, with the statistics gathered so far.
  package var affine: ChannelAffine {
    func values(_ parameter: ParameterReference) -> [Float] { parameter.parameters.values(parameter.index) }
    return ChannelAffine(
      mean: values(runningMean), variance: values(runningVariance), weight: values(scale),
      bias: values(shift), epsilon: epsilon)
  }

  /// Whether the statistics stay as they are: the norm then uses those that were gathered, in any mode.
  var isFrozen: Bool { runningMean.parameters.entries[runningMean.index].isFrozen }

  func outputShape(of inputs: [Shape]) -> Shape { inputs[0] }

  func backwardReads(input: Int, training: Bool) -> Bool { input == 0 }
  let passesGradientToSecondInput = true
  let gradientReplacesInput = true
  let canRecompute = true

  func bound(to inputs: [Tensor], _ output: Tensor, gradient: Bool) throws -> any BoundOperation {
    BoundBatchNormalization(
      norm: self, input: inputs[0], residual: inputs.count > 1 ? inputs[1] : nil, output: output)
  }
}

/// Which statistics the norms of a network use, if they are not frozen; all of one network share it.
package final class NormMode: @unchecked Sendable {
  package enum Statistics: Sendable { case batch, running }
  package var statistics = Statistics.batch
  /// Whether a forward pass moves the running statistics.
  package var movesRunning = true
  package init() {}
}

private final class BoundBatchNormalization: BoundOperation {
  let norm: BatchNormalization
  let input: Tensor
  let residual: Tensor?
  let output: Tensor
  let scratch = 0
  /// [channel], up to whole blocks.
  private var mean, deviation, scale, shift: [Float]
  /// [block][3][16]: what the gradient, the input and 1 are multiplied with for the input's gradient.
  private var factors: [Float]
  /// [block][run][2][16]
  private var sums: [Double]
  private let runs: Int
  /// Blocks of channels whose sums are made, and then used, at a time.
  private let blocksAtOnce: Int
  private var usedBatch = true

  /// Positions whose sums are made by one task.
  private static let run = 1 << 12
  /// Floats of a map that stay in a cache until the sums are made.
  private static let budget = 1 << 19

  init(norm: BatchNormalization, input: Tensor, residual: Tensor?, output: Tensor) {
    (self.norm, self.input, self.residual, self.output) = (norm, input, residual, output)
    let channels = output.blocks * Tensor.blockSize
    mean = [Float](repeating: 0, count: channels)
    (deviation, scale, shift) = (mean, mean, mean)
    factors = [Float](repeating: 0, count: 3 * channels)
    runs = max((output.positions + Self.run - 1) / Self.run, 1)
    sums = [Double](repeating: 0, count: output.blocks * runs * 2 * Tensor.blockSize)
    blocksAtOnce = max(Self.budget / output.blockStride, 1)
  }

  func forward(_ activation: Activation, scratch: Scratch) {
    usedBatch = norm.mode.statistics == .batch && !norm.isFrozen
    let (scales, shifts) = (norm.scale.values, norm.shift.values)
    eachPart { blocks in
      if usedBatch { measure(blocks) } else { takeRunning(blocks) }
      for c in channels(blocks) {
        scale[c] = scales[c] / deviation[c]
        shift[c] = shifts[c] - mean[c] * scale[c]
      }
      apply(blocks, activation, mask: activation.isClip ? output.reluMask : nil, to: output.value)
    }
  }

  func recompute(_ activation: Activation, to value: UnsafeMutablePointer<Float>) {
    apply(0..<output.blocks, activation, mask: nil, to: value)
  }

  private func apply(
    _ blocks: Range<Int>, _ activation: Activation, mask: UnsafeMutablePointer<UInt16>?,
    to value: UnsafeMutablePointer<Float>
  ) {
    scale.withUnsafeBufferPointer { scale in
      shift.withUnsafeBufferPointer { shift in
        eachRun(blocks) { block, at, count, _ in
          rt_batch_norm_apply(
            value + at, input.value + at, scale.baseAddress! + block * Tensor.blockSize,
            shift.baseAddress! + block * Tensor.blockSize, residual.map { UnsafePointer($0.value + at) },
            activation.ceiling, mask.map { $0 + at / Tensor.blockSize }, count)
        }
      }
    }
  }

  private func measure(_ blocks: Range<Int>) {
    sum(blocks) { sums, at, count, _ in rt_batch_norm_moments(sums, input.value + at, count) }
    let n = Double(output.positions)
    let moves = norm.mode.movesRunning
    let (means, variances) = (norm.runningMean.values, norm.runningVariance.values)
    for c in channels(blocks) {
      let (sum, square) = total(c)
      let mean = sum / n
      let variance = max(square / n - mean * mean, 0)
      self.mean[c] = Float(mean)
      deviation[c] = Float((variance + Double(norm.epsilon)).squareRoot())
      if moves {
        let kept = 1 - BatchNormalization.momentum
        means[c] = kept * means[c] + BatchNormalization.momentum * Float(mean)
        variances[c] =
          kept * variances[c] + BatchNormalization.momentum * Float(variance * n / max(n - 1, 1))
      }
    }
  }

  private func takeRunning(_ blocks: Range<Int>) {
    let (means, variances) = (norm.runningMean.values, norm.runningVariance.values)
    for c in channels(blocks) {
      mean[c] = means[c]
      deviation[c] = (variances[c] + norm.epsilon).squareRoot()
    }
  }

  func addParameterGradients(scratch: Scratch) {
    eachPart { blocks in
      sumGradients(blocks)
      addParameterGradients(blocks)
    }
  }

  func backward(maskInput: Bool, scratch: Scratch) { backward(addsParameterGradients: false) }

  func trainingBackward(maskInput: Bool, scratch: Scratch) { backward(addsParameterGradients: true) }

  private func backward(addsParameterGradients: Bool) {
    residual?.addGradient(output.gradient)
    eachPart { blocks in
      if usedBatch || addsParameterGradients { sumGradients(blocks) }
      if addsParameterGradients { addParameterGradients(blocks) }
      setFactors(blocks)
      factors.withUnsafeBufferPointer { factors in
        eachRun(blocks) { block, at, count, _ in
          rt_batch_norm_gradient(
            input.gradient + at, output.gradient + at, input.value + at,
            factors.baseAddress! + block * 3 * Tensor.blockSize, count)
        }
      }
    }
    input.hasGradient = true
  }

  /// The input's gradient, with n positions and sums over these, is
  /// scale / deviation · (g − Σg / n − x̂ Σ(g x̂) / n); with running statistics scale / deviation · g.
  private func setFactors(_ blocks: Range<Int>) {
    let (n, blockSize) = (Double(output.positions), Tensor.blockSize)
    for c in channels(blocks) {
      let at = c / blockSize * 3 * blockSize + c % blockSize
      factors[at] = scale[c]
      (factors[at + blockSize], factors[at + 2 * blockSize]) = (0, 0)
      guard usedBatch else { continue }
      let (sum, product) = total(c)
      let (d, s) = (Double(deviation[c]), Double(scale[c]))
      let slope = -s * product / (n * d * d)
      factors[at + blockSize] = Float(slope)
      factors[at + 2 * blockSize] = Float(-s * sum / n - slope * Double(mean[c]))
    }
  }

  private func addParameterGradients(_ blocks: Range<Int>) {
    let (scales, shifts) = (norm.scale.gradient, norm.shift.gradient)
    for c in channels(blocks) {
      let (sum, product) = total(c)
      scales[c] += Float(product / Double(deviation[c]))
      shifts[c] += Float(sum)
    }
  }

  private func sumGradients(_ blocks: Range<Int>) {
    mean.withUnsafeBufferPointer { mean in
      sum(blocks) { sums, at, count, block in
        rt_batch_norm_gradient_sums(
          sums, output.gradient + at, input.value + at, mean.baseAddress! + block * Tensor.blockSize, count)
      }
    }
  }

  private func sum(
    _ blocks: Range<Int>,
    _ body: (_ sums: UnsafeMutablePointer<Double>, _ at: Int, _ count: Int, _ block: Int) -> Void
  ) {
    sums.withUnsafeMutableBufferPointer { sums in
      let sums = Shared(base: sums.baseAddress!)
      eachRun(blocks) { block, at, count, run in
        body(sums.base + run * 2 * Tensor.blockSize, at, count, block)
      }
    }
  }

  private struct Shared: @unchecked Sendable { let base: UnsafeMutablePointer<Double> }

  /// Both sums of a channel, added in the order of the runs.
  private func total(_ channel: Int) -> (Double, Double) {
    let (block, offset) = channel.quotientAndRemainder(dividingBy: Tensor.blockSize)
    var totals = (0.0, 0.0)
    for run in block * runs..<(block + 1) * runs {
      totals.0 += sums[run * 2 * Tensor.blockSize + offset]
      totals.1 += sums[(run * 2 + 1) * Tensor.blockSize + offset]
    }
    return totals
  }

  /// Calls `body` with the blocks of channels, some at a time.
  private func eachPart(_ body: (_ blocks: Range<Int>) -> Void) {
    for first in stride(from: 0, to: output.blocks, by: blocksAtOnce) {
      body(first..<min(first + blocksAtOnce, output.blocks))
    }
  }

  private func channels(_ blocks: Range<Int>) -> Range<Int> {
    let blockSize = Tensor.blockSize
    return blocks.lowerBound * blockSize..<min(blocks.upperBound * blockSize, output.shape.channels)
  }

  /// Calls `body` with each of these blocks, where its run of positions begins in the tensor, and the run's number
  /// over all blocks.
  private func eachRun(
    _ blocks: Range<Int>, _ body: (_ block: Int, _ at: Int, _ count: Int, _ run: Int) -> Void
  ) {
    let positions = output.positions
    Workers.shared.run(blocks.count * runs) { task, _ in
      let (k, run) = task.quotientAndRemainder(dividingBy: runs)
      let (block, first) = (blocks.lowerBound + k, run * Self.run)
      body(
        block, block * output.blockStride + first * Tensor.blockSize, min(Self.run, positions - first),
        block * runs + run)
    }
  }
}
