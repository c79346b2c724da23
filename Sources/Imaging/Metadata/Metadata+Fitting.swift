extension Metadata {
  /// Makes the metadata true of a picture of this size, and such as a file of this format holds: what it has no
  /// place for goes to its nearest counterpart, or to the names of what is lost.
  /// - Parameters:
  ///   - width, height: the size of the upright picture.
  ///   - orientation: that of the file's pixels, as EXIF numbers it; not 1 only if they are those of the source.
  mutating func fit(_ format: Format, width: Int, height: Int, orientation: Int = 1) {
    let isResized = (width, height) != (self.width, self.height)
    dropWordsOfPages(isResized: isResized, format)
    fitGeography(
      x: Double(width) / Double(max(self.width, 1)), y: Double(height) / Double(max(self.height, 1)))
    if orientation > 1, exif == nil {
      let told = TIFFEntry(TIFFTag.orientation, shorts: [orientation], bigEndian: false)
      exif = EXIFBlock(EXIFContents(isBigEndian: false, main: [told]).block().bytes)
    }
    let (across, down) = orientation > 4 ? (height, width) : (width, height)
    exif?.describe(width: across, height: down, orientation: orientation)
    xmp = xmp.map { describedXMP($0, width: across, height: down, orientation: orientation) }
    moveTexts(format)
    if !format.holdsXMP {
      if xmp != nil { lose("XMP") }
      if iptc != nil { lose("IPTC") }
      (xmp, iptc) = (nil, nil)
    }
    if let iptc, !format.holdsIPTC || format == .png {
      let records = IPTC(iptc)
      xmp = records.added(to: xmp)
      if !format.holdsIPTC {
        if records.exceedsXMP { lose("IPTC's fields without a counterpart in XMP") }
        self.iptc = nil
      }
    }
    if !format.holdsIPTC {
      if resources.contains(where: { !$0.isSlight }) {
        lose("Photoshop's resources (paths, guides and the like)")
      }
      resources = []
    }
    if format != .jpeg {
      let names = Set(segments.map(\.title)).sorted()
      if !names.isEmpty { lose("the JPEG segments \(names.joined(separator: ", "))") }
      segments = []
    }
    if exif != nil, !format.holdsEXIF {
      lose("EXIF")
      exif = nil
    }
    if format == .jpeg { fitEXIFIntoSegment() }
    if exif?.main == nil { exif = nil }
  }

  private mutating func dropWordsOfPages(isResized: Bool, _ format: Format) {
    guard pages > 1 || isResized || isTurned || format != .tiff else { return }
    if pages > 1 { for tag in TIFFTag.pages { exif?.remove(tag) } }
    guard let text = exif?.text(TIFFTag.imageDescription) else { return }
    var new = descriptionOfOnePage(text, isResized: isResized)
    if format != .tiff, text.hasPrefix("ImageJ=") { new = nil }
    guard new != text else { return }
    if let new {
      exif?.shorten(TIFFTag.imageDescription, to: new)
    } else {
      exif?.remove(TIFFTag.imageDescription)
    }
    if text.contains("<OME") { lose("the OME description of all pages") }
  }

  private mutating func fitGeography(x: Double, y: Double) {
    guard exif?.isGeoTIFF == true else { return }
    if isTurned {
      exif?.removeGeography()
      lose("GeoTIFF's fields, as the picture was turned")
    } else if x != 1 || y != 1 {
      exif?.scaleGeography(x: x, y: y)
    }
  }

  /// PNG's texts and comments go where they can.
  private mutating func moveTexts(_ format: Format) {
    if format == .png {
      texts += comments.map { PNGText(keyword: "Comment", text: guessedText($0)) }
      comments = []
      return
    }
    let holdsComments = format == .jpeg || format == .gif
    var keywords: [String] = []
    for text in texts where !text.isRepetition && !keywords.contains(text.keyword) {
      keywords.append(text.keyword)
    }
    var homeless: [String] = []
    for keyword in keywords {
      let all = texts.filter { $0.keyword == keyword }
      if keyword.lowercased() == "comment", holdsComments, all.allSatisfy({ $0.text != nil }) {
        comments += all.compactMap { $0.text.map { Array($0.utf8) } }
      } else if format.holdsXMP, let moved = xmpWithTexts(all, xmp) {
        xmp = moved
      } else {
        homeless.append("\u{201C}\(keyword.prefix(40).filter { !$0.isNewline && $0 >= " " })\u{201D}")
      }
    }
    if !homeless.isEmpty { lose("PNG's texts " + homeless.joined(separator: " ")) }
    time = nil
    texts = []
    if !holdsComments, !comments.isEmpty {
      lose("the comment")
      comments = []
    }
  }

  /// Leaves the longest fields out until a JPEG segment holds the block.
  private mutating func fitEXIFIntoSegment() {
    let room = JPEGSegment.room - 6
    guard let block = exif, block.bytes.count > room, var contents = block.contents else { return }
    var removed: [Int] = []
    // With the maker note in another place first, if that is what it takes.
    while contents.size > room || contents.block().bytes.count > room {
      let longest = (contents.main + contents.exif).max { $0.value.count < $1.value.count }
      guard let longest, longest.value.count > 4 else {
        exif = nil
        lose("EXIF")
        return
      }
      removed.append(longest.tag)
      contents.main.removeAll { $0.tag == longest.tag }
      contents.exif.removeAll { $0.tag == longest.tag }
    }
    exif = EXIFBlock(contents.block().bytes)
    let names = removed.map { $0 == TIFFTag.makerNote ? "the maker note" : "\($0)" }
    if !names.isEmpty { lose("TIFF fields too long for JPEG (\(names.joined(separator: ", ")))") }
  }

  /// Whether an orientation can be told: where the source told it, or in a block of its own.
  var holdsOrientation: Bool { exif.map { $0.main?[TIFFTag.orientation] != nil } ?? true }

  /// What is left when all that describes the picture is to go.
  var stripped: Metadata {
    var bare = Metadata()
    (bare.density, bare.jfif, bare.samples) = (density, jfif, samples)
    (bare.width, bare.height) = (width, height)
    return bare
  }

  /// A sentence about what is lost, or nil.
  func note(_ format: Format) -> String? {
    lost.isEmpty
      ? nil
      : "Metadata left out, as \(format.title) does not hold them or they are no longer true: "
        + lost.joined(separator: ", ") + "."
  }
}

