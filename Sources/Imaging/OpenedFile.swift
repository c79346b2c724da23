/// A file in memory that is opened several times, once for each of its frames say: what decodes an animation goes on where
/// it stands, and the file is hashed once. Not to be opened by two threads at once.
public final class OpenedFile: @unchecked Sendable {
  let bytes: [UInt8]
  let name: String
  private(set) lazy var decoder = Format(of: bytes).flatMap { FrameDecoder(bytes, $0) }
  private var knownDigest: String?

  init(_ bytes: [UInt8], name: String) { (self.bytes, self.name) = (bytes, name) }

  /// The SHA-256 of the bytes. Throws `libraryMissing`.
  func digest() throws(ImagingError) -> String {
    if let knownDigest { return knownDigest }
    let digest = try Imaging.digest(of: bytes)
    knownDigest = digest
    return digest
  }
}
