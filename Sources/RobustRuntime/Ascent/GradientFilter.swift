import CKernels

/// What is done to the gradient of an image before the step: smoothed, spread over resolutions, its trend taken away,
/// its colour damped, held back where pixels are not free.
struct GradientFilter {
  private let area: Int
  private let blur: PlaneBlur?
  private let levels: Levels?
  private let trend: Trend?
  private let chromaDamping: Float
  private let free: Region?

  init(height: Int, width: Int, settings: AscentSettings) {
    area = height * width
    free = settings.free
    chromaDamping = Float(settings.chromaDamping)
    let (sigma, trendSigma) = (settings.gradientBlur, settings.gradientTrend)
    func blur(_ sigma: Double) -> PlaneBlur {
      PlaneBlur(height: height, width: width, sigma: sigma, boundary: settings.boundary)
    }
    self.blur = sigma > 0 ? blur(sigma) : nil
    levels =
      settings.levels > 1
      ? Levels((1..<settings.levels).map { blur(Double(1 << $0) / 3.0.squareRoot()) }, area: area) : nil
    trend = trendSigma > 0 ? Trend(blur(trendSigma), free: free, area: area) : nil
  }

  /// - Parameter gradient: of one image, [3][row][column].
  func apply(to gradient: UnsafeMutablePointer<Float>, image: Int) {
    if let blur { for c in 0..<3 { blur.apply(to: gradient + c * area) } }
    levels?.apply(to: gradient)
    if let trend { for c in 0..<3 { trend.remove(from: gradient + c * area, image: image) } }
    if chromaDamping > 0 { rt_damp_chroma(gradient, chromaDamping, area) }
    guard let free else { return }
    free.values.withUnsafeBufferPointer { weights in
      let weights = weights.baseAddress! + (free.count == 1 ? 0 : image) * area
      for c in 0..<3 { rt_multiply(gradient + c * area, weights, area) }
    }
  }
}

/// The gradient at several resolutions at once, with equal shares of its norm.
///
/// Where an image is a sum of layers that are enlarged linearly, a step in a layer moves the image along the gradient
/// reduced and enlarged again; a Gaussian of the same variance stands for both.
private struct Levels {
  private let blurs: [PlaneBlur]
  private let area: Int
  private let sum, smooth: Buffer

  init(_ blurs: [PlaneBlur], area: Int) {
    (self.blurs, self.area) = (blurs, area)
    (sum, smooth) = (Buffer(3 * area), Buffer(3 * area))
  }

  func apply(to gradient: UnsafeMutablePointer<Float>) {
    let size = 3 * area
    let norm = rt_sum_squares(gradient, size).squareRoot()
    guard norm > 0, norm.isFinite else { return }
    rt_copy(sum.base, gradient, size)
    for blur in blurs {
      rt_copy(smooth.base, gradient, size)
      for c in 0..<3 { blur.apply(to: smooth.base + c * area) }
      let smoothNorm = rt_sum_squares(smooth.base, size).squareRoot()
      if smoothNorm > 0 { rt_add_scaled(sum.base, smooth.base, Float(norm / smoothNorm), size) }
    }
    rt_copy(gradient, sum.base, size)
    rt_scale(gradient, 1 / Float(blurs.count + 1), size)
  }
}

/// The smooth part of a plane: its Gaussian mean over the free pixels around each pixel.
private struct Trend {
  private let blur: PlaneBlur
  private let area: Int
  private let free: Region?
  /// Gaussian means of the free pixels, one plane for each plane of `free`.
  private let weights: Buffer?
  private let smooth: Buffer

  init(_ blur: PlaneBlur, free: Region?, area: Int) {
    (self.blur, self.free, self.area) = (blur, free, area)
    smooth = Buffer(area)
    weights = free.map { free in
      let weights = Buffer(free.values.count)
      rt_copy(weights.base, free.values, free.values.count)
      for plane in 0..<free.count { blur.apply(to: weights.base + plane * area) }
      return weights
    }
  }

  func remove(from plane: UnsafeMutablePointer<Float>, image: Int) {
    rt_copy(smooth.base, plane, area)
    let offset = free.map { $0.count == 1 ? 0 : image * area } ?? 0
    free?.values.withUnsafeBufferPointer { rt_multiply(smooth.base, $0.baseAddress! + offset, area) }
    blur.apply(to: smooth.base)
    if let weights {
      // Far from all free pixels there is no mean, and no step either.
      rt_subtract_ratio(plane, smooth.base, weights.base + offset, 1e-3, area)
    } else {
      rt_add_scaled(plane, smooth.base, -1, area)
    }
  }
}