extension JPEGSegment {
  /// Its number and what it calls itself.
  fileprivate var title: String {
    let name = String(decoding: payload.prefix(12).prefix { (0x20..<0x7F).contains($0) }, as: UTF8.self)
    return "APP\(Int(marker) - 0xE0)" + (name.count < 3 ? "" : " (\(name))")
  }
}

/// An XMP packet with the texts of one of PNG's usual keywords, where it does not say something of that already;
/// nil: XMP has no counterpart.
private func xmpWithTexts(_ texts: [PNGText], _ packet: [UInt8]?) -> [UInt8]? {
  let dc = "http://purl.org/dc/elements/1.1/"
  let (prefix, namespace, property, list): (String, String, String, String) =
    switch texts[0].keyword {
    case "Title": ("dc", dc, "title", "Alt")
    case "Description": ("dc", dc, "description", "Alt")
    case "Copyright": ("dc", dc, "rights", "Alt")
    case "Author": ("dc", dc, "creator", "Seq")
    case "Software": ("xmp", "http://ns.adobe.com/xap/1.0/", "CreatorTool", "")
    default: ("", "", "", "")
    }
  let words = texts.compactMap(\.text)
  if property.isEmpty || words.count < texts.count { return nil }
  if let packet, hasXMP(packet, property, of: namespace) {
    let said = xmpText(packet, property, of: namespace) ?? ""
    return words.allSatisfy(said.contains) ? packet : nil
  }
  let items = texts.enumerated().map { index, text in
    let language = (index == 0 ? nil : text.language ?? "x-\(index)") ?? "x-default"
    let name = language.filter { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }
    return "<rdf:li\(list == "Alt" ? " xml:lang=\"\(name)\"" : "")>\(escapedXML(words[index]))</rdf:li>"
  }
  let value = list.isEmpty ? escapedXML(words[0]) : "<rdf:\(list)>\(items.joined())</rdf:\(list)>"
  return addingXMP(
    "<rdf:Description rdf:about=\"\" xmlns:rdf=\"\(rdfNamespace)\" xmlns:\(prefix)=\"\(namespace)\">"
      + "<\(prefix):\(property)>\(value)</\(prefix):\(property)></rdf:Description>", to: packet)
}
