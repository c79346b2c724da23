// XMP is read and changed as text: what others wrote stays as it is to the byte, and nothing in it can do harm.

let rdfNamespace = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
/// A packet that wants more of anything taken out is hostile; each removal moves what follows.
let mostRemovals = 32

/// A packet with one more description of the picture. A packet that cannot be understood is replaced, as is nil.
func addingXMP(_ description: String, to packet: [UInt8]?) -> [UInt8] {
  if var packet, let end = packet.last(of: "</rdf:RDF") {
    packet.insert(contentsOf: Array(description.utf8), at: end)
    return packet
  }
  let whole =
    "<?xpacket begin=\"\u{FEFF}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n"
    + "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF xmlns:rdf=\"\(rdfNamespace)\">"
    + description + "</rdf:RDF></x:xmpmeta>\n<?xpacket end=\"w\"?>"
  return Array(whole.utf8)
}

/// The packet without the processing instructions around it.
func withoutXMPWrapper(_ packet: [UInt8]) -> [UInt8] {
  guard let start = packet.first(of: "<x:xmpmeta")?.lowerBound ?? packet.first(of: "<rdf:RDF")?.lowerBound
  else { return packet }
  let end = packet.last(of: "<?xpacket") ?? packet.count
  return start < end ? Array(packet[start..<end]) : packet
}

/// A packet in UTF-8, whatever of Unicode's encodings it has.
func utf8XMP(_ packet: [UInt8]) -> [UInt8] {
  let isBig = packet.starts(with: [0xFE, 0xFF]) || packet.starts(with: [0, 0x3C])
  guard isBig || packet.starts(with: [0xFF, 0xFE]) || packet.starts(with: [0x3C, 0]) else { return packet }
  let units: [UInt16] = stride(from: 0, to: packet.count - 1, by: 2).map { at in
    let (first, second) = (UInt16(packet[at]), UInt16(packet[at + 1]))
    return isBig ? first << 8 | second : second << 8 | first
  }
  let text = units.first == 0xFEFF ? units.dropFirst() : units[...]
  return Array(String(decoding: text, as: UTF16.self).utf8)
}

/// The text of a property, or nil.
func xmpText(_ packet: [UInt8], _ property: String, of namespace: String) -> String? {
  xmpRange(in: packet, property, of: namespace).map { unescapedXML(packet[$0.content]) }
}

func hasXMP(_ packet: [UInt8], _ property: String, of namespace: String) -> Bool {
  xmpRange(in: packet, property, of: namespace) != nil
}

func removingXMP(_ property: String, of namespace: String, from packet: [UInt8]) -> [UInt8] {
  var packet = packet
  for _ in 0..<mostRemovals {
    guard let range = xmpRange(in: packet, property, of: namespace) else { break }
    packet.removeSubrange(range.whole)
  }
  return packet
}

/// The packet without anything of a namespace, and whether there was something.
func removingXMP(of namespace: String, from packet: [UInt8]) -> (packet: [UInt8], found: Bool) {
  var (packet, found) = (packet, false)
  for prefix in prefixes(of: namespace, in: packet) {
    var kept: [UInt8] = []
    // Each name that has no end costs a search through all that follows.
    var (from, failures) = (0, 0)
    for quote in ["\"", "'"] {
      packet = removingText(" xmlns:\(prefix)=\(quote)\(namespace)\(quote)", packet)
    }
    while failures < mostRemovals, let name = packet[from...].first(of: "\(prefix):") {
      guard let end = endOfXMP(packet, name) else {
        kept += packet[from..<name.upperBound]
        (from, failures) = (name.upperBound, failures + 1)
        continue
      }
      kept += packet[from..<name.lowerBound - 1]
      (from, found) = (end, true)
    }
    packet = kept + packet[from...]
  }
  return (packet, found)
}

/// Where the element or attribute ends whose name starts with this prefix; nil: it is none.
private func endOfXMP(_ packet: [UInt8], _ prefix: Range<Int>) -> Int? {
  guard prefix.lowerBound > 0 else { return nil }
  let name = packet[prefix.upperBound...].prefix(64).prefix { isNameByte($0) }
  let rest = packet[name.endIndex...]
  if isSpace(packet[prefix.lowerBound - 1]) {
    guard rest.first == UInt8(ascii: "="), let quote = rest.dropFirst().first, quote == 0x22 || quote == 0x27
    else {
      return nil
    }
    return rest.dropFirst(2).firstIndex(of: quote).map { $0 + 1 }
  }
  guard packet[prefix.lowerBound - 1] == UInt8(ascii: "<"), let start = rest.firstIndex(of: UInt8(ascii: ">"))
  else {
    return nil
  }
  if packet[start - 1] == UInt8(ascii: "/") { return start + 1 }
  let close = Array("</".utf8) + packet[prefix] + name
  guard let end = packet[start...].first(of: close)?.upperBound else { return nil }
  return packet[end...].firstIndex(of: UInt8(ascii: ">")).map { $0 + 1 }
}

private func removingText(_ text: String, _ packet: [UInt8]) -> [UInt8] {
  var packet = packet
  for _ in 0..<mostRemovals {
    guard let place = packet.first(of: text) else { break }
    packet.removeSubrange(place)
  }
  return packet
}

/// The packet as one of an image of this size and orientation, as far as it says anything of them, and without
/// thumbnails, which would show what is no longer there.
package func describedXMP(_ packet: [UInt8], width: Int, height: Int, orientation: Int) -> [UInt8] {
  var packet = packet
  for (property, value) in [
    ("tiff:Orientation", orientation), ("tiff:ImageWidth", width), ("tiff:ImageLength", height),
    ("exif:PixelXDimension", width), ("exif:PixelYDimension", height),
  ] {
    for (before, after) in [("\(property)=\"", "\""), ("\(property)='", "'"), ("<\(property)>", "<")] {
      if let start = packet.first(of: before)?.upperBound,
        let end = packet[start...].first(of: after)?.lowerBound
      {
        packet.replaceSubrange(start..<end, with: Array("\(value)".utf8))
      }
    }
  }
  for _ in 0..<mostRemovals {
    guard let start = packet.first(of: "<xmp:Thumbnails")?.lowerBound,
      let end = packet[start...].first(of: "</xmp:Thumbnails>")?.upperBound
    else { break }
    packet.removeSubrange(start..<end)
  }
  return packet
}

/// Where the property is: as an element or as an attribute, with whatever prefix.
private func xmpRange(in packet: [UInt8], _ property: String, of namespace: String)
  -> (whole: Range<Int>, content: Range<Int>)?
{
  for prefix in prefixes(of: namespace, in: packet) {
    if let range = xmpRange(in: packet, "\(prefix):\(property)") { return range }
  }
  return nil
}

private func xmpRange(in packet: [UInt8], _ name: String) -> (whole: Range<Int>, content: Range<Int>)? {
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
    guard let open = packet.first(of: "\(name)=\(quote)"), open.lowerBound > 0,
      isSpace(packet[open.lowerBound - 1]), let end = packet[open.upperBound...].first(of: quote)
    else { continue }
    return (open.lowerBound - 1..<end.upperBound, open.upperBound..<end.lowerBound)
  }
  return nil
}

/// The prefixes that the packet gives to the namespace; a few at most.
private func prefixes(of namespace: String, in packet: [UInt8]) -> [String] {
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

/// Text as it stands in XML.
func escapedXML(_ text: String) -> String {
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

private func unescapedXML(_ bytes: ArraySlice<UInt8>) -> String {
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
