import CVips
import Imaging
import Testing

private let disc = Disc.ones.map(Float.init)

private func png(_ inside: [UInt16], _ outside: [UInt16]) throws -> [UInt8] {
  try Disc.picture(inside, on: outside).encoded(as: CVIPS_PNG)
}

/// A disc of one colour, a square of another, and a ground.
private func three(_ first: [UInt16], _ second: [UInt16], on ground: [UInt16]) -> RawImage {
  var raw = Disc.picture(first, on: ground)
  for y in 4..<16 {
    for x in 4..<16 {
      raw.values.replaceSubrange((y * Disc.width + x) * 3..<(y * Disc.width + x) * 3 + 3, with: second)
    }
  }
  return raw
}

/// Which of a mask's colours it marks.
@Suite struct MaskColourTests {
  @Test(arguments: [
    ([255, 0, 0], [0, 0, 0]), ([0, 255, 0], [0, 0, 0]), ([0, 0, 255], [0, 0, 0]), ([128, 0, 0], [0, 0, 0]),
    ([255, 0, 0], [255, 255, 255]), ([0, 0, 255], [255, 255, 255]), ([255, 255, 255], [255, 0, 0]),
    ([253, 231, 36], [68, 1, 84]), ([240, 249, 33], [13, 8, 135]), ([128, 0, 0], [0, 0, 128]),
  ])
  func certainPairsAreRead(_ inside: [UInt16], _ outside: [UInt16]) throws {
    #expect(try reading(png(inside, outside)).plane == disc)
    let opaque = try Disc.picture(inside + [255], on: outside + [255]).encoded(as: CVIPS_PNG)
    #expect(try reading(opaque).plane == disc)
    let lossy = try Disc.picture(inside, on: outside).encoded(as: CVIPS_JPEG, quality: 80)
    let wrong = zip(try reading(lossy).plane, disc).count { ($0 > 0.5) != ($1 > 0.5) }
    #expect(wrong <= 24, "\(wrong)")
  }

  @Test func shadesOfOneColourStaySoft() throws {
    let ramp = hill(slope: 6)
    let onBlack = ramp.flatMap { share -> [UInt16] in [share, 0, 0] }
    let onWhite = ramp.flatMap { share -> [UInt16] in [255, 255 - share, 255 - share] }
    for values in [onBlack, onWhite] {
      let raw = RawImage(width: 60, height: 40, bands: 3, values: values)
      let plane = try reading(raw.encoded(as: CVIPS_PNG)).plane
      #expect(zip(plane, ramp).allSatisfy { abs($0 - Float($1) / 255) < 1e-3 })
    }
  }

