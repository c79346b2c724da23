import CVips

/// Image processing: the library as a whole.
public enum Imaging {
  /// Starts loading libvips in the background, so that it is there when the first image is opened.
  /// To be called early, before the program starts other threads.
  public static func preload() { cvips_preload() }

  /// The number of threads that libvips may use; 0 leaves it to libvips (one per processor).
  public static func configure(threads: Int) { cvips_set_threads(Int32(clamping: max(threads, 0))) }

  /// Deletes the temporary files of all writes in progress. Async-signal-safe: for a handler of
  /// signals that end the program.
  public static func removePendingOutput() { pending_output_unlink_all() }

  /// Makes `removePendingOutput` in this process include those of children that are forked from now on.
  public static func sharePendingOutput() { _ = pending_output_share() }

  /// The SHA-256 of bytes, 64 hexadecimal digits. Throws `libraryMissing`.
  public static func digest(of bytes: UnsafeRawBufferPointer) throws(ImagingError) -> String {
    try load()
    guard let text = cvips_sha256(bytes.baseAddress, bytes.count) else {
      throw ImagingError(.failed, "the checksum cannot be computed")
    }
    defer { cvips_free(text) }
    return String(cString: text)
  }

  /// The SHA-256 of bytes, 64 hexadecimal digits. Throws `libraryMissing`.
  public static func digest(of bytes: [UInt8]) throws(ImagingError) -> String {
    try bytes.withUnsafeBufferPointer { buffer throws(ImagingError) in
      try digest(of: UnsafeRawBufferPointer(buffer))
    }
  }

  static func load() throws(ImagingError) {
    if let problem = cvips_load() { throw ImagingError(.libraryMissing, String(cString: problem)) }
  }
}
