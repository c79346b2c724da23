import CVips
import Imaging
import Testing

/// What a mask's levels and labels mean.
@Suite struct MaskTests {
  private let disc = Disc.ones.map(Float.init)

  @Test func greyIsTheMask() throws {
    let raw = RawImage(width: 4, height: 1, bands: 1, values: [0, 1, 128, 255])
    #expect(try reading(raw.encoded(as: CVIPS_PNG)).plane == [0, 1.0 / 255, 128.0 / 255, 1])
  }

  @Test func sixteenBitsAreKept() throws {
    let raw = RawImage(width: 3, height: 1, bands: 1, values: [1, 32767, 65535], isWide: true)
    #expect(try reading(raw.encoded(as: CVIPS_PNG)).plane == [1.0 / 65535, 32767.0 / 65535, 1])
  }

  @Test(arguments: [
    (0, 1, false), (0, 255, false), (0, 128, false), (0, 1, true), (0, 255, true), (0, 65535, true),
  ])
  func twoLevelsAreBlackAndWhite(_ dark: UInt16, _ bright: UInt16, _ isWide: Bool) throws {
    for format in [CVIPS_PNG, CVIPS_TIFF] {
      let file = try Disc.picture([bright], on: [dark], isWide: isWide).encoded(as: format)
      let (plane, notes) = try reading(file)
      #expect(plane == disc && notes.isEmpty, "\(notes)")
    }
  }

  @Test func twoLevelsThatAreNotBlackAreTold() throws {
    let (plane, notes) = try reading(Disc.picture([200], on: [90]).encoded(as: CVIPS_PNG))
    #expect(plane == disc && notes.count == 1 && notes[0].contains("90 and 200"), "\(notes)")
  }

  @Test func oneChannelOfAColourPictureMayBeOne() throws {
    #expect(try reading(Disc.picture([1, 0, 0], on: [0, 0, 0]).encoded(as: CVIPS_PNG)).plane == disc)
  }

  /// Three squares, 1, 2 and 3, times a factor.
  private func squares(_ factor: UInt16, isWide: Bool = false) throws -> [UInt8] {
    let values = (0..<60 * 20).map { pixel -> UInt16 in
      let (x, y) = (pixel % 60, pixel / 60)
      return (4..<16).contains(y) && x % 20 >= 6 && x < 60 ? UInt16(x / 20 + 1) * factor : 0
    }
    return try RawImage(width: 60, height: 20, bands: 1, values: values, isWide: isWide).encoded(
      as: CVIPS_PNG)
  }

  @Test(arguments: [(1, false), (60, false), (1, true), (1001, true)])
  func levelsWithAreasOfTheirOwnAreLabels(_ factor: UInt16, _ isWide: Bool) throws {
    let file = try squares(factor, isWide: isWide)
    let (plane, notes) = try reading(file)
    #expect(plane.count { $0 == 1 } == 3 * 14 * 12 && plane.count { $0 == 0 } == 1200 - 3 * 14 * 12)
    #expect(notes.count == 1 && notes[0].contains("\(factor), \(2 * factor) and \(3 * factor)"), "\(notes)")
    let two = try reading(file, MaskReading(labels: [Int(factor), 3 * Int(factor)])).plane
    #expect(two.count { $0 == 1 } == 2 * 14 * 12 && two[8 * 60 + 30] == 0 && two[8 * 60 + 50] == 1)
    #expect(refusal(file, MaskReading(labels: [7]))?.contains("no label 7; it has 0, \(factor)") == true)
  }

  @Test func greysInAreasAreBlendedAndTold() throws {
    let (plane, notes) = try reading(squares(85))
    #expect(Set(plane) == [0, 85.0 / 255, 170.0 / 255, 1])
    #expect(notes.count == 1 && notes[0].contains("85 and 170"), "\(notes)")
  }

