import Imaging

/// Pictures side by side with captions, and perhaps a plot below.
struct ContactSheet {
  struct Picture {
    let image: Thumbnail
    let caption: String
  }

  /// A picture is shown at most so large.
  static let longestSide = 1024

  private let rows: [[Picture]]
  private let plot: LossPlot?
  /// What each picture is made to fit into.
  private let box: (width: Double, height: Double)
  /// Whether the columns of all rows have one width.
  private let isGrid: Bool

  private static let margin = 32
  private static let gap = 20
  private static let captionGap = 9
  private static let captionSize = 13
  private static let captionHeight = 17
  /// A small picture is enlarged by no more than this.
  private static let largestFactor = 2.0

  /// The side of the square that each of many pictures gets.
  static func cellSide(pictures count: Int) -> Int {
    let columns = columns(pictures: count)
    return columns <= 2 ? 384 : max(24, min(256, 4096 / columns))
  }

  /// Somewhat more columns than rows; so many that the last row is as full as can be.
  private static func columns(pictures count: Int) -> Int {
    let least = Int(Double(count).squareRoot().rounded(.up))
    let most = Int((2 * Double(count)).squareRoot().rounded(.up))
    let missing = (least...max(least, most)).map { (columns: $0, cells: ($0 - count % $0) % $0) }
    return missing.min { $0.cells < $1.cells }!.columns
  }

  /// - Parameter columns: nil: as many as look well.
  static func grid(of pictures: [Picture], columns: Int? = nil) -> ContactSheet {
    let columns = columns ?? Self.columns(pictures: pictures.count)
    let side = Double(cellSide(pictures: pictures.count))
    let rows = stride(from: 0, to: pictures.count, by: columns).map {
      Array(pictures[$0..<min($0 + columns, pictures.count)])
    }
    return ContactSheet(rows: rows, plot: nil, box: (side, side), isGrid: true)
  }

  /// One row of pictures of equal height.
  static func strip(of pictures: [Picture], plot: LossPlot?) -> ContactSheet {
    let widest = 2.2
    let widths = pictures.map { min(widest, Double($0.image.width) / Double($0.image.height)) }
    let room = Double(1536 - gap * (pictures.count - 1)) / widths.reduce(0, +)
    let height = min(pictures.count <= 2 ? 512 : 256, room).rounded(.down)
    return ContactSheet(rows: [pictures], plot: plot, box: (widest * height, height), isGrid: false)
  }

  func drawn() throws -> FloatImage {
    let sizes = rows.map { $0.map { size(of: $0.image) } }
    let column = sizes.joined().map(\.width).max() ?? 0
    let widths = sizes.map { row in row.map { isGrid ? column : max($0.width, 64) } }
    let heights = sizes.map { row in row.map(\.height).max() ?? 0 }
    let rowWidths = widths.map { $0.reduce(0, +) + Self.gap * ($0.count - 1) }
    let content = max(rowWidths.max() ?? 0, plot == nil ? 0 : LossPlot.leastWidth)
    let below = Self.captionGap + Self.captionHeight
    let pictures = heights.reduce(0) { $0 + $1 + below } + Self.gap * (rows.count - 1)
    let plotHeight = plot == nil ? 0 : Self.gap + LossPlot.height

    var canvas = Canvas(
      width: content + 2 * Self.margin, height: pictures + plotHeight + 2 * Self.margin - 4,
      Palette.background)
    var y = Self.margin
    for (row, pictures) in rows.enumerated() {
      // A grid's last row begins where the others do; what is narrower than the plot stands in the middle.
      var x = Self.margin + (content - (rowWidths.max() ?? 0)) / 2
      for (index, picture) in pictures.enumerated() {
        let (size, width) = (sizes[row][index], widths[row][index])
        try draw(picture, size, on: &canvas, x: x, y: y, width: width, height: heights[row])
        x += width + Self.gap
      }
      y += heights[row] + below + Self.gap
    }
    plot?.draw(on: &canvas, x: Self.margin, y: y, width: content)
    return canvas.image
  }

  private func draw(
    _ picture: Picture, _ size: (width: Int, height: Int), on canvas: inout Canvas, x: Int, y: Int,
    width: Int, height: Int
  ) throws {
    let image = try picture.image.image.resized(width: size.width, height: size.height, kernel: .cubic)
    canvas.draw(image, x: x + (width - size.width) / 2, y: y + (height - size.height) / 2)
    let room = width + Self.gap / 2
    guard let caption = TextLine(picture.caption, size: Self.captionSize, fitting: room) else { return }
    canvas.draw(
      caption, x: x + (width - caption.width) / 2, y: y + height + Self.captionGap, Palette.text)
  }

  private func size(of image: Thumbnail) -> (width: Int, height: Int) {
    let (width, height) = (Double(image.width), Double(image.height))
    let factor = min(box.width / width, box.height / height, Self.largestFactor)
    return (max(1, Int((width * factor).rounded())), max(1, Int((height * factor).rounded())))
  }
}

/// The colours of a sheet.
enum Palette {
  static let background = Colour(0xFFFFFF)
  static let text = Colour(0x444444)
  static let faintText = Colour(0x777777)
  static let axis = Colour(0xC4C4C4)
  static let grid = Colour(0xECECEC)
  static let loss = Colour(0x2B5C8A)
  static let probability = Colour(0xC4671F)
}
