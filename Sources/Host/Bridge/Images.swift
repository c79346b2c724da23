import CRTool
import Imaging
import RobustRuntime

/// The interleaved images of the plugin interface, in the forms the runtime and libvips take, and back.
extension Run {
  static let largestSide = 1 << 20

  /// Refuses a size that no image can have. A task asks for a side of none by mistake, but for one that is too long because it
  /// keeps the proportions of what it was given.
  static func checkSize(_ width: Int, _ height: Int) throws {
    guard width > 0, height > 0 else {
      throw Failure.misuse("an image cannot have \(width)x\(height) pixels")
    }
    guard max(width, height) <= largestSide else {
      throw Failure.failed(
        "the task needs an image of \(width)x\(height) pixels, and a side has at most \(largestSide); the picture is too "
          + "large, or too long and thin for this task")
    }
  }

  func newImage(width: Int, height: Int, channels: Int) throws -> UnsafeMutablePointer<rtool_image> {
    try Self.checkSize(width, height)
    guard (1...4).contains(channels) else {
      throw Failure.misuse("an image of \(channels) channels cannot be made")
    }
    let image = try allocate(rtool_image.self, 1)
    image.pointee = rtool_image(
      width: Int32(width), height: Int32(height), channels: Int32(channels), stride: Int32(width * channels),
      data: try allocate(Float.self, width * height * channels))
    return image
  }

  func newImage(_ source: FloatImage) throws -> UnsafeMutablePointer<rtool_image> {
    let image = try newImage(width: source.width, height: source.height, channels: source.channels)
    source.pixels.withUnsafeBufferPointer {
      image.pointee.data.update(from: $0.baseAddress!, count: $0.count)
    }
    return image
  }

  /// The colours of a user's image, and its alpha as a fourth channel where it has one and that is wanted.
  func newImage(of source: SourceImage, withAlpha: Bool) throws -> UnsafeMutablePointer<rtool_image> {
    guard withAlpha, let alpha = try source.alpha() else {
      if let pixels = try sharedPixels(of: source) {
        let image = try allocate(rtool_image.self, 1)
        image.pointee = rtool_image(
          width: Int32(source.width), height: Int32(source.height), channels: 3,
          stride: Int32(3 * source.width),
          data: pixels)
        return image
      }
      let image = try newImage(width: source.width, height: source.height, channels: 3)
      try source.readRGB(into: image.pointee.data)
      return image
    }
    let image = try newImage(width: source.width, height: source.height, channels: 4)
    let (colours, to) = (try source.rgb(), image.pointee.data!)
    for index in alpha.pixels.indices {
      for channel in 0..<3 { to[4 * index + channel] = colours.pixels[3 * index + channel] }
      to[4 * index + 3] = alpha.pixels[index]
    }
    return image
  }

  /// What a mask marks, changed as the user wants.
  func newImage(ofMask source: SourceImage, _ edit: MaskEdit) throws -> UnsafeMutablePointer<rtool_image> {
    if !edit.isNothing { return try newImage(edit.applied(to: source.marks())) }
    let image = try newImage(width: source.width, height: source.height, channels: 1)
    try source.readMarks(into: image.pointee.data)
    return image
  }

  /// Images of a batch, planar, as new interleaved ones.
  func newImages(_ batch: ImageBatch) throws -> UnsafeMutablePointer<rtool_image> {
    let images = try allocate(rtool_image.self, batch.count)
    for index in 0..<batch.count {
      images[index] = try newImage(width: batch.width, height: batch.height, channels: 3).pointee
      batch.interleave(index, into: images[index])
    }
    return images
  }
}

extension rtool_image {
  /// Whether it can be read at all: a positive size, rows that do not overlap, pixels.
  var isWellFormed: Bool {
    width > 0 && height > 0 && (1...4).contains(channels) && Int(stride) >= Int(width) * Int(channels)
      && data != nil
  }

  var sizeText: String { "\(width)x\(height)" }

  /// - Precondition: it is well formed.
  var view: ImageView {
    ImageView(
      width: Int(width), height: Int(height), channels: Int(channels), stride: Int(stride), pixels: data)
  }

  func floatImage() -> FloatImage {
    let rowLength = Int(width * channels)
    let pixels = [Float](unsafeUninitializedCapacity: rowLength * Int(height)) { pixels, filled in
      for y in 0..<Int(height) {
        (pixels.baseAddress! + y * rowLength).initialize(from: data + y * Int(stride), count: rowLength)
      }
      filled = rowLength * Int(height)
    }
    return FloatImage(width: Int(width), height: Int(height), channels: Int(channels), pixels: pixels)
  }
}

/// The first of `count` images, after a check that all have its size, and pixels of so many channels.
private func alike(_ images: UnsafePointer<rtool_image>, count: Int, channels: Int32, role: String) throws
  -> rtool_image
{
  let first = images[0]
  for index in 0..<count {
    let image = images[index]
    guard image.isWellFormed, image.channels == channels, image.width == first.width,
      image.height == first.height
    else {
      throw Failure.misuse(
        "\(role) must be images of one size and \(channels) channels (image \(index) is \(image.sizeText)x\(image.channels))"
      )
    }
  }
  return first
}

extension ImageBatch {
  /// `count` interleaved images of 3 channels and one size, as one planar batch.
  init(_ images: UnsafePointer<rtool_image>, count: Int, role: String) throws {
    let first = try alike(images, count: count, channels: 3, role: role)
    let (width, height) = (Int(first.width), Int(first.height))
    let plane = width * height
    let pixels = [Float](unsafeUninitializedCapacity: count * 3 * plane) { pixels, filled in
      let base = pixels.baseAddress!
      for index in 0..<count {
        let image = images[index]
        let planes = base + index * 3 * plane
        for y in 0..<height {
          let row = image.data + y * Int(image.stride)
          for x in 0..<width {
            for channel in 0..<3 { planes[channel * plane + y * width + x] = row[3 * x + channel] }
          }
        }
      }
      filled = count * 3 * plane
    }
    self.init(count: count, height: height, width: width, pixels: pixels)
  }

  func floatImage(_ index: Int) -> FloatImage {
    var image = FloatImage(width: width, height: height, channels: 3)
    image.pixels.withUnsafeMutableBufferPointer {
      interleave(
        index,
        into: rtool_image(
          width: Int32(width), height: Int32(height), channels: 3, stride: Int32(3 * width),
          data: $0.baseAddress))
    }
    return image
  }

  /// Writes image `index` into an interleaved image of the same size and 3 channels.
  func interleave(_ index: Int, into image: rtool_image) {
    let plane = width * height
    pixels.withUnsafeBufferPointer { pixels in
      let planes = pixels.baseAddress! + index * 3 * plane
      for y in 0..<height {
        let row = image.data + y * Int(image.stride)
        for x in 0..<width {
          for channel in 0..<3 { row[3 * x + channel] = planes[channel * plane + y * width + x] }
        }
      }
    }
  }
}

extension Region {
  /// `count` images of 1 channel and one size.
  init(_ images: UnsafePointer<rtool_image>, count: Int, role: String) throws {
    let first = try alike(images, count: count, channels: 1, role: role)
    let (width, height) = (Int(first.width), Int(first.height))
    let values = [Float](unsafeUninitializedCapacity: count * width * height) { values, filled in
      for index in 0..<count {
        for y in 0..<height {
          (values.baseAddress! + (index * height + y) * width).initialize(
            from: images[index].data + y * Int(images[index].stride), count: width)
        }
      }
      filled = count * width * height
    }
    self.init(count: count, height: height, width: width, values: values)
  }
}
