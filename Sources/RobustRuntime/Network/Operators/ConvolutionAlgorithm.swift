import CKernels

extension Convolution {
  /// How the sums of a convolution, or of its input gradient, are made. CKernels' kernels.h explains each.
  package enum Algorithm: Sendable, Equatable {
    /// An indirect GEMM of floats, which reads the map where it lies; or, of few channels, im2col.
    case direct
    /// Winograd's F(4x4, 3x3) or F(2x2, 3x3), by the side of a tile, for a stride of 1.
    case winograd(side: Int)
    /// Winograd's algorithm with products of bfloat16. Preferred by a convolution, it makes the weight gradient use
    /// bfloat16 too, by whatever algorithm.
    case winogradBF16(side: Int)
    /// Products of floats rounded to bfloat16.
    case bf16
    /// Products of floats split in two bfloat16, of input gradients alone.
    case bf16x2
    /// Products of floats quantized to three int8, forward alone.
    case int8x3

    /// What Winograd's algorithm multiplies: the side of its tiles, and whether its products are of bfloat16.
    var winograd: (side: Int, format: rt_format)? {
      switch self {
      case .winograd(let side): (side, RT_F32)
      case .winogradBF16(let side): (side, RT_BF16)
      default: nil
      }
    }

    /// The format of a low-precision GEMM. Nil: it is another algorithm.
    var lowPrecision: rt_format? {
      switch self {
      case .bf16: RT_BF16
      case .bf16x2: RT_BF16X2
      case .int8x3: RT_INT8X3
      default: nil
      }
    }

    /// The products of one input channel for a tile of outputs, by Winograd's algorithm.
    static func winogradProducts(side: Int) -> Int { (side + 2) * (side + 2) }
  }
}

extension Convolution.Algorithm {
  // The cost of an algorithm is counted in products of two floats by the micro-kernel.

  /// Products that take as long as reading a weight from a cache that all cores share, and from memory.
  private static let (productsPerCached, productsPerWeight) = (16, 32)
  /// Products that take as long as transposing a weight.
  private static let productsPerTransposed = 18
  /// Products that take as long as transforming a window of 3x3 weights, and as transposing it before.
  private static func productsPerWindow(side: Int) -> Int { side == 2 ? 220 : 115 }
  private static let productsPerTransposedWindow = 25
  /// Tiles of which the products of a part of K take as long as those of fewer.
  private static let leastTiles = 12
  /// Products that take as long as transforming a float for Winograd's algorithm, before or after its products, or as
  /// splitting one in two bfloat16.
  private static let productsPerTransformed = 12
  /// Products that take as long as quantizing a float, and as dequantizing a sum.
  private static let (productsPerQuantized, productsPerDequantized) = (24, 40)
  /// Products in bf16x2, and in int8x3, that are made while one of floats is.
  private static let (bf16x2Products, int8x3Products) = (3, 2)
  /// The depth up to which the integers of int8x3, each of which adds three products per k, hold the sum.
  static let mostDepthOfInt8x3 = (1 << 31) / (3 << 14)

  /// Whether Winograd's algorithm takes less time if it reads the weights as they are and transforms them each time.
  static func transformsWindows(_ c: Correlation, side: Int, tilesOfImage tiles: Int) -> Bool {
    guard !c.isTrained, c.sharesWeights else { return false }
    let products = productsOfWindow(c, side: side, tiles: tiles)
    return products.transformed < products.packed
  }

  /// What Winograd's algorithm takes for one window of weights, transformed before or each time.
  private static func productsOfWindow(
    _ c: Correlation, side: Int, tiles: Int
  ) -> (packed: Int, transformed: Int, least: Int) {
    let products = winogradProducts(side: side)
    let isTransposed = c.isGradient && c.sharesWeights && tiles <= Int(RT_MAX_WINOGRAD_TILES)
    let perWeight = c.sharesWeights ? productsPerWeight : productsPerCached
    let packed = products * (max(tiles, perWeight) + (isTransposed ? productsPerTransposed : 0))
    let transformed =
      max(products * max(tiles, leastTiles), c.window.taps * perWeight) + productsPerWindow(side: side)
      + (c.isGradient ? productsPerTransposedWindow : 0)
    return (packed, transformed, !c.isTrained && c.sharesWeights ? min(packed, transformed) : packed)
  }

  /// The algorithm that is expected to take the least time. That is told from the shapes and from what this
  /// processor has, not from measurements: each rounds in its own way, and the same input must give the same bytes.
  /// - Parameter preferred: is chosen where the shapes allow it.
  init(
    for c: Correlation, preferring preferred: Convolution.Algorithm?, images: Int, gridHeight: Int,
    gridWidth: Int
  ) {
    func whole(_ count: Int, _ unit: Int) -> Int { (count + unit - 1) / unit * unit }
    let (w, positions) = (c.window, images * gridHeight * gridWidth)
    let rows = c.rowBlocks * Int(RT_MR)
    guard positions > 0 else {
      self = .direct
      return
    }
    // Winograd's algorithm loses a hundredth in bfloat16, which training does not feel, noisy as it is.
    let trainsInBF16 = Precision.current == .bfloat16 && c.isTrained
    let read = max(positions, Self.productsPerCached / 2)
    var best: (algorithm: Convolution.Algorithm, products: Int) = (.direct, c.depth * rows * read)
    func offer(_ algorithm: Convolution.Algorithm, _ products: Int) {
      if products < best.products { best = (algorithm, products) }
    }
    if c.groups == 1 && w.tapsHeight == 3 && w.tapsWidth == 3 && w.stride == 1 && w.outStride == 1
      && preferred != .direct
    {
      for side in [4, 2] {
        if let preferred, preferred.winograd?.side == side {
          self = preferred
          return
        }
        let tiles = images * ((gridHeight + side - 1) / side) * ((gridWidth + side - 1) / side)
        let products =
          c.inChannels * rows * Self.productsOfWindow(c, side: side, tiles: tiles).least
          + Self.winogradProducts(side: side) * Self.productsPerTransformed * tiles * (c.inChannels + rows)
        offer(trainsInBF16 ? .winogradBF16(side: side) : .winograd(side: side), products)
      }
    }
    let isAllowed =
      switch preferred {
      case .bf16: c.allowsLowPrecision
      case .bf16x2: c.allowsLowPrecision && c.isGradient
      case .int8x3: c.allowsInt8x3
      default: false
      }
    if let preferred, isAllowed {
      self = preferred
      return
    }
    let (unit, isLikely) = (rt_available_unit(), preferred == nil && positions >= Int(RT_PANEL) / 2)
    if Precision.current == .bfloat16, isLikely, c.allowsLowPrecision, c.inChannels >= Int(RT_MR) / 2 {
      // With AVX-512 alone Winograd's algorithm takes less time still.
      if best.algorithm.winograd != nil, unit == RT_UNIT_AVX512_BF16 {
        self = best.algorithm
        return
      }
      self = .bf16
      return
    }
    if unit == RT_UNIT_AMX, isLikely {
      let multiplied = whole(positions + images * gridHeight * (w.tapsWidth - 1), Int(RT_PANEL))
      let products = c.depth * rows * multiplied
      if c.isGradient, c.allowsLowPrecision {
        offer(
          .bf16x2,
          products / Self.bf16x2Products + multiplied * (c.inChannels + rows) * Self.productsPerTransformed)
      } else if c.allowsInt8x3 {
        offer(
          .int8x3,
          products / Self.int8x3Products
            + multiplied * (c.inChannels * Self.productsPerQuantized + rows * Self.productsPerDequantized))
      }
    }
    self = best.algorithm
  }
}
