import Imaging

/// Images in rows, each in a cell as large as the largest.
///
/// - Parameter cells: row after row.
func sideBySide(_ cells: [(caption: String, image: FloatImage)], columns: Int) -> FloatImage {
  let margin = 8
  let width = cells.map(\.image.width).max()! + margin
  let height = cells.map(\.image.height).max()! + margin
  let rows = (cells.count + columns - 1) / columns
  var sheet = FloatImage(
    width: margin + columns * width, height: margin + rows * height, channels: 3, filledWith: 1)
  for (index, cell) in cells.enumerated() {
    let (left, top) = (margin + index % columns * width, margin + index / columns * height)
    for y in 0..<cell.image.height {
      let from = y * cell.image.width * 3
      let to = ((top + y) * sheet.width + left) * 3
      sheet.pixels.replaceSubrange(
        to..<to + cell.image.width * 3, with: cell.image.pixels[from..<from + cell.image.width * 3])
    }
  }
  return sheet
}
