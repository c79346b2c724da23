// Photoshop image resources: "8BIM", a number, a name, data, and so on. JPEG holds them after a
// signature, and IPTC as one of them; TIFF holds them without it, and IPTC apart.

private let signature = Array("Photoshop 3.0\0".utf8)
private let mark = Array("8BIM".utf8)
private let iptcNumber = 1028
private let thumbnailNumbers: Set = [1033, 1036]

private let iptcField = "iptc-data"
private let photoshopField = "photoshop-data"

/// Takes thumbnails out of the metadata. Only while nobody else has the image.
func dropPhotoshopThumbnails(of image: NativeImage) {
  for field in [iptcField, photoshopField] {
    guard let block = image.blob(field) else { continue }
    let (resources, rest) = resources(of: block)
    if resources.contains(where: { thumbnailNumbers.contains($0.number) }) {
      let kept = resources.filter { !thumbnailNumbers.contains($0.number) }.flatMap(\.whole)
      let head = block.starts(with: signature) ? signature : []
      image.setBlob(field, head + kept + rest)
    }
  }
}

/// Drops IPTC that ends in the middle of a data set: libvips 8.14 reads a quarter of what a TIFF file has.
/// Only while nobody else has the image.
func dropTruncatedIPTC(of image: NativeImage) {
  guard let iptc = image.blob(iptcField), !iptc.starts(with: signature) else { return }
  var at = 0
  while at + 5 <= iptc.count, iptc[at] == 0x1C { at += 5 + Int(iptc[at + 3]) * 256 + Int(iptc[at + 4]) }
  if at > iptc.count || iptc[at...].contains(where: { $0 != 0 }) { image.remove(iptcField) }
}

/// Puts resources and IPTC where a format wants them. libvips would copy the fields as they are from one
/// format to the other. Only while nobody else has the image.
func arrangePhotoshopFields(of image: NativeImage, for format: Format) {
  let iptc = image.blob(iptcField)
  let photoshop = image.blob(photoshopField)
  switch format {
  case .jpeg:
    if let iptc, iptc.starts(with: signature) { return }
    if let photoshop {
      image.setBlob(iptcField, signature + photoshop)
    } else if let iptc, iptc.count < 65000 {
      image.setBlob(iptcField, signature + resource(iptcNumber, iptc))
    }
  case .tiff:
    guard let iptc, iptc.starts(with: signature) else { return }
    image.setBlob(photoshopField, Array(iptc.dropFirst(signature.count)))
    image.remove(iptcField)
    if let record = resources(of: iptc).resources.first(where: { $0.number == iptcNumber }) {
      // libvips writes it in units of four bytes.
      let padding = [UInt8](repeating: 0, count: (4 - record.data.count % 4) % 4)
      image.setBlob(iptcField, record.data + padding)
    }
  default: return
  }
}

private struct Resource {
  let number: Int
  let data: [UInt8]
  /// With its head and padding.
  let whole: [UInt8]
}

/// The resources of a block, with or without the signature, and what follows and is not understood.
private func resources(of bytes: [UInt8]) -> (resources: [Resource], rest: [UInt8]) {
  var found: [Resource] = []
  var at = bytes.starts(with: signature) ? signature.count : 0
  while at + 12 <= bytes.count, bytes[at...].starts(with: mark) {
    // The name, a Pascal string, and the data are padded to even lengths.
    let sizeAt = at + 6 + (Int(bytes[at + 6]) + 2) / 2 * 2
    guard sizeAt + 4 <= bytes.count else { break }
    let size = bytes[sizeAt..<sizeAt + 4].reduce(0) { $0 << 8 | Int($1) }
    let start = sizeAt + 4
    guard start + size <= bytes.count else { break }
    let end = min(start + (size + 1) / 2 * 2, bytes.count)
    found.append(
      Resource(
        number: Int(bytes[at + 4]) << 8 | Int(bytes[at + 5]), data: Array(bytes[start..<start + size]),
        whole: Array(bytes[at..<end])))
    at = end
  }
  return (found, Array(bytes[at...]))
}

private func resource(_ number: Int, _ data: [UInt8]) -> [UInt8] {
  let size = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: data.count >> $0) }
  let head = mark + [UInt8(number >> 8), UInt8(number & 255), 0, 0] + size
  return head + data + (data.count % 2 == 0 ? [] : [0])
}
