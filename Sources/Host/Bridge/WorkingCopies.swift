import CRTool
import Imaging
import PixelGrid
import RobustRuntime

/// Working copies: a photo at the size at which the model knows what things look like, and the way back.
extension Run {
  func addWorkingCopies(to host: inout rtool_host) {
    host.working_copy = { host, copy in
      let run = Run.of(host)
      return run.status { try run.makeWorkingCopy(copy, for: HostState.of(host).classifier.facts) }
    }
    host.working_result = { host, copy, changed, strength in
      let run = Run.of(host)
      return run.image { try run.workingResult(of: copy, changed: run.checked(changed), strength: strength) }
    }
  }

  private func makeWorkingCopy(
    _ pointer: UnsafeMutablePointer<rtool_working_copy>?, for model: ModelFacts
  ) throws {
    var copy = try read(pointer)
    let photo = try checked(copy.photo)
    let mask = try copy.mask.map { try checked($0) }
    if let mask, (mask.channels, mask.width, mask.height) != (1, photo.width, photo.height) {
      throw Failure.misuse("the mask of a working copy must have 1 channel and the size of its photo")
    }
    guard (0...Int32(Run.largestSide)).contains(copy.side), copy.context.isFinite, copy.context >= 0 else {
      throw Failure.misuse("a working copy cannot have the side \(copy.side) and the context \(copy.context)")
    }
    let boundary = boundary(of: copy)
    guard boundary == .mirrored || copy.flags & UInt32(RTOOL_COPY_AROUND_MASK) == 0 else {
      throw Failure.misuse(
        "a working copy of a photo that tiles is of all of it, not of a window around a mask")
    }
    let context = copy.flags & UInt32(RTOOL_COPY_AROUND_MASK) != 0 ? copy.context : nil
    let whole = WorkingWindow(width: Int(photo.width), height: Int(photo.height))
    let window: WorkingWindow
    if let mask {
      guard let found = WorkingWindow(around: mask.view, context: context) else {
        throw Failure.failed("the mask is black everywhere, so that nothing may change; white may")
      }
      window = found
    } else {
      window = whole
    }

    let seen = try colours(of: window == whole ? photo : part(window, of: photo).pointee)
    let side = copy.side > 0 ? Int(copy.side) : model.side
    let size = window.size(side: side, least: model.smallest)
    // Never the photo's own pixels: tasks may write to this image.
    let image =
      size == (window.width, window.height)
      ? try cropped(seen.pointee, x: 0, y: 0, width: size.width, height: size.height)
      : try resized(
        seen.pointee, width: size.width, height: size.height,
        kernel: size.width < window.width ? .box : .cubic, boundary: boundary)
    copy.image = image
    copy.seen = UnsafePointer(seen)
    (copy.x, copy.y) = (Int32(window.x), Int32(window.y))
    copy.region = nil
    copy.seen_mask = nil
    if let mask {
      let seenMask = window == whole ? try lasting(mask) : try part(window, of: mask)
      copy.seen_mask = UnsafePointer(seenMask)
      copy.region = UnsafePointer(
        try resized(
          seenMask.pointee, width: size.width, height: size.height, kernel: .box, boundary: boundary))
    }
    Growth.write(copy, to: pointer!, size: Int(copy.struct_size))
  }

  private func workingResult(
    of pointer: UnsafePointer<rtool_working_copy>?, changed: rtool_image, strength: Double
  ) throws -> UnsafeMutablePointer<rtool_image> {
    let copy = try read(pointer)
    guard let image = copy.image else {
      throw Failure.misuse("a working copy was not made before its result")
    }
    let seen = try checked(copy.seen)
    let result = try transferred(
      from: checked(image), to: changed, onto: seen, strength: strength, boundary: boundary(of: copy))
    guard let mask = try copy.seen_mask.map({ try checked($0) }) else { return result }
    let masked = try cropped(seen, x: 0, y: 0, width: Int(seen.width), height: Int(seen.height))
    masked.pointee.view.composite(result.pointee.view, mask: mask.view, x: 0, y: 0)
    return masked
  }

  /// What its photo is beyond its border.
  private func boundary(of copy: rtool_working_copy) -> Boundary {
    copy.flags & UInt32(RTOOL_COPY_WRAP) != 0 ? .wrapped : .mirrored
  }

  private func read(_ pointer: UnsafePointer<rtool_working_copy>?) throws -> rtool_working_copy {
    guard let copy = Growth.read(pointer, into: rtool_working_copy(), atLeast: Growth.workingCopy) else {
      throw Failure.misuse("a working copy needs its size filled in")
    }
    return copy
  }

  private func part(_ window: WorkingWindow, of image: rtool_image) throws -> UnsafeMutablePointer<
    rtool_image
  > {
    try cropped(image, x: window.x, y: window.y, width: window.width, height: window.height)
  }

  /// The three colours of an image that may have alpha or be grey.
  private func colours(of image: rtool_image) throws -> UnsafeMutablePointer<rtool_image> {
    if image.channels == 3 { return try lasting(image) }
    let colours = try newImage(width: Int(image.width), height: Int(image.height), channels: 3)
    colours.pointee.view.copyColours(from: image.view)
    return colours
  }

  /// A structure that tells of the same pixels and lives as long as the run.
  private func lasting(_ image: rtool_image) throws -> UnsafeMutablePointer<rtool_image> { try copy([image]) }
}
