import Glibc
import RTool

/// Rows of an image as they were before they are written to: a band of rows that moves down the image. What it has left
/// behind, and what lies within it, may be written to in the image; what lies below may not yet.
package struct RowsBefore {
  /// Row 0 is the image's row `rows.lowerBound`.
  package let band: Image
  package private(set) var rows = 0..<0
  private let image: Image

  /// - Parameter band: as wide as the image, with room for the rows of each place.
  package init(_ image: Image, band: Image) { (self.image, self.band) = (image, band) }

  /// - Precondition: the rows begin no higher than those before, and fit into the band.
  package mutating func move(to next: Range<Int>) {
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
