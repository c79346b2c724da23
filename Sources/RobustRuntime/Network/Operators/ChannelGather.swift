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

  private struct Bound: BoundOperation {
    let sources: [Source]
    let inputs: [Tensor]
    let output: Tensor
    let scratch = 0

    func forward(_ activation: Activation, scratch: Scratch) {
      eachRun(\.value) { block, start, count, channels in
        rt_gather_channels(
          output.value + block * output.blockStride + start, channels.map { UnsafePointer($0) }, count)
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
      eachRun(\.gradient) { block, start, count, channels in
        rt_scatter_channels(channels, output.gradient + block * output.blockStride + start, count)
      }
      for input in inputs { input.gradientIsMasked = false }
    }

    /// Calls `body` with each block of 16 channels of the output and each run of positions: where the run begins, in
    /// floats, its positions, and where the channels are in `part` of the inputs. Runs of different tasks share no
    /// position, as blocks may share an input's block.
    private func eachRun(
      _ part: (Tensor) -> UnsafeMutablePointer<Float>,
      _ body: (_ block: Int, _ start: Int, _ count: Int, [UnsafeMutablePointer<Float>?]) -> Void
    ) {
      let lanes = Tensor.blockSize
      let parts = inputs.map(part)
      let strides = inputs.map(\.blockStride)
      let channels = (0..<output.blocks * lanes).map { k -> UnsafeMutablePointer<Float>? in
        guard k < sources.count else { return nil }
        let (input, channel) = sources[k]
        return parts[input] + channel / lanes * strides[input] + channel % lanes
      }
      let copied = (0..<output.blocks).filter { inputs[sources[$0 * lanes].input].host !== output }
      if copied.isEmpty { return }
      Workers.shared.run(over: output.positions, by: 1 << 8) { first, count in
        let start = first * lanes
        for block in copied {
          body(
            block, start, count, channels[block * lanes..<(block + 1) * lanes].map { $0.map { $0 + start } })
        }
      }
    }
  }
}
