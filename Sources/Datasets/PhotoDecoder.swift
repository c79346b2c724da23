import Glibc
import Imaging

/// Turns the bytes of a file into what is kept of the photo, from several threads at once.
final class PhotoDecoder: @unchecked Sendable {
  /// What is longer than so many times the shorter side is cut to that, about the centre.
  private static let proportion = 3

  /// Pixels of the shorter side of what is kept.
  private let side: Int
  private let limits: Limits
  /// Held by all who decode, and by one alone who wants to know why it failed: libvips collects the reasons
  /// of all threads in one place.
  private let lock = UnsafeMutablePointer<pthread_rwlock_t>.allocate(capacity: 1)

  init(side: Int, limits: Limits) {
    self.side = side
    self.limits = limits
    var attributes = pthread_rwlockattr_t()
    pthread_rwlockattr_init(&attributes)
    pthread_rwlockattr_setkind_np(&attributes, Int32(PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP))
    pthread_rwlock_init(lock, &attributes)
    pthread_rwlockattr_destroy(&attributes)
  }

  deinit {
    pthread_rwlock_destroy(lock)
    lock.deallocate()
  }

  var maxBytes: Int { limits.maxBytes }

  func decode(_ bytes: [UInt8], _ place: Place) -> Result<(PhotoRecord, pixels: [UInt8]), ImagingError> {
    pthread_rwlock_rdlock(lock)
    let first = attempt(bytes, place)
    pthread_rwlock_unlock(lock)
    if case .success = first { return first }
    pthread_rwlock_wrlock(lock)
    defer { pthread_rwlock_unlock(lock) }
    return attempt(bytes, place)
  }

  private func attempt(_ bytes: [UInt8], _ place: Place) -> Result<
    (PhotoRecord, pixels: [UInt8]), ImagingError
  > {
    Result { () throws(ImagingError) in
      let source = try SourceImage.open(.bytes(bytes, name: place.shown), limits: limits, digest: true)
      let photo = try source.photo(shorterSide: side, proportion: Self.proportion)
      guard let digest = source.digest.flatMap(Digest.init(hexadecimal:)) else {
        throw ImagingError(.failed, "\(place.shown): its checksum cannot be computed")
      }
      let hash = photo.values.withUnsafeBufferPointer {
        PerceptualHash.of($0, width: photo.width, height: photo.height)
      }
      let record = PhotoRecord(
        name: place.name, width: photo.width, height: photo.height, originalWidth: source.width,
        originalHeight: source.height, digest: digest, perceptualHash: hash, offset: 0)
      return (record, photo.values)
    }
  }
}
