import CKernels

/// Channels of one or more maps in another order: a concatenation, a slice, a shuffle. Inputs that lie within a
/// concatenation are not copied.
struct ChannelGather: Operation {
  /// Where a channel of the output is: which input, and its channel there.
  typealias Source = (input: Int, channel: Int)

  enum Choice: Sendable {
    /// All channels of all inputs, in their order.
    case all
    case slice(Range<Int>)
    case permutation([Int])
  }

  let choice: Choice

  private func sources(_ inputs: [Shape]) -> [Source] {
    switch choice {
    case .all:
      inputs.enumerated().flatMap { input, shape in (0..<shape.channels).map { (input, $0) } }
    case .slice(let range): range.map { (0, $0) }
    case .permutation(let order): order.map { (0, $0) }
    }
  }

  func outputShape(of inputs: [Shape]) -> Shape {
    let channels =
      switch choice {
      case .all: inputs.reduce(0) { $0 + $1.channels }
      case .slice(let range): range.count
      case .permutation(let order): order.count
      }
    return Shape(channels: channels, height: inputs[0].height, width: inputs[0].width)
  }

  var title: String {
    switch choice {
    case .all: "concat"
    case .slice: "slice"
    case .permutation: "shuffle"
    }
  }

  func bound(to inputs: [Tensor], _ output: Tensor, gradient: Bool) throws -> any BoundOperation {
    Bound(sources: sources(inputs.map(\.shape)), inputs: inputs, output: output)
  }

  private final class Bound: BoundOperation {
    let sources: [Source]
    let inputs: [Tensor]
    let output: Tensor
    let scratch = 0
    /// The blocks of the output that lie in no input.
    private let copied: [Int]
    /// [channel, up to whole blocks]: where a channel of the output is in the inputs' values, and in their gradients; nil:
    /// it is none. They are known when the tensors have been placed.
    private lazy var values = channels(\.value).map { $0.map { UnsafePointer($0) } }
    private lazy var gradients = channels(\.gradient)

    init(sources: [Source], inputs: [Tensor], output: Tensor) {
      (self.sources, self.inputs, self.output) = (sources, inputs, output)
      copied = (0..<output.blocks).filter {
        inputs[sources[$0 * Tensor.blockSize].input].host !== output
      }
    }

    func forward(_ activation: Activation, scratch: Scratch) {
      values.withUnsafeBufferPointer { values in
        eachRun { block, first, count in
          rt_gather_channels(
            output.value + block * output.blockStride + first * Tensor.blockSize,
            values.baseAddress! + block * Tensor.blockSize, first, count)
        }
      }
      output.apply(activation)
    }

    func backward(maskInput: Bool, scratch: Scratch) {
      for input in inputs {
        if input.host === output {
          input.hasGradient = true
        } else if !input.hasGradient {
          input.zeroGradient()
        }
      }
      gradients.withUnsafeBufferPointer { gradients in
        eachRun { block, first, count in
          rt_scatter_channels(
            gradients.baseAddress! + block * Tensor.blockSize,
            output.gradient + block * output.blockStride + first * Tensor.blockSize, first, count)
        }
      }
      for input in inputs { input.gradientIsMasked = false }
    }

    private func channels(
      _ part: (Tensor) -> UnsafeMutablePointer<Float>
    ) -> [UnsafeMutablePointer<Float>?] {
      (0..<output.blocks * Tensor.blockSize).map { k in
        guard k < sources.count else { return nil }
        let (input, channel) = sources[k]
        return part(inputs[input]) + channel / Tensor.blockSize * inputs[input].blockStride
          + channel % Tensor.blockSize
      }
    }

    /// Calls `body` with each block that is copied and each run of positions. Runs of different tasks share no position, as
    /// blocks may share an input's block.
    private func eachRun(_ body: (_ block: Int, _ first: Int, _ count: Int) -> Void) {
      if copied.isEmpty { return }
      Workers.shared.run(over: output.positions, by: 1 << 8) { first, count in
        for block in copied { body(block, first, count) }
      }
    }
  }
}