  /// Wherever the marks lie, what is told of them is the same, and no level is lost.
  @Test(arguments: [(0, 0), (59, 39), (0, 39), (59, 0), (30, 0), (0, 20)])
  func marksAtTheBorderAreRead(_ x: Int, _ y: Int) throws {
    let values = (0..<60 * 40).map { UInt16(max(0, 255 - 19 * (abs($0 % 60 - x) + abs($0 / 60 - y)))) }
    let (mask, notes) = try MaskReading().open(
      .bytes(RawImage(width: 60, height: 40, bands: 1, values: values).encoded(as: CVIPS_PNG), name: "mask"))
    #expect(try mask.marks().pixels == values.map { Float($0) / 255 } && notes.isEmpty, "\(notes)")
    let extent = try mask.markedExtent()
    #expect(extent.marked == values.count { $0 > 0 } && extent.total == 60 * 40)
    #expect(try extent == MaskExtent(mask.marks()))
  }

  @Test func aSingleMarkIsOne() throws {
    for place in [0, 59, 60 * 39, 60 * 40 - 1, 60 * 20 + 30] {
      let values = (0..<60 * 40).map { UInt16($0 == place ? 255 : 0) }
      let file = try RawImage(width: 60, height: 40, bands: 1, values: values).encoded(as: CVIPS_PNG)
      #expect(try reading(file).plane == values.map { $0 > 0 ? 1 : 0 })
    }
    let black = RawImage(width: 8, height: 5, bands: 1, values: [UInt16](repeating: 0, count: 40))
    #expect(try reading(black.encoded(as: CVIPS_PNG)).plane == [Float](repeating: 0, count: 40))
  }

  @Test func softMasksStaySoft() throws {
    let ramp = hill(slope: 7)
    let raw = RawImage(width: 60, height: 40, bands: 1, values: ramp)
    let (plane, notes) = try reading(raw.encoded(as: CVIPS_PNG))
    #expect(plane == ramp.map { Float($0) / 255 } && notes.isEmpty, "\(notes)")
    // The same in samples that could hold more.
    let wide = RawImage(width: 60, height: 40, bands: 1, values: ramp, isWide: true)
    #expect(try reading(wide.encoded(as: CVIPS_PNG)).plane == plane)
  }

  /// Without profiles, equal levels mark equally.
  @Test func profilesAreNotApplied() throws {
    let raw = RawImage(width: 4, height: 1, bands: 3, values: [0, 40, 128, 255].flatMap { [$0, $0, $0] })
    let file = try raw.encoded(as: CVIPS_PNG, fields: ["icc-profile-data": profile("p3")])
    #expect(try reading(file).plane == [0, 40.0 / 255, 128.0 / 255, 1])
  }

  @Test(arguments: [95, 75, 30] as [Int32]) func noiseOfCompressionIsNoMask(_ quality: Int32) throws {
    let far = (0..<disc.count).filter { pixel in
      let (x, y) = (pixel % Disc.width - 32, pixel / Disc.width - 22)
      return x * x + y * y > 14 * 14
    }
    for (inside, outside) in [([255], [0]), ([255, 0, 0], [0, 0, 0]), ([255, 0, 0], [255, 255, 255])]
      as [([UInt16], [UInt16])]
    {
      let file = try Disc.picture(inside, on: outside).encoded(as: CVIPS_JPEG, quality: quality)
      // Decoded and written without loss, as by a paint program.
      let again = try RawImage(decoding: file, CVIPS_JPEG).encoded(as: CVIPS_PNG)
      for mask in inside.count == 1 ? [file, again] : [file] {
        let plane = try reading(mask).plane
        #expect(far.allSatisfy { plane[$0] == 0 })
        #expect(plane[22 * Disc.width + 32] == 1)
        let wrong = zip(plane, disc).count { ($0 > 0.5) != ($1 > 0.5) }
        #expect(wrong <= 24, "\(wrong) at quality \(quality)")
      }
    }
  }

