import Glibc
import InpaintAlgorithms
import RTool

/// Gives the fill of a window the texture of what it was made from: the statistics of shallow features of the robust
/// classifier in the hole come to agree with those of the reference. At the photo's own resolution, tile by tile.
struct TextureAscent {
  let host: Host
  let values: Values

  /// The longest side of a tile's hole, and how much around it is seen, in pixels.
  private static let tileSide = 192
  private static let margin = 48
  /// How far from a tile the pixels that it is compared with may lie.
  private static let referenceMargin = 192
  /// The change fades in over so many pixels from the border, so that no seam appears.
  private static let fade = 4
  /// Texture of this amplitude or more moves freely, and less of it the less: any step would show in a clear sky.
  private static let fullAmplitude: Float = 0.03
  /// What is no farther than this from known pixels has been settled by the patches alone.
  private static let settled = 8

  func apply(to window: inout Window, progress: ClosedRange<Double>) throws {
    let (width, height) = (window.box.width, window.box.height)
    let hole = window.hole
    let depths = Distance.toNearest(width: width, height: height, wraps: window.wraps) { !hole[$0] }
    let sources = window.usage ?? nearness(of: window)
    let tiles = Self.tiles(width: width, height: height) { depths[$0] > Self.settled }
    for (number, tile) in tiles.enumerated() {
      let span = (progress.upperBound - progress.lowerBound) / Double(tiles.count)
      let from = progress.lowerBound + span * Double(number)
      try host.scoped {
        try refine(tile, of: &window, depths: depths, sources: sources, progress: from...(from + span))
      }
    }
  }

  /// Without patches to ask, what lies near the hole stands for what belongs in it: weights that fall off with the
  /// distance, 0 in the hole.
  private func nearness(of window: Window) -> [Float] {
    Distance.toNearest(width: window.box.width, height: window.box.height, wraps: window.wraps) {
      window.hole[$0]
    }.map { $0 == 0 ? 0 : exp(-Float($0) / 24) }
  }

  /// Boxes that cover the pixels of a set, none larger than a tile, each drawn tight.
  private static func tiles(width: Int, height: Int, isInSet: (Int) -> Bool) -> [Box] {
    guard
      let bounds = Box(boundsOf: isInSet, in: Box(x: 0, y: 0, width: width, height: height), stride: width)
    else { return [] }
    return bounds.cells(width: tileSide, height: tileSide).compactMap {
      Box(boundsOf: isInSet, in: $0, stride: width)
    }
  }

  private func refine(
    _ tile: Box, of window: inout Window, depths: [Int], sources: [Float], progress: ClosedRange<Double>
  ) throws {
    // The rim is part of the tile, so that neighbouring tiles overlap.
    let movable = window.clipped(tile.grown(by: Self.settled))
    let area = enoughForNetwork(window.clipped(tile.grown(by: Self.margin)))
    let start = try window.image(area, host)
    let amplitude = try textureAmplitude(of: start)
    let free = try region(area, of: window) { x, y, index in
      guard movable.contains(x, y) else { return 0 }
      let ramp = min(1, Float(depths[index]) / Float(Self.fade))
      let share = min(1, amplitude.row(y - area.y)[x - area.x] / Self.fullAmplitude)
      return ramp * share * share
    }
    let hole = try region(area, of: window) { x, y, index in
      movable.contains(x, y) && depths[index] > 0 ? 1 : 0
    }
    let referenceArea = enoughForNetwork(window.clipped(tile.grown(by: Self.referenceMargin)))
    let reference = try region(referenceArea, of: window) { _, _, index in sources[index] }
    let strongest = reference.maximum
    guard strongest > 0 else { return }
    reference.fill { x, y, _ in reference.row(y)[x] / strongest }

    let target = try window.image(referenceArea, host)
    let result = try ascend(
      from: start, free: free, hole: hole, target: target, reference: reference,
      in: area.moved(window.box.x, window.box.y), progress: progress)
    window.adopt(result, at: area, where: hole)
  }

