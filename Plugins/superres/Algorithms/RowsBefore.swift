import Glibc
import RTool

/// Rows of an image as they were before they are written to: a band of rows that moves down the image. What it has left
/// behind, and what lies within it, may be written to in the image; what lies below may not yet.
package struct RowsBefore {
  /// Row 0 is the image's row `top`.
  package let band: Image
  package var top: Int { rows.lowerBound }
  private var rows = 0..<0
  /// nil: the band is a copy of all of it, in which it need not move.
  private let image: Image?

  /// - Parameter band: as wide as the image, with room for the rows of each place.
  package init(_ image: Image, band: Image) { (self.image, self.band) = (image, band) }

  /// All rows at once, so that they may be asked for in any order.
  package init(whole copy: Image) { (image, band) = (nil, copy) }

  /// - Precondition: the rows begin no higher than those before, and fit into the band.
  package mutating func move(to next: Range<Int>) {
    guard let image else { return }
    precondition(next.lowerBound >= rows.lowerBound && next.count <= band.height)
    let kept = next.clamped(to: rows)
    func bytes(_ image: Image) -> Int { image.width * image.channels * MemoryLayout<Float>.stride }
    for y in kept {
      memmove(band.row(y - next.lowerBound), band.row(y - rows.lowerBound), bytes(band))
    }
    for y in next where !kept.contains(y) {
      memcpy(band.row(y - next.lowerBound), image.row(y), bytes(image))
    }
    rows = next
  }
}
