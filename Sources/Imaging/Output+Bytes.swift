extension Output {
  /// Writes the bytes of a finished file, all or none of them. Throws `unwritable`, `diskFull` or `closedPipe`.
  public func write(_ bytes: [UInt8]) throws(ImagingError) {
    let destination = try OutputTarget(self)
    try bytes.withUnsafeBufferPointer { buffer throws(ImagingError) in
      try destination.write(UnsafeRawBufferPointer(buffer))
    }
  }
}
