import Glibc
import RTool
import SuperresAlgorithms

/// The stages of an enlargement, and what they take.
struct Work {
  let host: Host
  let values: Values
  let usesModel: Bool

  /// Below this a JPEG file shows what its compression did.
  private static let goodQuality = 95

  /// Whether blocks and ringing are to be drawn away.
  var isCompressed: Bool {
    guard values[start] == .drawn else { return false }
    return switch values[compressed] {
    case .auto: host.jpegQuality(of: values[photo]).map { $0 < Self.goodQuality } ?? false
    case .yes: true
    case .no: false
    }
  }

  /// One stage: the image enlarged by a whole factor, and what that reduces to: the small image, but for what is drawn away.
  func enlarged(
    _ small: Image, isCompressed: Bool, by factor: Int, progress: ClosedRange<Double>
  ) throws -> (large: Image, small: Image) {
    var small = small
    let large = try host.image(width: small.width * factor, height: small.height * factor, channels: 3)
    func part(_ from: Double, _ to: Double) -> ClosedRange<Double> {
      let length = progress.upperBound - progress.lowerBound
      return progress.lowerBound + from * length...progress.lowerBound + to * length
    }
    let (beginning, end) = (
      part(0, usesModel ? 0.15 : 0.7), part(usesModel ? 0.15 : 0.7, usesModel ? 0.2 : 1)
    )
    if values[start] == .drawn {
      small = try draw(small, isCompressed: isCompressed, by: factor, into: large, progress: beginning)
    }
    var solver = try solver(small, large, factor)
    if values[start] != .drawn {
      try run(solver, progress: beginning.lowerBound...end.upperBound, note: "edges")
    } else {
      solver.isResumed = true
      // What was drawn of a compressed image reduces to what it is said to reduce to.
      if values[consistent], !isCompressed { try run(solver, progress: end, note: "back-projection") }
    }
    guard usesModel else { return (large, small) }
    try host.scoped {
      try WindowAscent(host: host, values: values, small: small, large: large, factor: factor)
        .apply(progress: part(0.2, 0.95))
    }
    guard values[consistent] else { return (large, small) }
    try host.scoped {
      solver.weight = 0
      solver.iterations = 3
      solver.isResumed = true
      try run(solver, progress: part(0.95, 1), note: "back-projection")
    }
    return (large, small)
  }

  /// Draws the large image.
  /// - Returns: the small image; of one that is compressed, what the large one reduces to.
  private func draw(
    _ small: Image, isCompressed: Bool, by factor: Int, into large: Image, progress: ClosedRange<Double>
  ) throws -> Image {
    let length = progress.upperBound - progress.lowerBound
    let drawing = DrawnStart(
      host: host, values: values, small: small, factor: factor, isCompressed: isCompressed)
    try host.progress(progress.lowerBound, "drawing")
    try drawing.draw(into: large) { rows in
      let share = Double(rows.upperBound) / Double(small.height)
      try host.progress(progress.lowerBound + share * length, "drawing")
      try show(rows.lowerBound * factor..<rows.upperBound * factor, of: large)
    }
    guard isCompressed else { return small }
    return try host.resized(
      large, width: small.width, height: small.height, filter: values[measured].filter, wraps: values[wrap])
  }

  private func solver(_ small: Image, _ large: Image, _ factor: Int) throws -> EdgePrior {
    var solver = EdgePrior(
      small: small, large: large, factor: factor, filter: values[measured].filter,
      resampling: try host.resampling)
    switch values[start] {
    case .drawn: (solver.weight, solver.iterations) = (0, 2)
    case .sharp: solver.weight = Float(0.005 * values[prior])
    case .cubic: solver.iterations = 0
    case .nearest: (solver.iterations, solver.isNearest) = (0, true)
    }
    if !values[consistent] { solver.iterations = 0 }
    solver.isConsistent = values[consistent]
    solver.wraps = values[wrap]
    return solver
  }

