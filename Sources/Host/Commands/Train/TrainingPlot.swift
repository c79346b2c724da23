import Glibc
import Imaging

/// How a training went, from its log: accuracies above, the loss below, over the passes over the data.
struct TrainingPlot {
  static let width = 1200
  static let height = 800

  private let rows: [TrainingLogRow]
  private let title, subtitle: String
  private let epochs: Axis
  /// The last few of the rows with a note.
  private let noted: [TrainingLogRow]

  private static let mostNotes = 3

  /// - Parameters:
  ///   - title: the model's name.
  ///   - subtitle: what it was trained with, on one line.
  /// nil: there is no line to draw.
  init?(_ rows: [TrainingLogRow], title: String, subtitle: String = "") {
    let rows = rows.filter { $0.epoch.isFinite }
    guard let last = rows.map(\.epoch).max(), last > 0, rows.count > 1 else { return nil }
    (self.rows, self.title, self.subtitle) = (rows, title, subtitle)
    epochs = Axis(from: 0, to: last)
    noted = rows.filter { $0.note?.isEmpty == false }.suffix(Self.mostNotes)
  }

  private var trainingName: String {
    rows.contains { $0.eps > 0 } ? "training photos, attacked" : "training photos"
  }

  private struct Series {
    let name: String
    let colour: Colour
    let thickness: Double
    let hasDots: Bool
    let points: [(epoch: Double, value: Double)]
  }

  private static let margin = 36
  private static let labelSize = 14
  private static let left = 92
  private static let right = width - 44

  func drawn() -> FloatImage {
    var canvas = Canvas(width: Self.width, height: Self.height, Palette.background)
    canvas.write(title, size: 22, isBold: true, x: Self.margin, top: 24, Palette.text)
    if let line = TextLine(subtitle, size: Self.labelSize, fitting: Self.width - 2 * Self.margin) {
      canvas.draw(line, x: Self.margin, y: 57, Palette.faintText)
    }
    let bottom = Self.height - 72 - (noted.isEmpty ? 0 : noted.count * 22 + 10)
    let top = 138
    let middle = top + (bottom - top) * 64 / 100
    let upper = PlotArea(left: Self.left, right: Self.right, top: top, bottom: middle)
    let lower = PlotArea(left: Self.left, right: Self.right, top: middle + 66, bottom: bottom)
    drawAccuracies(on: &canvas, upper)
    drawLoss(on: &canvas, lower)
    drawNotes(on: &canvas, top: bottom + 58)
    return canvas.image
  }

  // MARK: Panels

  private func drawAccuracies(on canvas: inout Canvas, _ area: PlotArea) {
    let series = [
      Series(
        name: "held-out photos", colour: Palette.loss, thickness: 2.6, hasDots: true,
        points: measured(\.cleanAccuracy)),
      Series(
        name: "held-out, attacked", colour: Palette.probability, thickness: 2.6, hasDots: true,
        points: measured(\.robustAccuracy)),
      Series(
        name: "held-out, one attack step", colour: Colour(0x9A7FB8), thickness: 1.6, hasDots: false,
        points: measured(\.oneStepAccuracy)),
      Series(
        name: trainingName, colour: Colour(0x9DB4A5), thickness: 1.6, hasDots: false,
        points: thinned(\.trainAccuracy)),
    ].filter { !$0.points.isEmpty }
    // The next tenth above all of them.
    let highest = series.flatMap { $0.points.map(\.value) }.max() ?? 1
    let axis = Axis(from: 0, to: min(1, max(0.2, (highest * 10 + 0.3).rounded(.up) / 10)))
    let ticks = axis.ticks(about: 6)
    frame(on: &canvas, area, axis, ticks) { "\(Int(($0 * 100).rounded())) %" }
    drawSizes(on: &canvas, area, isNamed: true)
    for row in noted {
      let place = (area.x(epochs.position(of: row.epoch)), Double(area.bottom))
      canvas.stroke([place], thickness: 7, Palette.faintText)
    }
    for one in series.reversed() { draw(one, on: &canvas, area, axis) }
    drawBest(on: &canvas, area, axis)
    legend(series, "accuracy", on: &canvas, top: area.top - 40)
  }

  private func drawLoss(on canvas: inout Canvas, _ area: PlotArea) {
    let points = thinned(\.loss)
    guard let axis = Axis(spanning: points.map(\.value)) else { return }
    frame(on: &canvas, area, axis, axis.ticks(about: 4), significant)
    drawSizes(on: &canvas, area, isNamed: false)
    let loss = Series(
      name: trainingName, colour: Colour(0x4F7F66), thickness: 1.8, hasDots: false,
      points: points)
    draw(loss, on: &canvas, area, axis)
    legend([loss], axis.isLogarithmic ? "loss (log scale)" : "loss", on: &canvas, top: area.top - 34)

    for tick in epochs.ticks(about: 10) {
      let place = Int(area.x(epochs.position(of: tick)))
      canvas.fill(x: place, y: area.bottom, width: 1, height: 6, Palette.axis)
      canvas.write(
        significant(tick), size: Self.labelSize, .middle, x: place, top: area.bottom + 9, Palette.faintText)
    }
    canvas.write(
      "passes over the training photos", size: Self.labelSize, .middle, x: (area.left + area.right) / 2,
      top: area.bottom + 30, Palette.faintText)
  }

  private func frame(
    on canvas: inout Canvas, _ area: PlotArea, _ axis: Axis, _ ticks: [Double], _ text: (Double) -> String
  ) {
    for tick in ticks {
      let y = Int(area.y(axis.position(of: tick)).rounded())
      canvas.fill(x: area.left, y: y, width: area.right - area.left, height: 1, Palette.grid)
      canvas.write(text(tick), size: Self.labelSize, .end, x: area.left - 12, middle: y, Palette.faintText)
    }
    canvas.fill(x: area.left, y: area.bottom, width: area.right - area.left, height: 1, Palette.axis)
  }

