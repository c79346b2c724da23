import CVips

/// A line of text as it is drawn: how much of each pixel is inked.
public struct TextLine: Sendable {
  /// Pixels from the start of the line to the end of its ink.
  public var width: Int { left + (ink?.width ?? 0) }
  /// Where the ink lies beside the line's start and below its top.
  let left: Int, top: Int
  /// 1 channel; nil if there is nothing to see.
  let ink: FloatImage?

  /// The fonts that are looked for, in this order.
  private static let families = "Inter,Helvetica Neue,Noto Sans,DejaVu Sans,sans"

  /// Whether this libvips can draw text.
  public static var isSupported: Bool { TextLine("x", size: 12) != nil }

  /// - Parameter size: of the font, in pixels.
  /// nil where this libvips cannot draw text.
  public init?(_ text: String, size: Int, isBold: Bool = false) {
    let shown = text.filter { !$0.isNewline }
    var (x, y): (Int32, Int32) = (0, 0)
    if shown.contains(where: { !$0.isWhitespace }) {
      let font = "\(Self.families) \(isBold ? "Bold " : "")\(size)"
      guard (try? Imaging.load()) != nil,
        let image = try? NativeImage(cvips_text_line(markup(shown), font, &x, &y)),
        let ink = try? image.floats()
      else { return nil }
      self.ink = ink
    } else {
      ink = nil
    }
    (left, top) = (Int(x), Int(y))
  }

  /// The text, cut and ended by an ellipsis where it is wider than `width`.
  public init?(_ text: String, size: Int, isBold: Bool = false, fitting width: Int) {
    guard var line = TextLine(text, size: size, isBold: isBold) else { return nil }
    var count = text.count
    while line.width > width, count > 1 {
      // In one or two steps to about the right length.
      count = min(count - 1, max(1, count * width / line.width))
      guard let cut = TextLine("\(text.prefix(count))…", size: size, isBold: isBold) else { return nil }
      line = cut
    }
    self = line
  }
}

/// The text with what Pango would take for markup spelt out, and without characters it cannot take.
private func markup(_ text: String) -> String {
  var result = ""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "&": result += "&amp;"
    case "<": result += "&lt;"
    case ">": result += "&gt;"
    default:
      if scalar.properties.generalCategory == .control {
        result += " "
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
  }
  return result
}
