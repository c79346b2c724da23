extension PatchField {
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
