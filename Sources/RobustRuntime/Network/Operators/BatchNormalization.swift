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
  var affine: ChannelAffine {
    func values(_ parameter: ParameterReference) -> [Float] { parameter.parameters.values(parameter.index) }
    return ChannelAffine(
      mean: values(runningMean), variance: values(runningVariance), weight: values(scale),
      bias: values(shift), epsilon: epsilon)
  }

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

/// Which statistics the norms of a network use; all of one network share it.
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
  /// [block][run][2][16]
  private var sums: [Double]
  private let runs: Int
  private var usedBatch = true
  /// Whether `sums` belong to this backward pass already.
  private var hasGradientSums = false

  /// Positions whose sums are made by one task.
  private static let run = 1 << 12

  init(norm: BatchNormalization, input: Tensor, residual: Tensor?, output: Tensor) {
    (self.norm, self.input, self.residual, self.output) = (norm, input, residual, output)
    let channels = output.blocks * Tensor.blockSize
    mean = [Float](repeating: 0, count: channels)
    (deviation, scale, shift) = (mean, mean, mean)
    runs = max((output.positions + Self.run - 1) / Self.run, 1)
    sums = [Double](repeating: 0, count: output.blocks * runs * 2 * Tensor.blockSize)
  }

  func forward(relu: Bool, scratch: Scratch) {
    usedBatch = norm.mode.statistics == .batch
    if usedBatch { measure() } else { takeRunning() }
    let (scales, shifts) = (norm.scale.values, norm.shift.values)
    for c in 0..<output.shape.channels {
      scale[c] = scales[c] / deviation[c]
      shift[c] = shifts[c] - mean[c] * scale[c]
    }
    apply(relu: relu, mask: relu ? output.reluMask : nil, to: output.value)
  }

  func recompute(relu: Bool, to value: UnsafeMutablePointer<Float>) {
    apply(relu: relu, mask: nil, to: value)
  }

  private func apply(
    relu: Bool, mask: UnsafeMutablePointer<UInt16>?, to value: UnsafeMutablePointer<Float>
  ) {
    scale.withUnsafeBufferPointer { scale in
      shift.withUnsafeBufferPointer { shift in
        eachRun { block, at, count, _ in
          rt_batch_norm_apply(
            value + at, input.value + at, scale.baseAddress! + block * Tensor.blockSize,
            shift.baseAddress! + block * Tensor.blockSize, residual.map { UnsafePointer($0.value + at) },
            relu,
            mask.map { $0 + at / Tensor.blockSize }, count)
        }
      }
    }
  }

  private func measure() {
    sum { sums, at, count, _ in rt_batch_norm_moments(sums, input.value + at, count) }
    let (n, channels) = (Double(output.positions), output.shape.channels)
    let moves = norm.mode.movesRunning
    let (means, variances) = (norm.runningMean.values, norm.runningVariance.values)
    for c in 0..<channels {
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

  private func takeRunning() {
    let (means, variances) = (norm.runningMean.values, norm.runningVariance.values)
    for c in 0..<output.shape.channels {
      mean[c] = means[c]
      deviation[c] = (variances[c] + norm.epsilon).squareRoot()
    }
  }

  /// The input's gradient, with n positions and sums over these, is
  /// scale / deviation · (g − Σg / n − x̂ Σ(g x̂) / n); with running statistics scale / deviation · g.
  func backward(maskInput: Bool, scratch: Scratch) {
    residual?.addGradient(output.gradient)
    let blockSize = Tensor.blockSize
    var factors = [Float](repeating: 0, count: output.blocks * 3 * blockSize)
    for c in 0..<output.shape.channels { factors[c / blockSize * 3 * blockSize + c % blockSize] = scale[c] }
    if usedBatch {
      if !hasGradientSums { sumGradients() }
      let n = Double(output.positions)
      for c in 0..<output.shape.channels {
        let (sum, product) = total(c)
        let (d, s) = (Double(deviation[c]), Double(scale[c]))
        let slope = -s * product / (n * d * d)
        let at = c / blockSize * 3 * blockSize + c % blockSize
        factors[at + blockSize] = Float(slope)
        factors[at + 2 * blockSize] = Float(-s * sum / n - slope * Double(mean[c]))
      }
    }
    factors.withUnsafeBufferPointer { factors in
      eachRun { block, at, count, _ in
        rt_batch_norm_gradient(
          input.gradient + at, output.gradient + at, input.value + at,
          factors.baseAddress! + block * 3 * blockSize, count)
      }
    }
    (input.hasGradient, hasGradientSums) = (true, false)
  }

  func addParameterGradients(scratch: Scratch) {
    sumGradients()
    hasGradientSums = true
    let (scales, shifts) = (norm.scale.gradient, norm.shift.gradient)
    for c in 0..<output.shape.channels {
      let (sum, product) = total(c)
      scales[c] += Float(product / Double(deviation[c]))
      shifts[c] += Float(sum)
    }
  }

  private func sumGradients() {
    mean.withUnsafeBufferPointer { mean in
      sum { sums, at, count, block in
        rt_batch_norm_gradient_sums(
          sums, output.gradient + at, input.value + at, mean.baseAddress! + block * Tensor.blockSize, count)
      }
    }
  }

  private func sum(
    _ body: (_ sums: UnsafeMutablePointer<Double>, _ at: Int, _ count: Int, _ block: Int) -> Void
  ) {
    sums.withUnsafeMutableBufferPointer { sums in
      let sums = Shared(base: sums.baseAddress!)
      eachRun { block, at, count, run in body(sums.base + run * 2 * Tensor.blockSize, at, count, block) }
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

  /// Calls `body` with each block of channels, where its run of positions begins in the tensor, and the run's
  /// number over all blocks.
  private func eachRun(_ body: (_ block: Int, _ at: Int, _ count: Int, _ run: Int) -> Void) {
    let positions = output.positions
    Workers.shared.run(output.blocks * runs) { task, _ in
      let (block, run) = task.quotientAndRemainder(dividingBy: runs)
      let first = run * Self.run
      body(
        block, block * output.blockStride + first * Tensor.blockSize, min(Self.run, positions - first), task)
    }
  }
}
