/// A mask of one channel, whose levels are judged: two values whatever they are, labels, soft greys, or two values and the
/// noise of compression.
struct GreyMask {
  let width, height: Int
  /// The levels, 0 and more.
  let values: [Float]
  /// The level that stands for white.
  let white: Float
  /// The bounds of what is not 0: a mask is mostly black, and nothing else need be looked at.
  let marked: Area
  /// Whether all levels are whole numbers.
  let isWhole: Bool
  /// Whether they come from compression with loss.
  let isLossy: Bool
  let kind: Kind

  /// What the levels are made from.
  enum Kind {
    case greys, alpha, colours
  }

  init(_ values: [Float], width: Int, height: Int, white: Float, isLossy: Bool, kind: Kind = .greys) {
    (self.values, self.width, self.height) = (values, width, height)
    (self.white, self.isLossy, self.kind) = (white, isLossy, kind)
    marked = Area(boundsOf: values, width: width, height: height)
    isWhole = marked.allSatisfy(of: values, width: width) { $0 == $0.rounded() }
  }

  /// What a function that gives 0 for 0 makes of each level.
  private func mapped(_ function: (Float) -> Float) -> [Float] {
    var plane = [Float](repeating: 0, count: values.count)
    for y in marked.y..<marked.y + marked.height {
      for at in y * width + marked.x..<y * width + marked.x + marked.width {
        plane[at] = function(values[at])
      }
    }
    return plane
  }

  /// Shares of white, 0...1, with what the user should know.
  typealias Reading = (plane: [Float], notes: [String])

  /// The judgement of what is white.
  func read() -> Reading {
    let histogram = LevelHistogram(self)
    let levels = histogram.levels
    guard let darkest = levels.first, let brightest = levels.last else { return ([], []) }
    if levels.count == 1 {
      return (mapped { isWhole && $0 == 1 ? 1 : min($0 / white, 1) }, [])
    }
    if levels.count == 2, !isLossy {
      let plane = mapped { histogram.index($0) == brightest ? 1 : 0 }
      if darkest == 0 || kind != .greys { return (plane, []) }
      let (low, high) = (histogram.text(darkest), histogram.text(brightest))
      return (plane, ["its two levels \(low) and \(high) are taken for black and white"])
    }
    guard isWhole, !isLossy, white > 1, kind != .alpha else { return soft(histogram) }
    let areas = LevelAreas(self, histogram)
    if areLabels(histogram, areas) {
      let labels = levels.filter { $0 > 0 }.map { $0 / histogram.scale }
      return (
        mapped { $0 > 0 ? 1 : 0 },
        [kind == .greys ? LabelText.all(labels) : "all its shades are marked (--mask-colour chooses)"]
      )
    }
    var reading = soft(histogram)
    if kind == .greys, levels.count <= 10, areas.areAllFlat, areas.steps < areas.jumps {
      let greys = levels.dropFirst(darkest == 0 ? 1 : 0).dropLast().map { histogram.text($0) }
      reading.notes.append(
        "its grey \(LabelText.list(greys)) marks in part (were these labels, --mask-label would choose)")
    }
    return reading
  }

  /// Levels that stand side by side in areas of their own, none of which is nearly white, or which are too dark to be greys.
  private func areLabels(_ histogram: LevelHistogram, _ areas: LevelAreas) -> Bool {
    let brightest = histogram.levels.last!
    if white > 65535 || kind == .greys && brightest <= 31 * histogram.scale { return true }
    guard areas.flatShare >= 0.8, areas.steps < areas.jumps else { return false }
    if Float(brightest) < 0.97 * white * Float(histogram.scale) { return true }
    // A soft mask that was enlarged has areas as well, but many.
    guard areas.areAllFlat, histogram.levels.count <= 48 else { return false }
    return kind == .colours || areas.darkestFlat <= 20 * histogram.scale
  }

  private func soft(_ histogram: LevelHistogram) -> Reading {
    var (white, notes) = (white, [String]())
    // A picture of 10 or 12 bits in samples of 16.
    let brightest = Float(histogram.levels.last!) / Float(histogram.scale)
    if kind == .greys, isWhole, white == 65535, brightest <= 4095 {
      white = brightest <= 1023 ? 1023 : 4095
      notes.append(
        "its brightest level is \(Int(brightest)) of 65535, so that \(Int(white)) is taken for white")
    }
    if isLossy, brightest <= 0.032 * white {
      return (
        mapped { _ in 0 },
        ["its brightest level is \(Int(brightest)) of \(Int(white)), which compression with loss cannot keep"]
      )
    }
    if kind != .alpha, isTextured(white) {
      notes.append(
        "it looks like a photo, and marks in part wherever that is grey: are two files in the wrong order?")
    }
    let range: ClosedRange<Float> = isNoisy(white) ? 0.19...0.81 : isLossy ? 0.032...0.968 : 0...1
    let plane = mapped { value in
      let share = min(value / white, 1)
      if share <= range.lowerBound { return 0 }
      if share >= range.upperBound { return 1 }
      return range == 0.19...0.81 ? (share - 0.19) / 0.62 : share
    }
    return (plane, notes)
  }

  /// Whether most of it is grey, and much of that is rough, as in photos.
  private func isTextured(_ white: Float) -> Bool {
    var (grey, rough) = (0, 0)
    let near = marked.grown(by: 1, width: width, height: height)
    let columns = max(near.x, 1)..<max(min(near.x + near.width, width - 1), max(near.x, 1))
    for y in near.y..<near.y + near.height {
      for at in y * width + columns.lowerBound..<y * width + columns.upperBound {
        if values[at] > 0.1 * white, values[at] < 0.9 * white { grey += 1 }
        if abs(2 * values[at] - values[at - 1] - values[at + 1]) > 0.02 * white { rough += 1 }
      }
    }
    return 2 * grey > values.count && 10 * rough > values.count
  }

  /// Whether it has hard edges alone, and around them levels near black or near white that no drawing has.
  private func isNoisy(_ white: Float) -> Bool {
    var (edges, middle, stray) = (0, 0, 0)
    let (low, high) = (0.19 * white, 0.81 * white)
    let near = marked.grown(by: 1, width: width, height: height)
    for y in near.y..<near.y + near.height {
      for x in near.x..<near.x + near.width {
        let at = y * width + x
        let value = values[at]
        if value > low, value < high { middle += 1 }
        if x > 0, abs(value - values[at - 1]) > white / 2 { edges += 1 }
        if y > 0, abs(value - values[at - width]) > white / 2 { edges += 1 }
        guard x > 0, y > 0, x < width - 1, y < height - 1,
          value > 0 && value <= low || value >= high && value < white
        else { continue }
        let near = [values[at - 1], values[at + 1], values[at - width], values[at + width]]
        if near.allSatisfy({ value <= low ? $0 <= low : $0 >= high }) { stray += 1 }
      }
    }
    return edges > 0 && middle <= 3 * edges && (isLossy || 2 * stray >= edges)
  }
}
