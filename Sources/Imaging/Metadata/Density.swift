/// How many pixels lie along a length, or, without a unit, how a pixel is shaped.
struct Density: Sendable, Equatable {
  /// As TIFF numbers them.
  enum Unit: Int {
    case none = 1
    case inch, centimetre
  }

  var x: Double
  var y: Double
  var unit: Unit

  /// nil where the numbers say nothing.
  init?(x: Double, y: Double, unit: Unit) {
    guard x > 0, y > 0, x < 1e9, y < 1e9, unit != .none || x != y else { return nil }
    (self.x, self.y, self.unit) = (x, y, unit)
  }

  /// The density of an EXIF block, or of the fields of a TIFF file; a missing unit is the inch.
  init?(_ contents: EXIFContents) {
    func ratio(_ tag: Int) -> Double? {
      guard let value = contents[tag]?.value,
        let above = value.number(at: 0, size: 4, bigEndian: contents.isBigEndian),
        let below = value.number(at: 4, size: 4, bigEndian: contents.isBigEndian), below > 0
      else { return nil }
      return Double(above) / Double(below)
    }
    guard let x = ratio(TIFFTag.xResolution), let y = ratio(TIFFTag.yResolution) else { return nil }
    let number = contents[TIFFTag.resolutionUnit]?.value.number(
      at: 0, size: 2, bigEndian: contents.isBigEndian)
    self.init(x: x, y: y, unit: Unit(rawValue: number ?? 2) ?? .none)
  }

  /// The density in a JPEG's first segment: JFIF counts units from 0.
  init?(jfif payload: [UInt8]) {
    guard payload.has("JFIF\0", at: 0), let unit = payload.number(at: 7, size: 1, bigEndian: true),
      let x = payload.number(at: 8, size: 2, bigEndian: true),
      let y = payload.number(at: 10, size: 2, bigEndian: true)
    else { return nil }
    self.init(x: Double(x), y: Double(y), unit: Unit(rawValue: unit + 1) ?? .none)
  }

  /// The density in a PNG chunk pHYs, in pixels per metre if it has a unit.
  init?(pHYs data: [UInt8]) {
    guard let x = data.number(at: 0, size: 4, bigEndian: true),
      let y = data.number(at: 4, size: 4, bigEndian: true), data.count >= 9
    else { return nil }
    let isMetre = data[8] == 1
    self.init(
      x: isMetre ? Double(x) / 100 : Double(x), y: isMetre ? Double(y) / 100 : Double(y),
      unit: isMetre ? .centimetre : .none)
  }

  /// The density in resource 1005 of a Photoshop file: numbers with 16 bits behind the point, always per inch.
  init?(photoshop data: [UInt8]) {
    guard let x = data.number(at: 0, size: 4, bigEndian: true),
      let y = data.number(at: 8, size: 4, bigEndian: true)
    else { return nil }
    self.init(x: Double(x) / 65536, y: Double(y) / 65536, unit: .inch)
  }

  /// Unit, across and down for JFIF, in whole numbers; those of a shape alone have no unit.
  static func jfif(_ density: Density?) -> [UInt8] {
    var density = density
    if let metric = density, metric.unit == .centimetre,
      metric.x != metric.x.rounded() || metric.y != metric.y.rounded()
    {
      density = Density(x: metric.x * 2.54, y: metric.y * 2.54, unit: .inch)
    }
    guard let density else { return [0, 0, 1, 0, 1] }
    func number(_ value: Double) -> [UInt8] {
      numberBytes(of: Int(min(max(value.rounded(), 1), 65535)), size: 2, bigEndian: true)
    }
    return [UInt8(density.unit.rawValue - 1)] + number(density.x) + number(density.y)
  }

  /// The data of a PNG chunk pHYs.
  var pHYs: [UInt8] {
    let scale: Double =
      switch unit {
      case .none: 1
      case .inch: 100 / 2.54
      case .centimetre: 100
      }
    func number(_ value: Double) -> [UInt8] {
      numberBytes(of: Int(min((value * scale).rounded(), 0x7FFF_FFFF)), size: 4, bigEndian: true)
    }
    return number(x) + number(y) + [unit == .none ? 0 : 1]
  }

  /// The three fields of TIFF.
  func entries(bigEndian: Bool) -> [TIFFEntry] {
    func ratio(_ value: Double) -> [UInt8] {
      let below = value == value.rounded() ? 1 : value < 4e5 ? 10000 : 1
      return numberBytes(of: Int((value * Double(below)).rounded()), size: 4, bigEndian: bigEndian)
        + numberBytes(of: below, size: 4, bigEndian: bigEndian)
    }
    return [
      TIFFEntry(TIFFTag.xResolution, type: 5, bytes: ratio(x)),
      TIFFEntry(TIFFTag.yResolution, type: 5, bytes: ratio(y)),
      TIFFEntry(TIFFTag.resolutionUnit, shorts: [unit.rawValue], bigEndian: bigEndian),
    ]
  }
}
