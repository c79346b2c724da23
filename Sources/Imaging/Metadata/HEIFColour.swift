/// The colours of a HEIC file in its properties (ISO 23008-12, 6.5.5): a profile, or code points, which libvips does not
/// have written.
enum HEIFColour {
  /// Puts code points in the place of a profile that stands for them. All else stays where it is in the file: what the
  /// profile took is left free. Where the profile is another, or the file is not understood, nothing changes.
  /// Throws `failed` without memory.
  static func write(_ points: CodePoints, standingFor profile: [UInt8], into file: EncodedImage)
    throws(ImagingError)
  {
    let change = file.withUnsafeBytes { bytes -> (place: Range<Int>, new: [UInt8])? in
      guard let meta = ISOBox.all(in: bytes, 0..<bytes.count).first(where: { $0.type == "meta" }),
        meta.data.count > 4,
        // The children of `meta` come after its version.
        let properties = child("iprp", of: meta.data.dropFirst(4), bytes),
        let container = child("ipco", of: properties.data, bytes),
        let colour = ISOBox.all(in: bytes, container.data).first(where: { $0.type == "colr" }),
        ["prof", "rICC"].contains(where: { bytes.has($0, at: colour.data.lowerBound) }),
        bytes[colour.data.dropFirst(4)].elementsEqual(profile),
        [meta, properties, container].allSatisfy({ $0.data.lowerBound - $0.whole.lowerBound == 8 })
      else { return nil }
      let box = nclx(points)
      let spare = colour.whole.count - box.count
      guard spare >= 8 else { return nil }
      var new = Array(bytes[meta.whole])
      let start = meta.whole.lowerBound
      for parent in [meta, properties, container] {
        let place = parent.whole.lowerBound - start
        new.replaceSubrange(
          place..<place + 4, with: numberBytes(of: parent.whole.count - spare, size: 4, bigEndian: true))
      }
      new.replaceSubrange(colour.whole.lowerBound - start..<colour.whole.upperBound - start, with: box)
      return (meta.whole, new + ISOBox.bytes("free", [UInt8](repeating: 0, count: spare - 8)))
    }
    if let change { try file.replace(change.place, with: change.new) }
  }

  private static func child(_ type: String, of range: Range<Int>, _ bytes: UnsafeRawBufferPointer) -> ISOBox?
  {
    ISOBox.all(in: bytes, range).first { $0.type == type }
  }

  /// libheif makes YCbCr by the matrix of BT.601, in the full range.
  private static func nclx(_ points: CodePoints) -> [UInt8] {
    let numbers = [points.primaries, points.transfer, 6].flatMap {
      numberBytes(of: $0, size: 2, bigEndian: true)
    }
    return ISOBox.bytes("colr", Array("nclx".utf8) + numbers + [0x80])
  }
}
