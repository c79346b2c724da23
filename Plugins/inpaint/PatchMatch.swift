import Glibc
import RTool

/// What patches are compared by, eight numbers a pixel: three of colour, two of texture energy, three of a guide.
typealias Texel = SIMD8<Float>

/// Random numbers as a function of their place, so that a search does not depend on the order it is run in.
/// The mixing function is the finaliser of SplitMix64 (Steele, Lea and Flood 2014).
struct CounterRandom {
  private let key: UInt64

  init(seed: UInt64, stream: UInt64) {
    key = Self.mix(seed &+ Self.mix(stream &+ 0x9E37_79B9_7F4A_7C15))
  }

  /// A number in 0…2^32-1 for the given counter.
  @inline(__always)
  func bits(_ counter: UInt64) -> UInt64 {
    Self.mix(key &+ counter &* 0x9E37_79B9_7F4A_7C15) &>> 32
  }

  /// An integer in 0..<bound, for bounds below 2^31.
  @inline(__always)
  func below(_ bound: Int, _ counter: UInt64) -> Int {
    Int(truncatingIfNeeded: (bits(counter) &* UInt64(truncatingIfNeeded: bound)) &>> 32)
  }

  @inline(__always)
  private static func mix(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z &>> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z &>> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z &>> 31)
  }
}

/// One resolution of a picture with holes, and its nearest-neighbour field.
///
/// A patch is a square of `2 * radius + 1` pixels that lies inside the picture, named by the index of its centre.
/// Targets are patches that touch a hole; sources are patches that do not. The field gives each target a source.
///
/// Several threads may work on it, each on targets or hole pixels of its own: they write what belongs to those alone,
/// and read nothing that another one writes.
final class PatchField: @unchecked Sendable {
  let width: Int
  let height: Int
  let radius: Int
  let texels: UnsafeMutablePointer<Texel>
  let isHole: UnsafeMutablePointer<Bool>
  let isSource: UnsafeMutablePointer<Bool>
  /// The source of each target; -1 where there is none.
  let match: UnsafeMutablePointer<Int32>
  /// The distance of each target to its source, penalties included.
  let cost: UnsafeMutablePointer<Float>
  /// What is added to the colour of each target's source so that the means of the two patches meet.
  let shift: UnsafeMutablePointer<SIMD4<Float>>
  /// How much each target's vote counts: the mean confidence over it.
  let trust: UnsafeMutablePointer<Float>
  /// One over the sum of the confidence over each target.
  let normalizer: UnsafeMutablePointer<Float>
  /// What using a source costs beyond its distance.
  let penalty: UnsafeMutablePointer<Float>
  /// How far each pixel can be trusted: 1 where known, falling off into the holes.
  let confidence: UnsafeMutablePointer<Float>
  private(set) var holePixels: [Int32] = []
  private(set) var targets: [Int32] = []
  private(set) var sources: [Int32] = []
  /// The targets cut into runs of whole rows, as ranges of `targets`, each the work of one thread.
  private(set) var bands: [Range<Int>] = []
  /// The threads that share a search or a vote.
  var crew = Crew()
  /// The cost of a source a whole diagonal away; nearer ones cost less with the square of the distance.
  var proximityWeight: Float = 0
  /// What keeps sources away whose colour has no place where the target is; nil: nothing does.
  var guidance: ColorGuidance? {
    didSet { colorCosts = guidance?.costs }
  }
  private var colorCosts: ColorGuidance.Costs?
  /// How far, channel by channel, the colour of a source may be shifted to meet the mean of its target.
  var shiftLimit = SIMD4<Float>() {
    didSet { greatestSaving = (1 - shiftPrice) * (shiftLimit * shiftLimit).sum() }
  }
  private var greatestSaving: Float = 0
  /// The share of the distance that a shift removes which still counts.
  var shiftPrice: Float = 0.25

  var area: Int { width * height }
  var side: Int { 2 * radius + 1 }

