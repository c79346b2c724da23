import CKernels

/// The weight gradient of a 3x3 convolution of stride 2 by Winograd's algorithm for such: the adjoint of its transform
/// of the weights, of sums over the products of all tiles of transformed inputs times transformed gradients. Tiles are
/// taken in runs that stay in the caches.
struct StridedWinogradWeightGradient: BoundWeightGradient {
  private let maps: StridedMaps
  private let runTiles: Int

  /// Floats of transformed maps that a run has at most, if it has more tiles than the fewest.
  private static let budget = 1 << 19
  private static let (fewestTiles, mostTiles) = (32, 256)
  /// Blocks of inputs whose sums are made by one task.
  private static let taskBlocks = 4

  init(images: Int, from input: Shape, to output: Shape) {
    maps = StridedMaps(images: images, from: input, to: output)
    let ofTile = Int(RT_STRIDED_PRODUCTS) * Tensor.blockSize * (input.channelBlocks + output.channelBlocks)
    let most = min(max(Self.budget / ofTile, Self.fewestTiles), Self.mostTiles)
    let runs = max((maps.tiles + most - 1) / most, 1)
    runTiles = (maps.tiles + runs - 1) / runs
  }

  private var inBlocks: Int { maps.input.channelBlocks }
  private var outBlocks: Int { maps.output.channelBlocks }
  /// Floats of a block of channels of a run; an odd number of lines, so that blocks do not meet in the same sets of a
  /// cache.
  private var blockFloats: Int { (Int(RT_STRIDED_PRODUCTS) * runTiles | 1) * Tensor.blockSize }
  private var outChannels: Int { outBlocks * Tensor.blockSize }
  /// Floats of the sums of one matrix.
  private var sumFloats: Int { inBlocks * Tensor.blockSize * outChannels }

  let scratch = 0
  var sharedScratch: Int { (inBlocks + outBlocks) * blockFloats + Int(RT_STRIDED_MATRICES) * sumFloats }

  func add(
    _ input: UnsafePointer<Float>, _ gradient: UnsafePointer<Float>,
    to weights: UnsafeMutablePointer<Float>, _ scratch: Scratch
  ) {
    let inputs = scratch.shared
    let gradients = inputs + inBlocks * blockFloats
    let sums = gradients + outBlocks * blockFloats
    let (ins, outs) = (maps.input.channels, maps.output.channels)
    for first in stride(from: 0, to: maps.tiles, by: runTiles) {
      let count = min(runTiles, maps.tiles - first)
      transform(input, gradient, first, count, inputs, gradients)
      let ranges = (inBlocks + Self.taskBlocks - 1) / Self.taskBlocks
      Workers.shared.run(Int(RT_STRIDED_MATRICES) * ranges) { task, _ in
        // Matrices of many products first.
        let (index, range) = task.quotientAndRemainder(dividingBy: ranges)
        let number = Int(RT_STRIDED_MATRICES) - 1 - index
        let matrix = rt_strided_matrix_at(number)
        for block in inBlocks * range / ranges..<inBlocks * (range + 1) / ranges {
          let at = matrix.first * count * Tensor.blockSize
          var outer = rt_outer_operands(
            left: inputs + block * blockFloats + at, right: gradients + at, left_stride: Tensor.blockSize,
            right_stride: Tensor.blockSize, right_block_stride: blockFloats, depth: matrix.products * count,
            format: RT_F32)
          rt_outer_product(
            sums + number * sumFloats + block * Tensor.blockSize * outChannels, outChannels, &outer,
            min(Tensor.blockSize, ins - block * Tensor.blockSize), outBlocks, first == 0)
        }
      }
    }
    Workers.shared.run(ins) { i, _ in
      rt_strided_weight_gradient(weights + i * 9, sums + i * outChannels, sumFloats, ins, outs)
    }
  }

  private func transform(
    _ input: UnsafePointer<Float>, _ gradient: UnsafePointer<Float>, _ first: Int, _ count: Int,
    _ inputs: UnsafeMutablePointer<Float>, _ gradients: UnsafeMutablePointer<Float>
  ) {
    let inBlockStride = maps.input.blockStride(images: maps.images)
    let outBlockStride = maps.output.blockStride(images: maps.images)
    Workers.shared.run(inBlocks + outBlocks) { task, _ in
      var tiles = maps.tiles(first, count, depth: Tensor.blockSize, blockStride: blockFloats)
      if task < inBlocks {
        rt_strided_input(
          inputs + task * blockFloats, input + task * inBlockStride, inBlockStride, 1, &tiles,
          RT_STRIDED_FORWARD)
      } else {
        let block = task - inBlocks
        rt_strided_output_gradient(
          gradients + block * blockFloats, gradient + block * outBlockStride, outBlockStride, 1, &tiles)
      }
    }
  }
}
