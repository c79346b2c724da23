import CKernels

/// The gradient of a convolution's weights [out][in / groups][row][column], with an algorithm that suits its shapes: for
/// each weight the sum, over all positions, of what its tap sees times the gradient of the output.
protocol BoundWeightGradient {
  /// Floats that each worker needs.
  var scratch: Int { get }
  /// Floats that all workers need together.
  var sharedScratch: Int { get }
  /// Adds it to `weights`. What stands for the outside of both maps has been cleared.
  func add(
    _ input: UnsafePointer<Float>, _ gradient: UnsafePointer<Float>,
    to weights: UnsafeMutablePointer<Float>, _ scratch: Scratch)
}

extension Convolution.Geometry {
  func weightGradient(images: Int, from input: Shape, to output: Shape) -> any BoundWeightGradient {
    let maps = ConvolutionMaps(self, images: images, from: input, to: output)
    if groups == 1 && inChannels <= Tensor.lanes * 3 / 4 && height * width > 1 {
      return PatchWeightGradient(maps: maps)
    }
    if groups == 1 && height == 3 && width == 3 && stride == 1 && algorithm != .direct {
      return WinogradWeightGradient(maps: maps)
    }
    return DirectWeightGradient(maps: maps)
  }
}

extension Convolution.Geometry {
  /// Whether its products are of bfloat16, where there are enough of them.
  fileprivate var pairsInWeightGradient: Bool {
    if case .winogradOfPairs = algorithm { return true }
    return algorithm == nil && Precision.current == .bfloat16
  }
}

/// The shapes of a convolution's maps, as the kernels take them.
struct ConvolutionMaps {
  let geometry: Convolution.Geometry
  let images: Int
  /// Floats from one block of channels to the next, of the input and of the output.
  let inStep, outStep: Int
  let inBlocks, outBlocks: Int
  let window: rt_window
  /// Of the output, over all images.
  let positions: Int

  init(_ geometry: Convolution.Geometry, images: Int, from input: Shape, to output: Shape) {
    (self.geometry, self.images) = (geometry, images)
    (inStep, outStep) = (input.step(images: images), output.step(images: images))
    (inBlocks, outBlocks) = (input.channelBlocks, output.channelBlocks)
    positions = images * output.height * output.width
    window = rt_window(
      height: Int32(input.height), width: Int32(input.width), grid_height: Int32(output.height),
      grid_width: Int32(output.width), step: Int32(geometry.stride), top: Int32(-geometry.pad),
      left: Int32(-geometry.pad), taps_height: Int32(geometry.height), taps_width: Int32(geometry.width),
      out_height: Int32(output.height), out_width: Int32(output.width), spread: 1, y: 0, x: 0)
  }

  var taps: Int { geometry.height * geometry.width }
}

/// A 3x3 convolution of stride 1 by Winograd's F(4x4, 3x3): the adjoint of its transform of the weights, of sums over the
/// tiles of transformed inputs times transformed gradients. Tiles are taken in runs that stay in the caches. Where one run
/// has them all, each block of inputs is finished by itself, and needs little memory.
private struct WinogradWeightGradient: BoundWeightGradient {
  private let maps: ConvolutionMaps
  private let tiles, runTiles: Int
  /// Whether products are of bfloat16: of pairs of tiles.
  private let pairs: Bool

  private static let products = 36
  /// Floats of transformed maps that a run has at most, if it has more tiles than the fewest.
  private static let budget = 1 << 19
  private static let (fewestTiles, mostTiles) = (32, 256)
  /// Floats of the sums of all products, above which as many tiles as can be are taken in one run.
  private static let mostSums = 1 << 22
  /// Tiles that are transformed by one piece of work.
  private static let pieceTiles = 16
  /// Blocks of inputs whose sums are made by one piece.
  private static let pieceBlocks = 4

  init(maps: ConvolutionMaps) {
    (self.maps, pairs) = (maps, maps.geometry.pairsInWeightGradient)
    let (height, width) = (Int(maps.window.grid_height), Int(maps.window.grid_width))
    tiles = maps.images * ((height + 3) / 4) * ((width + 3) / 4)
    let ofTile = Self.products * Tensor.lanes * (maps.inBlocks + maps.outBlocks)
    let sums = Self.products * maps.inBlocks * maps.outBlocks * Tensor.lanes * Tensor.lanes
    let most =
      sums > Self.mostSums ? Self.mostTiles : min(max(Self.budget / ofTile, Self.fewestTiles), Self.mostTiles)
    let runs = max((tiles + most - 1) / most, 1)
    runTiles = (tiles + runs - 1) / runs
  }