  /// - Parameter hole: true where a pixel is to be filled; `width * height` values.
  init(width: Int, height: Int, radius: Int, hole: [Bool]) {
    self.width = width
    self.height = height
    self.radius = min(radius, (min(width, height) - 1) / 2)
    let area = width * height
    texels = .allocate(capacity: area)
    texels.initialize(repeating: Texel(), count: area)
    isHole = .allocate(capacity: area)
    isHole.initialize(repeating: false, count: area)
    isSource = .allocate(capacity: area)
    isSource.initialize(repeating: false, count: area)
    match = .allocate(capacity: area)
    match.initialize(repeating: -1, count: area)
    cost = .allocate(capacity: area)
    cost.initialize(repeating: .infinity, count: area)
    shift = .allocate(capacity: area)
    shift.initialize(repeating: SIMD4(), count: area)
    trust = .allocate(capacity: area)
    trust.initialize(repeating: 1, count: area)
    normalizer = .allocate(capacity: area)
    normalizer.initialize(repeating: 1, count: area)
    penalty = .allocate(capacity: area)
    penalty.initialize(repeating: 0, count: area)
    confidence = .allocate(capacity: area)
    confidence.initialize(repeating: 1, count: area)
    for i in 0..<area where hole[i] {
      isHole[i] = true
      holePixels.append(Int32(i))
    }
    classifyPatches()
    cutBands()
  }

  deinit {
    texels.deallocate()
    isHole.deallocate()
    isSource.deallocate()
    match.deallocate()
    cost.deallocate()
    shift.deallocate()
    normalizer.deallocate()
    trust.deallocate()
    penalty.deallocate()
    confidence.deallocate()
  }

  /// Derives the weights of targets from the confidence of pixels.
  /// - Parameter exponent: how much more patches with many known pixels count than those with few.
  func updateTrust(exponent: Float) {
    for entry in targets {
      var sum: Float = 0
      for dy in -radius...radius {
        for dx in -radius...radius { sum += confidence[Int(entry) &+ dy &* width &+ dx] }
      }
      normalizer[Int(entry)] = 1 / sum
      trust[Int(entry)] = powf(sum / Float(side * side), exponent)
    }
  }

  /// Sorts the patches into targets and sources with a summed-area table of the hole.
  private func classifyPatches() {
    let stride = width + 1
    var table = [Int32](repeating: 0, count: stride * (height + 1))
    for y in 0..<height {
      var row: Int32 = 0
      for x in 0..<width {
        row &+= isHole[y &* width &+ x] ? 1 : 0
        table[(y + 1) * stride + x + 1] = table[y * stride + x + 1] &+ row
      }
    }
    for y in radius..<(height - radius) {
      for x in radius..<(width - radius) {
        let top = (y - radius) * stride
        let bottom = (y + radius + 1) * stride
        let left = x - radius
        let right = x + radius + 1
        let holes = table[bottom + right] - table[bottom + left] - table[top + right] + table[top + left]
        let index = y * width + x
        if holes > 0 {
          targets.append(Int32(index))
        } else {
          sources.append(Int32(index))
          isSource[index] = true
        }
      }
    }
  }

  /// Cuts the targets at the ends of rows, into bands of no fewer than `pieceSize`.
  private func cutBands() {
    var start = 0
    for end in 1..<(targets.count + 1) {
      let isLast = end == targets.count
      let endsRow = isLast || Int(targets[end]) / width > Int(targets[end - 1]) / width
      guard isLast || (endsRow && end - start >= Self.pieceSize) else { continue }
      bands.append(start..<end)
      start = end
    }
  }

  /// About how many targets or pixels are worth a thread's while.
  private static let pieceSize = 3072

  // MARK: Distance

  /// The mean squared difference of a target and a shifted source, weighted by the target's confidence, and the
  /// shift; nil if it is not below `bound`.
  ///
  /// With d the difference of the means, the shift s is d within limits, and lowers the mean square by 2 s d - s^2.
  @inline(__always)
  func distance(_ target: Int, _ source: Int, below bound: Float) -> (Float, SIMD4<Float>)? {
    let corner = radius &* width &+ radius
    var a = UnsafePointer(texels + (target &- corner))
    var b = UnsafePointer(texels + (source &- corner))
    var trust = UnsafePointer(confidence + (target &- corner))
    let scale = normalizer[target]
    let limit = (bound + greatestSaving) / scale
    var sum: Float = 0
    var offset = Texel()
    for _ in 0..<side {
      var row = Texel()
      for x in 0..<side {
        let difference = a[x] - b[x]
        let weighted = trust[x] * difference
        row += weighted * difference
        offset += weighted
      }
      sum += row.sum()
      if sum >= limit { return nil }
      a += width
      b += width
      trust += width
    }
    let meanOffset = offset.lowHalf * scale
    let shift = meanOffset.clamped(lowerBound: -shiftLimit, upperBound: shiftLimit)
    let saving = (shift * (meanOffset + meanOffset - shift)).sum()
    let distance = sum * scale - (1 - shiftPrice) * saving
    return distance < bound ? (distance, shift) : nil
  }

