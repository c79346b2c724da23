extension Host {
  /// The middle of an image, cut to the aspect of a size and brought to it; 3 channels.
  public func covering(_ image: Image, width: Int, height: Int) throws -> Image {
    let scale = max(Double(width) / Double(image.width), Double(height) / Double(image.height))
    let cut = (
      width: min(max(Int((Double(width) / scale).rounded()), 1), image.width),
      height: min(max(Int((Double(height) / scale).rounded()), 1), image.height)
    )
    let part = try cropped(
      image.channels == 3 ? image : colors(of: image),
      to: Box(
        x: (image.width - cut.width) / 2, y: (image.height - cut.height) / 2, width: cut.width,
        height: cut.height))
    return (cut.width, cut.height) == (width, height)
      ? part : try resized(part, width: width, height: height, filter: scale < 1 ? .box : .cubic)
  }

  /// A new image of 3 channels with (1 - share) a + share b.
  public func blended(_ a: Image, _ b: Image, share: Double) throws -> Image {
    let result = try image(width: a.width, height: a.height, channels: 3)
    let share = Float(share)
    for y in 0..<a.height {
      let (to, a, b) = (result.row(y), a.row(y), b.row(y))
      for i in 0..<3 * result.width { to[i] = a[i] + share * (b[i] - a[i]) }
    }
    return result
  }

  /// A blend of the features of two images at one layer, from `from` (0) to `to` (1).
  public func blended(_ from: Features, _ to: Features, share: Double) throws -> Features {
    let result = try features(channels: from.channels, height: from.height, width: from.width)
    let share = Float(share)
    for i in 0..<result.count { result.data[i] = from.data[i] + share * (to.data[i] - from.data[i]) }
    return result
  }
}
