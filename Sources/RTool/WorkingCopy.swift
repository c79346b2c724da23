/// A photo at the size at which the model knows what things look like, and the way back.
///
/// A change made there is carried to the photo's own resolution by `GuidedTransfer`, so that the photo's detail stays
/// and its edges stay sharp; with a mask, pixels where it is black keep their bytes.
public struct WorkingCopy {
  public let photo: Image
  /// 3 channels, at the working size.
  public let image: Image
  /// Where the user lets it change, at the working size; nil: everywhere.
  public let mask: Image?
  private let fullMask: Image?
  private let host: Host

  /// - Parameter side: pixels of the shorter side; nil: the model's.
  public init(_ photo: Image, mask: Image?, side: Int? = nil, host: Host) throws {
    (self.photo, self.host, fullMask) = (photo, host, mask)
    let size = WorkingCopy.size(of: photo, side: side ?? host.model.side, host: host)
    let colors = try photo.channels == 3 ? photo : host.colors(of: photo)
    // Never the photo's own pixels: tasks may write to this image.
    image =
      size == (photo.width, photo.height)
      ? try host.copy(colors)
      : try host.resized(
        colors, width: size.width, height: size.height, filter: size.width < photo.width ? .box : .cubic)
    self.mask = try mask.map { try host.resized($0, width: size.width, height: size.height, filter: .box) }
  }

  /// The size with the shorter side given, and the model's least side kept.
  public static func size(of photo: Image, side: Int, host: Host) -> (width: Int, height: Int) {
    let scale = Double(side) / Double(min(photo.width, photo.height))
    func scaled(_ length: Int) -> Int {
      // A strip that is a hundred times as long as wide has no working size; its far ends are squeezed.
      min(max(Int((Double(length) * scale).rounded()), side, host.model.smallest), 16 * side)
    }
    return (scaled(photo.width), scaled(photo.height))
  }

  /// The photo with the change from `image` to `result`, times `strength`, as a piece over it.
  public func carried(_ result: Image, strength: Double = 1) throws -> Image {
    let whole = try GuidedTransfer(from: image, host: host).apply(
      from: image, to: result, onto: photo, strength: strength)
    guard let fullMask else { return whole }
    let masked = try host.cropped(photo.channels == 3 ? photo : host.colors(of: photo), to: photo.bounds)
    try host.composite(whole, onto: masked, mask: fullMask)
    return masked
  }

  /// Hands over the photo with the change.
  public func emit(_ result: Image, strength: Double = 1, caption: String? = nil) throws {
    try host.emit([(carried(result, strength: strength), 0, 0)], over: photo, caption: caption)
  }
}

extension Host {
  /// The three colours of an image that may have alpha or be grey.
  public func colors(of image: Image) throws -> Image {
    let colors = try self.image(width: image.width, height: image.height, channels: 3)
    for y in 0..<image.height {
      let (to, from) = (colors.row(y), image.row(y))
      for x in 0..<image.width {
        for c in 0..<3 { to[3 * x + c] = from[x * image.channels + (image.channels < 3 ? 0 : c)] }
      }
    }
    return colors
  }
}
