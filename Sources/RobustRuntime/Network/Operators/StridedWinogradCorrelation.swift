import CKernels

/// A trained 3x3 convolution of stride 2, or its input gradient, by Winograd's algorithm for such.
struct StridedWinogradCorrelation: BoundCorrelation {
  private let correlation: Correlation
  private let direction: rt_strided_direction
  private let weights: PackedWeights
  private let maps: StridedMaps
  /// The block strides of what is read and written.
  private let inBlockStride, outBlockStride: Int
  private let taskTiles: Int

  let canMask = true
  let isEmpty = false
  let sharedScratch = 0

  /// Floats of transformed inputs that stay in a core's second-level cache beside the weights.
  private static let inputBudget = 1 << 16
  private static let (fewestTiles, mostTiles) = (8, 16)

  /// - Parameters:
  ///   - input: of the convolution
  ///   - output: of the convolution
  /// - Throws: `RuntimeError.outOfMemory`
  init(
    _ correlation: Correlation, _ direction: rt_strided_direction, images: Int, from input: Shape,
    to output: Shape
  ) throws {
    (self.correlation, self.direction) = (correlation, direction)
    weights = try correlation.weights(.stridedWinograd(direction))
    maps = StridedMaps(images: images, from: input, to: output)
    let (read, written) = direction == RT_STRIDED_FORWARD ? (input, output) : (output, input)
    (inBlockStride, outBlockStride) = (read.blockStride(images: images), written.blockStride(images: images))
    let own = Self.inputBudget / (Int(RT_STRIDED_PRODUCTS) * correlation.depthOfTap)
    let most = min(max(own, Self.fewestTiles), Self.mostTiles)
    let tasks = Tasks.balanced((maps.tiles + most - 1) / most)
    taskTiles = (maps.tiles + tasks - 1) / tasks
  }

  private var inputFloats: Int { Int(RT_STRIDED_PRODUCTS) * taskTiles * correlation.depthOfTap }
  var scratch: Int { inputFloats + Int(RT_STRIDED_PRODUCTS) * taskTiles * 2 * Int(RT_MR) }

  func run(
    _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, _ epilogue: Epilogue,
    _ scratch: Scratch
  ) {
    correlation.refresh(weights, .stridedWinograd(direction))
    Workers.shared.run((maps.tiles + taskTiles - 1) / taskTiles) { task, worker in
      let (inputs, first) = (scratch[worker], task * taskTiles)
      var all = epilogue.from(channel: 0, blockStride: outBlockStride)
      var tiles = maps.tiles(
        first, min(taskTiles, maps.tiles - first), depth: correlation.depthOfTap,
        blockStride: Tensor.blockSize)
      rt_strided_input(inputs, input, inBlockStride, correlation.seenBlocks, &tiles, direction)
      rt_strided_output(
        output, outBlockStride, weights.base, inputs, correlation.outChannels, &tiles, direction, &all,
        inputs + inputFloats)
    }
  }
}

/// The shapes of the maps of a 3x3 convolution of stride 2 with a border of 1.
struct StridedMaps {
  let images: Int
  let input, output: Shape
  /// Tiles over all images.
  let tiles: Int

  init(images: Int, from input: Shape, to output: Shape) {
    (self.images, self.input, self.output) = (images, input, output)
    tiles = images * ((output.height + 3) / 4) * ((output.width + 3) / 4)
  }

  /// Whether less time is expected than by the direct algorithm: there are fewer products, and so many tiles that
  /// reading the weights, of which there are four times as many, does not take longest.
  var savesTime: Bool {
    Int(RT_STRIDED_PRODUCTS) * tiles < 9 * images * output.height * output.width
      && 2 * tiles >= output.channels
  }

  func tiles(_ first: Int, _ count: Int, depth: Int, blockStride: Int) -> rt_strided_tiles {
    rt_strided_tiles(
      height: Int32(input.height), width: Int32(input.width), grid_height: Int32(output.height),
      grid_width: Int32(output.width), images: images, first: first, count: count, depth: depth,
      block_stride: blockStride)
  }
}
