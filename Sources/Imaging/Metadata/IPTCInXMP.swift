// The counterparts in XMP of IPTC's data sets, by the mapping of the IPTC Photo Metadata Standard.

private enum Namespace: String {
  case dc = "http://purl.org/dc/elements/1.1/"
  case photoshop = "http://ns.adobe.com/photoshop/1.0/"
  case xmp = "http://ns.adobe.com/xap/1.0/"
  case Iptc4xmpCore = "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/"

  var prefix: String { "\(self)" }
}

private enum Kind { case text, languages, bag, sequence }

private let counterparts: [(number: Int, Namespace, property: String, Kind)] = [
  (4, .Iptc4xmpCore, "IntellectualGenre", .text), (5, .dc, "title", .languages),
  (10, .photoshop, "Urgency", .text), (12, .Iptc4xmpCore, "SubjectCode", .bag),
  (15, .photoshop, "Category", .text), (20, .photoshop, "SupplementalCategories", .bag),
  (25, .dc, "subject", .bag), (40, .photoshop, "Instructions", .text), (55, .photoshop, "DateCreated", .text),
  (62, .xmp, "CreateDate", .text),
  (80, .dc, "creator", .sequence), (85, .photoshop, "AuthorsPosition", .text),
  (90, .photoshop, "City", .text),
  (92, .Iptc4xmpCore, "Location", .text), (95, .photoshop, "State", .text),
  (100, .Iptc4xmpCore, "CountryCode", .text), (101, .photoshop, "Country", .text),
  (103, .photoshop, "TransmissionReference", .text), (105, .photoshop, "Headline", .text),
  (110, .photoshop, "Credit", .text), (115, .photoshop, "Source", .text), (116, .dc, "rights", .languages),
  (120, .dc, "description", .languages), (122, .photoshop, "CaptionWriter", .text),
]

/// Data sets that say nothing of the picture (version), or something with another (time to date).
private let silent: Set = [0, 60, 63]

extension IPTC {
  /// An XMP packet with what the data sets say, where it does not say something of that already.
  func added(to packet: [UInt8]?) -> [UInt8]? {
    var properties = ""
    for (number, namespace, property, kind) in counterparts {
      var texts = texts(number)
      if texts.isEmpty || packet.map({ hasXMP($0, property, of: namespace.rawValue) }) == true { continue }
      // Dates have their time in another data set.
      if number == 55 || number == 62 { texts = [moment(texts[0], self.texts(number == 55 ? 60 : 63).first)] }
      let name = "\(namespace.prefix):\(property)"
      properties += "<\(name)>\(value(texts.map(escapedXML), kind))</\(name)>"
    }
    if properties.isEmpty { return packet }
    let namespaces = [Namespace.dc, .photoshop, .xmp, .Iptc4xmpCore].filter {
      properties.contains("<\($0.prefix):")
    }
    let declared = namespaces.map { " xmlns:\($0.prefix)=\"\($0.rawValue)\"" }.joined()
    return addingXMP(
      "<rdf:Description rdf:about=\"\" xmlns:rdf=\"\(rdfNamespace)\"\(declared)>\(properties)</rdf:Description>",
      to: packet)
  }

  /// Whether there are data sets that XMP has no counterpart of.
  var exceedsXMP: Bool {
    let known = Set(counterparts.map(\.number)).union(silent)
    return dataSets.contains { $0.record == 2 && !known.contains($0.number) && !$0.data.isEmpty }
  }
}

private func value(_ texts: [String], _ kind: Kind) -> String {
  func list(_ name: String, _ attribute: String = "") -> String {
    "<rdf:\(name)>" + texts.map { "<rdf:li\(attribute)>\($0)</rdf:li>" }.joined() + "</rdf:\(name)>"
  }
  switch kind {
  case .text: return texts[0]
  case .languages:
    return "<rdf:Alt><rdf:li xml:lang=\"x-default\">\(texts[0])</rdf:li></rdf:Alt>"
  case .bag: return list("Bag")
  case .sequence: return list("Seq")
  }
}

/// "20010203" and "040506+0100" as "2001-02-03T04:05:06+01:00"; what is written otherwise stays so.
private func moment(_ date: String, _ time: String?) -> String {
  func parts(_ text: Substring, _ sizes: [Int]) -> [Substring]? {
    guard text.utf8.count == sizes.reduce(0, +), text.utf8.allSatisfy({ (48...57).contains($0) }) else {
      return nil
    }
    var rest = text
    return sizes.map { size in
      defer { rest = rest.dropFirst(size) }
      return rest.prefix(size)
    }
  }
  guard var days = parts(date[...], [4, 2, 2]) else { return date }
  // Unknown months and days are zeros.
  while days.count > 1, days.last == "00" { days.removeLast() }
  let day = days.joined(separator: "-")
  guard days.count == 3, let time, let clock = parts(time.prefix(6), [2, 2, 2]) else { return day }
  let zone = time.dropFirst(6)
  let hours = parts(zone.dropFirst(), [2, 2]).map { "\(zone.prefix(1))\($0[0]):\($0[1])" } ?? ""
  return "\(day)T\(clock.joined(separator: ":"))\(hours)"
}
