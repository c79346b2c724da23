import Glibc
import RTool

/// Distances as colours over a dimmed grey photo.
///
/// The colours go in even steps of lightness, from black over purple and red to pale yellow, in OKLab (Ottosson 2020),
/// so that equal steps of distance look equally far apart.
struct HeatMap {
  private let colors: [(Float, Float, Float)]
  private let brightest: Float

  /// How bright the photo is under the colours.
  private static let dimming: Float = 0.45

  init(brightest: Float) {
    self.brightest = max(brightest, 1e-12)
    colors = (0..<256).map { HeatMap.color(Float($0) / 255) }
  }

  /// `heat` enlarged to the size of `photo`, as an image of 3 channels.
  func image(of heat: Image, over photo: Image, host: Host) throws -> Image {
    let scaled = try host.image(width: heat.width, height: heat.height, channels: 1)
    scaled.fill { x, y, _ in min(max(heat.row(y)[x] / brightest, 0), 1) }
    let full = try host.resized(scaled, width: photo.width, height: photo.height, filter: .linear)
    let result = try host.image(width: photo.width, height: photo.height, channels: 3)
    for y in 0..<photo.height {
      let (to, from, share) = (result.row(y), photo.row(y), full.row(y))
      for x in 0..<photo.width {
        let (p, t) = (from + 3 * x, share[x])
        let grey = HeatMap.dimming * (0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2])
        let color = colors[Int(t * 255)]
        let cover = min(1, 2.5 * t) * 0.85
        to[3 * x] = grey + cover * (color.0 - grey)
        to[3 * x + 1] = grey + cover * (color.1 - grey)
        to[3 * x + 2] = grey + cover * (color.2 - grey)
      }
    }
    return result
  }

  private static func color(_ t: Float) -> (Float, Float, Float) {
    let lightness = 0.15 + 0.8 * t
    let hue = (300 + 165 * t) * Float.pi / 180
    // As colourful as sRGB allows at this lightness and hue.
    var chroma: Float = 0.2
    while chroma > 0 {
      let (r, g, b) = sRGB(lightness, chroma * cosf(hue), chroma * sinf(hue))
      if min(r, g, b) >= 0 && max(r, g, b) <= 1 { return (r, g, b) }
      chroma -= 0.004
    }
    return (t, t, t)
  }

  private static func sRGB(_ lightness: Float, _ a: Float, _ b: Float) -> (Float, Float, Float) {
    let l = cubed(lightness + 0.3963377774 * a + 0.2158037573 * b)
    let m = cubed(lightness - 0.1055613458 * a - 0.0638541728 * b)
    let s = cubed(lightness - 0.0894841775 * a - 1.2914855480 * b)
    let red = 4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s
    let green = -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s
    let blue = -0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s
    return (encoded(red), encoded(green), encoded(blue))
  }

  private static func cubed(_ x: Float) -> Float { x * x * x }

  private static func encoded(_ linear: Float) -> Float {
    linear <= 0.0031308 ? 12.92 * linear : 1.055 * powf(linear, 1 / 2.4) - 0.055
  }
}
