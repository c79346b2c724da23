import Imaging

/// The loss and the class probability of the ascents of a run over its steps.
struct LossPlot {
  static let leastWidth = 560
  static let height = 232

  private let points: [CoursePoint]
  private let losses: Axis
  private let steps: Axis

  /// nil: there is no line to draw.
  init?(_ points: [CoursePoint]) {
    self.points = points.filter(\.loss.isFinite)
    guard let losses = Axis(spanning: self.points.map(\.loss)), let last = self.points.last, last.step > 0
    else { return nil }
    self.losses = losses
    steps = Axis(from: 0, to: Double(last.step))
  }

  private var probabilities: [(ascent: Int, step: Int, value: Double)] {
    points.compactMap { point in
      point.probability.flatMap { $0.isFinite ? (point.ascent, point.step, $0) : nil }
    }
  }

  private static let labelSize = 11
  private static let titleSize = 12

  /// Draws the plot in a rectangle of `width` by `height`.
  func draw(on canvas: inout Canvas, x: Int, y: Int, width: Int) {
    let probabilities = probabilities
    let left = x + 48
    let right = x + width - (probabilities.isEmpty ? 8 : 48)
    let (top, bottom) = (y + 34, y + Self.height - 40)
    let area = PlotArea(left: left, right: right, top: top, bottom: bottom)

    for tick in losses.ticks(about: 4) {
      let height = area.y(losses.position(of: tick))
      canvas.fill(x: left, y: Int(height), width: right - left, height: 1, Palette.grid)
      canvas.write(
        significant(tick), size: Self.labelSize, .end, x: left - 8, middle: Int(height), Palette.loss)
    }
    canvas.fill(x: left, y: bottom, width: right - left, height: 1, Palette.axis)
    for tick in steps.ticks(about: max(3, (right - left) / 140)) where tick == tick.rounded() {
      let place = area.x(steps.position(of: tick))
      canvas.fill(x: Int(place), y: bottom, width: 1, height: 5, Palette.axis)
      canvas.write(
        significant(tick), size: Self.labelSize, .middle, x: Int(place), top: bottom + 8, Palette.faintText)
    }
    canvas.write(
      "step", size: Self.labelSize, .middle, x: (left + right) / 2, top: bottom + 25, Palette.faintText)

    if !probabilities.isEmpty {
      for tick in [0, 0.5, 1] {
        canvas.write(
          numberText(tick), size: Self.labelSize, .start, x: right + 8, middle: Int(area.y(tick)),
          Palette.probability)
      }
      curve(probabilities, on: &canvas, area, Palette.probability)
      canvas.write(
        "class probability" + course(of: probabilities), size: Self.titleSize, isBold: true, .end,
        x: x + width, top: y, Palette.probability)
    }
    let positions = points.map {
      (ascent: $0.ascent, step: $0.step, value: self.losses.position(of: $0.loss))
    }
    curve(positions, on: &canvas, area, Palette.loss)
    let values = points.map { (ascent: $0.ascent, step: $0.step, value: $0.loss) }
    let scale = losses.isLogarithmic ? " (log scale)" : ""
    canvas.write(
      "loss" + course(of: values) + scale, size: Self.titleSize, isBold: true, x: x, top: y, Palette.loss)
  }

  /// From the first value to the last, of one ascent: several may have followed different objectives.
  private func course(of values: [(ascent: Int, step: Int, value: Double)]) -> String {
    let (first, last) = (values[0], values[values.count - 1])
    if first.ascent == last.ascent { return "  \(significant(first.value)) → \(significant(last.value))" }
    return " of \(Set(values.map(\.ascent)).count) ascents"
  }

  /// A line for each ascent, with dots where it begins and ends. Values are in 0...1.
  private func curve(
    _ values: [(ascent: Int, step: Int, value: Double)], on canvas: inout Canvas, _ area: PlotArea,
    _ colour: Colour
  ) {
    var line: [(x: Double, y: Double)] = []
    for (index, value) in values.enumerated() {
      let place = (area.x(steps.position(of: Double(value.step))), area.y(value.value))
      let isFirst = line.isEmpty
      let isLast = index == values.count - 1 || values[index + 1].ascent != value.ascent
      line.append(place)
      if isFirst || isLast { canvas.stroke([place], thickness: 6.5, colour) }
      if isLast {
        canvas.stroke(line, thickness: 1.8, colour)
        line = []
      }
    }
  }
}