  private var isOneRun: Bool { runTiles == tiles }
  private func words(_ tiles: Int) -> Int { pairs ? (tiles + 1) / 2 : tiles }
  /// From one product to the next; so much more than its tiles have that products do not meet in the same sets of a cache.
  private var step: Int { words(runTiles) * Tensor.lanes + Tensor.lanes }
  private var blockFloats: Int { Self.products * step }
  private var outChannels: Int { maps.outBlocks * Tensor.lanes }
  /// Of one product, of the inputs whose sums lie side by side.
  private var sumFloats: Int { (isOneRun ? 1 : maps.inBlocks) * Tensor.lanes * outChannels }

  var scratch: Int { isOneRun ? Self.products * sumFloats : 0 }
  var sharedScratch: Int {
    (maps.inBlocks + maps.outBlocks) * blockFloats + (isOneRun ? 0 : Self.products * sumFloats)
  }

  func add(
    _ input: UnsafePointer<Float>, _ gradient: UnsafePointer<Float>,
    to weights: UnsafeMutablePointer<Float>, _ scratch: Scratch
  ) {
    let inputs = scratch.shared
    let gradients = inputs + maps.inBlocks * blockFloats
    if isOneRun {
      transform(input, gradient, 0, tiles, inputs, gradients)
      Workers.shared.run(maps.inBlocks) { block, worker in
        let sums = scratch[worker]
        for product in 0..<Self.products {
          addProduct(product, inputs, gradients, block, tiles, to: sums + product * sumFloats, anew: true)
        }
        finish(block, sums, to: weights)
      }
      return
    }
    let sums = gradients + maps.outBlocks * blockFloats
    for first in stride(from: 0, to: tiles, by: runTiles) {
      let count = min(runTiles, tiles - first)
      transform(input, gradient, first, count, inputs, gradients)
      let parts = (maps.inBlocks + Self.pieceBlocks - 1) / Self.pieceBlocks
      Workers.shared.run(Self.products * parts) { piece, _ in
        let (product, part) = piece.quotientAndRemainder(dividingBy: parts)
        for block in maps.inBlocks * part / parts..<maps.inBlocks * (part + 1) / parts {
          let own = sums + product * sumFloats + block * Tensor.lanes * outChannels
          addProduct(product, inputs, gradients, block, count, to: own, anew: first == 0)
        }
      }
    }
    Workers.shared.run(maps.inBlocks) { block, _ in
      finish(block, sums + block * Tensor.lanes * outChannels, to: weights)
    }
  }

  private func transform(
    _ input: UnsafePointer<Float>, _ gradient: UnsafePointer<Float>, _ first: Int, _ count: Int,
    _ inputs: UnsafeMutablePointer<Float>, _ gradients: UnsafeMutablePointer<Float>
  ) {
    let pieces = (count + Self.pieceTiles - 1) / Self.pieceTiles
    Workers.shared.run(2 * pieces) { piece, _ in
      let at = piece / 2 * Self.pieceTiles
      withUnsafePointer(to: maps.window) { window in
        var part = rt_tiles(
          window: window, side: 4, turned: false, images: maps.images, first: first + at,
          count: min(Self.pieceTiles, count - at), depth: Tensor.lanes, step: step, block: blockFloats,
          pairing: pairs ? RT_TILE_PAIRS : RT_FLOATS)
        let to = words(at) * Tensor.lanes
        if piece % 2 == 0 {
          rt_winograd_input(inputs + to, input, maps.inStep, maps.inBlocks, &part)
        } else {
          rt_winograd_gradient(gradients + to, gradient, maps.outStep, maps.outBlocks, &part)
        }
      }
    }
  }

  /// Sums of one product for a block of inputs and all outputs.
  private func addProduct(
    _ product: Int, _ inputs: UnsafePointer<Float>, _ gradients: UnsafePointer<Float>, _ block: Int,
    _ count: Int,
    to sums: UnsafeMutablePointer<Float>, anew: Bool
  ) {
    var outer = rt_outer(
      left: inputs + block * blockFloats + product * step, right: gradients + product * step,
      left_step: Tensor.lanes, right_step: Tensor.lanes, right_block: blockFloats, terms: words(count),
      pairs: pairs)
    let rows = min(Tensor.lanes, maps.geometry.inChannels - block * Tensor.lanes)
    rt_outer_product(sums, outChannels, &outer, rows, maps.outBlocks, anew)
  }

