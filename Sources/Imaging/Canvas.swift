import Glibc

/// An sRGB colour, opaque.
public struct Colour: Sendable, Equatable {
  let red, green, blue: Float

  /// - Parameter rgb: such as 0xFF8000.
  public init(_ rgb: UInt32) {
    func part(_ shift: UInt32) -> Float { Float(rgb >> shift & 255) / 255 }
    (red, green, blue) = (part(16), part(8), part(0))
  }
}

/// A picture that is drawn into. What lies outside is left out.
public struct Canvas: Sendable {
  public private(set) var image: FloatImage

  public var width: Int { image.width }
  public var height: Int { image.height }

  public init(width: Int, height: Int, _ background: Colour) {
    image = FloatImage(width: width, height: height, channels: 3)
    fill(x: 0, y: 0, width: width, height: height, background)
  }

  public mutating func fill(x: Int, y: Int, width: Int, height: Int, _ colour: Colour) {
    let area = Area(x: x, y: y, width: width, height: height).clipped(width: self.width, height: self.height)
    for row in area.y..<area.y + area.height {
      for column in area.x..<area.x + area.width { blend(column, row, colour, 1) }
    }
  }

  /// Draws an image of 3 channels with its upper left corner at (x, y).
  public mutating func draw(_ other: FloatImage, x: Int, y: Int) {
    let area = Area(x: x, y: y, width: other.width, height: other.height).clipped(
      width: width, height: height)
    for row in area.y..<area.y + area.height {
      let from = ((row - y) * other.width + area.x - x) * 3
      let to = (row * width + area.x) * 3
      image.pixels.replaceSubrange(
        to..<to + area.width * 3, with: other.pixels[from..<from + area.width * 3])
    }
  }

  /// Draws a line of text that starts at x, its top at y.
  public mutating func draw(_ text: TextLine, x: Int, y: Int, _ colour: Colour) {
    guard let ink = text.ink else { return }
    let (x, y) = (x + text.left, y + text.top)
    let area = Area(x: x, y: y, width: ink.width, height: ink.height).clipped(width: width, height: height)
    for row in area.y..<area.y + area.height {
      for column in area.x..<area.x + area.width {
        blend(column, row, colour, ink[column - x, row - y, 0])
      }
    }
  }

  /// Draws a line through points, antialiased, with round ends; (0, 0) is the corner of the first pixel.
  public mutating func stroke(_ points: [(x: Double, y: Double)], thickness: Double, _ colour: Colour) {
    guard let first = points.first else { return }
    let reach = thickness / 2 + 1
    let (left, right) = bounds(points.map(\.x), reach, width)
    let (top, bottom) = bounds(points.map(\.y), reach, height)
    guard left < right, top < bottom else { return }
    // How much of each pixel is covered; where parts of the line overlap it is not covered twice.
    let columns = right - left
    var coverage = [Float](repeating: 0, count: columns * (bottom - top))
    for (start, end) in zip([first] + points, points) {
      let (from, to) = bounds([start.x, end.x], reach, width)
      let (above, below) = bounds([start.y, end.y], reach, height)
      guard from < to, above < below else { continue }
      for y in above..<below {
        for x in from..<to {
          let distance = distance(from: (Double(x) + 0.5, Double(y) + 0.5), start, end)
          let covered = Float(min(max(thickness / 2 + 0.5 - distance, 0), 1))
          let at = (y - top) * columns + x - left
          coverage[at] = max(coverage[at], covered)
        }
      }
    }
    for y in top..<bottom {
      for x in left..<right { blend(x, y, colour, coverage[(y - top) * columns + x - left]) }
    }
  }

  private mutating func blend(_ x: Int, _ y: Int, _ colour: Colour, _ share: Float) {
    if share <= 0 { return }
    let at = (y * width + x) * 3
    image.pixels[at] += share * (colour.red - image.pixels[at])
    image.pixels[at + 1] += share * (colour.green - image.pixels[at + 1])
    image.pixels[at + 2] += share * (colour.blue - image.pixels[at + 2])
  }
}

/// The pixels along one axis that are not farther than `reach` from any of the places.
private func bounds(_ places: [Double], _ reach: Double, _ size: Int) -> (Int, Int) {
  let low = max(0, (places.min() ?? 0) - reach)
  let high = min(Double(size), (places.max() ?? 0) + reach)
  return low < high ? (Int(low), Int(high.rounded(.up))) : (0, 0)
}

private func distance(
  from point: (x: Double, y: Double), _ start: (x: Double, y: Double), _ end: (x: Double, y: Double)
) -> Double {
  let (dx, dy) = (end.x - start.x, end.y - start.y)
  let length = dx * dx + dy * dy
  let along =
    length > 0 ? min(max(((point.x - start.x) * dx + (point.y - start.y) * dy) / length, 0), 1) : 0
  return hypot(point.x - start.x - along * dx, point.y - start.y - along * dy)
}
