import CVips
import Imaging
import Testing

/// An EXIF block: orientation, an EXIF directory with the size of the pixels and a maker note whose last four bytes
/// are its own place in the block, a thumbnail.
private func block(_ tiff: TIFFBytes, thumbnail: [UInt8] = [], extra: [TestField] = []) -> [UInt8] {
  func main(_ exif: Int) -> [TestField] {
    [.text(272, "Test Camera"), tiff.shorts(274, [6]), tiff.long(34665, exif)] + extra
  }
  let exifPlace = 8 + tiff.directory(main(0), at: 8).count
  func exif(_ place: Int) -> [UInt8] {
    let note = TestField(tag: 37500, type: 7, value: Array("NOTE\0\u{1}\u{2}".utf8) + tiff.number(place, 4))
    let comment = Array("UNICODE\0".utf8) + [0x00DC, 0x6F22].flatMap { tiff.number($0, 2) }
    return tiff.directory(
      [
        tiff.shorts(40962, [4000]), tiff.long(40963, 3000), note,
        TestField(tag: 37510, type: 7, value: comment),
      ], at: exifPlace)
  }
  let notePlace = exifPlace + exif(0).firstRange(of: Array("NOTE".utf8))!.lowerBound
  let secondPlace = exifPlace + exif(notePlace).count
  let second = tiff.directory(
    [tiff.long(513, secondPlace + 30), tiff.long(514, thumbnail.count)], at: secondPlace)
  return tiff.header + tiff.directory(main(exifPlace), at: 8, next: thumbnail.isEmpty ? 0 : secondPlace)
    + exif(notePlace) + (thumbnail.isEmpty ? [] : second + thumbnail)
}

private func photo(_ block: [UInt8], segments: [(UInt8, [UInt8])] = []) throws -> [UInt8] {
  var file = try RawImage(sample: 24, 16, bands: 3).encoded(as: CVIPS_JPEG)
  // Without what the encoder writes: head, density, EXIF.
  while (0xE0...0xE1).contains(file[3]) { file.removeSubrange(2..<4 + Int(file[4]) * 256 + Int(file[5])) }
  for (marker, payload) in segments.reversed() { file = inserting(payload, marker: marker, intoJPEG: file) }
  return inserting(Array("Exif\0\0".utf8) + block, marker: 0xE1, intoJPEG: file)
}

private func rewritten(_ bytes: [UInt8], as format: Format) throws -> EncodedImage {
  try SourceImage.open(bytes: bytes).patched(with: []).encoded(as: format)
}

@Suite struct EXIFTests {
  @Test(arguments: [Format.jpeg, .png, .webp, .avif, .heic], [false, true])
  func isCarriedAsItIs(_ format: Format, _ isBigEndian: Bool) throws {
    guard Imaging.canWrite(format) else { return }
    let tiff = TIFFBytes(isBigEndian: isBigEndian)
    let before = block(tiff)
    let after = try rewritten(photo(before), as: format).bytes
    let start = try #require(after.firstRange(of: before.prefix(28))?.lowerBound)
    let changed = before.indices.filter { after[start + $0] != before[$0] }
    let found = Array(after[start..<start + before.count])
    let exif = try exifFields(found, isBigEndian)
    let told = [TIFFBytes.fields(found)?[274], exif[40962], exif[40963]].map {
      $0?.number(bigEndian: isBigEndian)
    }
    if format == .jpeg {
      // It is stored as it was.
      #expect(changed.count <= 4 && told == [6, 24, 16])
    } else {
      // Upright.
      #expect(changed.count <= 6 && told == [1, 16, 24])
    }
  }

  @Test(arguments: [false, true]) func makerNotesKeepTheirPlaceInTIFF(_ isBigEndian: Bool) throws {
    let tiff = TIFFBytes(isBigEndian: isBigEndian)
    let after = try rewritten(photo(block(tiff)), as: .tiff).bytes
    #expect(after[0] == UInt8(ascii: isBigEndian ? "M" : "I"))
    let note = try #require(after.firstRange(of: Array("NOTE".utf8))?.lowerBound)
    #expect(Array(after[note + 7..<note + 11]) == tiff.number(note, 4))
    #expect(try RawImage(decoding: after, CVIPS_TIFF).width == 16)
    // And from there back into a JPEG.
    let again = try rewritten(after, as: .jpeg).bytes
    let place = try #require(again.firstRange(of: Array("NOTE".utf8))?.lowerBound)
    let start = try #require(again.firstRange(of: Array("Exif\0\0".utf8))?.upperBound)
    #expect(Array(again[place + 7..<place + 11]) == tiff.number(place - start, 4))
  }

  @Test func otherByteOrdersAreTurnedForWidePixels() throws {
    let tiff = TIFFBytes(isBigEndian: true)
    var png = try RawImage(sample: 8, 6, bands: 3, isWide: true).encoded(as: CVIPS_PNG)
    png.insert(contentsOf: pngChunk("eXIf", block(tiff)), at: 33)
    let after = try rewritten(png, as: .tiff).bytes
    #expect(after[0] == UInt8(ascii: "I"))
    let exif = try exifFields(after, false)
    #expect(exif[37510]?.value == Array("UNICODE\0".utf8) + [0xDC, 0x00, 0x22, 0x6F])
    #expect(exif[40963]?.number(bigEndian: false) == 8)
    let note = try #require(exif[37500]?.value)
    #expect(note.starts(with: "NOTE".utf8))
  }