  /// Adds the gradients of a block of inputs' weights, from sums [product][input][output].
  private func finish(_ block: Int, _ sums: UnsafePointer<Float>, to weights: UnsafeMutablePointer<Float>) {
    let (ins, outs) = (maps.geometry.inChannels, maps.geometry.outChannels)
    let first = block * Tensor.lanes
    for i in first..<min(first + Tensor.lanes, ins) {
      rt_winograd_weight_gradient(weights + i * 9, sums + (i - first) * outChannels, sumFloats, ins, outs)
    }
  }
}

/// Any convolution, tap by tap: what a tap sees of a block of inputs times the gradients of some blocks of outputs.
private struct DirectWeightGradient: BoundWeightGradient {
  private let maps: ConvolutionMaps
  /// Whether products are of bfloat16: of pairs of positions.
  private let pairs: Bool

  /// Positions of which what a tap sees is gathered at a time.
  private static let stripPositions = 256
  /// Blocks of outputs of one piece of work.
  private static let pieceBlocks = 4

  init(maps: ConvolutionMaps) { (self.maps, pairs) = (maps, maps.geometry.pairsInWeightGradient) }

  private var isPlain: Bool { withUnsafePointer(to: maps.window) { rt_is_plain($0) } }
  private var sumFloats: Int { Tensor.lanes * Self.pieceBlocks * Tensor.lanes }

  var scratch: Int { sumFloats + Self.stripPositions * Tensor.lanes }
  /// The gradient of a block of outputs in pairs.
  private var pairFloats: Int { (maps.positions + 1) / 2 * Tensor.lanes }
  var sharedScratch: Int { pairs ? maps.outBlocks * pairFloats : 0 }

  func add(
    _ input: UnsafePointer<Float>, _ gradient: UnsafePointer<Float>,
    to weights: UnsafeMutablePointer<Float>, _ scratch: Scratch
  ) {
    let g = maps.geometry
    if pairs { pair(gradient, to: scratch.shared) }
    let (right, rightStep) = pairs ? (UnsafePointer(scratch.shared), pairFloats) : (gradient, maps.outStep)
    let groupsOfBlocks = (maps.outBlocks + Self.pieceBlocks - 1) / Self.pieceBlocks
    Workers.shared.run(maps.inBlocks * maps.taps * groupsOfBlocks) { piece, worker in
      let (rest, outGroup) = piece.quotientAndRemainder(dividingBy: groupsOfBlocks)
      let (inBlock, tap) = rest.quotientAndRemainder(dividingBy: maps.taps)
      let ins = inBlock * Tensor.lanes..<min((inBlock + 1) * Tensor.lanes, g.inChannels)
      let outBlocks = seenBlocks(of: ins).clamped(
        to: outGroup * Self.pieceBlocks..<min((outGroup + 1) * Self.pieceBlocks, maps.outBlocks))
      guard !outBlocks.isEmpty else { return }
      let sums = scratch[worker]
      let width = outBlocks.count * Tensor.lanes
      for first in stride(from: 0, to: maps.positions, by: Self.stripPositions) {
        let count = min(Self.stripPositions, maps.positions - first)
        var outer = rt_outer(
          left: seen(input + inBlock * maps.inStep, tap, first, count, sums + sumFloats),
          right: right + outBlocks.lowerBound * rightStep + words(first) * Tensor.lanes,
          left_step: Tensor.lanes, right_step: Tensor.lanes, right_block: rightStep, terms: words(count),
          pairs: pairs)
        rt_outer_product(sums, width, &outer, ins.count, outBlocks.count, first == 0)
      }
      add(sums, width, ins, outBlocks, tap, to: weights)
    }
  }

  private func words(_ positions: Int) -> Int { pairs ? (positions + 1) / 2 : positions }

  private func pair(_ gradient: UnsafePointer<Float>, to words: UnsafeMutablePointer<Float>) {
    let strips = (maps.positions + Self.stripPositions - 1) / Self.stripPositions
    Workers.shared.run(maps.outBlocks * strips) { piece, _ in
      let (block, strip) = piece.quotientAndRemainder(dividingBy: strips)
      let first = strip * Self.stripPositions
      rt_pair_positions(
        words + block * pairFloats + first / 2 * Tensor.lanes,
        gradient + block * maps.outStep + first * Tensor.lanes,
        min(Self.stripPositions, maps.positions - first))
    }
  }

