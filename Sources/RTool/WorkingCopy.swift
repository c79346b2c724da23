import CRTool

/// A photo at the size at which the model knows what things look like, and the way back. See `rtool_working_copy`.
///
/// A change made there is carried to the photo's own resolution, so that the photo's detail stays and its edges stay
/// sharp; with a mask, pixels where it is black keep their bytes, and a window around what is white may be looked at
/// alone, so that a small region is seen as large as the model knows things.
public struct WorkingCopy {
  public let photo: Image
  private var copy = rtool_working_copy()
  private let host: Host

  /// - Parameters:
  ///   - side: pixels of the shorter side; nil: the model's.
  ///   - context: how far around the mask's white to look, as a multiple of its size; nil: the whole photo.
  ///   - wraps: whether the photo tiles: beyond its border it goes on at its other side. Not with a context.
  /// - Throws: where the mask is black everywhere.
  public init(
    _ photo: Image, mask: Image?, side: Int? = nil, context: Double? = nil, wraps: Bool = false, host: Host
  ) throws {
    (self.photo, self.host) = (photo, host)
    copy.struct_size = UInt32(MemoryLayout<rtool_working_copy>.size)
    copy.photo = UnsafePointer(photo.pointer)
    copy.mask = mask.map { UnsafePointer($0.pointer) }
    copy.side = Int32(side ?? 0)
    if let context { (copy.flags, copy.context) = (UInt32(RTOOL_COPY_AROUND_MASK), context) }
    if wraps {
      copy.flags |= UInt32(RTOOL_COPY_WRAP)
      // An older host would take no notice of it.
      _ = try host.later(\.show_at, since: 5)
    }
    try host.check(host.later(\.working_copy, since: 3)(host.table, &copy))
  }

  /// 3 channels, at the working size.
  public var image: Image { Image(copy.image) }
  /// Where the user lets it change, at the working size; nil: everywhere.
  public var mask: Image? { copy.region.map { Image($0) } }

  /// Whether the photo tiles.
  public var wraps: Bool { copy.flags & UInt32(RTOOL_COPY_WRAP) != 0 }

  /// The part of the photo that is seen, in its pixels.
  public var place: Box {
    Box(
      x: Int(copy.x), y: Int(copy.y), width: Int(copy.seen.pointee.width),
      height: Int(copy.seen.pointee.height))
  }

  /// Follows the gradient of the sum of `terms` from `image`. Those who watch see it where it lies in the photo, which is to
  /// be the task's first image unless the ascent has a place of its own.
  public func ascend(_ ascent: Ascent, minimising terms: [Term]) throws -> Outcome {
    var ascent = ascent
    ascent.place = ascent.place ?? place
    ascent.wraps = ascent.wraps || wraps
    return try host.ascend(ascent, from: [image], minimising: terms)
  }

  /// The part of the photo at `place` with the change from `image` to `result`, times `strength`. 3 channels.
  public func changed(to result: Image, strength: Double = 1) throws -> Image {
    var copy = copy
    return try host.checked(
      host.later(\.working_result, since: 3)(host.table, &copy, result.pointer, strength))
  }

  /// Hands over the photo with the change from `image` to `result`, times `strength`.
  public func emit(_ result: Image, strength: Double = 1, caption: String? = nil) throws {
    try host.emit(
      [(changed(to: result, strength: strength), place.x, place.y)], over: photo, caption: caption)
  }
}

extension Parameter where Value == Double {
  /// The context of a `WorkingCopy`, for tasks with a mask.
  public static let context = Parameter.real(
    "context", flags: .advanced, initial: 0.75, in: 0...100,
    "how far around the mask to look, as a multiple of its size")
}

extension Host {
  /// `photo` with the change from `before` to `after`, which are smaller or of its size; its edges stay sharp.
  public func transferred(from before: Image, to after: Image, onto photo: Image, strength: Double = 1) throws
    -> Image
  {
    try checked(
      later(\.transfer, since: 3)(table, before.pointer, after.pointer, photo.pointer, strength))
  }

  /// The three colours of an image that may have alpha or be grey.
  public func colors(of image: Image) throws -> Image {
    let colors = try self.image(width: image.width, height: image.height, channels: 3)
    colors.fill { x, y, c in image.row(y)[x * image.channels + (image.channels < 3 ? 0 : c)] }
    return colors
  }
}
