import AttackAlgorithms

/// The way to where one boundary is nearest.
///
/// Each step looks for the point nearest to the origin at which the boundary would be crossed if it were as flat as it
/// looks from the last point. On a curved boundary these points swing around the nearest one; mixing takes that out, and
/// each is moved along its ray to where the boundary should be, so that all lie on it in first order.
struct Approach {
  let boundary: Boundary
  private var point: [Float]
  private var mixing = AndersonMixing()
  private var steps = 0
  /// The least change so far that should reach the boundary, and its size; at first as flat as the boundary looks from
  /// the origin.
  private(set) var change: [Float]
  private(set) var size = Double.infinity
  /// The last sizes, the least ones up to each step.
  private var history: [Double] = []

  /// How far along its ray a point is moved at most.
  private static let scaling = 0.8...1.25
  /// The way has come to its end where the size has not fallen by this share in so many steps.
  private static let least = 2e-4, patience = 4

  init(_ boundary: Boundary) {
    self.boundary = boundary
    point = boundary.scene.origin
    change = [Float](repeating: 0, count: point.count)
  }

  var isSettled: Bool {
    guard let last = history.last, history.count > Self.patience else { return false }
    return !(last < (1 - Self.least) * history[history.count - 1 - Self.patience])
  }

  mutating func advance() throws {
    let (origin, norm) = (boundary.scene.origin, boundary.scene.norm)
    let slope = try boundary.slope(at: point)
    let soFar = sum(point, origin, share: -1)
    let gained = dot(slope.gradient, soFar)
    // On the flat boundary w·(x − point) = −lead.
    let step = PlaneStep(norm, normal: slope.gradient).step(from: origin, gaining: gained - slope.lead)
    let nearest = sum(origin, step)
    steps += 1
    if steps == 1 {
      (change, size) = (step, norm.size(step))
      if size == 0 { size = .infinity }
      point = nearest
      return
    }
    let share = 1 - slope.lead / gained
    if gained > 0, share > 0 {
      let reach = share * norm.size(soFar)
      if steps == 2 || reach < size { (change, size) = (soFar.map { Float(share) * $0 }, reach) }
    } else if steps == 2 {
      size = .infinity
    }
    history.append(size)
    let mixed = sum(mixing.next(after: point, image: nearest), origin, share: -1)
    let across = (gained - slope.lead) / dot(slope.gradient, mixed)
    let scaled = across.isFinite ? min(max(across, Self.scaling.lowerBound), Self.scaling.upperBound) : 1
    point = Scene.clamped(sum(origin, mixed, share: scaled))
  }
}