  /// Blocks of the outputs whose groups see some of these inputs.
  private func seenBlocks(of ins: Range<Int>) -> Range<Int> {
    let g = maps.geometry
    let (groupIns, groupOuts) = (g.inChannels / g.groups, g.outChannels / g.groups)
    let (first, last) = (ins.lowerBound / groupIns, (ins.upperBound - 1) / groupIns)
    return first * groupOuts / Tensor.lanes..<Tensor.blocks((last + 1) * groupOuts)
  }

  /// Where what the tap sees from these positions begins, 16 channels each, in pairs or not.
  private func seen(
    _ input: UnsafePointer<Float>, _ tap: Int, _ first: Int, _ count: Int,
    _ gathered: UnsafeMutablePointer<Float>
  ) -> UnsafePointer<Float> {
    if isPlain {
      let found = input + first * Tensor.lanes
      if !pairs { return found }
      rt_pair_positions(gathered, found, count)
    } else {
      var window = maps.window
      let (row, column) = tap.quotientAndRemainder(dividingBy: maps.geometry.width)
      (window.top, window.left) = (window.top + Int32(row), window.left + Int32(column))
      rt_gather(gathered, input, &window, first, count, pairs)
    }
    return UnsafePointer(gathered)
  }

  private func add(
    _ sums: UnsafePointer<Float>, _ width: Int, _ ins: Range<Int>, _ outBlocks: Range<Int>, _ tap: Int,
    to weights: UnsafeMutablePointer<Float>
  ) {
    let g = maps.geometry
    let (groupIns, groupOuts) = (g.inChannels / g.groups, g.outChannels / g.groups)
    let firstOut = outBlocks.lowerBound * Tensor.lanes
    for i in ins {
      let (group, own) = i.quotientAndRemainder(dividingBy: groupIns)
      let row = sums + (i - ins.lowerBound) * width
      let outs = max(group * groupOuts, firstOut)..<min((group + 1) * groupOuts, firstOut + width)
      rt_add_spread(
        weights + (outs.lowerBound * groupIns + own) * maps.taps + tap, groupIns * maps.taps,
        row + outs.lowerBound - firstOut, outs.count)
    }
  }
}

/// A convolution of so few inputs that what a position sees is copied side by side: a matrix product of these columns with
/// the gradients. Positions are shared out among pieces whose number does not depend on the threads; their sums are added
/// in order.
private struct PatchWeightGradient: BoundWeightGradient {
  private let maps: ConvolutionMaps
  private let pieces: Int

  private static let stripPositions = 128
  private static let mostPieces = 16

  init(maps: ConvolutionMaps) {
    self.maps = maps
    pieces = min((maps.positions + Self.stripPositions - 1) / Self.stripPositions, Self.mostPieces)
  }

  private var rows: Int { maps.taps * maps.geometry.inChannels }
  private var depth: Int { Tensor.blocks(rows) * Tensor.lanes }
  private var width: Int { maps.outBlocks * Tensor.lanes }

  // A patch is written in whole vectors, the last of which may reach beyond it.
  var scratch: Int { Self.stripPositions * depth + Tensor.lanes }
  var sharedScratch: Int { pieces * rows * width }

  func add(
    _ input: UnsafePointer<Float>, _ gradient: UnsafePointer<Float>,
    to weights: UnsafeMutablePointer<Float>, _ scratch: Scratch
  ) {
    let channels = maps.geometry.inChannels
    Workers.shared.run(pieces) { piece, worker in
      let sums = scratch.shared + piece * rows * width
      let (begin, end) = (maps.positions * piece / pieces, maps.positions * (piece + 1) / pieces)
      for first in stride(from: begin, to: end, by: Self.stripPositions) {
        let (count, patches) = (min(Self.stripPositions, end - first), scratch[worker])
        withUnsafePointer(to: maps.window) {
          rt_patches(patches, input, Int32(channels), $0, maps.images, first, count, depth)
        }
        var outer = rt_outer(
          left: patches, right: gradient + first * Tensor.lanes, left_step: depth, right_step: Tensor.lanes,
          right_block: maps.outStep, terms: count, pairs: false)
        rt_outer_product(sums, width, &outer, rows, maps.outBlocks, first == begin)
      }
    }
    for piece in 0..<pieces {
      let sums = scratch.shared + piece * rows * width
      for row in 0..<rows {
        let (tap, channel) = row.quotientAndRemainder(dividingBy: channels)
        for o in 0..<maps.geometry.outChannels {
          weights[(o * channels + channel) * maps.taps + tap] += sums[row * width + o]
        }
      }
    }
  }
}
