import CKernels

/// The feature maps of a batch at one place of a plan, in its arena: [channels / 16][image][row][column][16], filled up
/// with channels of zeros. Behind the positions of each block of channels lies one more, which stands for what is outside
/// of the map.
package final class Tensor {
  package let shape: Shape
  package let images: Int
  private var place: Place!
  /// Whether something has been written to `gradient` in this backward pass, so that what follows is added.
  var hasGradient = false
  /// Whether `gradient` is already that before the ReLU.
  var gradientIsMasked = false

  init(shape: Shape, images: Int) { (self.shape, self.images) = (shape, images) }

  struct Place {
    let value: UnsafeMutablePointer<Float>
    let gradient: UnsafeMutablePointer<Float>?
    let positive: UnsafeMutablePointer<UInt16>?
    /// Where the value is made again for a weight gradient; nil: it is kept.
    let again: UnsafeMutablePointer<Float>?
  }

  /// Says where its numbers lie, before anything is computed.
  func place(_ place: Place) { self.place = place }

  var value: UnsafeMutablePointer<Float> { place.value }
  /// The value while a weight gradient is made of it.
  var valueForWeights: UnsafeMutablePointer<Float> { place.again ?? place.value }
  var isMadeAgain: Bool { place.again != nil }
  /// Of the loss by the value; there only if the plan computes gradients.
  var gradient: UnsafeMutablePointer<Float> { place.gradient! }
  /// Bits of which values are above 0, of 16 channels at each position, laid out as these are; there only if the value
  /// comes from a ReLU whose gradient will be computed.
  var positive: UnsafeMutablePointer<UInt16>? { place.positive }

  static let lanes = Int(RT_LANES)
  /// Blocks that hold so many channels.
  static func blocks(_ channels: Int) -> Int { (channels + lanes - 1) / lanes }

  /// Over all images.
  package var positions: Int { images * shape.height * shape.width }
  /// Numbers in it, without what fills up the blocks.
  package var count: Int { shape.channels * positions }
  /// Blocks of channels.
  var blocks: Int { shape.channelBlocks }
  /// Floats from one block to the next.
  var step: Int { shape.step(images: images) }
  var floats: Int { blocks * step }

  /// Of these floats, what stands for the outside becomes zeros, for windows that reach beyond the map.
  func clearOutside(of floats: UnsafeMutablePointer<Float>) {
    for block in 0..<blocks { rt_fill(floats + block * step + positions * Tensor.lanes, 0, Tensor.lanes) }
  }

  /// A copy of the value: [channel][image][row][column].
  func copyPlanes(to planes: UnsafeMutablePointer<Float>) {
    eachBlock { block, channel, channels in
      rt_from_lanes(
        planes + channel * positions, positions, value + block * step, Int32(channels), positions, nil)
    }
  }

  /// Adds [channel][image][row][column] to the gradient, or writes it if it is the first.
  func addGradient(planes: UnsafePointer<Float>) {
    let (gradient, add) = (gradient, hasGradient)
    eachBlock { block, channel, channels in
      rt_to_lanes(
        gradient + block * step, planes + channel * positions, positions, Int32(channels), positions, nil,
        nil, add)
    }
    (hasGradient, gradientIsMasked) = (true, false)
  }

  private func eachBlock(_ body: (_ block: Int, _ channel: Int, _ channels: Int) -> Void) {
    Workers.shared.run(blocks) { block, _ in
      let channel = block * Tensor.lanes
      body(block, channel, min(Tensor.lanes, shape.channels - channel))
    }
  }

  /// Adds to the gradient, or writes it if it is the first. What already lies in its place stays.
  func addGradient(_ other: UnsafePointer<Float>) {
    let (gradient, add) = (gradient, hasGradient)
    (hasGradient, gradientIsMasked) = (true, false)
    if other == UnsafePointer(gradient) { return }
    Workers.shared.run(over: floats) { start, count in
      if add {
        rt_add(gradient + start, other + start, count)
      } else {
        rt_copy(gradient + start, other + start, count)
      }
    }
  }

  /// Clips the value at 0.
  func rectify() {
    Workers.shared.run(over: floats / Tensor.lanes, by: 1 << 11) { start, count in
      rt_relu(value + start * Tensor.lanes, positive.map { $0 + start }, count)
    }
  }

  /// Makes the gradient that before the ReLU.
  func maskGradient() {
    let positive = positive!
    Workers.shared.run(over: floats / Tensor.lanes, by: 1 << 11) { start, count in
      rt_mask(gradient + start * Tensor.lanes, positive + start, count)
    }
  }

  func zeroGradient() {
    Workers.shared.run(over: floats) { start, count in rt_fill(gradient + start, 0, count) }
    hasGradient = true
  }
}

extension Shape {
  var channelBlocks: Int { Tensor.blocks(channels) }
  /// Numbers of the channels, up to whole blocks of these.
  func filled(_ values: [Float]) -> [Float] {
    values + [Float](repeating: 0, count: channelBlocks * Tensor.lanes - values.count)
  }
  /// Floats of the bits that tell which values are above 0.
  func bitFloats(images: Int) -> Int { (channelBlocks * step(images: images) / Tensor.lanes + 1) / 2 }
  /// Floats from one block of channels to the next.
  func step(images: Int) -> Int { (images * height * width + 1) * Tensor.lanes }
}
