import RTool

/// The two images of a morph, at the size in which the gradient is followed and at that of the result.
struct Ends {
  /// 3 channels each.
  let small, large: (Image, Image)
  /// How opaque both are, 3 equal channels at the result's size; nil: both are, everywhere.
  private let opacity: (Image, Image)?
  private let host: Host

  /// - Parameters:
  ///   - side: the shorter side of the small images; nil: the model's.
  ///   - size: of the result; nil: `side` and the aspect of the first image.
  init(
    _ first: Image, _ second: Image, side: Int?, size: (width: Int, height: Int)?, _ host: Host
  ) throws {
    let scale = Double(side ?? host.model.side) / Double(min(first.width, first.height))
    func scaled(_ length: Int) -> Int { max(1, Int((Double(length) * scale).rounded())) }
    let size = size ?? (scaled(first.width), scaled(first.height))
    try host.expect(over: nil, size: size)
    func fitted(_ image: Image) throws -> Image {
      try host.covering(image, width: size.width, height: size.height)
    }
    let colors = (try host.visibleColors(of: first), try host.visibleColors(of: second))
    let isCut = abs(size.width * first.height - size.height * first.width) > first.width + first.height
    let base = isCut ? try fitted(colors.0) : colors.0
    let a = try WorkingCopy(base, mask: nil, side: side, host: host).image
    small = (a, try host.covering(colors.1, width: a.width, height: a.height))
    large = (a.width, a.height) == size ? small : (try fitted(colors.0), try fitted(colors.1))
    opacity =
      first.channels == 4 || second.channels == 4
      ? (try fitted(Self.opacity(of: first, host)), try fitted(Self.opacity(of: second, host))) : nil
    self.host = host
  }

  var scale: Double { Double(large.0.width) / Double(small.0.width) }

  /// A small image in the result's size: the change from `blend` to it is carried to a blend of that size.
  func enlarged(_ image: Image, from blend: Image, large largeBlend: () throws -> Image) throws -> Image {
    let (width, height) = (large.0.width, large.0.height)
    if (image.width, image.height) == (width, height) { return image }
    if width < image.width || height < image.height {
      return try host.resized(image, width: width, height: height, filter: .box)
    }
    return try host.transferred(from: blend, to: image, onto: largeBlend())
  }

  /// A picture with the transparency that goes with its share of the second image.
  func frame(_ picture: Image, share: Double) throws -> Image {
    guard let opacity else { return picture }
    let frame = try host.image(width: picture.width, height: picture.height, channels: 4)
    let share = Float(share)
    frame.fill { x, y, c in
      if c < 3 { return picture.row(y)[3 * x + c] }
      let (a, b) = (opacity.0.row(y)[3 * x], opacity.1.row(y)[3 * x])
      return a + share * (b - a)
    }
    return frame
  }

  private static func opacity(of image: Image, _ host: Host) throws -> Image {
    let opacity = try host.image(width: image.width, height: image.height, channels: 3)
    opacity.fill { x, y, _ in image.channels == 4 ? image.row(y)[4 * x + 3] : 1 }
    return opacity
  }
}
