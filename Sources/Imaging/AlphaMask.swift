/// A mask with transparency, whose shape alpha carries unless what can be seen is a drawing in black and white.
struct AlphaMask {
  let samples: MaskSamples
  /// 0 clear ... 1 opaque.
  let alpha: [Float]

  /// nil: the mask is opaque, or as good as that.
  init?(_ samples: MaskSamples) {
    guard let alpha = samples.alpha, alpha.contains(where: { $0 < 0.9 }) else { return nil }
    (self.samples, self.alpha) = (samples, alpha)
  }

  /// Levels 0...255 of what is marked, with what the user should know.
  func read() -> (levels: [Float], notes: [String]) {
    if isDrawing {
      let brightness = samples.brightness
      return (alpha.indices.map { min(brightness[$0] / samples.white, 1) * 255 * alpha[$0] }, [])
    }
    if isOnClearGround { return (alpha.map { $0 * 255 }, []) }
    return (
      alpha.map { (1 - $0) * 255 },
      ["it is opaque but for a part, and that clear part is marked (--mask-invert swaps)"]
    )
  }

  /// Whether there is both black and white to be seen, and no colour.
  private var isDrawing: Bool {
    guard samples.isGrey(where: { alpha[$0] > 0.5 }) else { return false }
    let brightness = samples.brightness
    var (dark, bright, visible) = (0, 0, 0)
    for pixel in alpha.indices where alpha[pixel] > 0.5 {
      visible += 1
      if brightness[pixel] < 0.2 * samples.white { dark += 1 }
      if brightness[pixel] > 0.8 * samples.white { bright += 1 }
    }
    return dark > 0 && bright > 0 && 10 * (dark + bright) >= 9 * visible
  }

  /// Whether what is opaque lies on a clear ground, as strokes do: the border tells, or else the larger part.
  private var isOnClearGround: Bool {
    let border = Border.share(samples.width, samples.height) { alpha[$0] < 0.5 }
    if border >= 0.65 || border <= 0.35 { return border > 0.5 }
    return 2 * alpha.count { $0 < 0.5 } >= alpha.count
  }
}
