/// Text for people.
public enum Text {
  /// A number with so many digits after the point.
  public static func fixed(_ number: Double, _ digits: Int) -> String {
    guard number.isFinite else { return number.isNaN ? "nan" : number < 0 ? "-inf" : "inf" }
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let scaled = (abs(number) * scale).rounded()
    guard scaled < 9e15 else { return "\(number)" }
    let all = String(Int(scaled))
    let padded = String(repeating: "0", count: max(digits + 1 - all.count, 0)) + all
    let sign = number < 0 && scaled > 0 ? "-" : ""
    return sign + padded.dropLast(digits) + (digits > 0 ? "." + padded.suffix(digits) : "")
  }

  /// A share as a percentage: 0.123 is "12.3 %".
  public static func percent(_ share: Double) -> String { fixed(100 * share, 1) + " %" }

  /// Rows with their columns aligned: to the right where `right` names the column, else to the left.
  public static func table(_ rows: [[String]], right: Set<Int> = [], indent: Int = 0) -> String {
    var widths: [Int] = []
    for row in rows {
      for (column, cell) in row.enumerated() {
        if column == widths.count { widths.append(0) }
        widths[column] = max(widths[column], cell.count)
      }
    }
    var text = ""
    for row in rows {
      var line = String(repeating: " ", count: indent)
      for (column, cell) in row.enumerated() {
        let gap = String(repeating: " ", count: widths[column] - cell.count)
        line += (column > 0 ? "  " : "") + (right.contains(column) ? gap + cell : cell + gap)
      }
      while line.last == " " { line.removeLast() }
      text += line + "\n"
    }
    return text
  }

  /// `text` with control characters spelt out: a file's name must not command a terminal.
  public static func printable(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator: result += scalar.escaped(asASCII: true)
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
