import Glibc
import Imaging

/// The files of one kind that a task is given to work on: an image, another of the same size, and a mask.
struct SampleImages {
  let width, height: Int
  let image, other, mask: String

  /// - Parameter channels: 1, 3 or 4.
  init(in folder: String, name: String, width: Int, height: Int, channels: Int = 3, bitDepth: Int = 8) throws
  {
    self.width = width
    self.height = height
    image = "\(folder)/\(name).png"
    other = "\(folder)/\(name)-other.png"
    mask = "\(folder)/\(name)-mask.png"
    for (path, phase) in [(image, Float(0)), (other, Float(2))] {
      let pixels = Self.photo(width: width, height: height, channels: channels, phase: phase)
      try ResultImage.fresh(pixels, bitDepth: bitDepth).write(to: .file(path))
    }
    var white = FloatImage(width: width, height: height, channels: 1)
    let hole = middle
    for y in hole.y..<hole.y + hole.height {
      for x in hole.x..<hole.x + hole.width { white[x, y, 0] = 1 }
    }
    try ResultImage.fresh(white).write(to: .file(mask))
  }

  /// A rectangle in the middle, not larger than a task fills quickly.
  var middle: (x: Int, y: Int, width: Int, height: Int) {
    let (w, h) = (min(max(1, width / 3), 48), min(max(1, height / 3), 48))
    return ((width - w) / 2, (height - h) / 2, w, h)
  }

  var files: [String] { [image, other, mask] }

  /// Waves, an edge and some grain; transparent towards the right where there is alpha.
  private static func photo(width: Int, height: Int, channels: Int, phase: Float) -> FloatImage {
    var grain = SplitMix(seed: UInt64(width * 4096 + height) + UInt64(phase))
    var image = FloatImage(width: width, height: height, channels: channels)
    for y in 0..<height {
      for x in 0..<width {
        let slope = Float(x + 2 * y) / Float(width + 2 * height)
        let edge: Float = (x / 24 + y / 24) % 2 == 0 ? 0.08 : -0.08
        for channel in 0..<min(channels, 3) {
          let wave = sinf(Float(x) * 0.13 + Float(channel) + phase) * cosf(Float(y) * 0.09 - phase)
          let noise = Float(grain.next() >> 40) / Float(1 << 24) - 0.5
          image[x, y, channel] = 0.3 + 0.3 * slope + 0.15 * wave + edge + 0.06 * noise
        }
        if channels == 4 { image[x, y, 3] = min(1, 2 - 2 * Float(x) / Float(width)) }
      }
    }
    return image
  }
}
