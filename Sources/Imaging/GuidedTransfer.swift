import PixelGrid

/// Carries a change that was made to a small copy of a photo to the photo itself.
///
/// Where the change follows the brightness of the copy, as a change of colour or contrast does, it follows the
/// brightness of the photo, so that edges stay sharp: a guided filter (He, Sun: "Fast Guided Filter", arXiv 1505.00996)
/// fits change = a · brightness + b around each pixel, and a and b are enlarged instead of the change. What the fit
/// leaves over, as new texture, is enlarged itself and added, so that nothing of the change is lost.
public enum GuidedTransfer {
  /// Calls a function once for each piece of work, in any order, perhaps several at a time.
  public typealias Parallel = (_ pieces: Int, _ body: (_ piece: Int) -> Void) -> Void

  /// Fills `result` with `photo` plus `strength` times the change from `before` to `after`, in 0...1.
  ///
  /// Throws `failed` when memory runs out.
  /// - Parameter boundary: what the images are beyond their border.
  /// - Precondition: `before` and `after` have one size and 3 channels; `result` has the size of `photo` and 3 channels.
  public static func apply(
    from before: ImageView, to after: ImageView, onto photo: ImageView, strength: Double,
    boundary: Boundary = .mirrored, into result: ImageView, parallel: Parallel
  ) throws(ImagingError) {
    let strength = Float(strength)
    if before.width == photo.width && before.height == photo.height {
      for y in 0..<photo.height {
        let (to, from, old, new) = (result.row(y), photo.row(y), before.row(y), after.row(y))
        for x in 0..<photo.width {
          for c in 0..<3 {
            let change = new[3 * x + c] - old[3 * x + c]
            let value = from[x * photo.channels + (photo.channels < 3 ? 0 : c)] + strength * change
            to[3 * x + c] = min(max(value, 0), 1)
          }
        }
      }
      return
    }
    // In bands, so that no other image of the photo's size is needed.
    let bands = EnlargedFit(
      try Fit(before, after, boundary), onto: photo, into: result, strength: strength, boundary)
    parallel(bands.count) { bands.apply($0) }
  }
}

/// Slope and offset of a change over brightness around each pixel of a small image, and what they leave over.
private struct Fit {
  let slope, offset, rest: FloatImage

  /// Sigma of the neighbourhood of a fit, in pixels of the small copy.
  private static let sigma = 2.0
  /// Variance of brightness below which there is nothing to follow.
  private static let flat: Float = 4e-4

  init(_ before: ImageView, _ after: ImageView, _ boundary: Boundary) throws(ImagingError) {
    let (width, height) = (before.width, before.height)
    func made(_ channels: Int, _ value: (_ pixel: Int, _ channel: Int) -> Float) -> FloatImage {
      let count = width * height * channels
      let pixels = [Float](unsafeUninitializedCapacity: count) { pixels, filled in
        for pixel in 0..<width * height {
          for channel in 0..<channels {
            pixels.initializeElement(at: pixel * channels + channel, to: value(pixel, channel))
          }
        }
        filled = count
      }
      return FloatImage(width: width, height: height, channels: channels, pixels: pixels)
    }
    func smooth(_ image: FloatImage) throws(ImagingError) -> FloatImage {
      switch boundary {
      case .mirrored: try image.blurred(sigma: Fit.sigma)
      case .wrapped: try image.blurredTile(sigma: Fit.sigma)
      }
    }
    func mean(_ image: FloatImage) throws(ImagingError) -> [Float] { try smooth(image).pixels }
    let guideImage = made(1) { i, _ in brightness(before.row(i / width) + 3 * (i % width)) }
    let guide = guideImage.pixels
    let change = made(3) { i, c in
      let (y, at) = (i / width, 3 * (i % width) + c)
      return after.row(y)[at] - before.row(y)[at]
    }
    let guideMean = try mean(guideImage)
    let guideSquare = try mean(made(1) { i, _ in guide[i] * guide[i] })
    let changeMean = try mean(change)
    let product = try mean(made(3) { i, c in guide[i] * change.pixels[3 * i + c] })
    let steep = made(3) { i, c in
      let m = guideMean[i]
      let variance = max(guideSquare[i] - m * m, 0)
      return (product[3 * i + c] - m * changeMean[3 * i + c]) / (variance + Fit.flat)
    }
    let level = made(3) { i, c in changeMean[3 * i + c] - steep.pixels[3 * i + c] * guideMean[i] }
    offset = try smooth(level)
    slope = try smooth(steep)
    let (a, b) = (slope.pixels, offset.pixels)
    rest = made(3) { i, c in
      let fitted = a[3 * i + c] * guide[i] + b[3 * i + c]
      return change.pixels[3 * i + c] - fitted
    }
  }
}

/// A fit enlarged, and applied to a photo in bands of its rows.
private struct EnlargedFit {
  private static let rows = 64

  private let fit: Fit
  private let photo, result: ImageView
  private let strength: Float
  private let linear, cubic: (down: SideResampling, across: SideResampling)

  init(
    _ fit: Fit, onto photo: ImageView, into result: ImageView, strength: Float, _ boundary: Boundary
  ) {
    (self.fit, self.photo, self.result, self.strength) = (fit, photo, result, strength)
    func axes(_ kernel: ResamplingKernel) -> (SideResampling, SideResampling) {
      (
        SideResampling(from: fit.slope.height, to: photo.height, kernel: kernel, boundary: boundary),
        SideResampling(from: fit.slope.width, to: photo.width, kernel: kernel, boundary: boundary)
      )
    }
    (linear, cubic) = (axes(.linear), axes(.cubic))
  }

  var count: Int { (photo.height + Self.rows - 1) / Self.rows }

  func apply(_ band: Int) {
    let (small, count) = (3 * fit.slope.width, 3 * photo.width)
    withUnsafeTemporaryAllocation(of: Float.self, capacity: small + 3 * count) { buffer in
      let mixed = buffer.baseAddress!
      let (a, b, c) = (mixed + small, mixed + small + count, mixed + small + 2 * count)
      for y in band * Self.rows..<min((band + 1) * Self.rows, photo.height) {
        for (image, axes, row) in [(fit.slope, linear, a), (fit.offset, linear, b), (fit.rest, cubic, c)] {
          image.pixels.withUnsafeBufferPointer {
            axes.down.mixRows(y, of: $0.baseAddress!, stride: small, count: small, into: mixed)
          }
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
      let light = channels < 3 ? p[0] : brightness(p)
      for c in 0..<3 {
        let i = 3 * x + c
        let change = slope[i] * light + offset[i] + rest[i]
        to[i] = min(max(p[channels < 3 ? 0 : c] + strength * change, 0), 1)
      }
    }
  }
}

/// Luma of a pixel of three colours or more.
private func brightness(_ p: UnsafePointer<Float>) -> Float { 0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2] }
