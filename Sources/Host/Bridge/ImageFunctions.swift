import CRTool
import Imaging
import PixelGrid
import RobustRuntime

/// The functions of the host table that make images.
extension Run {
  func addImages(to host: inout rtool_host) {
    host.image_new = { host, width, height, channels in
      let run = Run.of(host)
      return run.image { try run.newImage(width: Int(width), height: Int(height), channels: Int(channels)) }
    }
    host.image_resize = { host, image, width, height, filter in
      let run = Run.of(host)
      return run.image {
        let (kernel, boundary) = try Run.resampling(filter)
        return try run.resized(
          run.checked(image), width: Int(width), height: Int(height), kernel: kernel, boundary: boundary)
      }
    }
    host.image_crop = { host, image, x, y, width, height in
      let run = Run.of(host)
      return run.image {
        try run.cropped(run.checked(image), x: Int(x), y: Int(y), width: Int(width), height: Int(height))
      }
    }
    host.blur = { host, image, sigma in
      let run = Run.of(host)
      return run.image {
        guard sigma.isFinite, sigma >= 0, sigma < 1e5 else {
          throw Failure.misuse("an image cannot be blurred by \(sigma)")
        }
        return try run.newImage(run.checked(image).floatImage().blurred(sigma: sigma))
      }
    }
    host.image_composite = { host, base, over, mask, x, y in
      let run = Run.of(host)
      return run.status {
        let (base, over) = (try run.checked(base), try run.checked(over))
        let mask = try mask.map { try run.checked($0) }
        guard base.channels == over.channels,
          mask.map({ $0.channels == 1 && $0.width == over.width && $0.height == over.height }) ?? true
        else { throw Failure.misuse("images that are composited must match in channels and mask") }
        base.view.composite(over.view, mask: mask?.view, x: Int(x), y: Int(y))
      }
    }
    host.image_resample = { host, from, to, filter in
      let run = Run.of(host)
      return run.status {
        let (from, to) = (try run.checked(from), try run.checked(to))
        guard from.channels == to.channels else {
          throw Failure.misuse(
            "an image of \(from.channels) channels cannot be resampled into one of \(to.channels)")
        }
        let (kernel, boundary) = try Run.resampling(filter)
        from.view.resample(into: to.view, kernel: kernel, boundary: boundary)
      }
    }
    host.transfer = { host, before, after, photo, strength in
      let run = Run.of(host)
      return run.image {
        try run.transferred(
          from: run.checked(before), to: run.checked(after), onto: run.checked(photo), strength: strength)
      }
    }
  }

  /// What a filter says of resizing: the kernel, and what the image is beyond its border.
  static func resampling(_ filter: UInt32) throws -> (ResamplingKernel, Boundary) {
    let wrap = UInt32(RTOOL_FILTER_WRAP)
    return (try kernel(filter & ~wrap), filter & wrap != 0 ? .wrapped : .mirrored)
  }

  static func kernel(_ filter: UInt32) throws -> ResamplingKernel {
    let filters: [ResamplingKernel] = [.linear, .cubic, .lanczos, .box, .nearest]
    guard filters.indices.contains(Int(filter)) else {
      throw Failure.misuse("there is no filter \(filter); see RTOOL_FILTER in rtool.h")
    }
    return filters[Int(filter)]
  }

  func image(_ body: () throws -> UnsafeMutablePointer<rtool_image>) -> UnsafeMutablePointer<rtool_image>? {
    var image: UnsafeMutablePointer<rtool_image>?
    _ = status { image = try body() }
    return image
  }

  func checked(_ image: UnsafePointer<rtool_image>?) throws -> rtool_image {
    guard let image = image?.pointee, image.isWellFormed else {
      throw Failure.misuse("an image without pixels was handed over")
    }
    return image
  }

  func resized(
    _ image: rtool_image, width: Int, height: Int, kernel: ResamplingKernel, boundary: Boundary = .mirrored
  ) throws
    -> UnsafeMutablePointer<rtool_image>
  {
    try Run.checkSize(width, height)
    try checkMemory(for: width * height * Int(image.channels))
    if boundary == .wrapped {
      let resized = try newImage(width: width, height: height, channels: Int(image.channels))
      image.view.resample(into: resized.pointee.view, kernel: kernel, boundary: boundary)
      resized.pointee.view.clamp()
      return resized
    }
    let resized = try newImage(image.floatImage().resized(width: width, height: height, kernel: kernel))
    // The wide filters overshoot.
    resized.pointee.view.clamp()
    return resized
  }

  func cropped(_ image: rtool_image, x: Int, y: Int, width: Int, height: Int) throws
    -> UnsafeMutablePointer<rtool_image>
  {
    let crop = try newImage(width: width, height: height, channels: Int(image.channels))
    crop.pointee.view.copy(from: image.view, x: x, y: y)
    return crop
  }

  func transferred(
    from before: rtool_image, to after: rtool_image, onto photo: rtool_image, strength: Double,
    boundary: Boundary = .mirrored
  ) throws -> UnsafeMutablePointer<rtool_image> {
    guard before.channels == 3, after.channels == 3,
      (before.width, before.height) == (after.width, after.height)
    else { throw Failure.misuse("a change is between two images of one size and 3 channels") }
    guard strength.isFinite else { throw Failure.misuse("a change cannot be carried \(strength) times") }
    let result = try newImage(width: Int(photo.width), height: Int(photo.height), channels: 3)
    try GuidedTransfer.apply(
      from: before.view, to: after.view, onto: photo.view, strength: strength,
      boundary: boundary, into: result.pointee.view
    ) { pieces, body in Workers.shared.run(pieces) { piece, _ in body(piece) } }
    return result
  }
}
