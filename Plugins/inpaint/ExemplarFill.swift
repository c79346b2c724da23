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
struct ExemplarFill: Sendable {
  /// The side of a patch in pixels, odd. Smaller patches are used where there is no source of this size.
  var patchSide = 7
  /// The number of resolutions; nil lets the widest hole be about a patch wide at the coarsest.
  var levels: Int?
  /// Rounds of search and vote at the coarsest and at the finest resolution; those between are interpolated.
  var coarseRounds = 30
  var fineRounds = 5
  var seed: UInt64 = 0
  /// The threads that share the work; the result does not depend on them.
  var crew = Crew()
  /// Weights of differences in chroma, texture energy and guide against luma.
  var chromaWeight: Float = 1.7
  var textureWeight: Float = 4
  var guideWeight: Float = 0.3
  /// What each use of a source beyond the first costs.
  var repetitionWeight: Float = 0.0005
  /// What a source a whole diagonal away costs; nearer ones cost less with the square of the distance.
  var proximityWeight: Float = 0.02
  /// The confidence in a hole's pixels against 1 for known ones, before and for each pixel away from the known ones:
  /// holeConfidence / confidenceDecay^distance. Low, it makes the fill continue what surrounds it.
  var holeConfidence: Float = 0.2
  var confidenceDecay: Float = 1.3
  /// A patch votes with its mean confidence to this power.
  var trustExponent: Float = 2
  /// How much worse than the best a patch may be and still vote, in the first and in the last round of a level.
  /// Patches agree more and more, so that averaging late would only blur.
  var firstTolerance: Float = 3
  var lastTolerance: Float = 0.05
  /// What a source whose colour has no place in the surroundings costs, in squared luma.
  var guidanceWeight: Float = 0.3
  /// How far a source's luma and chroma may be shifted to fit, so that shading goes on.
  var lumaShift: Float = 0.06
  var chromaShift: Float = 0.02
  /// The least number of sources at a level, as a multiple of its targets; levels with fewer are left out.
  var sourceRatio: Float = 1
  /// Over how many pixels a step of colour at a seam is spread at the end; 0 leaves it.
  var blendReach: Float = 4

  /// - Parameters:
  ///   - image: one channel or three, sRGB in 0…1; what it holds in the hole is not read.
  ///   - hole: true where a pixel is to be filled; `width * height` values.
  ///   - guide: up to three more channels to compare patches by, at the picture's size, about as spread as luma.
  ///   - progress: told the share done in 0…1; false ends the search, and the fill is completed as it stands.
  /// - Returns: the picture with its hole filled, known pixels unchanged, and how much of the fill each known pixel
  ///   makes up: `width * height` values that sum to the number of filled pixels, all zero where the holes had to be
  ///   filled without patches.
  func fill(
    _ image: Planes, hole: [Bool], guide: Planes? = nil, progress: (Double) -> Bool = { _ in true }
  ) -> (image: Planes, usage: [Float]) {
    let noUsage = [Float](repeating: 0, count: image.area)
    guard hole.contains(true) else { return (image, noUsage) }
    let coordinates = ColorCoordinates(channels: image.channels, chromaWeight: chromaWeight)
    guard let base = makeBase(image, hole: hole, guide: guide, coordinates: coordinates) else {
      return (SmoothFill.harmonic(image, hole: hole), noUsage)
    }
    solve(makePyramid(base), progress: progress)
    if blendReach > 0 { blend(base) }
    var result = image
    for entry in base.holePixels {
      coordinates.inverse(base.texels[Int(entry)], into: &result, at: Int(entry))
    }
    return (result, base.usage(tolerance: lastTolerance))
  }

