import CRTool
import EmbeddedModel
import RobustRuntime

/// The networks inside the program that enlarge images, each read when it is first asked for.
private enum OwnUpscaler {
  static let plain = Result {
    try upscaler(embedded_upscaler_start(), embedded_upscaler_size)
  }
  static let ofJPEG = Result {
    try upscaler(embedded_jpeg_upscaler_start(), embedded_jpeg_upscaler_size)
  }

  private static func upscaler(_ start: UnsafePointer<UInt8>, _ count: Int) throws -> Upscaler {
    try Upscaler(bytes: UnsafeRawBufferPointer(start: start, count: count), name: name)
  }

  static let name = "the network inside the program"
}

extension Run {
  func addImageEnlargement(to host: inout rtool_host) {
    host.image_enlarge = { host, image, factor, flags, network in
      let run = Run.of(host)
      var large: UnsafeMutablePointer<rtool_image>?
      _ = run.statusOnRunThread {
        large = try run.enlarged(
          run.checked(image), by: Int(factor), isJPEG: flags & UInt32(RTOOL_ENLARGE_JPEG) != 0,
          network.map { String(cString: $0) })
      }
      return large
    }
    host.jpeg_quality = { host, image in
      let run = Run.of(host)
      var quality: Int?
      _ = run.statusOnRunThread { quality = image.flatMap { run.sources[$0.pointee.data] }?.jpegQuality }
      return Int32(quality ?? 0)
    }
  }

  private func enlarged(
    _ image: rtool_image, by factor: Int, isJPEG: Bool, _ network: String?
  ) throws -> UnsafeMutablePointer<rtool_image> {
    guard image.channels == 3 else { throw Failure.misuse("an image of 3 channels can be enlarged") }
    let upscaler = try upscaler(network, isJPEG: isJPEG)
    let factors = upscaler.network.factors
    guard factors.contains(factor) else {
      let known = factors.map(String.init).joined(separator: ", ")
      throw Failure.failed(
        "\(network ?? OwnUpscaler.name) enlarges \(known) times, not \(factor) times")
    }
    let (width, height) = (Int(image.width) * factor, Int(image.height) * factor)
    try Run.checkSize(width, height)
    let large = try newImage(width: width, height: height, channels: 3)
    image.view.resample(into: large.pointee.view, kernel: .cubic)
    guard
      try upscaler.addDetail(
        of: image.data, width: Int(image.width), height: Int(image.height), stride: Int(image.stride),
        factor: factor, to: large.pointee.data, largeStride: Int(large.pointee.stride),
        progress: { [console] _ in !console.isInterrupted() })
    else { throw Failure.interrupted }
    large.pointee.view.clamp()
    return large
  }

  private func upscaler(_ file: String?, isJPEG: Bool) throws -> Upscaler {
    guard let file else { return try (isJPEG ? OwnUpscaler.ofJPEG : OwnUpscaler.plain).get() }
    if let known = upscalers[file] { return known }
    guard let bytes = files[file] else {
      throw Failure.misuse("a network was named that was not given as a value")
    }
    let upscaler = try bytes.withUnsafeBytes { try Upscaler(bytes: $0, name: file) }
    upscalers[file] = upscaler
    return upscaler
  }
}