  /// Solves all tiles, row by row. What they are resumed from is kept as it was while they are written.
  private func run(_ solver: EdgePrior, progress: ClosedRange<Double>, note: String) throws {
    let length = progress.upperBound - progress.lowerBound
    let crew = host.crew
    var solver = solver
    let most = (0..<solver.down).map { solver.rows(ofTileRow: $0).count }.max() ?? 0
    var before =
      solver.isResumed ? try host.rowsBefore(of: solver.large, most: most, wraps: values[wrap]) : nil
    for row in 0..<solver.down {
      try host.progress(progress.lowerBound + length * Double(row) / Double(solver.down), note)
      if before != nil {
        before!.move(to: solver.rows(ofTileRow: row))
        (solver.base, solver.baseRow) = (before!.band, before!.top)
      }
      crew.run(solver.across) { [solver] in solver.solve(row * solver.across + $0) }
      try show(solver.rows(solvedWithTileRow: row), of: solver.large)
    }
  }

  /// Shows those who watch some rows of an image that the photo was enlarged to.
  private func show(_ rows: Range<Int>, of large: Image) throws {
    guard host.isWatched else { return }
    let scale = large.width / values[photo].width
    let (top, bottom) = (rows.lowerBound / scale, rows.upperBound / scale)
    guard top < bottom else { return }
    try host.scoped {
      let part = Box(x: 0, y: top * scale, width: large.width, height: (bottom - top) * scale)
      host.show(
        try host.cropped(large, to: part),
        at: Box(x: 0, y: top, width: values[photo].width, height: bottom - top))
    }
  }

  // MARK: What it takes

  /// Results of more pixels than this are worth the seconds that it takes to measure how long they will take.
  private static let manyPixels = 64_000_000

  /// The most bytes held at once, and seconds on this machine; 0: few.
  func cost(of way: Enlargement, from small: Image) throws -> (memory: Int, seconds: Double) {
    let product = way.stages.reduce(1, *)
    let pixels = small.width * small.height * product * product
    guard pixels > Self.manyPixels else { return (0, 0) }
    // The image, and of what windows or tiles read while they change it a copy, whole or of some rows; what is fitted at
    // the end.
    let fitted = way.isWhole ? 0 : way.width * way.height * 36
    return ((values[wrap] ? 24 : 14) * pixels + fitted, try seconds(for: way.stages.last!, pixels: pixels))
  }

  /// From a made-up small image as large as one window, which is less than a tile.
  private func seconds(for factor: Int, pixels: Int) throws -> Double {
    let side = WindowAscent.smallSide(host, factor: factor)
    let share = Double(pixels) / Double(side * side * factor * factor)
    return try host.scoped {
      let small = try host.image(width: side, height: side, channels: 3)
      small.fill { x, y, c in Float((x * 7 + y * 3 + c) % 11) / 11 }
      let large = try host.image(width: side * factor, height: side * factor, channels: 3)
      let solver = try solver(small, large, factor)
      let drawn = values[start] == .drawn
      func begin() throws {
        guard drawn else { return solver.solve(0) }
        try DrawnStart(host: host, values: values, small: small, factor: factor, isCompressed: isCompressed)
          .draw(into: large) { _ in }
      }
      // The first time, the network is made ready for this size.
      if drawn { try begin() }
      let edges = try Self.seconds(begin) / Double(drawn ? 1 : host.threads)
      guard usesModel else { return edges * share }
      let windows = WindowAscent(
        host: host, values: values, small: small, large: large, factor: factor, isTrial: true)
      // The first time, the network is made ready for this size.
      try windows.apply(progress: 0...0)
      let ascent = try Self.seconds { try windows.apply(progress: 0...0) }
      let step = Double(side - max(1, side / 6))
      return share * (edges + ascent * Double(side * side) / (step * step))
    }
  }

  private static func seconds(_ body: () throws -> Void) rethrows -> Double {
    func now() -> Double {
      var time = timespec()
      clock_gettime(CLOCK_MONOTONIC, &time)
      return Double(time.tv_sec) + 1e-9 * Double(time.tv_nsec)
    }
    let start = now()
    try body()
    return now() - start
  }
}

extension Host {
  /// The rows of an image as they are now, to be read while it is written to.
  /// - Parameters:
  ///   - most: how many are read at a time.
  ///   - wraps: whether rows are read beyond the last as well, which are the first.
  func rowsBefore(of image: Image, most: Int, wraps: Bool) throws -> RowsBefore {
    try wraps
      ? RowsBefore(whole: copy(image))
      : RowsBefore(image, band: self.image(width: image.width, height: most, channels: image.channels))
  }
}