  @Test func thumbnailsAndPreviewsGo() throws {
    let small = try RawImage(sample: 8, 8, bands: 3).encoded(as: CVIPS_JPEG)
    let preview = TestField(tag: 65001, type: 7, value: small)
    for format in [Format.jpeg, .tiff, .png] {
      let bytes = try rewritten(photo(block(TIFFBytes(), thumbnail: small, extra: [preview])), as: format)
        .bytes
      #expect(!contains([0xFF, 0xD8, 0xFF], Array(bytes.dropFirst(3))))
      #expect(contains("NOTE", bytes))
    }
  }

  @Test func whatIsTooLongForJPEGIsNamed() throws {
    let long = TestField(tag: 65000, type: 7, value: (0..<70000).map { UInt8(truncatingIfNeeded: $0 / 3) })
    let tiff = TIFFBytes().file(8, 6, fields: [long, .text(315, "Artist")])
    let file = try rewritten(tiff, as: .jpeg)
    #expect(file.notes.count == 1 && file.notes[0].contains("65000"))
    #expect(contains("Artist", file.bytes))
    let png = try rewritten(tiff, as: .png)
    #expect(png.notes.isEmpty && contains(long.value, png.bytes))
  }

  @Test func noDensityIsInvented() throws {
    let plain = try photo(block(TIFFBytes()))
    #expect(!contains("JFIF", try rewritten(plain, as: .jpeg).bytes))
    #expect(!contains("pHYs", try rewritten(plain, as: .png).bytes))
    #expect(TIFFBytes.fields(try rewritten(plain, as: .tiff).bytes)?[282] == nil)
    let fresh = try ResultImage.fresh(picture(8, 8))
    #expect(contains(Array("JFIF\0\u{1}\u{1}\0\0\u{1}\0\u{1}".utf8), try fresh.encoded(as: .jpeg).bytes))
    #expect(!contains("pHYs", try fresh.encoded(as: .png).bytes))
  }

  @Test func densityGoesFromFormatToFormat() throws {
    let jfif = Array("JFIF\0\u{1}\u{2}\u{1}".utf8) + [1, 44, 1, 44, 0, 0]  // 300 to the inch
    let source = inserting(jfif, marker: 0xE0, intoJPEG: try photo([]))
    let png = try rewritten(source, as: .png).bytes
    #expect(contains(Array("pHYs".utf8) + [0, 0, 0x2E, 0x23, 0, 0, 0x2E, 0x23, 1], png))
    #expect(
      contains(Array("JFIF\0\u{1}\u{1}\u{1}".utf8) + [1, 44, 1, 44], try rewritten(png, as: .jpeg).bytes))
    let tiff = try #require(TIFFBytes.fields(try rewritten(source, as: .tiff).bytes))
    #expect(tiff[282]?.value == [44, 1, 0, 0, 1, 0, 0, 0] && tiff[296]?.value == [2, 0])
    let webp = try rewritten(source, as: .webp).bytes
    #expect(contains([44, 1, 0, 0, 1, 0, 0, 0], webp))
  }

  @Test func damagedBlocksDoNoHarm() throws {
    let small = try RawImage(sample: 8, 8, bands: 3).encoded(as: CVIPS_JPEG)
    var random = SplitMix(seed: 5)
    let blocks = [false, true].map { block(TIFFBytes(isBigEndian: $0), thumbnail: small) }
    let files =
      try blocks.map { try photo($0) } + [
        TIFFBytes().file(
          8, 6, fields: [.text(270, "ImageJ=1\nimages=2\n"), TIFFBytes().doubles(33550, [1, 1, 0])],
          pointers: [(34665, [.text(36867, "2001")]), (34853, [.text(1, "N")])])
      ]
    for file in files {
      for _ in 0..<150 {
        var bytes = file
        let end = min(bytes.count, 400)
        for _ in 0..<Int.random(in: 1...6, using: &random) {
          bytes[Int.random(in: 2..<end, using: &random)] = [0, 1, 0xFF, .random(in: 0...255, using: &random)]
            .randomElement(using: &random)!
        }
        guard let source = try? SourceImage.open(bytes: bytes) else { continue }
        for format in [Format.jpeg, .tiff, .png, .webp] {
          let file = try source.patched(with: []).encoded(as: format)
          _ = try SourceImage.open(bytes: file.bytes)
        }
      }
    }
  }

  private func exifFields(_ bytes: [UInt8], _ isBigEndian: Bool) throws -> [Int: TestField] {
    let place = try #require(TIFFBytes.fields(bytes)?[34665]?.number(bigEndian: isBigEndian))
    return try #require(TIFFBytes.fields(bytes, at: place))
  }
}
