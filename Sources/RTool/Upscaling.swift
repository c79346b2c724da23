import CRTool

extension Host {
  /// A new image, enlarged by a network that has learned what photos lose where they are reduced.
  /// - Parameters:
  ///   - image: 3 channels. What lies beyond its border is mirrored; a pixel depends on those within `reach` pixels.
  ///   - factor: 2, 3 or 4, or what the network has.
  ///   - isJPEG: whether blocks and ringing are to go, as JPEG files have them; of no say with another network.
  ///   - network: a FILE value; nil: the program's own.
  /// - Throws: `TaskFailure`, also where the host is too old to have it.
  public func enlarged(
    _ image: Image, by factor: Int, isJPEG: Bool = false, network: String? = nil
  ) throws -> Image {
    let flags = isJPEG ? rtool_enlarge_flags(RTOOL_ENLARGE_JPEG) : 0
    return try checked(
      later(\.image_enlarge, since: 6)(table, image.pointer, Int32(clamping: factor), flags, network))
  }

  /// How much the JPEG file of a value has lost, 1...100, as libjpeg counts quality. Nil: it is no JPEG file, or the host is
  /// too old to tell.
  public func jpegQuality(of image: Image) -> Int? {
    guard has(\.jpeg_quality), let quality = table.pointee.jpeg_quality else { return nil }
    let found = Int(quality(table, image.pointer))
    return found > 0 ? found : nil
  }

  /// How far what is drawn depends on, in pixels of the small image.
  public static var enlargementReach: Int { 16 }
}
