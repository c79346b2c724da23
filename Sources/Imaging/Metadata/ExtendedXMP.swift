import CVips

// A segment of a JPEG file holds 64 KiB. A longer XMP packet goes on in others (XMP specification, part 3,
// 1.1.3.1), which the packet names by the MD5 of what they hold together.

private let mainHead = Array("http://ns.adobe.com/xap/1.0/\0".utf8)
private let extensionHead = Array("http://ns.adobe.com/xmp/extension/\0".utf8)
private let namespace = "http://ns.adobe.com/xmp/note/"
private let property = "HasExtendedXMP"
/// What a segment holds beside its head: name, MD5, size, place.
private let partRoom = 65000

/// The XMP packet in the segments of a JPEG file, all of it in one, or nil.
func xmpPacket(in segments: [JPEGSegment]) -> [UInt8]? {
  let segments = segments.filter { $0.marker == 0xE1 }
  guard let main = segments.first(where: { $0.payload.starts(with: mainHead) }) else { return nil }
  let packet = Array(main.payload.dropFirst(mainHead.count))
  guard let name = xmpText(packet, property, of: namespace)?.utf8, name.count == 32 else { return packet }
  // They may come in any order.
  let start = extensionHead.count
  var parts: [(place: Int, bytes: ArraySlice<UInt8>)] = []
  for segment in segments where segment.payload.starts(with: extensionHead) {
    let payload = segment.payload
    guard payload.count >= start + 40, payload[start..<start + 32].elementsEqual(name),
      let place = payload.number(at: start + 36, size: 4, bigEndian: true)
    else { continue }
    parts.append((place, payload[(start + 40)...]))
  }
  var whole: [UInt8] = []
  for part in parts.sorted(by: { $0.place < $1.place }) where part.place == whole.count {
    whole += part.bytes
  }
  guard !whole.isEmpty else { return packet }
  let rest = removingXMP(property, of: namespace, from: packet)
  return rest == addingXMP(announcement(nil), to: nil) ? whole : merged(whole, into: rest)
}

/// The description that names what a packet goes on in.
private func announcement(_ name: String?) -> String {
  "<rdf:Description rdf:about=\"\" xmlns:rdf=\"\(rdfNamespace)\" xmlns:xmpNote=\"\(namespace)\""
    + (name.map { " xmpNote:\(property)=\"\($0)\"" } ?? "") + "/>"
}

func isXMP(_ segment: JPEGSegment) -> Bool {
  segment.payload.starts(with: mainHead) || segment.payload.starts(with: extensionHead)
}

/// A packet as segments. A packet that is too long for one stands as a whole in the others.
func xmpSegments(_ packet: [UInt8]) -> [JPEGSegment] {
  func segment(_ payload: [UInt8]) -> JPEGSegment { JPEGSegment(marker: 0xE1, payload: payload) }
  if packet.count <= partRoom { return [segment(mainHead + packet)] }
  let whole = withoutXMPWrapper(packet)
  guard let text = cvips_md5(whole, whole.count) else { return [] }
  defer { cvips_free(text) }
  let name = String(cString: text).uppercased()
  let main = addingXMP(announcement(name), to: nil)
  return [segment(mainHead + main)]
    + stride(from: 0, to: whole.count, by: partRoom).map { start in
      segment(
        extensionHead + Array(name.utf8) + numberBytes(of: whole.count, size: 4, bigEndian: true)
          + numberBytes(of: start, size: 4, bigEndian: true)
          + whole[start..<min(start + partRoom, whole.count)])
    }
}

/// A packet with the descriptions of another.
private func merged(_ other: [UInt8], into packet: [UInt8]) -> [UInt8] {
  guard let open = other.first(of: "<rdf:RDF"),
    let start = other[open.upperBound...].firstIndex(of: UInt8(ascii: ">")),
    let end = other.last(of: "</rdf:RDF"), start < end, let place = packet.last(of: "</rdf:RDF")
  else { return packet }
  // What the other declares for all of its descriptions.
  let declarations = other[open.upperBound..<start]
  var packet = packet
  packet.insert(contentsOf: other[(start + 1)..<end], at: place)
  if let here = packet.first(of: "<rdf:RDF") {
    for declaration in String(decoding: declarations, as: UTF8.self).split(whereSeparator: \.isWhitespace)
    where declaration.hasPrefix("xmlns:")
      && packet.first(of: " " + declaration.prefix { $0 != "=" } + "=") == nil
    {
      packet.insert(contentsOf: Array((" " + declaration).utf8), at: here.upperBound)
    }
  }
  return packet
}
