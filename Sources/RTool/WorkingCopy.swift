/// A photo at the size at which the model knows what things look like, and the way back.
///
/// A change made there is carried to the photo's own resolution by `GuidedTransfer`, so that the photo's detail stays
/// and its edges stay sharp; with a mask, pixels where it is black keep their bytes, and a window around what
/// is white may be looked at alone, so that a small region is seen as large as the model knows things.
public struct WorkingCopy {
  public let photo: Image
  /// The part of the photo that is looked at.
  public let window: Box
  /// 3 channels, at the working size.
  public let image: Image
  /// Where the user lets it change, at the working size; nil: everywhere.
  public let mask: Image?
  /// The window's pixels, 3 channels, and of the mask.
  private let seen: Image
  private let seenMask: Image?
  private let host: Host

  /// - Parameters:
  ///   - side: pixels of the shorter side; nil: the model's.
  ///   - context: how far around the mask's white to look, as a multiple of its size; nil: the whole photo.
  /// - Throws: `TaskFailure.message` where the mask is black everywhere.
  public init(_ photo: Image, mask: Image?, side: Int? = nil, context: Double? = nil, host: Host) throws {
    (self.photo, self.host) = (photo, host)
    let window = try mask.map { try WorkingCopy.window($0, context: context) } ?? photo.bounds
    self.window = window
    let isWhole = window == photo.bounds
    let part = isWhole ? photo : try host.cropped(photo, to: window)
    seen = try part.channels == 3 ? part : host.colors(of: part)
    let size = WorkingCopy.size(of: seen, side: side ?? host.model.side, host: host)
    // Never the photo's own pixels: tasks may write to this image.
    image =
      size == (seen.width, seen.height)
      ? try host.copy(seen)
      : try host.resized(
        seen, width: size.width, height: size.height, filter: size.width < seen.width ? .box : .cubic)
    seenMask = try isWhole ? mask : mask.map { try host.cropped($0, to: window) }
    self.mask = try seenMask.map {
      try host.resized($0, width: size.width, height: size.height, filter: .box)
    }
  }

  private static func window(_ mask: Image, context: Double?) throws -> Box {
    var (left, top, right, bottom) = (mask.width, mask.height, 0, 0)
    for y in 0..<mask.height {
      let row = mask.row(y)
      for x in 0..<mask.width where row[x] > 0 {
        (left, right) = (min(left, x), max(right, x + 1))
        (top, bottom) = (min(top, y), max(bottom, y + 1))
      }
    }
    guard left < right else {
      throw TaskFailure.message("the mask is black everywhere, so that nothing may change; white may")
    }
    guard let context else { return mask.bounds }
    // As good as square, since the model was trained on squares.
    let side = Double(max(right - left, bottom - top)) * (1 + 2 * context)
    func span(_ low: Int, _ high: Int, _ length: Int) -> Range<Int> {
      let wanted = min(max(Int(side.rounded(.up)), high - low), length)
      let first = min(max((low + high - wanted) / 2, 0), length - wanted)
      return first..<first + wanted
    }
    let (columns, rows) = (span(left, right, mask.width), span(top, bottom, mask.height))
    return Box(x: columns.lowerBound, y: rows.lowerBound, width: columns.count, height: rows.count)
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

  /// The window of the photo with the change from `image` to `result`, times `strength`.
  public func carried(_ result: Image, strength: Double = 1) throws -> Image {
    let changed = try GuidedTransfer(from: image, host: host).apply(
      from: image, to: result, onto: seen, strength: strength)
    guard let seenMask else { return changed }
    let masked = try host.copy(seen)
    try host.composite(changed, onto: masked, mask: seenMask)
    return masked
  }

  /// Hands over the photo with the change.
  public func emit(_ result: Image, strength: Double = 1, caption: String? = nil) throws {
    try host.emit(
      [(carried(result, strength: strength), window.x, window.y)], over: photo, caption: caption)
  }
}

extension Parameter where Value == Double {
  /// The context of a `WorkingCopy`, for tasks with a mask.
  public static let context = Parameter.real(
    "context", flags: .advanced, initial: 0.75, in: 0...100,
    "how far around the mask to look, as a multiple of its size")
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
