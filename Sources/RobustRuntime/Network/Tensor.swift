import CKernels

/// The feature maps of a batch at one node of a plan, in its arena: [C/16][N·H·W + 1][16], nChw16c with the images
/// inside the block of channels, filled up with channels of zeros. Behind the positions of each block lies the zero
/// pixel, which windows read for what is outside of the map.
package final class Tensor {
  package let shape: Shape
  package let images: Int
  private var storage: Storage!
  /// The concatenation within which the tensor lies; nil: it has memory of its own.
  package internal(set) var host: Tensor?
  /// Whether something has been written to `gradient` in this backward pass, so that what follows is added.
  var hasGradient = false
  /// Whether `gradient` is already that before the ReLU.
  var gradientIsMasked = false
  /// Whether the value that is not kept has been recomputed in this backward pass.
  var isRecomputed = false

  init(shape: Shape, images: Int) { (self.shape, self.images) = (shape, images) }

  struct Storage {
    let value: UnsafeMutablePointer<Float>
    let gradient: UnsafeMutablePointer<Float>?
    let reluMask: UnsafeMutablePointer<UInt16>?
    /// Where the value is recomputed for weight gradients; nil: it is kept.
    let recomputed: UnsafeMutablePointer<Float>?
  }

  /// Says where the tensor's numbers lie, before anything is computed.
  func place(in storage: Storage) { self.storage = storage }

  package var value: UnsafeMutablePointer<Float> { storage.value }
  /// The value while weight gradients are made of it.
  var valueForWeights: UnsafeMutablePointer<Float> { storage.recomputed ?? storage.value }
  var mustRecompute: Bool { storage.recomputed != nil && !isRecomputed }
  /// The gradient of the loss by the value; there only if the plan computes gradients.
  var gradient: UnsafeMutablePointer<Float> { storage.gradient! }
  /// [C/16][N·H·W + 1]: the ReLU mask, bits that tell which channels are above 0; there only if the value comes
  /// from a ReLU whose gradient will be computed.
  var reluMask: UnsafeMutablePointer<UInt16>? { storage.reluMask }

  /// Channels of a block.
  static let blockSize = Int(RT_BLOCK)
  /// Blocks that hold so many channels.
  static func blocks(_ channels: Int) -> Int { (channels + blockSize - 1) / blockSize }

  /// Positions over all images.
  package var positions: Int { images * shape.height * shape.width }
  /// Numbers in the tensor, without what fills up the blocks.
  package var count: Int { shape.channels * positions }
  /// Blocks of channels.
  var blocks: Int { shape.channelBlocks }
  /// Floats from one block to the next.
  package var blockStride: Int { shape.blockStride(images: images) }
  var floats: Int { blocks * blockStride }

  /// Writes the zero pixel of each block of these floats, for windows that reach beyond the map.
  func clearZeroPixel(of floats: UnsafeMutablePointer<Float>) {
    for block in 0..<blocks {
      rt_fill(floats + block * blockStride + positions * Tensor.blockSize, 0, Tensor.blockSize)
    }
  }

  /// Copies the value to [channel][image][row][column].
  func copyPlanes(to planes: UnsafeMutablePointer<Float>) {
    eachBlock { block, channel, channels in
      rt_blocked_to_planar(
        planes + channel * positions, positions, value + block * blockStride, Int32(channels), positions, nil)
    }
  }

  /// Adds [channel][image][row][column] to the gradient, or writes it if it is the first.
  func addGradient(planes: UnsafePointer<Float>) {
    let (gradient, add) = (gradient, hasGradient)
    eachBlock { block, channel, channels in
      rt_planar_to_blocked(
        gradient + block * blockStride, planes + channel * positions, positions, Int32(channels), positions,
        nil,
        nil, add)
    }
    (hasGradient, gradientIsMasked) = (true, false)
  }

  private func eachBlock(_ body: (_ block: Int, _ channel: Int, _ channels: Int) -> Void) {
    Workers.shared.run(blocks) { block, _ in
      let channel = block * Tensor.blockSize
      body(block, channel, min(Tensor.blockSize, shape.channels - channel))
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

  /// Applies an activation to the value.
  func apply(_ activation: Activation) {
    guard activation.isClip else { return }
    Workers.shared.run(over: floats / Tensor.blockSize, by: 1 << 11) { start, count in
      rt_relu(value + start * Tensor.blockSize, activation.ceiling, reluMask.map { $0 + start }, count)
    }
  }

  /// Turns the gradient into that before the ReLU.
  func maskGradient() {
    let reluMask = reluMask!
    Workers.shared.run(over: floats / Tensor.blockSize, by: 1 << 11) { start, count in
      rt_relu_gradient(gradient + start * Tensor.blockSize, reluMask + start, count)
    }
  }

  func zeroGradient() {
    Workers.shared.run(over: floats) { start, count in rt_fill(gradient + start, 0, count) }
    hasGradient = true
  }
}

extension Shape {
  var channelBlocks: Int { Tensor.blocks(channels) }
  /// One number for each channel, filled up with zeros to whole blocks.
  func filled(_ values: [Float]) -> [Float] {
    values + [Float](repeating: 0, count: channelBlocks * Tensor.blockSize - values.count)
  }
  /// Floats of the ReLU mask.
  func maskFloats(images: Int) -> Int {
    (channelBlocks * blockStride(images: images) / Tensor.blockSize + 1) / 2
  }
  /// Floats from one block of channels to the next.
  func blockStride(images: Int) -> Int { (images * height * width + 1) * Tensor.blockSize }
}
