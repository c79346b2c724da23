/// What the index of a cache tells of one photo.
struct PhotoRecord: Equatable, Sendable {
  /// CLASS/NAME.
  var name: String
  var classIndex = 0
  /// Pixels across and down in the cache.
  var width: Int, height: Int
  /// Pixels of the photo itself, upright.
  var originalWidth: Int, originalHeight: Int
  /// The digest of the photo's file.
  var digest: Digest
  var perceptualHash: UInt64
  /// Where its pixels begin in the cache.
  var offset: Int

  var byteCount: Int { 3 * width * height }
}
