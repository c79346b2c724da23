/// What `rtool evaluate` found, as tables for people.
struct EvaluationTable {
  private let report: EvaluationReport
  private let options: EvaluationOptions

  init(_ report: EvaluationReport, _ options: EvaluationOptions) {
    (self.report, self.options) = (report, options)
  }

  var text: String {
    var blocks = [heading + Self.table(summary)]
    for model in report.models {
      if options.listsClasses { blocks.append("\(title(model))\n" + Self.table(classes(model))) }
      if options.listsConfusion {
        blocks.append("\(title(model)), as they are\n" + confusion(model.cleanConfusion))
        for attack in model.attacks {
          blocks.append("\(title(model)), \(column(attack.eps))\n" + confusion(attack.confusion))
        }
      }
    }
    return blocks.joined(separator: "\n")
  }

  private func title(_ model: EvaluationReport.Model) -> String { Terminal.printable(model.name) }
  private func column(_ eps: Double) -> String { "\(report.norm) \(Self.rounded(eps, 10_000))" }

  private var heading: String {
    var parts = ["\(report.models.first?.clean.photos ?? 0) photos of \(report.classes.count) classes"]
    if report.part != "all" {
      parts.append("part \(report.part) (\(numberText(report.heldOut)) held out)")
    }
    if let attack = report.attack {
      let loss = report.loss.map { " (\($0))" } ?? ""
      parts.append(
        "\(attack)\(loss) of \(report.steps) steps, \(report.restarts) start\(report.restarts == 1 ? "" : "s")"
      )
    }
    return parts.joined(separator: ", ") + "\naccuracy in %, with its interval of 95 % confidence\n"
  }

  /// A model on each line.
  private var summary: [[String]] {
    [["model", "px", "clean"] + report.eps.map(column)]
      + report.models.map { model in
        [title(model), "\(model.size)", Self.cell(model.clean)]
          + model.attacks.map { Self.cell($0.accuracy) }
      }
  }

  private func classes(_ model: EvaluationReport.Model) -> [[String]] {
    [["class", "photos", "clean"] + report.eps.map(column)]
      + model.classes.map { row in
        [Terminal.printable(row.name), "\(row.clean.photos)", Self.cell(row.clean)]
          + row.attacks.map(Self.cell)
      }
  }

  /// What the photos of a class are taken for; where most are right, the others can be seen.
  private func confusion(_ counts: [[Int]]) -> String {
    var rows = [["", ""] + counts.indices.map { "\($0)" }]
    for (label, row) in counts.enumerated() {
      rows.append(
        [Terminal.printable(report.classes[label]), "\(label)"] + row.map { $0 == 0 ? "." : "\($0)" })
    }
    return Self.table(rows)
  }

  /// 54.2 (51.6-56.8)
  private static func cell(_ accuracy: EvaluationReport.Accuracy) -> String {
    guard accuracy.photos > 0 else { return "-" }
    func percent(_ share: Double) -> String {
      let tenths = Int((share * 1000).rounded())
      return "\(tenths / 10).\(tenths % 10)"
    }
    return
      "\(percent(accuracy.accuracy)) (\(percent(accuracy.interval[0]))-\(percent(accuracy.interval[1])))"
  }

  private static func rounded(_ value: Double, _ places: Double) -> String {
    numberText((value * places).rounded() / places)
  }

  /// The first column to the left, the others to the right.
  private static func table(_ rows: [[String]]) -> String {
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { c in rows.map { c < $0.count ? $0[c].count : 0 }.max() ?? 0 }
    return rows.map { row in
      let cells = row.enumerated().map { c, cell in
        let pad = String(repeating: " ", count: widths[c] - cell.count)
        return c == 0 ? cell + pad : pad + cell
      }
      return cells.joined(separator: "  ") + "\n"
    }.joined()
  }
}
