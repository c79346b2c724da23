/// Which values lie inside of a concatenation's, as some of its blocks of channels, so that it copies nothing.
struct Placement {
  /// [value]: the concatenation and the first of its blocks; nil: the value has memory of its own.
  private(set) var host: [(value: Int, block: Int)?]

  init(_ network: Network, _ shapes: [Shape]) {
    host = [(value: Int, block: Int)?](repeating: nil, count: shapes.count)
    var lastReader = [Int](repeating: 0, count: shapes.count)
    for (k, step) in network.steps.enumerated() { for input in step.inputs { lastReader[input] = k + 1 } }
    // A later concatenation first: what it hosts may be one itself. What a value's other readers add to its gradient comes
    // after the concatenation's gradient is there, so it must be read by none later than that.
    for (k, step) in network.steps.enumerated().reversed() {
      guard let gather = step.operation as? ChannelGather, case .all = gather.choice,
        step.activation == .identity
      else { continue }
      var channel = 0
      for input in step.inputs {
        let isAligned = channel % Tensor.blockSize == 0
        if isAligned, input > 0, host[input] == nil, lastReader[input] == k + 1,
          step.inputs.count(where: { $0 == input }) == 1,
          shapes[input].channels % Tensor.blockSize == 0 || input == step.inputs.last
        {
          host[input] = (k + 1, channel / Tensor.blockSize)
        }
        channel += shapes[input].channels
      }
    }
  }

  /// Where a value lies in the end: in memory of its own, or in that of the outermost concatenation.
  func root(_ value: Int) -> (value: Int, block: Int) {
    var (root, block) = (value, 0)
    while let host = host[root] { (root, block) = (host.value, block + host.block) }
    return (root, block)
  }

  /// Whether a value hosts another, or is hosted.
  func isShared(_ value: Int) -> Bool { host[value] != nil || host.contains { $0?.value == value } }
}
