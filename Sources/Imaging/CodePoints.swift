import Glibc

/// How colours are coded: the code points of ITU-T H.273, as PNG's cICP and the nclx box of AVIF and HEIC have them.
struct CodePoints: Sendable, Equatable {
  /// The primaries and the white point; 1: those of BT.709 and sRGB; 2: not said.
  var primaries: Int
  /// How values are made of light; 13: as in sRGB; 2: not said.
  var transfer: Int
  /// How YCbCr is made of RGB; 0: it is not; 2: not said.
  var matrix: Int

  /// Whether the light of these values has no upper end that screens agree on (BT.2100: PQ and HLG).
  var isHDR: Bool { transfer == 16 || transfer == 18 }

  /// What they are called, "BT.2020, PQ".
  var title: String {
    let spaces = [1: "BT.709", 9: "BT.2020", 11: "DCI-P3", 12: "Display P3"]
    let curves = [8: "linear light", 13: "sRGB", 16: "PQ", 18: "HLG"]
    return "\(spaces[primaries] ?? "primaries \(primaries)"), \(curves[transfer] ?? "transfer \(transfer)")"
  }

  var isKnown: Bool { Self.light(transfer) != nil && Self.chromaticities[primaries] != nil }

  /// How they turn into light. Nil: they are sRGB, are not said, or are not known.
  var encoding: ColourEncoding? {
    guard let light = Self.light(transfer), let xy = Self.chromaticities[primaries] else { return nil }
    if primaries == 1, Self.isSRGB(transfer) { return nil }
    return ColourEncoding(chromaticities: xy, light: light)
  }

  /// Cameras' curves of BT.601, BT.709 and BT.2020 are shown as sRGB, as browsers do; so is what is not said.
  private static func isSRGB(_ transfer: Int) -> Bool { [1, 2, 6, 11, 12, 13, 14, 15].contains(transfer) }

  /// x and y of white, red, green, blue (H.273, table 2).
  private static let chromaticities: [Int: [Double]] = {
    let d65 = [0.3127, 0.329]
    let bt709 = d65 + [0.64, 0.33, 0.3, 0.6, 0.15, 0.06]
    return [
      1: bt709, 2: bt709,
      4: [0.31, 0.316, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08],
      5: d65 + [0.64, 0.33, 0.29, 0.6, 0.15, 0.06],
      6: d65 + [0.63, 0.34, 0.31, 0.595, 0.155, 0.07],
      7: d65 + [0.63, 0.34, 0.31, 0.595, 0.155, 0.07],
      9: d65 + [0.708, 0.292, 0.17, 0.797, 0.131, 0.046],
      11: [0.314, 0.351, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06],
      12: d65 + [0.68, 0.32, 0.265, 0.69, 0.15, 0.06],
      22: d65 + [0.63, 0.34, 0.295, 0.605, 0.155, 0.077],
    ]
  }()

  /// Light of a value, both in 0...1, white being 1 (H.273, table 3).
  private static func light(_ transfer: Int) -> (@Sendable (Double) -> Double)? {
    switch transfer {
    case _ where isSRGB(transfer): ColourEncoding.sRGBLight
    case 4: { pow($0, 2.2) }
    case 5: { pow($0, 2.8) }
    case 8: { $0 }
    case 16: { pqLight($0) / diffuseWhite }
    case 18: { hlgLight($0) / diffuseWhite }
    default: nil
    }
  }

  /// The light of white paper in an HDR picture, cd/m² (BT.2408).
  static let diffuseWhite = 203.0

  /// cd/m² (SMPTE ST 2084).
  private static func pqLight(_ value: Double) -> Double {
    let (m1, m2) = (2610.0 / 16384, 2523.0 / 32)
    let (c1, c2, c3) = (3424.0 / 4096, 2413.0 / 128, 2392.0 / 128)
    let root = pow(value, 1 / m2)
    return 10000 * pow(max(root - c1, 0) / (c2 - c3 * root), 1 / m1)
  }

  /// cd/m² on a screen of 1000 cd/m² (BT.2100), channel by channel.
  private static func hlgLight(_ value: Double) -> Double {
    let (a, b, c) = (0.17883277, 0.28466892, 0.55991073)
    let scene = value <= 0.5 ? value * value / 3 : (exp((value - c) / a) + b) / 12
    return 1000 * pow(scene, 1.2)
  }
}
