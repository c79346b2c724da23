import RTool

/// Fills holes with patches from elsewhere in the picture.
///
/// Space-time completion (Wexler, Shechtman and Irani 2007) with the search of PatchMatch (Barnes et al. 2009) and
/// the texture energies of Newson et al. (2014): from a coarse resolution, where a hole is about a patch wide, to the
/// full one, rounds of searching the best source of every patch that touches a hole and of letting the patches over
/// each pixel vote on it. Sources may be shifted in colour, and the votes are put together in the gradient domain at
/// the end, both as in Image Melding (Darabi et al. 2012).
///
/// Distances are mean squared differences a pixel, in units where luma spans 0…sqrt(3).
package struct ExemplarFill: Sendable {
  /// The side of a patch in pixels, odd. Smaller patches are used where there is no source of this size.
  package var patchSide = 7
  /// The number of resolutions; nil lets the widest hole be about a patch wide at the coarsest.
  package var levels: Int?
  /// Rounds of search and vote at the coarsest and at the finest resolution; those between are interpolated.
  package var coarseRounds = 30
  package var fineRounds = 5
  package var seed: UInt64 = 0
  /// The threads that share the work; the result does not depend on them.
  package var crew = Crew()
  /// Weights of differences in chroma, texture energy and guide against luma.
  package var chromaWeight: Float = 1.7
  package var textureWeight: Float = 4
  package var guideWeight: Float = 0.3
  /// What each use of a source beyond the first costs.
  package var repetitionWeight: Float = 0.0005
  /// What a source a whole diagonal away costs; nearer ones cost less with the square of the distance.
  package var proximityWeight: Float = 0.02
  /// The confidence in a hole's pixels against 1 for known ones, before and for each pixel away from the known ones:
  /// holeConfidence / confidenceDecay^distance. Low, it makes the fill continue what surrounds it.
  package var holeConfidence: Float = 0.2
  package var confidenceDecay: Float = 1.3
  /// A patch votes with its mean confidence to this power.
  package var trustExponent: Float = 2
  /// How much worse than the best a patch may be and still vote, in the first and in the last round of a level.
  /// Patches agree more and more, so that averaging late would only blur.
  package var firstTolerance: Float = 3
  package var lastTolerance: Float = 0.05
  /// What a source whose colour has no place in the surroundings costs, in squared luma.
  package var guidanceWeight: Float = 0.3
  /// How far a source's luma and chroma may be shifted to fit, so that shading goes on.
  package var lumaShift: Float = 0.06
  package var chromaShift: Float = 0.02
  /// The least number of sources at a level, as a multiple of its targets; levels with fewer are left out.
  package var sourceRatio: Float = 1
  /// Over how many pixels a step of colour at a seam is spread at the end; 0 leaves it.
  package var blendReach: Float = 4

  package init() {}

  /// - Parameters:
  ///   - image: one channel or three, sRGB in 0…1; what it holds in the hole is not read.
  ///   - hole: true where a pixel is to be filled; `width * height` values.
  ///   - guide: up to three more channels to compare patches by, at the picture's size, about as spread as luma.
  ///   - progress: told the share done in 0…1; false ends the search, and the fill is completed as it stands.
  ///   - watch: shown the fill at every resolution, before its first round and after each; nil: nobody watches.
  /// - Returns: the picture with its hole filled, known pixels unchanged, and how much of the fill each known pixel
  ///   makes up: `width * height` values that sum to the number of filled pixels, all zero where the holes had to be
  ///   filled without patches.
  package func fill(
    _ image: Planes, hole: [Bool], guide: Planes? = nil, progress: (Double) -> Bool = { _ in true },
    watch: ((Draft) -> Void)? = nil
  ) -> (image: Planes, usage: [Float]) {
    let noUsage = [Float](repeating: 0, count: image.area)
    guard hole.contains(true) else { return (image, noUsage) }
    let coordinates = ColorCoordinates(channels: image.channels, chromaWeight: chromaWeight)
    guard let base = makeBase(image, hole: hole, guide: guide, coordinates: coordinates) else {
      return (SmoothFill.harmonic(image, hole: hole), noUsage)
    }
    solve(makePyramid(base), progress: progress) { field, depth, round in
      watch?(Draft(field: field, coordinates: coordinates, scale: 1 << depth, round: round))
    }
    if blendReach > 0 { blend(base) }
    var result = image
    for entry in base.holePixels {
      coordinates.inverse(base.texels[Int(entry)], into: &result, at: Int(entry))
    }
    return (result, base.usage(tolerance: lastTolerance))
  }

  /// Fills the holes of all levels, from the last and coarsest to the first.
  /// - Parameter watch: is shown a level, its depth and how many rounds it has had.
  private func solve(
    _ pyramid: [PatchField], progress: (Double) -> Bool, watch: (PatchField, Int, Int) -> Void
  ) {
    let work = pyramid.indices.map { pyramid[$0].targets.count * rounds(at: $0, of: pyramid.count) }
    var meter = Meter(total: work.reduce(0, +))
    let chroma = chromaShift * chromaWeight
    for (depth, field) in pyramid.enumerated().reversed() {
      field.crew = crew
      field.proximityWeight = proximityWeight
      field.shiftLimit = SIMD4(lumaShift, chroma, chroma, 0)
      if guidanceWeight > 0 { field.guidance = ColorGuidance(field, weight: guidanceWeight) }
      if depth == pyramid.count - 1 {
        peel(field, depth: depth)
      } else {
        inherit(field, from: pyramid[depth + 1])
      }
      watch(field, depth, 0)
      field.assignRandomly(CounterRandom(seed: seed, stream: UInt64(depth) << 32))
      refine(
        field, depth: depth, count: rounds(at: depth, of: pyramid.count), meter: &meter, progress: progress,
        watch: watch)
    }
  }

  private func rounds(at depth: Int, of count: Int) -> Int {
    guard count > 1 else { return max(fineRounds, coarseRounds / 2) }
    return fineRounds + (coarseRounds - fineRounds) * depth / (count - 1)
  }

  // MARK: First guesses

  /// Fills the coarsest level from the rim inwards, a pixel's width at a time, each patch by its best match on the
  /// pixels filled so far.
  private func peel(_ field: PatchField, depth: Int) {
    let depths = Distance.toNearest(width: field.width, height: field.height) { !field.isHole[$0] }
    let filled = UnsafeMutablePointer<Bool>.allocate(capacity: field.area)
    defer { filled.deallocate() }
    for i in 0..<field.area { filled[i] = !field.isHole[i] }
    var layers = [[Int32]](repeating: [], count: (depths.max() ?? 0) + 1)
    for entry in field.holePixels { layers[depths[Int(entry)]].append(entry) }
    for (number, layer) in layers.enumerated() {
      let random = CounterRandom(seed: seed, stream: UInt64(depth) << 32 | 1 << 31 | UInt64(number))
      for entry in layer {
        let center = nearestCenter(to: Int(entry), in: field)
        guard field.match[center] < 0 else { continue }
        guard
          let (source, cost) = field.bestPartialMatch(
            center, filled: filled, exhaustible: 4000, samples: 500, random: random)
        else { continue }
        field.match[center] = Int32(source)
        field.cost[center] = cost
      }
      for entry in layer {
        guard let value = field.vote(at: Int(entry), tolerance: 0.5) else { continue }
        field.texels[Int(entry)] = value
      }
      for entry in layer { filled[Int(entry)] = true }
    }
  }

  /// The centre of a whole patch that is nearest to a pixel.
  private func nearestCenter(to pixel: Int, in field: PatchField) -> Int {
    let x = min(max(pixel % field.width, field.radius), field.width - 1 - field.radius)
    let y = min(max(pixel / field.width, field.radius), field.height - 1 - field.radius)
    return y * field.width + x
  }

  /// Starts a level from the next coarser one: its texels enlarged, then the votes of its matches enlarged.
  private func inherit(_ field: PatchField, from coarse: PatchField) {
    for entry in field.holePixels {
      let pixel = Int(entry)
      field.texels[pixel] = coarse.texels[pixel / field.width / 2 * coarse.width + pixel % field.width / 2]
    }
    for entry in field.targets {
      let target = Int(entry)
      let x = target % field.width
      let y = target / field.width
      let parent = nearestCenter(to: y / 2 * coarse.width + x / 2, in: coarse)
      guard coarse.match[parent] >= 0 else { continue }
      let px = parent % coarse.width
      let py = parent / coarse.width
      let match = Int(coarse.match[parent])
      let sx = 2 * (match % coarse.width) + x - 2 * px
      let sy = 2 * (match / coarse.width) + y - 2 * py
      guard sx >= 0, sx < field.width, sy >= 0, sy < field.height, field.isSource[sy * field.width + sx]
      else { continue }
      field.match[target] = Int32(sy * field.width + sx)
      field.cost[target] = coarse.cost[parent]
    }
    field.voteAll(tolerance: 0.5)
    field.refreshCosts()
  }

  // MARK: Rounds

  private func refine(
    _ field: PatchField, depth: Int, count: Int, meter: inout Meter, progress: (Double) -> Bool,
    watch: (PatchField, Int, Int) -> Void
  ) {
    for round in 0..<count where !meter.isStopped {
      if round > 0 {
        if repetitionWeight > 0 { field.penalizeRepetition(weight: repetitionWeight) }
        field.refreshCosts()
      }
      for sweep in 0..<2 {
        let stream = UInt64(depth) << 32 | UInt64(2 * round + sweep + 1)
        field.search(backwards: sweep % 2 == 1, random: CounterRandom(seed: seed, stream: stream))
      }
      let tolerance =
        firstTolerance + (lastTolerance - firstTolerance) * Float(round) / Float(max(1, count - 1))
      field.voteAll(tolerance: tolerance)
      watch(field, depth, round + 1)
      meter.advance(field.targets.count, progress: progress)
    }
  }
}

/// Counts work done, and remembers that the caller wants no more.
private struct Meter {
  let total: Int
  private var done = 0
  private(set) var isStopped = false

  init(total: Int) { self.total = total }

  mutating func advance(_ work: Int, progress: (Double) -> Bool) {
    done += work
    if !progress(Double(done) / Double(max(1, total))) { isStopped = true }
  }
}
