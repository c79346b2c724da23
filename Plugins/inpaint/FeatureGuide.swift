import InpaintAlgorithms
import RTool

/// What the robust classifier sees in a window, as channels that patches can be compared by besides colour: the three
/// principal components of a shallow layer's features.
struct FeatureGuide {
  let host: Host
  private static let components = 3
  /// The root mean square of the first component, near that of luma in photos.
  private static let spread: Float = 0.2

  /// Three planes of the window's size. In the hole, of which nothing is known, they are those of a smooth fill.
  func planes(of window: Window) throws -> Planes {
    let (width, height) = (window.box.width, window.box.height)
    let smooth = SmoothFill.harmonic(window.colors, hole: window.hole)
    let smallest = host.model.smallest
    guard min(width, height) >= smallest,
      let layer = host.model.layers.last(where: { $0.reduction == host.model.layers[0].reduction })
    else { return Planes(width: width, height: height, channels: Self.components) }
    let features = try host.features(smooth.image(host), layer: layer.name)
    let scores = principalComponents(of: features)
    var planes = Planes(width: width, height: height, channels: Self.components)
    let (resampling, area) = (try host.resampling, planes.area)
    planes.samples.withUnsafeMutableBufferPointer { samples in
      for c in 0..<Self.components {
        scores.withUnsafeBufferPointer {
          resampling.resample(
            $0.baseAddress! + c * features.height * features.width, width: features.width,
            height: features.height,
            into: samples.baseAddress! + c * area, width: width, height: height, filter: .linear)
        }
      }
    }
    return planes
  }

  /// The scores of the features on their first principal components, [component][position], found by power iteration
  /// on the covariance; scaled so that the first has the wanted spread.
  private func principalComponents(of features: Features) -> [Float] {
    let (channels, area) = (features.channels, features.height * features.width)
    let means = (0..<channels).map { c in
      (0..<area).reduce(Float(0)) { $0 + features.data[c * area + $1] } / Float(area)
    }
    var covariance = [Float](repeating: 0, count: channels * channels)
    for a in 0..<channels {
      for b in 0...a {
        var sum: Float = 0
        for p in 0..<area {
          sum += (features.data[a * area + p] - means[a]) * (features.data[b * area + p] - means[b])
        }
        covariance[a * channels + b] = sum / Float(area)
        covariance[b * channels + a] = sum / Float(area)
      }
    }
    var scores: [Float] = []
    var scale: Float = 0
    for component in 0..<Self.components {
      // A start that no component of real features is at right angles to.
      var axis = (0..<channels).map { 1 + 0.1 * Float(($0 * 7 + component * 3) % 11) }
      var variance: Float = 0
      for _ in 0..<60 {
        var image = [Float](repeating: 0, count: channels)
        for a in 0..<channels {
          for b in 0..<channels { image[a] += covariance[a * channels + b] * axis[b] }
        }
        variance = image.reduce(0) { $0 + $1 * $1 }.squareRoot()
        guard variance > 1e-12 else { break }
        axis = image.map { $0 / variance }
      }
      for a in 0..<channels {
        for b in 0..<channels { covariance[a * channels + b] -= variance * axis[a] * axis[b] }
      }
      if component == 0 { scale = variance > 1e-12 ? Self.spread / variance.squareRoot() : 0 }
      for p in 0..<area {
        scores.append(
          scale * (0..<channels).reduce(0) { $0 + axis[$1] * (features.data[$1 * area + p] - means[$1]) })
      }
    }
    return scores
  }
}
