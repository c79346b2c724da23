/// Residual networks (He et al., arXiv 1512.03385) under the names that torchvision and the CIFAR variants
/// give to their weights: conv1, bn1, layer1.0.conv1, ..., downsample.0/1 or shortcut.0/1, fc or linear.
///
/// The structure is inferred from names and shapes. A 7x7 stem has a stride of 2 and a max-pool behind it; a
/// 3x3 stem has no max-pool and the stride that the metadata name. Each stage but the first halves the map,
/// in the 3x3 convolution of a bottleneck.
struct ResNet {
  struct Block {
    let name: String
    let inChannels, middle, outChannels: Int
    let stride, groups: Int
    /// "downsample" or "shortcut"; nil: the block's input itself.
    let projection: String?
  }

  let stem: (size: Int, stride: Int, channels: Int)
  let isBottleneck: Bool
  let stages: [[Block]]
  let head: String
  let classCount: Int

  var hasMaxPool: Bool { stem.size == 7 }
  var representationChannels: Int { stages.last?.last?.outChannels ?? stem.channels }

  /// Infers the structure and checks the shape of every weight.
  /// - Throws: `CheckpointError`
  init(_ file: any TensorFile) throws {
    var used: Set<String> = []
    func shape(_ name: String, _ expected: [Int?]) throws -> [Int] {
      used.insert(name)
      guard let shape = file.shape(name) else {
        throw file.refuse("not a residual network that is known: \(name.quoted) is missing")
      }
      guard shape.count == expected.count, zip(shape, expected).allSatisfy({ $1 == nil || $0 == $1 }),
        shape.allSatisfy({ $0 > 0 })
      else {
        let wanted = expected.map { $0.map(String.init) ?? "n" }.joined(separator: ", ")
        throw file.refuse("\(name.quoted) has the shape \(shape), not [\(wanted)]")
      }
      return shape
    }
    func norm(_ name: String, _ channels: Int) throws {
      for part in ["weight", "bias", "running_mean", "running_var"] {
        _ = try shape("\(name).\(part)", [channels])
      }
    }

    let first = try shape("conv1.weight", [nil, 3, nil, nil])
    guard first[2] == first[3], first[2] == 3 || first[2] == 7 else {
      throw file.refuse("the stem is \(first[2])x\(first[3]); only 3x3 and 7x7 are known")
    }
    let named = file.metadata["stem_stride"]
    let stride = named.map { Int($0) ?? 0 } ?? (first[2] == 7 ? 2 : 1)
    guard (1...4).contains(stride) else {
      throw file.refuse("the stem's stride \((named ?? "").quoted) is not in 1...4")
    }
    stem = (first[2], stride, first[0])
    try norm("bn1", stem.channels)

    isBottleneck = file.shape("layer1.0.conv3.weight") != nil
    var channels = stem.channels
    var stages: [[Block]] = []
    while file.shape("layer\(stages.count + 1).0.conv1.weight") != nil {
      var blocks: [Block] = []
      let stage = "layer\(stages.count + 1)"
      while file.shape("\(stage).\(blocks.count).conv1.weight") != nil {
        let name = "\(stage).\(blocks.count)"
        let stride = blocks.isEmpty && !stages.isEmpty ? 2 : 1
        let one = isBottleneck ? 1 : 3
        let middle = try shape("\(name).conv1.weight", [nil, channels, one, one])[0]
        try norm("\(name).bn1", middle)
        let second = try shape("\(name).conv2.weight", [isBottleneck ? middle : nil, nil, 3, 3])
        let groups = max(middle / second[1], 1)
        guard groups * second[1] == middle, second[0] % groups == 0 else {
          throw file.refuse(
            "\(name).conv2.weight has the shape \(second), which does not follow \(middle) channels")
        }
        try norm("\(name).bn2", second[0])
        var out = second[0]
        if isBottleneck {
          out = try shape("\(name).conv3.weight", [nil, middle, 1, 1])[0]
          try norm("\(name).bn3", out)
        }
        let projection = ["downsample", "shortcut"].first { file.shape("\(name).\($0).0.weight") != nil }
        if let projection {
          _ = try shape("\(name).\(projection).0.weight", [out, channels, 1, 1])
          try norm("\(name).\(projection).1", out)
        } else if stride != 1 || out != channels {
          throw file.refuse("\(name) changes the shape of its input but has no downsample or shortcut")
        }
        blocks.append(
          Block(
            name: name, inChannels: channels, middle: middle, outChannels: out, stride: stride,
            groups: groups,
            projection: projection))
        channels = out
      }
      stages.append(blocks)
    }
    guard !stages.isEmpty else {
      throw file.refuse("not a residual network that is known: it has no layer1.0.conv1.weight")
    }
    self.stages = stages

    head = file.shape("fc.weight") == nil && file.shape("linear.weight") != nil ? "linear" : "fc"
    classCount = try shape("\(head).weight", [nil, channels])[0]
    _ = try shape("\(head).bias", [classCount])
    try Self.refuseOthers(than: used, in: file)
  }

