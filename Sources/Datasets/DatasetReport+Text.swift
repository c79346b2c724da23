extension DatasetReport {
  /// The report to be read, lines without a line end. Of each kind of trouble so many cases are shown.
  public func lines(most: Int = 10) -> [String] {
    var lines = classTable
    lines.append("")
    lines.append(
      "\(photos) photos of \(classes.count) classes; "
        + "the largest class has \(rounded(balance)) times as many as the smallest."
    )
    lines.append(
      "Pixels: \(text(sizes.smallest)) to \(text(sizes.largest)), median \(text(sizes.median)); "
        + "\(sizes.small) photos are smaller than what is kept of others.")
    if !unknownTestClasses.isEmpty {
      lines.append(
        "Classes of the test photos that are not trained on: \(unknownTestClasses.joined(separator: ", ")).")
    }
    lines += section("files were left out", problems, most) { [$0] }
    lines += section("groups of photos are the same file", copies.filter(\.areExact), most, names)
    lines += section("groups of photos look the same", copies.filter { !$0.areExact }, most, names)
    lines += section("of all these groups are in different classes", conflicts, most, names)
    lines += section("of all these groups are trained on and measured on as well", leaks, most, names)
    return lines
  }

  private var classTable: [String] {
    let width = max(5, classes.map(\.name.count).max() ?? 0)
    let hasTest = classes.contains { $0.test != nil }
    func row(_ name: String, _ cells: [String]) -> String {
      name.padded(to: width) + cells.map { $0.padded(to: 11, atStart: true) }.joined()
    }
    return [row("class", ["photos", "training", "selection", "report"] + (hasTest ? ["test"] : []))]
      + classes.map { line in
        let numbers =
          [line.photos, line.training, line.selection, line.report] + (line.test.map { [$0] } ?? [])
        return row(line.name, numbers.map(String.init))
      }
  }

  private func section<Case>(_ title: String, _ cases: [Case], _ most: Int, _ lines: (Case) -> [String])
    -> [String]
  {
    if cases.isEmpty { return [] }
    var out = ["", "\(cases.count) \(title):"] + cases.prefix(most).flatMap(lines).map { "  " + $0 }
    if cases.count > most { out.append("  ... and \(cases.count - most) more") }
    return out
  }

  private func names(_ copies: Copies) -> [String] {
    let shown = copies.photos.prefix(4).map { "\($0.name) (\($0.part))" }.joined(separator: ", ")
    return [copies.photos.count > 4 ? "\(shown) and \(copies.photos.count - 4) more" : shown]
  }

  private func text(_ size: Size) -> String { "\(size.width)x\(size.height)" }

  private func rounded(_ value: Double) -> String {
    let tenths = Int((value * 10).rounded())
    return "\(tenths / 10).\(tenths % 10)"
  }
}

extension String {
  fileprivate func padded(to width: Int, atStart: Bool = false) -> String {
    let room = String(repeating: " ", count: max(0, width - count))
    return atStart ? room + self : self + room
  }
}