  private func ascend(
    from start: Image, free: Image, hole: Image, target: Image, reference: Image, in place: Box,
    progress: ClosedRange<Double>
  ) throws -> Image {
    let (moving, freedom) = (hole.sum, free.sumOfSquares)
    guard moving > 0, freedom > 0 else { return start }
    var terms = layers.map { layer in
      Term(
        values[texture],
        .statistics(
          layer: layer, [.mean, .covariance], regions: [hole], targets: [target], targetRegions: [reference]))
    }
    if values[anchor] > 0 {
      // The mean is over all pixels of the tile; this makes it the mean over the hole.
      let share = moving / Double(hole.width * hole.height)
      terms.append(Term(values[anchor] / share, .pixels(targets: [start], regions: [hole])))
    }
    terms += try options.smoothnessTerms(values, regions: [hole])
    // A length per free pixel, whatever their number.
    let stepSize = values[textureStep] * freedom.squareRoot()
    var ascent = Ascent(steps: values[textureSteps], stepSize: stepSize)
    ascent.finalStepSize = stepSize / 1000
    ascent.free = [free]
    ascent.gradientBlur = try options.number("gradient-blur", values) ?? 0
    ascent.gradientTrend = values[gradientTrend]
    ascent.chromaDamping = values[chromaDamping]
    ascent.progress = progress
    ascent.note = "texture"
    ascent.place = place
    return try host.ascend(ascent, from: [start], minimising: terms).images[0]
  }

  /// The shallowest layer and the last one of the same resolution: a position there sees no more than a patch.
  private var layers: [String] {
    let spatial = host.model.layers.filter { $0.reduction > 0 }
    guard let first = spatial.first, let last = spatial.last(where: { $0.reduction == first.reduction })
    else {
      return []
    }
    return first.name == last.name ? [first.name] : [first.name, last.name]
  }

  /// The root mean square of what a Gaussian of sigma 2 takes away from the luma, around each pixel. 1 channel.
  private func textureAmplitude(of image: Image) throws -> Image {
    let luma = try host.image(width: image.width, height: image.height, channels: 1)
    luma.fill { x, y, _ in
      let pixel = image.row(y) + 3 * x
      return 0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2]
    }
    let smooth = try host.blurred(luma, sigma: 2)
    luma.fill { x, y, _ in
      let difference = luma.row(y)[x] - smooth.row(y)[x]
      return difference * difference
    }
    let energy = try host.blurred(luma, sigma: 4)
    energy.fill { x, y, _ in max(0, energy.row(y)[x]).squareRoot() }
    return energy
  }

  /// A box no smaller than the network needs. It may reach over the window's border.
  private func enoughForNetwork(_ box: Box) -> Box {
    let missingX = max(0, host.model.smallest - box.width)
    let missingY = max(0, host.model.smallest - box.height)
    return Box(
      x: box.x - missingX / 2, y: box.y - missingY / 2, width: box.width + missingX,
      height: box.height + missingY)
  }

  /// A mask over a box of the window: the value at each pixel of the window, by its place and its index, 0 outside.
  private func region(_ box: Box, of window: Window, _ value: (Int, Int, Int) -> Float) throws -> Image {
    let image = try host.image(width: box.width, height: box.height, channels: 1)
    image.fill { x, y, _ in
      let (u, v) = (box.x + x, box.y + y)
      return window.index(u, v).map { value(u, v, $0) } ?? 0
    }
    return image
  }
}

extension Image {
  fileprivate var sumOfSquares: Double {
    (0..<height).reduce(0) { sum, y in
      (0..<width).reduce(sum) { $0 + Double(row(y)[$1]) * Double(row(y)[$1]) }
    }
  }

  fileprivate var sum: Double {
    (0..<height).reduce(0) { sum, y in (0..<width).reduce(sum) { $0 + Double(row(y)[$1]) } }
  }

  fileprivate var maximum: Float {
    (0..<height).reduce(0) { most, y in (0..<width).reduce(most) { max($0, row(y)[$1]) } }
  }
}