  /// Tensors beside those of the network would do something to what it computes: it is another architecture then, of
  /// which part has the same names (squeeze and excitation, ECA, biases of convolutions).
  private static func refuseOthers(than used: Set<String>, in file: any TensorFile) throws {
    let beside: Set = ["mean", "std"]
    let others = file.tensors.filter { name, facts in
      !used.contains(name) && !beside.contains(name) && !name.hasPrefix("seeds.")
        && !name.hasSuffix(".num_batches_tracked") && facts.type.isReal
    }.keys.sorted()
    guard let first = others.first else { return }
    let more = others.count - 1
    throw file.refuse(
      "not a plain residual network: it has \(first.quoted)"
        + (more == 0 ? "" : " and \(more) more \(more == 1 ? "tensor" : "tensors")")
        + " that such a network does not use, so it is of another architecture")
  }

  /// "ResNet, basic blocks 2-2-2-2, widths 32-64-128-256"
  var description: String {
    func joined(_ numbers: [Int]) -> String { numbers.map(String.init).joined(separator: "-") }
    let widths = stages.map { $0[0].middle }
    return
      "ResNet, \(isBottleneck ? "bottleneck" : "basic") blocks \(joined(stages.map(\.count))), widths \(joined(widths))"
  }

  var layers: [LayerFacts] {
    var reduction = stem.stride * (hasMaxPool ? 2 : 1)
    var layers = [LayerFacts(name: "stem", channels: stem.channels, reduction: reduction)]
    for block in stages.joined() {
      reduction *= block.stride
      layers.append(LayerFacts(name: block.name, channels: block.outChannels, reduction: reduction))
    }
    layers.append(LayerFacts(name: "representation", channels: representationChannels, reduction: 0))
    return layers
  }

