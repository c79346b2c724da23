/// Carries a change that was made to a small copy of a photo to the photo itself.
///
/// Where the change follows the brightness of the copy, as a change of colour or contrast does, it follows the
/// brightness of the photo, so that edges stay sharp: a guided filter (He, Sun: "Fast Guided Filter", arXiv 1505.00996)
/// fits change = a · brightness + b around each pixel, and a and b are enlarged instead of the change. What the fit
/// leaves over, as new texture, is enlarged itself and added, so that nothing of the change is lost.
public struct GuidedTransfer {
  private let host: Host
  private let guide: Image

  /// Sigma of the neighbourhood of a fit, in pixels of the small copy.
  private static let sigma = 2.0
  /// Variance of brightness below which there is nothing to follow.
  private static let flat: Float = 4e-4

  public init(from small: Image, host: Host) throws {
    self.host = host
    guide = try host.image(width: small.width, height: small.height, channels: 1)
    guide.fill { x, y, _ in GuidedTransfer.brightness(small.row(y) + 3 * x) }
  }

  private static func brightness(_ p: UnsafeMutablePointer<Float>) -> Float {
    0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2]
  }

  /// `photo` plus `strength` times the change between two small images, 3 channels in 0...1.
  public func apply(from before: Image, to after: Image, onto photo: Image, strength: Double) throws -> Image
  {
    let result = try host.image(width: photo.width, height: photo.height, channels: 3)
    let channels = photo.channels
    if before.width == photo.width && before.height == photo.height {
      result.fill { x, y, c in
        let change = after.row(y)[3 * x + c] - before.row(y)[3 * x + c]
        let value = photo.row(y)[x * channels + (channels < 3 ? 0 : c)] + Float(strength) * change
        return min(max(value, 0), 1)
      }
      return result
    }
    let fit = try self.fit(before, after)
    let rows = EnlargedRows([fit.slope, fit.offset], width: photo.width, height: photo.height)
    // Larger than the photo: the rest of a change would alias.
    let rest = try host.resized(fit.rest, width: photo.width, height: photo.height, filter: .cubic)
    for y in 0..<photo.height {
      let (slope, offset) = (rows.row(y, of: 0), rows.row(y, of: 1))
      let (to, from, rest) = (result.row(y), photo.row(y), rest.row(y))
      for x in 0..<photo.width {
        let p = from + x * channels
        let brightness = channels < 3 ? p[0] : GuidedTransfer.brightness(p)
        for c in 0..<3 {
          let i = 3 * x + c
          let change = slope[i] * brightness + offset[i] + 2 * (rest[i] - 0.5)
          to[i] = min(max(p[channels < 3 ? 0 : c] + Float(strength) * change, 0), 1)
        }
      }
    }
    return result
  }

  /// Slope and offset of the fit around each pixel, and half of what it leaves over, about grey.
  private func fit(_ before: Image, _ after: Image) throws -> (slope: Image, offset: Image, rest: Image) {
    let (width, height) = (before.width, before.height)
    func made(_ channels: Int, _ value: (Int, Int, Int) -> Float) throws -> Image {
      let image = try host.image(width: width, height: height, channels: channels)
      image.fill(value)
      return image
    }
    func mean(_ image: Image) throws -> Image { try host.blurred(image, sigma: GuidedTransfer.sigma) }

    let change = try made(3) { x, y, c in after.row(y)[3 * x + c] - before.row(y)[3 * x + c] }
    let guideMean = try mean(guide)
    let guideSquare = try mean(made(1) { x, y, _ in guide.row(y)[x] * guide.row(y)[x] })
    let changeMean = try mean(change)
    let product = try mean(made(3) { x, y, c in guide.row(y)[x] * change.row(y)[3 * x + c] })
    let slope = try made(3) { x, y, c in
      let m = guideMean.row(y)[x]
      let variance = max(guideSquare.row(y)[x] - m * m, 0)
      return (product.row(y)[3 * x + c] - m * changeMean.row(y)[3 * x + c]) / (variance + GuidedTransfer.flat)
    }
    let offset = try mean(
      made(3) { x, y, c in changeMean.row(y)[3 * x + c] - slope.row(y)[3 * x + c] * guideMean.row(y)[x] })
    let smoothSlope = try mean(slope)
    let rest = try made(3) { x, y, c in
      let fitted = smoothSlope.row(y)[3 * x + c] * guide.row(y)[x] + offset.row(y)[3 * x + c]
      return 0.5 + (change.row(y)[3 * x + c] - fitted) / 2
    }
    return (smoothSlope, offset, rest)
  }
}

/// Rows of images enlarged linearly, made as they are needed.
private final class EnlargedRows {
  private let images: [Image]
  private let columns: [(first: Int, second: Int, share: Float)]
  private let height: Int
  private var buffers: [[Float]]

  init(_ images: [Image], width: Int, height: Int) {
    (self.images, self.height) = (images, height)
    columns = (0..<width).map { Self.place($0, of: width, in: images[0].width) }
    buffers = images.map { _ in [Float](repeating: 0, count: 3 * width) }
  }

  private static func place(_ i: Int, of length: Int, in small: Int) -> (
    first: Int, second: Int, share: Float
  ) {
    let at = max((Float(i) + 0.5) * Float(small) / Float(length) - 0.5, 0)
    let first = min(Int(at), small - 1)
    return (first, min(first + 1, small - 1), at - Float(first))
  }

  func row(_ y: Int, of index: Int) -> [Float] {
    let image = images[index]
    let place = Self.place(y, of: height, in: image.height)
    let (upper, lower) = (image.row(place.first), image.row(place.second))
    for (x, column) in columns.enumerated() {
      for c in 0..<3 {
        let (left, right) = (3 * column.first + c, 3 * column.second + c)
        let above = upper[left] + column.share * (upper[right] - upper[left])
        let below = lower[left] + column.share * (lower[right] - lower[left])
        buffers[index][3 * x + c] = above + place.share * (below - above)
      }
    }
    return buffers[index]
  }
}