  @Test func whatAJPEGCannotKeepIsSaid() throws {
    let (plane, notes) = try reading(Disc.picture([1], on: [0]).encoded(as: CVIPS_JPEG, quality: 100))
    #expect(plane.allSatisfy { $0 == 0 } && notes.count == 1 && notes[0].contains("of 255"), "\(notes)")
  }

  @Test func inkIsBlack() throws {
    let file = try Disc.picture([0, 0, 0, 255], on: [0, 0, 0, 0], isCMYK: true).encoded(as: CVIPS_TIFF)
    #expect(try reading(file).plane == disc.map { 1 - $0 })
  }

  @Test func aPhotoInGreyIsNoSetOfLabels() throws {
    let rough = (0..<60 * 40).map { UInt16(60 + $0 * 7919 % 101) }
    let raw = RawImage(width: 60, height: 40, bands: 1, values: rough)
    let (plane, notes) = try reading(raw.encoded(as: CVIPS_PNG))
    #expect(plane == raw.values.map { Float($0) / 255 })
    #expect(notes.count == 1 && notes[0].contains("looks like a photo"), "\(notes)")
  }
}

/// Masks in types that photos do not have.
@Suite struct MaskFileTests {
  private let disc = Disc.ones.map(Float.init)
  private let soft = (0..<Disc.width * Disc.height).map { Float(max(0, 250 - 9 * abs($0 % Disc.width - 30))) }

  private func file(
    _ pixels: [UInt8], bits: UInt16, format: UInt16, photometric: UInt16 = 1, texts: [(UInt16, String)] = []
  )
    -> [UInt8]
  {
    tiff(
      width: Disc.width, height: Disc.height, pixels,
      tags: [(258, [bits]), (262, [photometric]), (277, [1]), (339, [format])], texts: texts)
  }

  @Test func wholeNumbersOfAllTypesAreRead() throws {
    for ones in [
      file(disc.flatMap { littleEndian(Int16($0)) }, bits: 16, format: 2),
      file(disc.flatMap { littleEndian(Int32($0)) }, bits: 32, format: 2),
      file(disc.flatMap { littleEndian(UInt32($0 * 70000)) }, bits: 32, format: 1),
      file(disc.flatMap { littleEndian(Int64($0)) }, bits: 64, format: 2),
      file(disc.flatMap { littleEndian(Double($0).bitPattern) }, bits: 64, format: 3),
      file(disc.flatMap { littleEndian($0.bitPattern) }, bits: 32, format: 3),
    ] {
      #expect(try reading(ones).plane == disc)
    }
  }

  @Test func fractionsAndLevelsOfFloatsAreRead() throws {
    for (scale, bits) in [(Float(1) / 255, UInt16(32)), (1, 32), (1 / 255, 64)] {
      let pixels = soft.flatMap {
        bits == 64 ? littleEndian(Double($0 * scale).bitPattern) : littleEndian(($0 * scale).bitPattern)
      }
      let plane = try reading(file(pixels, bits: bits, format: 3)).plane
      #expect(zip(plane, soft).allSatisfy { abs($0 - $1 / 255) < 1e-4 })
    }
    let broken = file(
      [Float](repeating: .nan, count: disc.count).flatMap { littleEndian($0.bitPattern) }, bits: 32, format: 3
    )
    #expect(throws: ImagingError.self) { try reading(broken) }
  }

  /// One bit a pixel, in rows of whole bytes.
  private var bits: [UInt8] {
    let stride = (Disc.width + 7) / 8
    var rows = [UInt8](repeating: 0, count: stride * Disc.height)
    for pixel in disc.indices where disc[pixel] == 1 {
      rows[pixel / Disc.width * stride + pixel % Disc.width / 8] |= 0x80 >> UInt8(pixel % Disc.width % 8)
    }
    return rows
  }