  /// - Parameter training: where the tensors become parameters; nil: they stay as they are.
  /// - Parameter classes: what the last layer of a network that is trained tells apart; nil: what it does.
  /// - Throws: `CheckpointError`
  func graph(
    _ file: any TensorFile, mean: [Float], deviation: [Float],
    training: (parameters: Parameters, mode: NormMode)? = nil, head classes: TrainableModel.Head? = nil
  ) throws -> Graph {
    var graph = Graph(mean: mean, deviation: deviation)

    func weights(_ name: String) throws -> Convolution.Weights {
      guard let training else { return .stored(try file.stored(name)) }
      return .parameter(
        training.parameters.add(
          name, shape: file.tensors[name]!.shape, role: .weight, values: try file.values(name)))
    }
    func vector(_ name: String, _ role: Parameters.Role, _ parameters: Parameters) throws
      -> ParameterReference
    {
      parameters.add(name, shape: file.tensors[name]!.shape, role: role, values: try file.values(name))
    }

    func convolution(
      _ name: String, norm: String, _ input: Int, stride: Int = 1, groups: Int = 1
    ) throws -> Int {
      let shape = file.tensors[name]!.shape
      let node = graph.add(
        .convolution(
          Convolution(
            inChannels: shape[1] * groups, outChannels: shape[0], height: shape[2], width: shape[3],
            stride: stride,
            padding: Padding(shape[2] / 2), groups: groups, weights: try weights(name))), input)
      let variance = try file.values("\(norm).running_var")
      guard variance.allSatisfy({ $0 >= 0 }) else { throw file.refuse("'\(norm).running_var' is negative") }
      if let training {
        let parameters = training.parameters
        return graph.add(
          .trainedNormalization(
            BatchNormalization(
              scale: try vector("\(norm).weight", .vector, parameters),
              shift: try vector("\(norm).bias", .vector, parameters),
              runningMean: try vector("\(norm).running_mean", .statistic, parameters),
              runningVariance: try vector("\(norm).running_var", .statistic, parameters),
              mode: training.mode)), node)
      }
      let affine = try ChannelAffine(
        mean: file.values("\(norm).running_mean"), variance: variance, weight: file.values("\(norm).weight"),
        bias: file.values("\(norm).bias"))
      return graph.add(.batchNormalization(affine), node)
    }

    var x = graph.add(
      .activation(.relu), try convolution("conv1.weight", norm: "bn1", 0, stride: stem.stride))
    if hasMaxPool { x = graph.add(.maxPool(MaxPool(size: 3, stride: 2, pad: 1)), x) }
    graph.layers.append(Graph.Layer(name: "stem", node: x))

    for block in stages.joined() {
      let name = block.name
      // The projection comes first, so that the last convolution can add it to its own result.
      var residual = x
      if let projection = block.projection {
        residual = try convolution(
          "\(name).\(projection).0.weight", norm: "\(name).\(projection).1", x, stride: block.stride)
      }
      var y: Int
      if isBottleneck {
        y = graph.add(.activation(.relu), try convolution("\(name).conv1.weight", norm: "\(name).bn1", x))
        y = graph.add(
          .activation(.relu),
          try convolution(
            "\(name).conv2.weight", norm: "\(name).bn2", y, stride: block.stride, groups: block.groups))
        y = try convolution("\(name).conv3.weight", norm: "\(name).bn3", y)
      } else {
        y = graph.add(
          .activation(.relu),
          try convolution("\(name).conv1.weight", norm: "\(name).bn1", x, stride: block.stride))
        y = try convolution("\(name).conv2.weight", norm: "\(name).bn2", y, groups: block.groups)
      }
      x = graph.add(.activation(.relu), graph.add(.add, y, residual))
      graph.layers.append(Graph.Layer(name: name, node: x))
    }

    x = graph.add(.meanPool, x)
    graph.layers.append(Graph.Layer(name: "representation", node: x))
    // A linear layer is a 1x1 convolution of 1x1 maps.
    func linear(
      _ outs: Int, _ weights: Convolution.Weights, _ bias: [Float], _ parameter: ParameterReference?
    ) {
      let layer = Convolution(
        inChannels: representationChannels, outChannels: outs, height: 1, width: 1, weights: weights,
        bias: bias,
        biasParameter: parameter)
      _ = graph.add(.convolution(layer), x)
    }
    let (weights, bias) = ("\(head).weight", "\(head).bias")
    guard let training else {
      linear(classCount, .stored(try file.stored(weights)), try file.values(bias), nil)
      return graph
    }
    func trained(_ name: String, _ role: Parameters.Role, width: Int) throws -> ParameterReference {
      let rows = try file.values(name)
      let wanted = classes?.rows(rows, width: width) ?? rows
      let count = wanted.count / width
      return training.parameters.add(
        name, shape: role == .weight ? [count, width] : [count], role: role, values: wanted)
    }
    let (matrix, shift) = (
      try trained(weights, .weight, width: representationChannels), try trained(bias, .vector, width: 1)
    )
    let outs = shift.count
    linear(outs, .parameter(matrix), [Float](repeating: 0, count: outs), shift)
    return graph
  }
}