  /// What a source costs for a target beyond the distance of the two patches.
  @inline(__always)
  func surcharge(_ target: Int, _ source: Int) -> Float {
    let dy = target / width &- source / width
    let dx = target % width &- source % width
    let diagonal = Float(width &* width &+ height &* height)
    let nearness = penalty[source] + proximityWeight * Float(dx &* dx &+ dy &* dy) / diagonal
    return nearness + (colorCosts?.cost(target: target, source: source) ?? 0)
  }

  /// Takes a source for a target if it costs less than the present one.
  @inline(__always)
  func consider(_ source: Int, for target: Int) {
    let extra = surcharge(target, source)
    let best = cost[target]
    guard extra < best else { return }
    guard let (distance, shift) = distance(target, source, below: best - extra) else { return }
    cost[target] = distance + extra
    match[target] = Int32(truncatingIfNeeded: source)
    self.shift[target] = shift
  }

  /// Measures the field again, after the texels or the penalties have changed.
  func refreshCosts() {
    crew.run(bands.count) { [self, bands, targets] number in
      for k in bands[number] {
        let target = Int(targets[k])
        guard match[target] >= 0 else { continue }
        cost[target] = .infinity
        consider(Int(match[target]), for: target)
      }
    }
  }

  // MARK: Search

  /// Gives every target that has none a random source. There must be sources.
  func assignRandomly(_ random: CounterRandom) {
    for entry in targets where match[Int(entry)] < 0 {
      let target = Int(entry)
      let source = Int(sources[random.below(sources.count, UInt64(target))])
      match[target] = Int32(source)
      cost[target] = .infinity
      consider(source, for: target)
    }
  }

  /// One sweep of PatchMatch (Barnes et al. 2009) over all targets: propagation from the two neighbours already
  /// visited, then random search around the best source in windows that halve. Into a band it propagates what the
  /// row before held when the sweep began, so that the bands may be swept in any order.
  func search(backwards: Bool, random: CounterRandom) {
    let step = backwards ? -1 : 1
    let entrances = bands.map { band in
      let row = Int(targets[backwards ? band.upperBound - 1 : band.lowerBound]) / width - step
      guard (0..<height).contains(row) else { return [Int32]() }
      return Array(UnsafeBufferPointer(start: match + row * width, count: width))
    }
    crew.run(bands.count) { [self, bands, targets] number in
      let band = bands[number]
      let first = Int(targets[band.lowerBound]) / width * width
      let end = (Int(targets[band.upperBound - 1]) / width + 1) * width
      entrances[number].withUnsafeBufferPointer { entrance in
        for k in 0..<band.count {
          let target = Int(targets[backwards ? band.upperBound &- 1 &- k : band.lowerBound &+ k])
          let beside = target &- step
          let above = target &- step &* width
          if beside >= first, beside < end { propagate(match[beside], by: step, to: target) }
          if above >= first, above < end {
            propagate(match[above], by: step &* width, to: target)
          } else if !entrance.isEmpty {
            propagate(entrance[target % width], by: step &* width, to: target)
          }
          searchAround(target, random: random)
        }
      }
    }
  }

  @inline(__always)
  private func propagate(_ source: Int32, by offset: Int, to target: Int) {
    guard source >= 0 else { return }
    let source = Int(source) &+ offset
    guard source >= 0, source < area, isSource[source], source != Int(match[target]) else { return }
    consider(source, for: target)
  }

