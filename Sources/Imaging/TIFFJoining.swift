// A page is added as the whole file that it is encoded as, with every place that its directories name moved on.

extension EncodedImage {
  /// Adds the pages of a second TIFF file behind those of this one, both classic and little-endian.
  /// Only while nobody else has the file. Throws `failed` where it is not understood, is too large or memory runs out.
  func append(page: EncodedImage) throws(ImagingError) {
    let padding = [UInt8](repeating: 0, count: (16 - count % 16) % 16)
    let base = count + padding.count
    guard base + page.count <= Int(UInt32.max) else {
      throw ImagingError(.failed, "the pages need more than 4 gigabytes, which a TIFF file does not hold")
    }
    guard let link = withUnsafeBytes(placeOfLastLink), let added = MovedTIFF(page.bytes, by: base) else {
      throw ImagingError(.failed, "the pages of a TIFF file cannot be put together")
    }
    try replace(count..<count, with: padding + added.bytes)
    try replace(link..<link + 4, with: numberBytes(of: added.firstDirectory, size: 4, bigEndian: false))
  }
}

/// Where the last directory names the next, which it has not.
private func placeOfLastLink(_ file: UnsafeRawBufferPointer) -> Int? {
  guard let header = TIFFHeader(file), !header.isBigTIFF, !header.isBigEndian else { return nil }
  var place = header.firstDirectory
  for _ in 0..<1 << 20 {
    guard let directory = TIFFDirectory(file, header, at: place) else { return nil }
    if directory.next == 0 { return directory.nextPlace }
    place = directory.next
  }
  return nil
}

/// A TIFF file as it stands behind so many other bytes.
private struct MovedTIFF {
  private(set) var bytes: [UInt8]
  /// From the start of all.
  let firstDirectory: Int
  private let base: Int
  private var moved: Set<Int> = []

  /// nil: it is not understood.
  init?(_ file: [UInt8], by base: Int) {
    guard let header = TIFFHeader(file), !header.isBigTIFF, !header.isBigEndian else { return nil }
    (bytes, self.base) = (file, base)
    firstDirectory = base + header.firstDirectory
    guard move(file, header, at: header.firstDirectory) else { return nil }
  }

  private mutating func move(_ file: [UInt8], _ header: TIFFHeader, at place: Int) -> Bool {
    guard moved.insert(place).inserted else { return true }
    guard let directory = TIFFDirectory(file, header, at: place) else { return false }
    for field in directory.fields {
      let isOfPlaces = [TIFFTag.stripOffsets, TIFFTag.tileOffsets].contains(field.tag)
      let isDirectory = [TIFFTag.exif, TIFFTag.gps, TIFFTag.interoperability].contains(field.tag)
      if isOfPlaces || isDirectory {
        for index in 0..<field.count {
          guard field.type == 4 || field.type == 13, let target = file.number(field, index, bigEndian: false)
          else { return false }
          add(at: field.valuePlace + 4 * index)
          if isDirectory, !move(file, header, at: target) { return false }
        }
      }
      if field.size > 4 { add(at: field.place + 8) }
    }
    if directory.next != 0 {
      add(at: directory.nextPlace)
      return move(file, header, at: directory.next)
    }
    return true
  }

  private mutating func add(at place: Int) {
    guard let number = bytes.number(at: place, size: 4, bigEndian: false) else { return }
    bytes.set(number + base, at: place, size: 4, bigEndian: false)
  }
}
