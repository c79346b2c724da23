import Glibc
import RTool

/// What patches are compared by, eight numbers a pixel: three of colour, two of texture energy, three of a guide.
typealias Texel = SIMD8<Float>

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
  static let pieceSize = 3072

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