  @inline(__always)
  private func searchAround(_ target: Int, random: CounterRandom) {
    let lowX = radius
    let highX = width &- radius &- 1
    let lowY = radius
    let highY = height &- radius &- 1
    var reach = max(width, height)
    var counter = UInt64(truncatingIfNeeded: target) &* 64
    while reach >= 1 {
      let best = Int(match[target])
      let x = best % width
      let y = best / width
      let left = max(lowX, x &- reach)
      let right = min(highX, x &+ reach)
      let top = max(lowY, y &- reach)
      let bottom = min(highY, y &+ reach)
      let column = left &+ random.below(right &- left &+ 1, counter)
      let row = top &+ random.below(bottom &- top &+ 1, counter &+ 1)
      counter &+= 2
      let source = row &* width &+ column
      if isSource[source] { consider(source, for: target) }
      reach /= 2
    }
  }

  /// The best source for a target of which only some pixels are known yet, by the mean squared difference over those,
  /// and its cost; nil where there is none.
  ///
  /// Tries every source if they are at most `exhaustible`, else those that neighbours suggest, `samples` random ones
  /// and what surrounds the best of these.
  func bestPartialMatch(
    _ target: Int, filled: UnsafePointer<Bool>, exhaustible: Int, samples: Int, random: CounterRandom
  ) -> (source: Int, cost: Float)? {
    var search = PartialSearch(field: self, target: target, filled: filled)
    if sources.count <= exhaustible {
      for source in sources { search.attempt(Int(source)) }
      return search.best
    }
    for dy in -1...1 {
      for dx in -1...1 {
        let offset = dy * width + dx
        let neighbor = target + offset
        guard neighbor >= 0, neighbor < area, match[neighbor] >= 0 else { continue }
        search.attemptIfSource(Int(match[neighbor]) - offset)
      }
    }
    for k in 0..<samples {
      let counter = UInt64(target) &* UInt64(samples) &+ UInt64(k)
      search.attempt(Int(sources[random.below(sources.count, counter)]))
    }
    guard let center = search.best?.source else { return nil }
    for dy in -4...4 {
      for dx in -4...4 { search.attemptIfSource(center + dy * width + dx) }
    }
    return search.best
  }

  // MARK: Voting

  /// Calls `body` with the target and the weight of every vote on a pixel; false where no target covers it.
  ///
  /// Every target over the pixel votes with its trust and with exp(-(cost - least cost) / (tolerance * mean cost)):
  /// a small tolerance leaves the best patch alone to decide, which keeps texture sharp; a large one averages.
  @inline(__always)
  @discardableResult
  private func forEachVote(on pixel: Int, tolerance: Float, _ body: (Int, Int, Int, Float) -> Void) -> Bool {
    let x = pixel % width
    let y = pixel / width
    let left = max(-radius, radius &- x)
    let right = min(radius, width &- 1 &- radius &- x)
    let top = max(-radius, radius &- y)
    let bottom = min(radius, height &- 1 &- radius &- y)
    var least = Float.infinity
    var sum: Float = 0
    var count: Float = 0
    for dy in top...bottom {
      let row = pixel &+ dy &* width
      for dx in left...right where match[row &+ dx] >= 0 {
        least = min(least, cost[row &+ dx])
        sum += cost[row &+ dx]
        count += 1
      }
    }
    guard count > 0 else { return false }
    let sharpness = 1 / (tolerance * sum / count + 1e-6)
    for dy in top...bottom {
      let row = pixel &+ dy &* width
      for dx in left...right where match[row &+ dx] >= 0 {
        let excess = (cost[row &+ dx] - least) * sharpness
        if excess < 12 { body(row &+ dx, dx, dy, trust[row &+ dx] * expf(-excess)) }
      }
    }
    return true
  }

  /// The mean of the shifted source texels that the targets over a pixel propose, or nil where there is none.
  @inline(__always)
  func vote(at pixel: Int, tolerance: Float) -> Texel? {
    var sum = Texel()
    var shiftSum = SIMD4<Float>()
    var total: Float = 0
    let isCovered = forEachVote(on: pixel, tolerance: tolerance) { target, dx, dy, weight in
      sum += weight * texels[Int(match[target]) &- dy &* width &- dx]
      shiftSum += weight * shift[target]
      total += weight
    }
    guard isCovered else { return nil }
    sum.lowHalf += shiftSum
    return sum / total
  }

