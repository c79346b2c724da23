/// A segment in front of the picture in a JPEG file.
package struct JPEGSegment {
  /// What follows 0xFF.
  let marker: UInt8
  /// All of it: the marker, its length, what it holds.
  package let bytes: [UInt8]

  package init(marker: UInt8, bytes: [UInt8]) { (self.marker, self.bytes) = (marker, bytes) }

  /// EXIF that tells an orientation and nothing else.
  fileprivate init(exif orientation: StoredOrientation) {
    let directory: [UInt8] = [
      0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, UInt8(orientation.exif), 0, 0, 0, 0, 0, 0,
    ]
    let block = Array("Exif\0\0MM\0*".utf8) + [0, 0, 0, 8] + directory
    self.init(marker: 0xE1, bytes: [0xFF, 0xE1, 0, UInt8(block.count + 2)] + block)
  }

  fileprivate var isEXIF: Bool { marker == 0xE1 && holds("Exif\0\0") }

  /// Whether it tells about the picture, not how it is encoded: JFIF's and Adobe's tell what its components are.
  var isMetadata: Bool {
    switch marker {
    case 0xE0: !holds("JFIF\0")
    case 0xEE: !holds("Adobe")
    case 0xE1...0xEF, 0xFE: true
    default: false
    }
  }

  private func holds(_ name: String) -> Bool { bytes.dropFirst(4).starts(with: name.utf8) }

  /// The same of a picture that is stored with an orientation; nil: it is not told here.
  fileprivate func stored(as orientation: StoredOrientation, _ width: Int, _ height: Int) -> JPEGSegment? {
    guard isEXIF else { return nil }
    var block = EXIFBlock(bytes, tiffAt: 10)
    guard block.setOrientation(orientation.exif) else { return nil }
    block.setSize(width, height)
    return JPEGSegment(marker: marker, bytes: block.bytes)
  }

  /// XMP with the same orientation, where it tells one.
  fileprivate func withXMP(orientation: StoredOrientation) -> JPEGSegment {
    guard marker == 0xE1, holds("http://ns.adobe.com/xap/") else { return self }
    let told = orientedXMP(bytes, orientation.exif)
    return told.count == bytes.count ? JPEGSegment(marker: marker, bytes: told) : self
  }
}

extension [JPEGSegment] {
  /// The segments of an upright picture for one that is stored with an orientation and a size; nil: there is EXIF which
  /// does not tell the orientation.
  package func stored(as orientation: StoredOrientation, _ width: Int, _ height: Int) -> [JPEGSegment]? {
    if orientation.exif == 1 { return self }
    var all = map { $0.withXMP(orientation: orientation) }
    guard let exif = firstIndex(where: \.isEXIF) else { return [JPEGSegment(exif: orientation)] + all }
    guard let stored = self[exif].stored(as: orientation, width, height) else { return nil }
    all[exif] = stored
    return all
  }
}

extension EncodedImage {
  /// The segments of a JPEG file from its start on, as far as one follows the other.
  var jpegSegments: [JPEGSegment] {
    withUnsafeBytes { file in
      var found: [JPEGSegment] = []
      var at = 2
      while at + 4 <= file.count, file[at] == 0xFF, file[at + 1] != 0xDA {
        let end = at + 2 + Int(file[at + 2]) << 8 + Int(file[at + 3])
        guard end >= at + 4, end <= file.count else { break }
        found.append(JPEGSegment(marker: file[at + 1], bytes: Array(file[at..<end])))
        at = end
      }
      return found
    }
  }
}
