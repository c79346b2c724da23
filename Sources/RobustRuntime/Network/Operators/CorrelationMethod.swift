import CKernels

/// How the sums of a correlation are made.
enum CorrelationMethod: Equatable {
  /// Sums of products of what each position sees.
  case direct
  /// Winograd's F(4x4, 3x3) or F(2x2, 3x3), by the side of a tile; of floats, or of pairs of bfloat16.
  case winograd(side: Int, pairs: Bool)
  /// Products of bfloat16: of rounded floats, one part, or, of gradients alone, of floats in two parts.
  case bfloat(parts: Int)
  /// Products of the bytes of whole numbers, to which floats are scaled and rounded.
  case bytes

  /// The products of two floats that could be made while a float of weights is read from a cache that all cores share,
  /// and from memory.
  private static let (productsPerCached, productsPerWeight) = (16, 32)
  /// The same while one of the weights is transposed.
  private static let productsPerTransposed = 18
  /// The same while a float is transformed before or after the products of Winograd's algorithm, or split in two parts.
  private static let productsPerTransformed = 12
  /// The same while a float is cut to bytes, and while a sum is made of products of these.
  private static let (productsPerCut, productsPerSum) = (24, 40)
  /// Products of floats in two parts, or in bytes, that are made while one of floats is.
  private static let (splitProducts, byteProducts) = (3, 2)
  /// Terms of which the integers that add products of bytes hold the sum, three products of a term in each.
  static let mostTermsOfBytes = (1 << 31) / (3 << 14)

  /// The one that is expected to take the least time. That is told from the shapes and from what this processor has, not
  /// from measurements: each rounds in its own way, and the same input must give the same bytes.
  init(_ c: Correlation, _ preferred: Convolution.Algorithm?, images: Int, gridHeight: Int, gridWidth: Int) {
    func whole(_ count: Int, _ unit: Int) -> Int { (count + unit - 1) / unit * unit }
    let (w, positions) = (c.window, images * gridHeight * gridWidth)
    let rows = c.rowBlocks * Int(RT_ROWS)
    guard positions > 0 else {
      self = .direct
      return
    }
    // They lose a hundredth, which training does not feel, noisy as it is.
    let isTrainedOfPairs = Precision.current == .bfloat16 && c.isTrained
    let read = max(positions, Self.productsPerCached / 2)
    var best: (method: CorrelationMethod, products: Int) = (.direct, c.depth * rows * read)
    func offer(_ method: CorrelationMethod, _ products: Int) {
      if products < best.products { best = (method, products) }
    }
    if c.groups == 1 && w.tapsHeight == 3 && w.tapsWidth == 3 && w.step == 1 && w.spread == 1
      && preferred != .direct
    {
      for side in [4, 2] {
        let tiles = images * ((gridHeight + side - 1) / side) * ((gridWidth + side - 1) / side)
        let isTransposed = c.isGradient && c.sharesWeights && tiles <= Int(RT_MOST_TILES)
        let read =
          max(tiles, c.sharesWeights ? Self.productsPerWeight : Self.productsPerCached)
          + (isTransposed ? Self.productsPerTransposed : 0)
        let products =
          Self.products(side: side)
          * (c.inChannels * rows * read
            + Self.productsPerTransformed * tiles * (c.inChannels + rows))
        let preferred = [false, true].first {
          preferred == ($0 ? .winogradOfPairs(side: side) : .winograd(side: side))
        }
        if let pairs = preferred {
          self = .winograd(side: side, pairs: pairs)
          return
        }
        offer(.winograd(side: side, pairs: isTrainedOfPairs), products)
      }
    }
    if case .bfloat(let parts) = preferred, c.canSplit, parts == 1 || c.isGradient {
      self = .bfloat(parts: parts)
      return
    }
    if preferred == .bytes, c.canCutToBytes {
      self = .bytes
      return
    }
    let (unit, isLikely) = (rt_bfloat_products(), preferred == nil && positions >= Int(RT_PANEL) / 2)
    if Precision.current == .bfloat16, isLikely, c.canSplit, c.inChannels >= Int(RT_ROWS) / 2 {
      // By vectors Winograd's algorithm takes less time still.
      if case .winograd = best.method, unit == RT_BFLOAT_VECTORS {
        self = best.method
        return
      }
      self = .bfloat(parts: 1)
      return
    }
    if unit == RT_BFLOAT_TILES, isLikely {
      let seen = whole(positions + images * gridHeight * (w.tapsWidth - 1), Int(RT_PANEL))
      let products = c.depth * rows * seen
      if c.isGradient, c.canSplit {
        offer(
          .bfloat(parts: 2),
          products / Self.splitProducts + seen * (c.inChannels + rows) * Self.productsPerTransformed)
      } else if c.canCutToBytes {
        offer(
          .bytes,
          products / Self.byteProducts
            + seen * (c.inChannels * Self.productsPerCut + rows * Self.productsPerSum))
      }
    }
    self = best.method
  }

  /// The products of one input channel for a tile of outputs.
  static func products(side: Int) -> Int { (side + 2) * (side + 2) }
}
