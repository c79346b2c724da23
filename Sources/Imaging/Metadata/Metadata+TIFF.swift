extension Metadata {
  mutating func readTIFF(_ bytes: [UInt8]) {
    guard let header = TIFFHeader(bytes),
      let first = TIFFDirectory(bytes, header, at: header.firstDirectory)
    else { return }
    func block(_ tag: Int) -> [UInt8]? { first[tag].map { Array(bytes[$0.range]) } }
    xmp = block(TIFFTag.xmp)
    iptc = block(TIFFTag.iptc).flatMap(IPTC.block(ofTIFF:))
    take(PhotoshopResource.all(in: block(TIFFTag.photoshop) ?? []))
    for (tags, name) in TIFFTag.pictures where first.fields.contains(where: { tags.contains($0.tag) }) {
      lose(name)
    }
    guard
      let contents = EXIFContents(
        bytes,
        where: { !TIFFTag.structure.contains($0) && !TIFFTag.apart.contains($0) && !TIFFTag.isPicture($0) })
    else { return }
    if contents.isEmpty { return }
    let (block, keepsMakerNotePlace) = contents.block()
    exif = EXIFBlock(block)
    if !keepsMakerNotePlace, !hasOwnPlaces(contents.exif.first { $0.tag == TIFFTag.makerNote }) {
      lose("parts of the maker note that are named by their place in the file")
    }
  }
}

/// Whether the places that a maker note names count from its own start.
private func hasOwnPlaces(_ note: TIFFEntry?) -> Bool {
  guard let note else { return true }
  let starts = ["Nikon\0\u{2}", "OLYMPUS\0", "OM SYSTEM\0", "Apple iOS\0", "FUJIFILM", "PENTAX \0", "SIGMA"]
  return starts.contains { note.value.has($0, at: 0) }
}
