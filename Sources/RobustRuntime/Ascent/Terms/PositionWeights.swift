/// How much each position of a layer weighs: the mean of a region over the pixels that the position stands
/// for.
struct PositionWeights {
  private let region: Region?
  private let layer: Shape
  /// Pixels for one position, along one side; 0: pooled.
  private let reduction: Int
  /// The extents of the image as the network sees it, of which the region may be a part.
  private let height, width: Int
  /// The weights for one image: [row][column].
  private(set) var values: [Float]
  private(set) var sum: Double
  private var current: (image: Int, view: View)?

  init(region: Region?, layer: Shape, reduction: Int, height: Int, width: Int) {
    (self.region, self.layer, self.reduction) = (region, layer, reduction)
    (self.height, self.width) = (height, width)
    values = [Float](repeating: 1, count: layer.height * layer.width)
    sum = Double(values.count)
  }

  /// Computes the weights for an image as a view shows it.
  mutating func update(image: Int, view: View) {
    guard let region else { return }
    let image = region.count == 1 ? 0 : image
    if let current, current == (image, view) { return }
    current = (image, view)
    let first = image * region.height * region.width
    let seenRows = view.rows(height, of: region.height).map { first + $0.nearest * region.width }
    let seenColumns = view.columns(width, of: region.width).map(\.nearest)
    sum = 0
    for y in 0..<layer.height {
      let rows = pixels(of: y, height)
      for x in 0..<layer.width {
        let columns = pixels(of: x, width)
        var total = 0.0
        for row in rows {
          for column in columns { total += Double(region.values[seenRows[row] + seenColumns[column]]) }
        }
        let mean = total / Double(rows.count * columns.count)
        values[y * layer.width + x] = Float(mean)
        sum += mean
      }
    }
  }

  private func pixels(of position: Int, _ length: Int) -> Range<Int> {
    if reduction == 0 { return 0..<length }
    let first = min(position * reduction, length - 1)
    return first..<min(first + reduction, length)
  }
}
