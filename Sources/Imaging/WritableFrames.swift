/// Several images that become one file.
public protocol WritableFrames: Sendable {
  func encoded(as format: Format, options: WriteOptions, provenance: String?) throws(ImagingError)
    -> EncodedImage
}

extension WritableFrames {
  /// Encodes all and writes them. The sentences to tell the user come back.
  ///
  /// Throws what `encoded` throws, and `unwritable`, `diskFull` or `closedPipe`; then nothing has
  /// changed on disk.
  @discardableResult
  public func write(
    to output: Output, format: Format, options: WriteOptions = WriteOptions(), provenance: String? = nil
  ) throws(ImagingError) -> [String] {
    try output.write { () throws(ImagingError) in
      try encoded(as: format, options: options, provenance: provenance)
    }
  }
}
