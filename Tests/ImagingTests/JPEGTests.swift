import CJPEG
import CVips
import Imaging
import Testing

@Suite struct JPEGTests {
  /// No multiple of any MCU.
  private static let (width, height) = (117, 71)

  @Test(arguments: JPEGKind.all) func blocksBesideTheChangeStay(_ kind: JPEGKind) throws {
    let file = try kind.encoded(Self.width, Self.height)
    let written = try edited(file, x: 52, y: 35, 6, 5).encoded(as: .jpeg).bytes
    #expect(try JPEGCoding(written) == JPEGCoding(file))

    let (before, after) = (
      try RawImage(decoding: file, CVIPS_JPEG), try RawImage(decoding: written, CVIPS_JPEG)
    )
    // MCUs of at most 32 pixels, and as far as the filter of chroma reaches.
    expectEqual(before, after, but: 30...65, 30...49)
    for y in 36..<39 {
      for x in 53..<57 { #expect(zip(after[x, y], before[x, y]).contains { abs(Int($0) - Int($1)) > 15 }) }
    }
  }

  @Test(arguments: JPEGKind.all) func aChangeAtTheCornerIsMade(_ kind: JPEGKind) throws {
    let file = try kind.encoded(Self.width, Self.height)
    let written = try edited(file, x: Self.width - 3, y: Self.height - 3, 3, 3).encoded(as: .jpeg).bytes
    let (before, after) = (
      try RawImage(decoding: file, CVIPS_JPEG), try RawImage(decoding: written, CVIPS_JPEG)
    )
    expectEqual(before, after, but: 94...Self.width, 62...Self.height)
    let corner = (Self.width - 1, Self.height - 1)
    #expect(after[corner.0, corner.1] != before[corner.0, corner.1])
  }

  @Test(arguments: JPEGKind.all) func whatIsUnchangedDecodesToTheSame(_ kind: JPEGKind) throws {
    let file = try kind.encoded(Self.width, Self.height)
    let written = try SourceImage.open(bytes: file).patched(with: []).encoded(as: .jpeg).bytes
    #expect(try JPEGCoding(written) == JPEGCoding(file))
    #expect(try RawImage(decoding: written, CVIPS_JPEG) == RawImage(decoding: file, CVIPS_JPEG))
  }

  @Test(arguments: 1...8) func theStoredOrientationStays(_ orientation: Int) throws {
    let file = inserting(
      exif(orientation: orientation), marker: 0xE1,
      intoJPEG: try JPEGKind.baseline420.encoded(Self.width, Self.height))
    let source = try SourceImage.open(bytes: file)
    let (x, y) = (source.width - 20, 7)
    let patch = FloatImage(width: 8, height: 8, channels: 3, filledWith: 1)
    let written = try source.patched(with: [Patch(x: x, y: y, image: patch)]).encoded(as: .jpeg).bytes
    #expect(try JPEGCoding(written) == JPEGCoding(file))
    #expect(try text("exif-ifd0-Orientation", in: written, CVIPS_JPEG)?.hasPrefix("\(orientation)") == true)
    #expect(try text("exif-ifd0-Model", in: written, CVIPS_JPEG)?.contains("RTool Test Camera") == true)
    #expect(try text("exif-ifd2-PixelXDimension", in: written, CVIPS_JPEG)?.hasPrefix("117") != false)

    let (before, after) = (
      try RawImage(decoding: file, CVIPS_JPEG), try RawImage(decoding: written, CVIPS_JPEG)
    )
    let changed = before.values.indices.filter { before.values[$0] != after.values[$0] }
    #expect(!changed.isEmpty && changed.count < before.values.count / 4)
    let back = try SourceImage.open(bytes: written).rgb()
    for row in y + 2..<y + 6 {
      for column in x + 2..<x + 6 { #expect((0..<3).allSatisfy { back[column, row, $0] > 0.85 }) }
    }
  }

  @Test func orientationInXMPStaysWithThatOfEXIF() throws {
    let packet =
      #"<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>"#
    var file = inserting(
      Array("http://ns.adobe.com/xap/1.0/\0\(packet)".utf8), marker: 0xE1,
      intoJPEG: try JPEGKind.baseline420.encoded(40, 24))
    file = inserting(exif(orientation: 6), marker: 0xE1, intoJPEG: file)
    let written = try edited(file, x: 2, y: 2, 3, 3).encoded(as: .jpeg, provenance: "{}").bytes
    let back = String(decoding: try #require(try blob("xmp-data", in: written, CVIPS_JPEG)), as: UTF8.self)
    #expect(back.contains(#"tiff:Orientation="6""#))
    #expect(try SourceImage.open(bytes: written).provenance == "{}")
  }

  @Test func withoutMetadataItIsStillSeenUpright() throws {
    let file = inserting(
      exif(orientation: 6), marker: 0xE1, intoJPEG: try JPEGKind.baseline420.encoded(40, 24))
    let written = try edited(file, x: 2, y: 2, 3, 3)
      .encoded(as: .jpeg, options: WriteOptions(stripMetadata: true)).bytes
    let back = try SourceImage.open(bytes: written)
    #expect((back.width, back.height) == (24, 40))
    #expect(try text("exif-ifd0-Model", in: written, CVIPS_JPEG) == nil)
    #expect(try JPEGCoding(written).tables == JPEGCoding(file).tables)
  }

  @Test(arguments: JPEGKind.all) func anotherSizeIsEncodedAlike(_ kind: JPEGKind) throws {
    let file = try kind.encoded(40, 24)
    let resized = try SourceImage.open(bytes: file).resized(width: 83, height: 47)
    let written = try resized.patched(with: []).encoded(as: .jpeg).bytes
    var expected = try JPEGCoding(file)
    (expected.width, expected.height) = (83, 47)
    #expect(try JPEGCoding(written) == expected)
    #expect(difference(try SourceImage.open(bytes: written).rgb(), try resized.rgb()) < 0.6)
  }

  @Test(arguments: [20, 30, 50, 75, 90, 95, 99, 100]) func qualityIsToldFromTheTable(_ quality: Int) throws {
    let image = FloatImage(width: 40, height: 30, channels: quality % 2 == 0 ? 3 : 1, filledWith: 0.4)
    let file = try ResultImage.fresh(image).encoded(as: .jpeg, options: WriteOptions(quality: quality))
    let told = try #require(try SourceImage.open(.bytes(file.bytes, name: "in.jpg")).jpegQuality)
    // Steps of at least 1 say little at the end.
    #expect(abs(told - quality) <= (quality > 95 ? 1 : 0), "\(told)")
    let other = try ResultImage.fresh(image).encoded(as: .png)
    #expect(try SourceImage.open(.bytes(other.bytes, name: "in.png")).jpegQuality == nil)
  }

  @Test func aQualityThatIsGivenCounts() throws {
    let kind = try #require(JPEGKind.all.first { $0.frame == 0xC2 })
    let file = try kind.encoded(40, 24)
    let result = try edited(file, x: 2, y: 2, 3, 3)
    let coarse = try JPEGCoding(result.encoded(as: .jpeg, options: WriteOptions(quality: 30)).bytes)
    var other = kind
    other.quality = 30
    #expect(try coarse == JPEGCoding(other.encoded(40, 24)))
    #expect(try coarse.tables != JPEGCoding(file).tables)
  }

  @Test func profileAndMetadataStay() throws {
    let icc = try profile("p3")
    let raw = RawImage(sample: 64, 48, bands: 3)
    let file = try raw.encoded(
      as: CVIPS_JPEG, fields: ["icc-profile-data": icc, "exif-data": exif()], quality: 70)
    let written = try edited(file, x: 5, y: 5, 4, 4).encoded(as: .jpeg, provenance: "how").bytes
    #expect(try blob("icc-profile-data", in: written, CVIPS_JPEG) == icc)
    #expect(try text("exif-ifd0-Model", in: written, CVIPS_JPEG)?.contains("RTool Test Camera") == true)
    #expect(try SourceImage.open(bytes: written).provenance == "how")
    #expect(try JPEGCoding(written) == JPEGCoding(file))
    expectEqual(
      try RawImage(decoding: file, CVIPS_JPEG), try RawImage(decoding: written, CVIPS_JPEG), but: 0...17,
      0...17)
  }

  @Test func tablesThatCannotBeDividedByAreRefused() throws {
    let file = try JPEGKind.baseline420.encoded(16, 16)
    let table = try #require(file.firstIndex { $0 == 0xDB })
    #expect(starts(file))
    for offset in [4, 30, 67] {
      var broken = file
      broken[table + offset] = 0
      #expect(!starts(broken))
    }
  }

  @Test func twelveBitsAreRefused() throws {
    var file = try JPEGKind.baseline420.encoded(16, 16)
    let frame = try #require(file.indices.first { file[$0] == 0xFF && file[$0 + 1] == 0xC0 })
    file[frame + 4] = 12
    #expect(!starts(file))
  }

  @Test(arguments: JPEGKind.all) func damagedFilesDoNoHarm(_ kind: JPEGKind) throws {
    let file = try kind.encoded(33, 25)
    var random = SplitMix(seed: 7)
    for _ in 0..<60 {
      var broken = file
      for _ in 0..<3 {
        broken[Int(random.next() % UInt64(file.count))] = UInt8(truncatingIfNeeded: random.next())
      }
      rewrite(broken)
    }
    for count in stride(from: 0, to: file.count, by: max(file.count / 30, 1)) {
      rewrite(Array(file[..<count]))
      if count > 300 { #expect(!keepsBlocks(Array(file[..<count]))) }
    }
  }
}

/// A JPEG file with a few white or black pixels.
private func edited(_ file: [UInt8], x: Int, y: Int, _ width: Int, _ height: Int) throws -> ResultImage {
  let source = try SourceImage.open(bytes: file)
  let own = try source.rgb()
  let value: Float = own[x + width / 2, y + height / 2, 1] > 0.5 ? 0 : 1
  let patch = FloatImage(width: width, height: height, channels: 3, filledWith: value)
  return try source.patched(with: [Patch(x: x, y: y, image: patch)])
}

private func expectEqual(
  _ before: RawImage, _ after: RawImage, but columns: ClosedRange<Int>, _ rows: ClosedRange<Int>
) {
  #expect((before.width, before.height, before.bands) == (after.width, after.height, after.bands))
  let others = (0..<before.height).flatMap { y in
    (0..<before.width).filter { x in
      !(columns.contains(x) && rows.contains(y)) && before[x, y] != after[x, y]
    }.map { ($0, y) }
  }
  #expect(others.isEmpty, "\(others.count) pixels beside the change differ, the first at \(others[0])")
}

private func withOpened<Result>(_ file: [UInt8], _ body: (OpaquePointer) -> Result) -> Result? {
  file.withUnsafeBytes { bytes in
    guard let start = bytes.baseAddress, let jpeg = cjpeg_open(start, bytes.count) else { return nil }
    defer { cjpeg_close(jpeg) }
    return body(jpeg)
  }
}

private func starts(_ file: [UInt8]) -> Bool { withOpened(file) { cjpeg_start($0, 8, 8, 0) } ?? false }

private func keepsBlocks(_ file: [UInt8]) -> Bool { withOpened(file) { cjpeg_read_blocks($0) } ?? false }

/// Calls all that reads a file or its pattern.
private func rewrite(_ file: [UInt8]) {
  _ = withOpened(file) { jpeg in
    let header = cjpeg_header_of(jpeg)
    let (width, height) = (min(header.width, header.mcu_width), min(header.height, header.mcu_height))
    // What says to be large is no matter of damage.
    guard Int(header.width) * Int(header.height) < 1 << 20 else { return }
    let area = Int(width * height)
    let pixels = [UInt8](repeating: 99, count: area * Int(header.channels))
    let changed = [UInt8](repeating: 1, count: area)
    var count = 0
    if cjpeg_read_blocks(jpeg), cjpeg_replace(jpeg, 0, 0, width, height, pixels, changed, Int(width)) {
      _ = cjpeg_write_blocks(jpeg, &count)
    }
    if cjpeg_start(jpeg, width, height, 0), cjpeg_add_rows(jpeg, pixels, height) {
      _ = cjpeg_finish(jpeg, &count)
    }
  }
}
