// A history of how an image was made, as the property rtool:history of its XMP packet. XMP is read and
// changed as text: what others wrote stays as it is to the byte, and nothing in it can do harm.

private let namespace = "https://rtool.dev/ns/1.0/"
private let property = "history"
/// A packet that wants more of anything taken out is hostile; each removal moves what follows.
private let mostRemovals = 32

/// The provenance in an XMP packet, or nil.
package func readProvenance(_ packet: [UInt8]) -> String? {
  guard let range = historyRange(in: packet) else { return nil }
  return unescaped(packet[range.content])
}

/// An XMP packet with the given provenance in place of any it has; the rest is kept. A packet that
/// cannot be understood is replaced, as is nil.
package func xmp(_ packet: [UInt8]?, with provenance: String) -> [UInt8] {
  let description =
    "<rdf:Description rdf:about=\"\" xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\" "
    + "xmlns:rtool=\"\(namespace)\"><rtool:\(property)>\(escaped(provenance))</rtool:\(property)></rdf:Description>"
  if var packet {
    for _ in 0..<mostRemovals {
      guard let range = historyRange(in: packet) else { break }
      packet.removeSubrange(range.whole)
    }
    packet = withoutEmptyDescriptions(packet)
    if historyRange(in: packet) == nil, let end = packet.last(of: "</rdf:RDF") {
      packet.insert(contentsOf: Array(description.utf8), at: end)
      return packet
    }
  }
  let whole =
    "<?xpacket begin=\"\u{FEFF}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n"
    + "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">"
    + description + "</rdf:RDF></x:xmpmeta>\n<?xpacket end=\"w\"?>"
  return Array(whole.utf8)
}

/// The packet of an upright picture, and without thumbnails, which would show what is no longer there.
package func uprightXMP(_ packet: [UInt8]) -> [UInt8] {
  var packet = orientedXMP(packet, 1)
  for _ in 0..<mostRemovals {
    guard let start = packet.first(of: "<xmp:Thumbnails")?.lowerBound,
      let end = packet[start...].first(of: "</xmp:Thumbnails>")?.upperBound
    else { break }
    packet.removeSubrange(start..<end)
  }
  return packet
}

/// The packet with tiff:Orientation, where it has that, set to 1...8.
func orientedXMP(_ packet: [UInt8], _ orientation: Int) -> [UInt8] {
  var packet = packet
  for (before, after) in [
    ("tiff:Orientation=\"", "\""), ("tiff:Orientation='", "'"), ("<tiff:Orientation>", "<"),
  ] {
    if let start = packet.first(of: before)?.upperBound,
      let end = packet[start...].first(of: after)?.lowerBound
    {
      packet.replaceSubrange(start..<end, with: "\(orientation)".utf8)
    }
  }
  return packet
}

/// Where the property is: as an element or as an attribute, with whatever prefix.
private func historyRange(in packet: [UInt8]) -> (whole: Range<Int>, content: Range<Int>)? {
  for prefix in prefixes(in: packet) {
    if let range = historyRange(in: packet, prefix) { return range }
  }
  return nil
}

private func historyRange(in packet: [UInt8], _ prefix: String) -> (whole: Range<Int>, content: Range<Int>)? {
  let name = "\(prefix):\(property)"
  var from = 0
  while let open = packet[from...].first(of: "<\(name)") {
    from = open.upperBound
    guard let next = packet[from...].first, next == UInt8(ascii: ">") || isSpace(next) else { continue }
    // What has no end here has none further on: to go on searching would take quadratic time.
    guard let start = packet[from...].firstIndex(of: UInt8(ascii: ">")) else { break }
    if packet[start - 1] == UInt8(ascii: "/") { continue }
    guard let close = packet[start...].first(of: "</\(name)"),
      let end = packet[close.upperBound...].firstIndex(of: UInt8(ascii: ">"))
    else { break }
    return (open.lowerBound..<end + 1, start + 1..<close.lowerBound)
  }
  for quote in ["\"", "'"] {
    guard let open = packet.first(of: " \(name)=\(quote)"),
      let end = packet[open.upperBound...].first(of: quote)
    else { continue }
    return (open.lowerBound..<end.upperBound, open.upperBound..<end.lowerBound)
  }
  return nil
}

/// The prefixes that the packet gives to the namespace; a few at most.
private func prefixes(in packet: [UInt8]) -> [String] {
  var found: [String] = []
  for quote in ["\"", "'"] {
    var from = 0
    while found.count < 8, let uri = packet[from...].first(of: "=\(quote)\(namespace)\(quote)") {
      from = uri.upperBound
      let name = packet[..<uri.lowerBound].suffix(64).reversed().prefix { isNameByte($0) }
      let start = uri.lowerBound - name.count
      guard !name.isEmpty, packet[..<start].suffix(6).elementsEqual("xmlns:".utf8) else { continue }
      let prefix = String(decoding: packet[start..<uri.lowerBound], as: UTF8.self)
      if !found.contains(prefix) { found.append(prefix) }
    }
  }
  return found
}

/// Drops descriptions that hold nothing but the declaration of the namespace.
private func withoutEmptyDescriptions(_ packet: [UInt8]) -> [UInt8] {
  let empty =
    "<rdf:Description rdf:about=\"\" xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\" "
    + "xmlns:rtool=\"\(namespace)\"></rdf:Description>"
  var packet = packet
  for _ in 0..<mostRemovals {
    guard let range = packet.first(of: empty) else { break }
    packet.removeSubrange(range)
  }
  return packet
}

private func escaped(_ text: String) -> String {
  var out = ""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "&": out += "&amp;"
    case "<": out += "&lt;"
    case ">": out += "&gt;"
    case "\r": out += "&#xD;"
    case "\t", "\n": out.unicodeScalars.append(scalar)
    // Not allowed in XML, not even escaped.
    case "\0"..<" ", "\u{FFFE}", "\u{FFFF}": out += "\u{FFFD}"
    default: out.unicodeScalars.append(scalar)
    }
  }
  return out
}

private func unescaped(_ bytes: ArraySlice<UInt8>) -> String {
  var out = String.UnicodeScalarView()
  var rest = Substring(String(decoding: bytes, as: UTF8.self)).unicodeScalars
  while let scalar = rest.popFirst() {
    guard scalar == "&", let end = rest.prefix(12).firstIndex(of: ";"),
      let meant = entity(String(rest[..<end]))
    else {
      out.append(scalar)
      continue
    }
    out.append(meant)
    rest = rest[rest.index(after: end)...]
  }
  return String(out)
}

private func entity(_ name: String) -> Unicode.Scalar? {
  switch name {
  case "amp": "&"
  case "lt": "<"
  case "gt": ">"
  case "quot": "\""
  case "apos": "'"
  default:
    if name.hasPrefix("#x") {
      UInt32(name.dropFirst(2), radix: 16).flatMap(Unicode.Scalar.init)
    } else if name.hasPrefix("#") {
      UInt32(name.dropFirst()).flatMap(Unicode.Scalar.init)
    } else {
      nil
    }
  }
}

private func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

private func isNameByte(_ byte: UInt8) -> Bool {
  switch byte {
  case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
  default: false
  }
}