  /// What the lines are, behind the name of what they show.
  private func legend(_ series: [Series], _ name: String, on canvas: inout Canvas, top: Int) {
    var x = Self.margin
    x += canvas.write(name, size: 15, isBold: true, x: x, top: top, Palette.text) + 28
    for one in series {
      let y = Double(top) + 10.5
      canvas.stroke([(Double(x), y), (Double(x + 24), y)], thickness: one.thickness + 0.6, one.colour)
      if one.hasDots { canvas.stroke([(Double(x + 12), y)], thickness: 8, one.colour) }
      x += 34
      x += canvas.write(one.name, size: Self.labelSize, x: x, top: top + 1, Palette.text) + 26
    }
  }

  private func draw(_ series: Series, on canvas: inout Canvas, _ area: PlotArea, _ axis: Axis) {
    let line = series.points.map {
      (x: area.x(epochs.position(of: $0.epoch)), y: area.y(axis.position(of: $0.value)))
    }
    // A long line in pieces, so that none has to look at the whole plot.
    for first in stride(from: 0, to: line.count, by: 32) {
      canvas.stroke(
        Array(line[first..<min(first + 33, line.count)]), thickness: series.thickness, series.colour)
    }
    if series.hasDots, line.count <= 80 {
      for point in line { canvas.stroke([point], thickness: 6.5, series.colour) }
    }
  }

  /// The measurement with the highest accuracy under attack, whose weights are kept.
  private func drawBest(on canvas: inout Canvas, _ area: PlotArea, _ axis: Axis) {
    let measured = rows.filter { $0.robustAccuracy?.isFinite == true }
    guard let best = measured.max(by: { $0.robustAccuracy! < $1.robustAccuracy! }) else { return }
    let x = area.x(epochs.position(of: best.epoch))
    for (value, colour) in [
      (best.cleanAccuracy, Palette.loss), (best.robustAccuracy, Palette.probability),
    ] {
      guard let value, value.isFinite else { continue }
      let y = area.y(axis.position(of: value))
      canvas.stroke([(x, y)], thickness: 15, colour)
      canvas.stroke([(x, y)], thickness: 10, Palette.background)
      canvas.stroke([(x, y)], thickness: 6.5, colour)
      guard let text = TextLine(percent(value), size: 15, isBold: true) else { continue }
      let start = min(max(Int(x) - text.width / 2, area.left + 4), area.right - text.width)
      canvas.fill(x: start - 4, y: Int(y) - 31, width: text.width + 8, height: 20, Palette.background)
      canvas.draw(text, x: start, y: Int(y) - 32, colour)
    }
  }

  /// Where another size of images begins.
  private func drawSizes(on canvas: inout Canvas, _ area: PlotArea, isNamed: Bool) {
    var changes: [(x: Int, size: Int)] = []
    for row in rows where row.size != changes.last?.size {
      changes.append((changes.isEmpty ? area.left : Int(area.x(epochs.position(of: row.epoch))), row.size))
    }
    guard changes.count > 1 else { return }
    for (index, change) in changes.enumerated() {
      if index > 0 { dashes(on: &canvas, x: change.x, area) }
      let end = index + 1 < changes.count ? changes[index + 1].x : area.right
      guard isNamed, let text = TextLine("\(change.size) px", size: 12), text.width + 12 < end - change.x
      else {
        continue
      }
      canvas.draw(text, x: change.x + 7, y: area.top + 1, Palette.faintText)
    }
  }

  private func dashes(on canvas: inout Canvas, x: Int, _ area: PlotArea) {
    for y in stride(from: area.top, to: area.bottom, by: 7) {
      canvas.fill(x: x, y: y, width: 1, height: min(4, area.bottom - y), Palette.axis)
    }
  }

  private func drawNotes(on canvas: inout Canvas, top: Int) {
    for (index, row) in noted.enumerated() {
      let text = "after \(significant(row.epoch)) passes: \(row.note ?? "")"
      guard let line = TextLine(text, size: 13, fitting: Self.right - Self.left) else { return }
      canvas.stroke(
        [(Double(Self.left - 14), Double(top + index * 22) + 9.5)], thickness: 7, Palette.faintText)
      canvas.draw(line, x: Self.left, y: top + index * 22, Palette.faintText)
    }
  }

  // MARK: Values

  private func measured(_ value: (TrainingLogRow) -> Double?) -> [(epoch: Double, value: Double)] {
    rows.compactMap { row in value(row).flatMap { $0.isFinite ? (row.epoch, $0) : nil } }
  }

  /// Means over so short stretches that the eye cannot tell them.
  private func thinned(_ value: (TrainingLogRow) -> Double) -> [(epoch: Double, value: Double)] {
    let points = measured(value)
    let most = 500
    if points.count <= most { return points }
    return (0..<most).map { part in
      let piece = points[points.count * part / most..<points.count * (part + 1) / most]
      let sum = piece.reduce((0, 0)) { ($0.0 + $1.epoch, $0.1 + $1.value) }
      return (sum.0 / Double(piece.count), sum.1 / Double(piece.count))
    }
  }
}

/// A share in percent, with one decimal; a dash for what is no number.
func percent(_ share: Double) -> String {
  guard share.isFinite, abs(share) < 1e6 else { return "–" }
  let tenths = Int((share * 1000).rounded())
  return "\(tenths / 10).\(tenths % 10) %"
}