  /// Fills the holes of all levels, from the last and coarsest to the first.
  private func solve(_ pyramid: [PatchField], progress: (Double) -> Bool) {
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
      field.assignRandomly(CounterRandom(seed: seed, stream: UInt64(depth) << 32))
      refine(
        field, depth: depth, count: rounds(at: depth, of: pyramid.count), meter: &meter, progress: progress)
    }
  }

  private func rounds(at depth: Int, of count: Int) -> Int {
    guard count > 1 else { return max(fineRounds, coarseRounds / 2) }
    return fineRounds + (coarseRounds - fineRounds) * depth / (count - 1)
  }

  // MARK: Pyramid

  /// The full resolution, with the largest patches that have a source; nil if there are none at all.
  private func makeBase(_ image: Planes, hole: [Bool], guide: Planes?, coordinates: ColorCoordinates)
    -> PatchField?
  {
    let candidates = stride(from: patchSide / 2, through: 1, by: -1).lazy.map {
      PatchField(width: image.width, height: image.height, radius: $0, hole: hole)
    }
    guard let field = candidates.first(where: { !$0.sources.isEmpty }) else { return nil }
    for i in 0..<field.area where !hole[i] {
      field.texels[i] = Texel(lowHalf: coordinates.forward(image, at: i), highHalf: SIMD4())
      guard let guide else { continue }
      for c in 0..<min(3, guide.channels) {
        field.texels[i][5 + c] = guideWeight * guide.samples[c * guide.area + i]
      }
    }
    addTextureEnergy(field)
    setConfidence(field)
    return field
  }

  /// Channels 3 and 4: the mean magnitude of luma's horizontal and vertical differences around each known pixel.
  private func addTextureEnergy(_ field: PatchField) {
    guard textureWeight > 0 else { return }
    let width = field.width
    let height = field.height
    var energies = Planes(width: width, height: height, channels: 3)
    let area = energies.area
    for y in 0..<(height - 1) {
      for x in 0..<(width - 1) {
        let i = y * width + x
        guard !field.isHole[i], !field.isHole[i + 1], !field.isHole[i + width] else { continue }
        energies.samples[i] = abs(field.texels[i + 1][0] - field.texels[i][0])
        energies.samples[area + i] = abs(field.texels[i + width][0] - field.texels[i][0])
        energies.samples[2 * area + i] = 1
      }
    }
    let sums = energies.boxSums(radius: 2 * field.radius)
    for i in 0..<area where !field.isHole[i] {
      let count = max(1, sums.samples[2 * area + i])
      field.texels[i][3] = textureWeight * sums.samples[i] / count
      field.texels[i][4] = textureWeight * sums.samples[area + i] / count
    }
  }

  /// Confidence falls off exponentially with the city-block distance to the nearest known pixel.
  private func setConfidence(_ field: PatchField) {
    let depths = Distance.toNearest(width: field.width, height: field.height) { !field.isHole[$0] }
    for entry in field.holePixels {
      var trust: Float = holeConfidence
      for _ in 0..<min(20, depths[Int(entry)]) { trust /= confidenceDecay }
      field.confidence[Int(entry)] = trust
    }
    field.updateTrust(exponent: trustExponent)
  }

  /// The resolutions from fine to coarse, each half the one before.
  private func makePyramid(_ base: PatchField) -> [PatchField] {
    var pyramid = [base]
    var depth = Distance.toNearest(width: base.width, height: base.height) { !base.isHole[$0] }.max() ?? 0
    while pyramid.count < (levels ?? 12) {
      if levels == nil, depth <= base.side / 2 + 1 { break }
      guard let coarse = halve(pyramid[pyramid.count - 1]) else { break }
      pyramid.append(coarse)
      depth /= 2
    }
    return pyramid
  }

  /// Half the resolution: a pixel is the mean of its known children and is known if half of them are.
  /// Nil when so small a picture would leave no choice of sources.
  private func halve(_ fine: PatchField) -> PatchField? {
    let width = (fine.width + 1) / 2
    let height = (fine.height + 1) / 2
    guard min(width, height) >= 3 * fine.side else { return nil }
    var texels = [Texel](repeating: Texel(), count: width * height)
    var hole = [Bool](repeating: true, count: width * height)
    for y in 0..<height {
      for x in 0..<width {
        var sum = Texel()
        var known = 0
        var children = 0
        for v in (2 * y)..<min(2 * y + 2, fine.height) {
          for u in (2 * x)..<min(2 * x + 2, fine.width) {
            children += 1
            guard !fine.isHole[v * fine.width + u] else { continue }
            sum += fine.texels[v * fine.width + u]
            known += 1
          }
        }
        guard known > 0, 2 * known >= children else { continue }
        texels[y * width + x] = sum / Float(known)
        hole[y * width + x] = false
      }
    }
    let coarse = PatchField(width: width, height: height, radius: fine.radius, hole: hole)
    let enough = max(Float(16 * fine.side), sourceRatio * Float(coarse.targets.count))
    guard !coarse.targets.isEmpty, Float(coarse.sources.count) >= enough else { return nil }
    coarse.texels.update(from: texels, count: texels.count)
    setConfidence(coarse)
    return coarse
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
    _ field: PatchField, depth: Int, count: Int, meter: inout Meter, progress: (Double) -> Bool
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
      meter.advance(field.targets.count, progress: progress)
    }
  }

  // MARK: Result

  /// Replaces the colours of the fill by the surface whose differences are those the patches vote for, and which
  /// stays near the voted colours v: the least squares of sum (u_q - u_p - g_pq)^2 + sum (u_p - v_p)^2 / reach^2 over
  /// neighbours p, q, with the known pixels fixed. So a step between two copied regions, or at the border, is spread
  /// over about `reach` pixels, and the texture stays.
  private func blend(_ field: PatchField) {
    let width = field.width
    let height = field.height
    var right = [SIMD4<Float>](repeating: SIMD4(), count: field.area)
    var down = right
    var surface = (0..<field.area).map { field.texels[$0].lowHalf }
    for pixel in 0..<field.area where touchesHole(pixel, in: field) {
      let differences = field.voteDifferences(at: pixel, tolerance: lastTolerance)
      right[pixel] = differences.right.lowHalf
      down[pixel] = differences.down.lowHalf
    }
    let screen = 1 / (blendReach * blendReach)
    for sweep in 0..<Int(6 * blendReach) {
      for k in field.holePixels.indices {
        let pixel = Int(field.holePixels[sweep % 2 == 0 ? k : field.holePixels.count - 1 - k])
        let x = pixel % width
        let y = pixel / width
        var sum = screen * field.texels[pixel].lowHalf
        var count = screen
        if x > 0 {
          sum += surface[pixel - 1] + right[pixel - 1]
          count += 1
        }
        if x + 1 < width {
          sum += surface[pixel + 1] - right[pixel]
          count += 1
        }
        if y > 0 {
          sum += surface[pixel - width] + down[pixel - width]
          count += 1
        }
        if y + 1 < height {
          sum += surface[pixel + width] - down[pixel]
          count += 1
        }
        surface[pixel] += 1.6 * (sum / count - surface[pixel])
      }
    }
    for entry in field.holePixels { field.texels[Int(entry)].lowHalf = surface[Int(entry)] }
  }

  /// Whether a pixel, its right or its lower neighbour is to be filled.
  private func touchesHole(_ pixel: Int, in field: PatchField) -> Bool {
    field.isHole[pixel]
      || (pixel % field.width + 1 < field.width && field.isHole[pixel + 1])
      || (pixel + field.width < field.area && field.isHole[pixel + field.width])
  }
}