  @Test func uncertainPairsAreRefusedByName() throws {
    let text = try #require(refusal(png([0, 200, 0], [200, 0, 0])))
    #expect(
      text.contains("two colours") && text.contains("red (#c80000)") && text.contains("green (#00c800)"),
      "\(text)")
    #expect(text.contains("--mask-colour"))
  }

  @Test func screenshotsOfFiguresAreRefusedByName() throws {
    let raw = three([253, 231, 36], [68, 1, 84], on: [255, 255, 255])
    for file in [try raw.encoded(as: CVIPS_PNG), try raw.encoded(as: CVIPS_JPEG, quality: 90)] {
      let text = try #require(refusal(file))
      #expect(["three colours", "white", "purple", "yellow"].allSatisfy(text.contains), "\(text)")
    }
  }

  @Test func allThatIsNotBlackIsMarked() throws {
    let (plane, notes) = try reading(three([255, 0, 0], [0, 255, 0], on: [0, 0, 0]).encoded(as: CVIPS_PNG))
    #expect(plane.count { $0 == 1 } == disc.count { $0 == 1 } + 144)
    #expect(notes.count == 1 && notes[0].contains("green and red"), "\(notes)")
  }

  @Test func aPhotoIsRefused() throws {
    let raw = RawImage(sample: 120, 90, bands: 3)
    for file in [try raw.encoded(as: CVIPS_PNG), try raw.encoded(as: CVIPS_JPEG)] {
      #expect(refusal(file)?.contains("photo") == true)
    }
  }

  private func marked(_ file: [UInt8], _ colour: String...) throws -> [Float] {
    try reading(file, MaskReading(colours: colour.map { try #require(NamedColour($0)) })).plane
  }

  @Test func aColourIsChosenByNameOrNumber() throws {
    let pair = try png([0, 200, 0], [200, 0, 0])
    for name in ["green", "#00c800", "#0b0", "GREEN", "lime"] {
      #expect(try marked(pair, name) == disc, "\(name)")
    }
    #expect(try marked(pair, "red") == disc.map { 1 - $0 })
    #expect(try marked(pair, "red", "green").allSatisfy { $0 == 1 })
    let text = try #require(refusal(pair, MaskReading(colours: [NamedColour("blue")!])))
    #expect(text.contains("no blue; it has") && text.contains("green (#00c800)"), "\(text)")
    #expect(try marked(png([0, 0, 0], [255, 255, 255]), "black") == disc)
    #expect(NamedColour("reddish") == nil && NamedColour("#12345") == nil && NamedColour("#ggg") == nil)
  }

  @Test func aColourIsChosenInAJPEG() throws {
    for (inside, outside) in [([0, 200, 0], [200, 0, 0]), ([253, 231, 36], [68, 1, 84])]
      as [([UInt16], [UInt16])]
    {
      let file = try Disc.picture(inside, on: outside).encoded(as: CVIPS_JPEG, quality: 60)
      let plane = try marked(file, inside[0] > 100 ? "yellow" : "green")
      #expect(zip(plane, disc).count { ($0 > 0.5) != ($1 > 0.5) } <= 24)
      #expect((0..<Disc.width * 4).allSatisfy { plane[$0] == 0 })
    }
  }

  @Test func paintOnAPhotoIsChosen() throws {
    var raw = RawImage(sample: Disc.width, Disc.height, bands: 3)
    for pixel in disc.indices where disc[pixel] == 1 {
      raw.values.replaceSubrange(3 * pixel..<3 * pixel + 3, with: [255, 0, 0])
    }
    #expect(try marked(raw.encoded(as: CVIPS_PNG), "red") == disc)
  }
}

/// Masks whose indices into a palette are labels.
@Suite struct MaskPaletteTests {
  private let indices = Disc.ones.map(UInt8.init)

  private func png(_ palette: [[UInt8]], _ indices: [UInt8]) -> [UInt8] {
    indexedPNG(width: Disc.width, height: Disc.height, palette: palette, indices)
  }

  @Test(
    arguments: [
      [[0, 0, 0], [128, 0, 0]], [[0, 0, 0], [0, 0, 0]], [[0, 0, 0], [1, 1, 1]],
      [[0, 0, 0], [255, 255, 255]],
      [[128, 64, 128], [244, 35, 232]], [[255, 255, 255], [255, 0, 0]], [[0, 0, 0]],
    ] as [[[UInt8]]])
  func theIndexDecides(_ palette: [[UInt8]]) throws {
    #expect(try reading(png(palette, indices)).plane == disc)
  }

  /// Programs that reduce pictures to a palette order it as they like.
  @Test func colourDecidesWhereTheOrderMeansNothing() throws {
    let swapped = indices.map { 1 - $0 }
    #expect(try reading(png([[255, 0, 0], [0, 0, 0]], swapped)).plane == disc)
    #expect(try reading(png([[255, 255, 255], [0, 0, 0]], swapped)).plane == disc)
  }

  @Test func labelsAreChosen() throws {
    let palette: [[UInt8]] = [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0]]
    let labels = indices.enumerated().map { $0 < 600 ? 2 : 3 * $1 }
    for file in [
      png(palette, labels),
      bitmap(
        width: Disc.width, height: Disc.height, bits: 8, palette: palette,
        (0..<Disc.height).map { Array(labels[$0 * Disc.width..<($0 + 1) * Disc.width]) }),
      tiff(
        width: Disc.width, height: Disc.height, labels,
        tags: [
          (258, [8]), (262, [3]), (277, [1]),
          (320, (0..<3).flatMap { part in (0..<256).map { UInt16($0 < 4 ? palette[$0][part] : 0) * 257 } }),
        ]),
    ] {
      let (plane, notes) = try reading(file)
      #expect(plane == labels.map { $0 > 0 ? 1 : 0 })
      #expect(notes.count == 1 && notes[0].contains("2 and 3"), "\(notes)")
      #expect(try reading(file, MaskReading(labels: [3])).plane == labels.map { $0 == 3 ? 1 : 0 })
      #expect(try reading(file, MaskReading(labels: [0, 2])).plane == labels.map { $0 != 3 ? 1 : 0 })
      #expect(refusal(file, MaskReading(labels: [1]))?.contains("it has 0, 2 and 3") == true)
    }
    #expect(
      refusal(try Disc.picture([9, 0, 0], on: [0, 200, 0]).encoded(as: CVIPS_PNG), MaskReading(labels: [1]))
        != nil)
  }

  @Test func aGIFHasAPaletteAsWell() throws {
    let values = (0..<64).flatMap { i -> [UInt16] in i % 3 == 0 ? [255, 255, 255] : [0, 0, 0] }
    let grey = try RawImage(width: 8, height: 8, bands: 3, values: values).encoded(as: CVIPS_GIF)
    #expect(try reading(grey).plane == (0..<64).map { $0 % 3 == 0 ? 1 : 0 })
    let red = try Disc.picture([128, 0, 0], on: [0, 0, 0]).encoded(as: CVIPS_GIF)
    #expect(try reading(red).plane == disc)
  }

  @Test func palettePNGIsDecoded() throws {
    let file = indexedPNG(width: 2, height: 2, palette: [[0, 0, 0], [255, 255, 255]], [0, 1, 1, 0])
    let source = try SourceImage.open(bytes: file)
    #expect(source.colourChannels == 3 && source.bitDepth == 8)
    #expect(try reading(file).plane == [0, 1, 1, 0])
    // Written back, it is no palette picture that would be quantised again.
    let written = try source.patched(with: []).encoded(as: .png).bytes
    #expect(try SourceImage.open(bytes: written).rgb() == source.rgb())
  }

  @Test func damagedPalettesDoNoHarm() throws {
    let gif = try Disc.picture([128, 0, 0], on: [0, 0, 0]).encoded(as: CVIPS_GIF)
    let tiff = tiff(
      width: 60, height: 48, indices,
      tags: [(258, [8]), (262, [3]), (277, [1]), (320, [UInt16](repeating: 9, count: 768))])
    for file in [png([[0, 0, 0], [128, 0, 0]], indices), gif, tiff] {
      var random = SplitMix(seed: 7)
      for round in 0..<200 {
        var bytes = file
        for _ in 0..<3 {
          let reach = round % 2 == 0 ? 0..<min(80, file.count) : max(0, file.count - 1700)..<file.count
          bytes[Int.random(in: reach, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
        do throws(ImagingError) {
          _ = try MaskReading().open(.bytes(bytes, name: "mask"), limits: Limits(maxPixels: 1 << 20))
          _ = try MaskReading(labels: [1]).open(
            .bytes(bytes, name: "mask"), limits: Limits(maxPixels: 1 << 20))
        } catch {
          #expect(isOneLine(error))
        }
      }
    }
  }
}

/// Masks whose shape is in their alpha.
@Suite struct MaskAlphaTests {
  private func file(_ colour: [UInt16], inside: UInt16, outside: UInt16) throws -> [UInt8] {
    try Disc.picture(colour + [inside], on: colour + [outside]).encoded(as: CVIPS_PNG)
  }

  @Test(arguments: [[0, 0, 0], [255, 255, 255], [255, 0, 0], [0], [255]] as [[UInt16]])
  func strokesOnClearPaperAndErasedSheets(_ colour: [UInt16]) throws {
    let (strokes, none) = try reading(file(colour, inside: 255, outside: 0))
    #expect(strokes == disc && none.isEmpty)
    let (erased, told) = try reading(file(colour, inside: 0, outside: 255))
    #expect(erased == disc && told.count == 1 && told[0].contains("clear"), "\(told)")
  }

  @Test func softStrokesStaySoft() throws {
    let ramp = hill(slope: 9)
    let raw = RawImage(
      width: 60, height: 40, bands: 2, values: ramp.flatMap { alpha -> [UInt16] in [0, alpha] })
    #expect(try reading(raw.encoded(as: CVIPS_PNG)).plane == ramp.map { Float($0) / 255 })
  }

  @Test func aHoleInAPhotoIsMarked() throws {
    let photo = RawImage(sample: Disc.width, Disc.height, bands: 3)
    for isErased in [true, false] {
      let values = disc.indices.flatMap { pixel -> [UInt16] in
        Array(photo.values[3 * pixel..<3 * pixel + 3]) + [(disc[pixel] == 1) == isErased ? 0 : 255]
      }
      let raw = RawImage(width: Disc.width, height: Disc.height, bands: 4, values: values)
      #expect(try reading(raw.encoded(as: CVIPS_PNG)).plane == disc)
    }
  }

  @Test func alphaThatIsTheSameEverywhereIsIgnored() throws {
    for alpha in [0, 128, 255] as [UInt16] {
      let file = try Disc.picture([255, 255, 255, alpha], on: [0, 0, 0, alpha]).encoded(as: CVIPS_PNG)
      #expect(try reading(file).plane == disc)
    }
  }

  @Test func blackAndWhiteAreWeighedWithAlpha() throws {
    let raw = RawImage(width: 3, height: 1, bands: 2, values: [255, 255, 0, 255, 255, 51])
    #expect(try reading(raw.encoded(as: CVIPS_PNG)).plane == [1, 0, 0.2])
  }
}

@Suite struct MaskExtentTests {
  private func remark(_ marked: Int, of total: Int) -> String? {
    let mask = FloatImage(
      width: total, height: 1, channels: 1, pixels: (0..<total).map { $0 < marked ? 1 : 0 })
    return MaskExtent(mask).remark
  }

  @Test func whatIsUnusualIsTold() {
    #expect(remark(0, of: 100)?.contains("nothing") == true)
    #expect(remark(1, of: 20_000)?.contains("one pixel") == true)
    #expect(remark(3, of: 40_000)?.contains("3 pixels") == true)
    #expect(remark(2, of: 20_000) == nil && remark(50, of: 100) == nil)
    #expect(remark(51, of: 100)?.contains("51.0 %") == true)
    #expect(remark(99_999, of: 100_000)?.contains("99.9 %") == true)
    #expect(remark(100, of: 100)?.contains("all") == true)
  }
}
