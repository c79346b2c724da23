import Imaging

/// Where the lines of a plot are.
struct PlotArea {
  let left, right, top, bottom: Int

  /// - Parameter share: 0 at the left end, 1 at the right one.
  func x(_ share: Double) -> Double { Double(left) + share * Double(right - left) }
  /// - Parameter share: 0 at the bottom, 1 at the top.
  func y(_ share: Double) -> Double { Double(bottom) - share * Double(bottom - top) }
}

/// Which part of a text stands at its x.
enum TextAnchor {
  case start, middle, end
}

extension Canvas {
  /// Draws a line of text with its top at y. Nothing is drawn where libvips cannot draw text.
  /// - Returns: the width of the text.
  @discardableResult
  mutating func write(
    _ text: String, size: Int, isBold: Bool = false, _ anchor: TextAnchor = .start, x: Int, top: Int,
    _ colour: Colour
  ) -> Int {
    guard let line = TextLine(text, size: size, isBold: isBold) else { return 0 }
    let start =
      switch anchor {
      case .start: x
      case .middle: x - line.width / 2
      case .end: x - line.width
      }
    draw(line, x: start, y: top, colour)
    return line.width
  }

  /// Draws a number with the middle of its digits at y.
  mutating func write(
    _ text: String, size: Int, _ anchor: TextAnchor, x: Int, middle y: Int, _ colour: Colour
  ) {
    // From the top of a line to the middle of its digits.
    write(text, size: size, anchor, x: x, top: y - (size * 8 + 5) / 11, colour)
  }
}
