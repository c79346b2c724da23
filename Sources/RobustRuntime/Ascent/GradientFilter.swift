import CKernels

/// What is done to the gradient of an image before the step: smoothed, its trend taken away, its colour damped, held
/// back where pixels are not free.
struct GradientFilter {
  private let area: Int
  private let blur: PlaneBlur?
  private let trend: Trend?
  private let chromaDamping: Float
  private let free: Region?

  init(height: Int, width: Int, settings: AscentSettings) {
    area = height * width
    free = settings.free
    chromaDamping = Float(settings.chromaDamping)
    let (sigma, trendSigma) = (settings.gradientBlur, settings.gradientTrend)
    blur = sigma > 0 ? PlaneBlur(height: height, width: width, sigma: sigma) : nil
    trend = trendSigma > 0 ? Trend(height: height, width: width, sigma: trendSigma, free: free) : nil
  }

  /// - Parameter gradient: of one image, [3][row][column].
  func apply(to gradient: UnsafeMutablePointer<Float>, image: Int) {
    if let blur { for c in 0..<3 { blur.apply(to: gradient + c * area) } }
    if let trend { for c in 0..<3 { trend.remove(from: gradient + c * area, image: image) } }
    if chromaDamping > 0 { rt_damp_chroma(gradient, chromaDamping, area) }
    guard let free else { return }
    free.values.withUnsafeBufferPointer { weights in
      let weights = weights.baseAddress! + (free.count == 1 ? 0 : image) * area
      for c in 0..<3 { rt_multiply(gradient + c * area, weights, area) }
    }
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

  init(height: Int, width: Int, sigma: Double, free: Region?) {
    let blur = PlaneBlur(height: height, width: width, sigma: sigma)
    self.blur = blur
    area = height * width
    self.free = free
    smooth = Buffer(area)
    weights = free.map { free in
      let weights = Buffer(free.values.count)
      rt_copy(weights.base, free.values, free.values.count)
      for plane in 0..<free.count { blur.apply(to: weights.base + plane * height * width) }
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
