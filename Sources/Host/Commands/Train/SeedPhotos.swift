import Datasets
import RobustRuntime

extension SeedEstimation {
  /// Photos of a class that its seeds are made of, at most.
  private static let mostPhotos = 1500

  /// The seeds of a class from photos.
  /// - Parameter isOfClass: which labels count.
  /// - Throws: `Failure.interrupted`, `RuntimeError` as of `mixture(ofClass:photos:)`
  func mixture(
    ofClass index: Int, in part: PhotoPart, where isOfClass: (_ label: Int) -> Bool
  ) throws -> SeedMixture {
    if Interrupt.isRequested { throw Failure.interrupted }
    let places = part.indices.indices.filter { isOfClass(part.labels[$0]) }.prefix(Self.mostPhotos)
    let stride = 3 * side * side
    var pixels = [Float](repeating: 0, count: places.count * stride)
    pixels.withUnsafeMutableBufferPointer { buffer in
      for (k, place) in places.enumerated() {
        part.photos.withPhoto(part.indices[place]) {
          Augmentation.plain($0, size: side, out: buffer.baseAddress! + k * stride)
        }
      }
    }
    return try pixels.withUnsafeBufferPointer { try mixture(ofClass: index, photos: $0) }
  }
}
