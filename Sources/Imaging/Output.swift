import Glibc

/// Where an image goes.
public enum Output: Sendable, Equatable {
  /// A file. It is replaced at once when all is written, or stays as it was; symbolic links are followed.
  /// What is no regular file (a device, a pipe, /dev/stdout, /dev/fd/N) is written into.
  case file(String)
  /// A file that is not there yet. Where it is by the time that all is done, `exists` is thrown and it stays as it is.
  case newFile(String)
  case standardOutput

  /// Its name in messages.
  public var name: String {
    switch self {
    case .file(let path), .newFile(let path): path
    case .standardOutput: "standard output"
    }
  }
}

extension Output {
  /// Writes the file that `encode` makes, once it is known that it can go here. Its notes come back.
  func write(_ encode: () throws(ImagingError) -> EncodedImage) throws(ImagingError) -> [String] {
    let destination = try OutputTarget(self)
    let file: EncodedImage
    do throws(ImagingError) {
      file = try encode()
    } catch {
      throw ImagingError(error.kind, name, error.description)
    }
    try file.withUnsafeBytes { bytes throws(ImagingError) in try destination.write(bytes) }
    return file.notes
  }
}

extension ResultImage {
  /// Encodes the image and writes it. The sentences to tell the user come back.
  ///
  /// - Parameter format: nil takes it from the output's extension; where there is none to go by (standard
  ///   output, a device) it is the source's format if that can be written, else PNG.
  /// Throws what `encoded` throws, and `unwritable`, `diskFull` or `closedPipe`; then nothing has
  /// changed on disk.
  @discardableResult
  public func write(
    to output: Output, format: Format? = nil, options: WriteOptions = WriteOptions(),
    provenance: String? = nil
  ) throws(ImagingError) -> [String] {
    let chosen: Format
    if let format { chosen = format } else { chosen = try self.format(for: output) }
    return try output.write { () throws(ImagingError) in
      try encoded(as: chosen, options: options, provenance: provenance)
    }
  }

  private func format(for output: Output) throws(ImagingError) -> Format {
    if output != .standardOutput {
      let path = output.name
      if let format = Format(path: path) { return format }
      switch try OutputTarget(output).kind {
      case .replacing, .making:
        let endings = Format.written.flatMap(\.extensions).map { "." + $0 }.joined(separator: " ")
        throw ImagingError(.unsupported, path, "its ending names no format that can be written (\(endings))")
      case .device, .descriptor: break
      }
    }
    return sourceFormat.flatMap { Imaging.canWrite($0) ? $0 : nil } ?? .png
  }
}