/// Orthonormal opponent coordinates: luma, red against blue, green against both; distances are those of sRGB but
/// for the weight of the last two.
struct ColorCoordinates {
  let channels: Int
  let chromaWeight: Float

  func forward(_ image: Planes, at i: Int) -> SIMD4<Float> {
    guard channels >= 3 else { return SIMD4(image.samples[i] * 1.7320508, 0, 0, 0) }
    let r = image.samples[i]
    let g = image.samples[image.area + i]
    let b = image.samples[2 * image.area + i]
    return SIMD4(
      (r + g + b) * 0.57735027, (r - b) * 0.70710678 * chromaWeight,
      (2 * g - r - b) * 0.40824829 * chromaWeight, 0)
  }

  func inverse(_ texel: Texel, into image: inout Planes, at i: Int) {
    func clamp(_ value: Float) -> Float { min(1, max(0, value)) }
    guard channels >= 3 else {
      image.samples[i] = clamp(texel[0] / 1.7320508)
      return
    }
    let luma = texel[0] * 0.57735027
    let redBlue = texel[1] / chromaWeight * 0.70710678
    let green = texel[2] / chromaWeight * 0.40824829
    image.samples[i] = clamp(luma + redBlue - green)
    image.samples[image.area + i] = clamp(luma + 2 * green)
    image.samples[2 * image.area + i] = clamp(luma - redBlue - green)
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

extension Planes {
  /// The sum over the square of `2 * radius + 1` pixels around each pixel, cut at the border, plane by plane.
  func boxSums(radius: Int) -> Planes {
    var rows = Planes(width: width, height: height, channels: channels)
    var result = rows
    for start in stride(from: 0, to: samples.count, by: width) {
      var sum: Float = 0
      for x in 0..<min(radius, width) { sum += samples[start + x] }
      for x in 0..<width {
        if x + radius < width { sum += samples[start + x + radius] }
        if x - radius > 0 { sum -= samples[start + x - radius - 1] }
        rows.samples[start + x] = sum
      }
    }
    for c in 0..<channels {
      for x in 0..<width {
        let start = c * area + x
        var sum: Float = 0
        for y in 0..<min(radius, height) { sum += rows.samples[start + y * width] }
        for y in 0..<height {
          if y + radius < height { sum += rows.samples[start + (y + radius) * width] }
          if y - radius > 0 { sum -= rows.samples[start + (y - radius - 1) * width] }
          result.samples[start + y * width] = sum
        }
      }
    }
    return result
  }
}