  /// The mean differences that the targets over a pixel propose to its right and to its lower neighbour, zero where
  /// no target covers both. A difference is taken within one source, so none crosses a seam between two.
  func voteDifferences(at pixel: Int, tolerance: Float) -> (right: Texel, down: Texel) {
    var right = Texel()
    var down = Texel()
    var rightTotal: Float = 0
    var downTotal: Float = 0
    forEachVote(on: pixel, tolerance: tolerance) { target, dx, dy, weight in
      let source = Int(match[target]) &- dy &* width &- dx
      if dx > -radius {
        right += weight * (texels[source &+ 1] - texels[source])
        rightTotal += weight
      }
      if dy > -radius {
        down += weight * (texels[source &+ width] - texels[source])
        downTotal += weight
      }
    }
    return (right / max(rightTotal, 1e-20), down / max(downTotal, 1e-20))
  }

  /// How much of the fill each known pixel makes up: the votes it has, summed over the holes.
  func usage(tolerance: Float) -> [Float] {
    var result = [Float](repeating: 0, count: area)
    for entry in holePixels {
      var total: Float = 0
      forEachVote(on: Int(entry), tolerance: tolerance) { _, _, _, weight in total += weight }
      forEachVote(on: Int(entry), tolerance: tolerance) { target, dx, dy, weight in
        result[Int(match[target]) &- dy &* width &- dx] += weight / total
      }
    }
    return result
  }

  /// Replaces the hole's texels by the votes.
  func voteAll(tolerance: Float) {
    let pieces = (holePixels.count + Self.pieceSize - 1) / Self.pieceSize
    crew.run(pieces) { [self, holePixels] number in
      for k in (number * Self.pieceSize)..<min((number + 1) * Self.pieceSize, holePixels.count) {
        // Votes read sources only, which are known throughout, so replacing in place is safe.
        let pixel = Int(holePixels[k])
        if let value = vote(at: pixel, tolerance: tolerance) { texels[pixel] = value }
      }
    }
  }

  // MARK: Penalties

  /// Charges sources that several targets use: `weight` for each use beyond the first, uses being counted in
  /// 3 by 3 neighbourhoods. A region that is copied as a whole uses each source once and costs nothing.
  func penalizeRepetition(weight: Float) {
    var uses = [Float](repeating: 0, count: area)
    for entry in targets where match[Int(entry)] >= 0 { uses[Int(match[Int(entry)])] += 1 }
    for entry in sources {
      let source = Int(entry)
      let x = source % width
      let y = source / width
      var sum: Float = 0
      var count: Float = 0
      for v in max(0, y &- 1)...min(height &- 1, y &+ 1) {
        for u in max(0, x &- 1)...min(width &- 1, x &+ 1) {
          sum += uses[v &* width &+ u]
          count += 1
        }
      }
      penalty[source] = weight * max(0, sum / count - 1)
    }
  }
}

/// The search of one target's source by those of its pixels that are known.
private struct PartialSearch {
  private let field: PatchField
  private let target: Int
  /// The known pixels of the target, relative to its centre.
  private let offsets: [Int]
  private(set) var best: (source: Int, cost: Float)?

  init(field: PatchField, target: Int, filled: UnsafePointer<Bool>) {
    self.field = field
    self.target = target
    let radius = field.radius
    offsets = (-radius...radius).flatMap { dy in
      (-radius...radius).map { dx in dy * field.width + dx }
    }.filter { filled[target + $0] }
  }

  mutating func attemptIfSource(_ candidate: Int) {
    if candidate >= 0, candidate < field.area, field.isSource[candidate] { attempt(candidate) }
  }

  mutating func attempt(_ source: Int) {
    let count = Float(max(1, offsets.count))
    let limit = (best?.cost ?? .infinity) * count
    var sum = field.surcharge(target, source) * count
    for offset in offsets {
      let difference = field.texels[target &+ offset] - field.texels[source &+ offset]
      sum += (difference * difference).sum()
      if sum >= limit { return }
    }
    best = (source, sum / count)
  }
}
