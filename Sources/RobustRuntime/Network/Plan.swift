import CKernels

/// A network compiled for images of one size: where every value and gradient lies, and how each operation is
/// done. Nothing is allocated while it runs. Used by one thread at a time.
package final class Plan {
  package let images, height, width: Int
  let hasGradient: Bool
  /// Whether the values are kept that the gradients of parameters need.
  let isTraining: Bool
  let network: Network
  private let memory: FloatBlock
  let scratch: Scratch
  let operations: [any BoundOperation]
  /// Whether a step is the last to add to the gradient of its first input, which comes from a ReLU.
  private let masksInput: [Bool]
  /// [value]: whether an operation reads it.
  private let isNeeded: [Bool]
  /// Value 0 is the normalised input; step k writes value k + 1.
  package let tensors: [Tensor]

  /// - Parameter gradient: whether `backward` will be called.
  /// - Parameter training: whether it will add to the gradients of parameters too.
  /// - Throws: `RuntimeError.outOfMemory`
  package init(
    _ network: Network, images: Int, height: Int, width: Int, gradient: Bool, training: Bool = false
  ) throws {
    (self.network, self.images, self.height, self.width) = (network, images, height, width)
    (hasGradient, isTraining) = (gradient, training)
    let layout = try Layout(
      network, images: images, height: height, width: width, gradient: gradient, training: training)
    let shapes = layout.shapes

    var firstReader = [Int?](repeating: nil, count: shapes.count)
    for (k, step) in network.steps.enumerated().reversed() { for v in step.inputs { firstReader[v] = k } }
    masksInput = network.steps.enumerated().map { k, step in
      let from = step.inputs[0] - 1
      return from >= 0 && firstReader[from + 1] == k && network.steps[from].activation.isClip
        && from != network.lastActivation
    }

    isNeeded = firstReader.map { $0 != nil }

    let tensors = shapes.map { Tensor(shape: $0, images: images) }
    for (value, host) in layout.placement.host.enumerated() {
      if let host { tensors[value].host = tensors[host.value] }
    }
    operations = try network.steps.enumerated().map { k, step in
      try step.operation.bound(to: step.inputs.map { tensors[$0] }, tensors[k + 1], gradient: gradient)
    }
    let stride = Plan.rounded(operations.map(\.scratch).max() ?? 0)
    let (offsets, total) = (layout.offsets, layout.total)
    let (recomputed, gradientBlocks) = (layout.recomputed, layout.gradientBlocks)
    let shared = Plan.rounded(operations.map(\.sharedScratch).max() ?? 0)
    memory = try FloatBlock(count: total + shared + stride * Workers.limit)
    let base = memory.base
    for (k, tensor) in tensors.enumerated() {
      let isReLU = gradient && k > 0 && network.steps[k - 1].activation.isClip
      let mask = isReLU ? UnsafeMutableRawPointer(base + offsets[2 * tensors.count + k]) : nil
      let root = layout.placement.root(k)
      let within = root.block * tensor.blockStride
      tensor.place(
        in: Tensor.Storage(
          value: base + offsets[root.value] + within,
          gradient: gradient ? base + offsets[gradientBlocks[root.value]] + within : nil,
          reluMask: mask?.assumingMemoryBound(to: UInt16.self),
          recomputed: recomputed.contains(k) ? base + offsets[3 * tensors.count + k] : nil))
    }
    self.tensors = tensors
    scratch = Scratch(shared: base + total, base: base + total + shared, stride: stride)
  }

  /// Where all that a plan computes lies in its arena, scratch memory apart.
  struct Layout {
    /// [value]
    let shapes: [Shape]
    let recomputed: Set<Int>
    let placement: Placement
    /// [value]: the block of its gradient.
    let gradientBlocks: [Int]
    /// [block], in floats.
    let offsets: [Int]
    /// Floats.
    let total: Int

    /// - Throws: `RuntimeError.invalid` if images of that size do not fit the network.
    init(_ network: Network, images: Int, height: Int, width: Int, gradient: Bool, training: Bool) throws {
      let shapes = try network.shapes(height: height, width: width)
      recomputed = training ? Plan.recomputedValues(network) : []
      placement = Placement(network, shapes)
      var blocks = Plan.blocks(
        network, shapes, images: images, gradient: gradient, training: training, recomputed: recomputed)
      Plan.place(placement, &blocks, gradient: gradient)
      gradientBlocks = gradient ? Plan.joinGradients(network, placement, &blocks) : []
      (offsets, total) = Arena.layout(blocks)
      self.shapes = shapes
    }
  }

  private static func rounded(_ floats: Int) -> Int { (floats + 15) / 16 * 16 }

  /// The values that are not kept for the weight gradients that read them, but recomputed when the first is due, from
  /// what is kept.
  private static func recomputedValues(_ network: Network) -> Set<Int> {
    var kept: Set<Int> = []
    var recomputed: Set<Int> = []
    for step in network.steps {
      for (index, input) in step.inputs.enumerated()
      where step.operation.backwardReads(input: index, training: true) {
        if step.operation.backwardReads(input: index, training: false) {
          kept.insert(input)
        } else {
          recomputed.insert(input)
        }
      }
    }
    for value in 0...network.steps.count where recomputed.contains(value) {
      let step = value > 0 ? network.steps[value - 1] : nil
      let canRecompute = step.map { step in
        step.operation.canRecompute && step.inputs.allSatisfy(kept.contains)
      }
      if kept.contains(value) || canRecompute == false {
        recomputed.remove(value)
        kept.insert(value)
      }
    }
    return recomputed
  }

  /// The blocks of the arena: values first, then gradients, ReLU masks, and values that are recomputed. Step k runs
  /// forward at time k + 1 and backward at 2·steps − k + 1, and the input is normalised at 0.
  private static func blocks(
    _ network: Network, _ shapes: [Shape], images: Int, gradient: Bool, training: Bool, recomputed: Set<Int>
  ) -> [Arena.Block] {
    let steps = network.steps
    func forward(_ value: Int) -> Int { value }
    func backward(_ value: Int) -> Int { 2 * steps.count + 2 - value }
    let sizes = shapes.map { rounded($0.channelBlocks * $0.blockStride(images: images)) }

    var values = shapes.indices.map { Arena.Block(size: sizes[$0], first: forward($0), last: forward($0)) }
    var gradients = shapes.indices.map {
      Arena.Block(size: sizes[$0], first: backward($0), last: backward($0))
    }
    var masks = [Arena.Block](repeating: Arena.Block(size: 0, first: 0, last: 0), count: shapes.count)
    var again = masks
    for (k, step) in steps.enumerated() {
      for (index, input) in step.inputs.enumerated() {
        var keep = gradient && step.operation.backwardReads(input: index, training: training)
        if keep && recomputed.contains(input) {
          let last = max(again[input].last, backward(k + 1))
          again[input] = Arena.Block(size: sizes[input], first: backward(k + 1), last: last)
          keep = false
        }
        values[input].last = max(values[input].last, keep ? backward(k + 1) : forward(k + 1))
        gradients[input].first = min(gradients[input].first, backward(k + 1))
      }
      if gradient && step.activation.isClip {
        let size = rounded(shapes[k + 1].maskFloats(images: images))
        masks[k + 1] = Arena.Block(size: size, first: forward(k + 1), last: backward(k + 1))
      }
    }
    // What a value is recomputed from is kept until then.
    for value in recomputed where value > 0 {
      for input in steps[value - 1].inputs {
        values[input].last = max(values[input].last, again[value].first)
      }
    }
    return gradient ? values + gradients + masks + again : values
  }

  /// Values that lie within others take no memory of their own, but keep that of the others.
  private static func place(_ placement: Placement, _ blocks: inout [Arena.Block], gradient: Bool) {
    let count = placement.host.count
    for value in 0..<count where placement.host[value] != nil {
      let root = placement.root(value).value
      for kind in gradient ? [0, count] : [0] {
        blocks[kind + root].first = min(blocks[kind + root].first, blocks[kind + value].first)
        blocks[kind + root].last = max(blocks[kind + root].last, blocks[kind + value].last)
        blocks[kind + value].size = 0
      }
    }
  }

  /// The gradient of a sum is that of each summand. Where it is the first that comes back to a residual,
  /// which nothing else reads at that time, it becomes the residual's in its place.
  /// - Returns: the block of each value's gradient.
  private static func joinGradients(
    _ network: Network, _ placement: Placement, _ blocks: inout [Arena.Block]
  ) -> [Int] {
    let count = network.steps.count + 1
    var gradientBlocks = (0..<count).map { count + $0 }
    var isRead = [Bool](repeating: false, count: count)
    for (k, step) in network.steps.enumerated().reversed() {
      if step.operation.passesGradientToSecondInput, step.inputs.count > 1,
        case let residual = step.inputs[1], residual != step.inputs[0], !isRead[residual],
        !placement.isShared(residual), !placement.isShared(k + 1)
      {
        let (block, own) = (gradientBlocks[k + 1], count + residual)
        gradientBlocks[residual] = block
        blocks[block].first = min(blocks[block].first, blocks[own].first)
        blocks[block].last = max(blocks[block].last, blocks[own].last)
        blocks[own].size = 0
      }
      for input in step.inputs { isRead[input] = true }
    }
    replaceValues(network, placement, &gradientBlocks, &blocks)
    return gradientBlocks
  }

  /// Where an operation allows it, the gradient of its first input takes the place of the value.
  private static func replaceValues(
    _ network: Network, _ placement: Placement, _ gradientBlocks: inout [Int],
    _ blocks: inout [Arena.Block]
  ) {
    var readers = [Int](repeating: 0, count: gradientBlocks.count)
    for step in network.steps { for input in step.inputs { readers[input] += 1 } }
    for layer in network.layers { readers[layer.value] += 1 }
    for step in network.steps where step.operation.gradientReplacesInput {
      let (value, own) = (step.inputs[0], gradientBlocks.count + step.inputs[0])
      guard value > 0, readers[value] == 1, gradientBlocks[value] == own, !placement.isShared(value)
      else { continue }
      gradientBlocks[value] = value
      blocks[value].last = max(blocks[value].last, blocks[own].last)
      blocks[own].size = 0
    }
  }

  /// The index of the layer's value in `tensors`.
  package func value(ofLayer name: String) -> Int? { network.value(ofLayer: name) }
  package var logits: Int { tensors.count - 1 }

  /// A copy of the last value that was computed: [image][channel][row][column].
  package func features(_ value: Int) -> FeatureMap {
    let tensor = tensors[value]
    let (shape, area) = (tensor.shape, tensor.positions / images)
    let values = [Float](unsafeUninitializedCapacity: tensor.count) { out, count in
      for n in 0..<images {
        for block in 0..<tensor.blocks {
          let channel = block * Tensor.blockSize
          rt_blocked_to_planar(
            out.baseAddress! + (n * shape.channels + channel) * area, area,
            tensor.value + block * tensor.blockStride + n * area * Tensor.blockSize,
            Int32(min(Tensor.blockSize, shape.channels - channel)), area, nil)
        }
      }
      count = tensor.count
    }
    return FeatureMap(
      count: images, channels: shape.channels, height: shape.height, width: shape.width, values: values)
  }

  /// Computes values 0...last from images [image][channel][row][column].
  /// - Parameters:
  ///   - read: values that no operation needs are computed if they are among these, or the last.
  ///   - reading: is told of each value when it is there; later ones may take its place.
  package func forward(
    _ pixels: UnsafePointer<Float>, through last: Int, read: Set<Int> = [],
    reading: (_ value: Int) -> Void = { _ in }
  ) {
    network.normalization.forward(pixels, to: tensors[0].value, of: tensors[0])
    for k in 0..<last where isNeeded[k + 1] || k + 1 == last || read.contains(k + 1) {
      operations[k].forward(network.steps[k].activation, scratch: scratch)
      reading(k + 1)
    }
  }

  /// Computes the gradient by the images from gradients by some of the values, [channel][image][row][column]; to be
  /// called once after `forward`, which must have reached the deepest of these values.
  /// - Parameter gradients: [value]; nil: none.
  /// - Parameter passReLU: the last activation before the pooled representation passes its gradient unchanged.
  package func backward(
    _ gradients: [UnsafeMutablePointer<Float>?], passReLU: Bool, to pixels: UnsafeMutablePointer<Float>
  ) {
    backward(gradients, passReLU: passReLU, addingParameterGradientsOf: nil)
    if !tensors[0].hasGradient { tensors[0].zeroGradient() }
    network.normalization.backward(tensors[0], to: pixels)
  }

  /// Adds to the gradients of the parameters as `backward` computes that by the images, which are given once more.
  /// - Precondition: the plan is one of training.
  package func addParameterGradients(
    _ gradients: [UnsafeMutablePointer<Float>?], of images: UnsafePointer<Float>
  ) {
    precondition(isTraining)
    backward(gradients, passReLU: false, addingParameterGradientsOf: images)
  }

  private func backward(
    _ gradients: [UnsafeMutablePointer<Float>?], passReLU: Bool,
    addingParameterGradientsOf images: UnsafePointer<Float>?
  ) {
    forgetGradients()
    for value in stride(from: tensors.count - 1, through: 0, by: -1) {
      let tensor = tensors[value]
      if let given = gradients[value] { tensor.addGradient(planes: given) }
      if value > 0 && tensor.hasGradient {
        backward(step: value - 1, passReLU: passReLU, addingParameterGradientsOf: images)
      }
    }
  }

  func forgetGradients() {
    for tensor in tensors {
      (tensor.hasGradient, tensor.gradientIsMasked, tensor.isRecomputed) = (false, false, false)
    }
  }

  func backward(
    step k: Int, passReLU: Bool, addingParameterGradientsOf images: UnsafePointer<Float>? = nil
  ) {
    let (step, tensor) = (network.steps[k], tensors[k + 1])
    let passes = passReLU && k == network.lastActivation
    if passes && step.operation is Pointwise {
      tensors[step.inputs[0]].addGradient(tensor.gradient)
      return
    }
    if step.activation.isClip && !tensor.gradientIsMasked && !passes { tensor.maskGradient() }
    if let images {
      if let input = step.inputs.first, tensors[input].mustRecompute,
        step.operation.backwardReads(input: 0, training: true)
      {
        recompute(input, from: images)
      }
      if step.inputs == [0] {
        // Nobody asked for the gradient by the images.
        operations[k].addParameterGradients(scratch: scratch)
      } else {
        operations[k].trainingBackward(maskInput: masksInput[k], scratch: scratch)
      }
    } else {
      operations[k].backward(maskInput: masksInput[k], scratch: scratch)
    }
  }

  private func recompute(_ value: Int, from images: UnsafePointer<Float>) {
    let tensor = tensors[value]
    if value == 0 {
      network.normalization.forward(images, to: tensor.valueForWeights, of: tensor)
    } else {
      operations[value - 1].recompute(network.steps[value - 1].activation, to: tensor.valueForWeights)
    }
    tensor.isRecomputed = true
  }
}