  @Test func bitsAreReadAsTheFileSays() throws {
    let (black, white) = (
      file(bits, bits: 1, format: 1), file(bits.map { ~$0 }, bits: 1, format: 1, photometric: 0)
    )
    #expect(try reading(black).plane == disc && reading(white).plane == disc)
    let inverted = file(bits, bits: 1, format: 1, photometric: 0)
    #expect(try reading(inverted).plane == disc.map { 1 - $0 })
  }

  /// It writes True as 1 and says that 0 is white.
  @Test func bitsOfTifffileAreTruth() throws {
    let (plane, notes) = try reading(
      file(bits, bits: 1, format: 1, photometric: 0, texts: [(305, "tifffile.py")]))
    #expect(plane == disc && notes.count == 1, "\(notes)")
  }

  @Test func bitmapsAreRead() throws {
    let rows = (0..<Disc.height).map { y in Disc.ones[y * Disc.width..<(y + 1) * Disc.width].map(UInt8.init) }
    func map(_ colour: ([UInt8]) -> [UInt8]) -> [[UInt8]] { rows.map { $0.flatMap { colour([$0]) } } }
    let black: [[UInt8]] = [[0, 0, 0], [255, 255, 255]]
    for file in [
      bitmap(width: Disc.width, height: Disc.height, bits: 8, palette: black, rows),
      bitmap(width: Disc.width, height: Disc.height, bits: 8, palette: [[0, 0, 0], [0, 0, 0]], rows),
      bitmap(
        width: Disc.width, height: Disc.height, bits: 4, palette: black,
        rows.map { row in stride(from: 0, to: row.count, by: 2).map { row[$0] << 4 | row[$0 + 1] } }),
      bitmap(
        width: Disc.width, height: Disc.height, bits: 1, palette: black, isTopDown: true,
        (0..<Disc.height).map { Array(bits[$0 * 8..<($0 + 1) * 8]) }),
      bitmap(width: Disc.width, height: Disc.height, bits: 24, map { [0, 0, 255 * $0[0]] }),
      bitmap(
        width: Disc.width, height: Disc.height, bits: 32, masks: [0xFF0000, 0xFF00, 0xFF, 0xFF00_0000],
        map { [0, 0, 0, 255 * $0[0]] }),
      bitmap(width: Disc.width, height: Disc.height, bits: 32, map { [255 * $0[0], 0, 0, 0] }),
      bitmap(width: Disc.width, height: Disc.height, bits: 16, map { [0, 0x7C * $0[0]] }),
    ] {
      #expect(try reading(file).plane == disc)
      #expect(try SourceImage.open(bytes: file).width == Disc.width)
    }
  }

  @Test func colouredBitmapsAreRead() throws {
    let file = bitmap(width: 2, height: 2, bits: 24, [[1, 2, 3, 40, 50, 60], [7, 8, 9, 255, 128, 0]])
    let source = try SourceImage.open(bytes: file)
    #expect(source.format == .bmp && !Format.written.contains(.bmp))
    #expect(try source.rgb().pixels == [3, 2, 1, 60, 50, 40, 9, 8, 7, 0, 128, 255].map { Float($0) / 255 })
    #expect(throws: ImagingError.self) { try source.patched(with: []).encoded(as: .bmp) }
  }

  @Test func damagedBitmapsAreErrors() throws {
    let whole = bitmap(
      width: 20, height: 16, bits: 8, palette: [[0, 0, 0], [9, 9, 9]],
      [[UInt8]](repeating: .init(repeating: 1, count: 20), count: 16))
    for length in 0..<whole.count {
      #expect(throws: ImagingError.self) { try SourceImage.open(bytes: Array(whole[..<length])) }
    }
    for place in 10..<54 {
      for value in [0, 1, 2, 127, 128, 255] as [UInt8] {
        var bytes = whole
        bytes[place] = value
        do throws(ImagingError) {
          _ = try SourceImage.open(bytes: bytes)
          _ = try MaskReading().open(.bytes(bytes, name: "mask"))
        } catch {
          #expect(isOneLine(error))
        }
      }
    }
  }
}
