import CVips

/// Decodes the frames of an animation one after the other: the next one takes the time of one, where a decoder that begins
/// anew for each would take that of all before it as well. Not to be used by two threads at once.
final class FrameDecoder: @unchecked Sendable {
  let count, width, height: Int
  /// How they are shown; nil: each frame says it.
  let times: FrameTimes?

  private enum Source {
    case avif(AVIFFrames)
    /// GIF or WebP, with all frames one below the other, decoded from top to bottom as they are asked for, and the one
    /// that comes next.
    case strip(NativeImage, next: Int)
  }
  private var source: Source
  private let file: FileMemory
  private let format: Format

  /// nil: the pictures of this format stand by themselves, or there is one alone, or it cannot be decoded.
  init?(_ bytes: [UInt8], _ format: Format) {
    self.format = format
    switch format {
    case .avif:
      if framesOfAVIF(bytes) < 2 { return nil }
      file = FileMemory(bytes)
      guard let frames = AVIFFrames(file.bytes) else { return nil }
      (count, width, height, times) = (frames.count, frames.width, frames.height, frames.times)
      source = .avif(frames)
    case .gif, .webp:
      file = FileMemory(bytes)
      guard let strip = try? Self.strip(file, format), strip.header.pages > 1 else { return nil }
      count = Int(strip.header.pages)
      (width, height, times) = (strip.width, strip.height / count, nil)
      source = .strip(strip, next: 0)
    default: return nil
    }
  }

  private static func strip(_ file: FileMemory, _ format: Format) throws(VipsError) -> NativeImage {
    try NativeImage(cvips_decode_animation(format.native!, file.bytes.baseAddress!, file.bytes.count))
  }

  /// A frame, from 0 on. Its pixels may be decoded only when they are read, which is to be before the next frame is asked
  /// for.
  func frame(_ index: Int) throws(VipsError) -> NativeImage {
    switch source {
    case .avif(let frames): return try frames.frame(index)
    case .strip(var strip, let next):
      if index < next { strip = try Self.strip(file, format) }
      source = .strip(strip, next: index + 1)
      return try strip.cropped(Area(x: 0, y: index * height, width: width, height: height))
    }
  }
}

/// A copy of a file's bytes that stays where it is.
final class FileMemory: @unchecked Sendable {
  let bytes: UnsafeRawBufferPointer

  init(_ file: [UInt8]) {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(file.count, 1), alignment: 16)
    memory.copyBytes(from: file)
    bytes = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(memory)[..<file.count])
  }

  deinit { bytes.deallocate() }
}
