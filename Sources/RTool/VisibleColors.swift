extension Host {
  /// The three colours of an image. Transparent pixels take the colour of visible ones nearby, so that nothing hidden
  /// bleeds in.
  public func visibleColors(of photo: Image) throws -> Image {
    if photo.channels == 3 { return photo }
    let colors = try self.colors(of: photo)
    guard photo.channels == 4 else { return colors }
    let weighed = try image(width: photo.width, height: photo.height, channels: 4)
    weighed.fill { x, y, c in
      let p = photo.row(y) + 4 * x
      return c == 3 ? p[3] : p[c] * p[3]
    }
    let near = try blurred(weighed, sigma: 2)
    colors.fill { x, y, c in
      let (own, around) = (photo.row(y) + 4 * x, near.row(y) + 4 * x)
      return own[3] > 0.004 || around[3] < 0.001 ? own[c] : min(max(around[c] / around[3], 0), 1)
    }
    return colors
  }
}
