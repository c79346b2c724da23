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

  fileprivate static func brightness(_ p: UnsafeMutablePointer<Float>) -> Float {
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
    // In bands, so that no other image of the photo's size is needed.
    let band = EnlargedBand(fit.slope, fit.offset, fit.rest, onto: photo, into: result, strength: strength)
    let bands = (photo.height + EnlargedBand.rows - 1) / EnlargedBand.rows
    Crew(threads: host.threads).run(bands) { band.apply($0) }
    return result
  }

  /// Slope and offset of the fit around each pixel, and what it leaves over.
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
      return change.row(y)[3 * x + c] - fitted
    }
    return (smoothSlope, offset, rest)
  }
}

/// A fit enlarged, and applied to some rows of a photo.
private struct EnlargedBand: @unchecked Sendable {
  static let rows = 64

  private let slope, offset, rest, photo, result: Image
  private let strength: Float
  private let linear, cubic: (down: Resampling, across: Resampling)

  init(
    _ slope: Image, _ offset: Image, _ rest: Image, onto photo: Image, into result: Image, strength: Double
  ) {
    (self.slope, self.offset, self.rest, self.photo, self.result) = (slope, offset, rest, photo, result)
    self.strength = Float(strength)
    func axes(_ filter: Host.Filter) -> (Resampling, Resampling) {
      (
        Resampling(from: slope.height, to: photo.height, filter: filter),
        Resampling(from: slope.width, to: photo.width, filter: filter)
      )
    }
    (linear, cubic) = (axes(.linear), axes(.cubic))
  }

  func apply(_ band: Int) {
    let (small, count) = (3 * slope.width, 3 * photo.width)
    withUnsafeTemporaryAllocation(of: Float.self, capacity: small + 3 * count) { buffer in
      let mixed = buffer.baseAddress!
      let (a, b, c) = (mixed + small, mixed + small + count, mixed + small + 2 * count)
      for y in band * Self.rows..<min((band + 1) * Self.rows, photo.height) {
        for (image, axes, row) in [(slope, linear, a), (offset, linear, b), (rest, cubic, c)] {
          axes.down.mixRows(y, of: image.row(0), stride: image.stride, count: small, into: mixed)
          axes.across.resample(mixed, channels: 3, into: row)
        }
        change(y, slope: a, offset: b, rest: c)
      }
    }
  }

  private func change(
    _ y: Int, slope: UnsafePointer<Float>, offset: UnsafePointer<Float>, rest: UnsafePointer<Float>
  ) {
    let (to, from, channels) = (result.row(y), photo.row(y), photo.channels)
    for x in 0..<photo.width {
      let p = from + x * channels
      let brightness = channels < 3 ? p[0] : GuidedTransfer.brightness(p)
      for c in 0..<3 {
        let i = 3 * x + c
        let change = slope[i] * brightness + offset[i] + rest[i]
        to[i] = min(max(p[channels < 3 ? 0 : c] + strength * change, 0), 1)
      }
    }
  }
}
