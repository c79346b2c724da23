import CVips
import Imaging
import Testing

@Suite struct EncodingTests {
  @Test(arguments: [Format.jpeg, .webp, .avif, .heic]) func qualityChangesTheSize(_ format: Format) throws {
    guard Imaging.canWrite(format) else { return }
    let result = try ResultImage.fresh(picture(96, 64))
    let sizes = try [20, 60, 95].map {
      try result.encoded(as: format, options: WriteOptions(quality: $0)).count
    }
    #expect(sizes[0] < sizes[1] && sizes[1] < sizes[2])
  }

  @Test(arguments: [Format.png, .tiff, .ppm]) func losslessFormatsKeepEveryBit(_ format: Format) throws {
    let raw = RawImage(sample: 31, 19, bands: 3, isWide: true)
    let source = try SourceImage.open(bytes: raw.encoded(as: CVIPS_PNG))
    let file = try source.patched(with: []).encoded(as: format)
    #expect(file.notes.isEmpty)
    #expect(try SourceImage.open(bytes: file.bytes).rgb().pixels == raw.values.map { Float($0) / 65535 })
  }

  @Test func losslessWebPKeepsEveryBit() throws {
    let raw = RawImage(sample: 31, 19, bands: 3)
    let source = try SourceImage.open(bytes: raw.encoded(as: CVIPS_PNG))
    let file = try source.patched(with: []).encoded(as: .webp, options: WriteOptions(lossless: true))
    #expect(try RawImage(decoding: file.bytes, CVIPS_WEBP).values == raw.values)
  }

  @Test func optionsOutOfRangeAreErrors() throws {
    let result = try ResultImage.fresh(picture(8, 8))
    for options in [
      WriteOptions(quality: 0), WriteOptions(quality: 101), WriteOptions(effort: -1),
      WriteOptions(effort: 10),
      WriteOptions(bitDepth: 7),
    ] {
      let error = #expect(throws: ImagingError.self) { try result.encoded(as: .jpeg, options: options) }
      #expect(error?.kind == .invalidArgument)
    }
    #expect(throws: ImagingError.self) { try ResultImage.fresh(picture(8, 8), bitDepth: 12) }
  }

  @Test(arguments: Format.allCases) func everyEffortWorks(_ format: Format) throws {
    guard Imaging.canWrite(format) else { return }
    let result = try ResultImage.fresh(picture(16, 16))
    for effort in 0...9 { _ = try result.encoded(as: format, options: WriteOptions(effort: effort)) }
  }

  @Test(arguments: Format.allCases, [1, 2, 3, 4, 5]) func everyKindOfPixelCanBeWritten(
    _ format: Format, _ bands: Int
  ) throws {
    guard Imaging.canWrite(format) else { return }
    for isWide in [false, true] {
      let isCMYK = bands == 5
      let raw = RawImage(sample: 24, 16, bands: isCMYK ? 4 : bands, isWide: isWide, isCMYK: isCMYK)
      let source = try SourceImage.open(bytes: raw.encoded(as: CVIPS_TIFF))
      let file = try source.patched(with: []).encoded(as: format, options: WriteOptions(lossless: true))
      let back = try SourceImage.open(bytes: file.bytes)
      #expect(back.width == 24 && back.height == 16)
      if source.hasAlpha, !back.hasAlpha { #expect(file.notes.contains { $0.contains("white") }) }
      if isWide, back.bitDepth == 8 { #expect(file.notes.contains { $0.contains("rounded") }) }
      // GIF has 256 colours.
      let tolerance: Float = format == .jpeg || format == .gif ? 0.45 : 0.01
      if !source.hasAlpha { #expect(difference(try back.rgb(), try source.rgb()) < tolerance) }
    }
  }

  @Test func transparencyIsBlendedWithWhiteForJPEG() throws {
    let raw = RawImage(
      width: 16, height: 16, bands: 4, values: (0..<256).flatMap { _ in [0, 0, 0, 51] as [UInt16] })
    let source = try SourceImage.open(bytes: raw.encoded(as: CVIPS_PNG))
    let rgb = try SourceImage.open(bytes: source.patched(with: []).encoded(as: .jpeg).bytes).rgb()
    #expect(rgb.pixels.allSatisfy { abs($0 - 0.8) < 0.01 })
  }

  @Test func sixteenBitsAreRoundedToEight() throws {
    let values: [UInt16] = [0, 128, 129, 257, 385, 386, 65535, 65407, 65406, 32896, 32767, 32768]
    let raw = RawImage(width: 4, height: 1, bands: 3, values: values, isWide: true)
    let source = try SourceImage.open(bytes: raw.encoded(as: CVIPS_PNG))
    let file = try source.patched(with: []).encoded(as: .png, options: WriteOptions(bitDepth: 8))
    let expected = values.map { UInt16((Double($0) / 257).rounded()) }
    #expect(try RawImage(decoding: file.bytes, CVIPS_PNG).values == expected)
  }

  @Test func eightBitsCanBecomeSixteen() throws {
    let raw = RawImage(sample: 16, 16, bands: 3)
    let source = try SourceImage.open(bytes: raw.encoded(as: CVIPS_PNG))
    let file = try source.patched(with: []).encoded(as: .png, options: WriteOptions(bitDepth: 16))
    let back = try RawImage(decoding: file.bytes, CVIPS_PNG)
    #expect(back.isWide)
    #expect(back.values == raw.values.map { $0 * 257 })
  }

  @Test func freshImagesAreQuantisedToTheNearest() throws {
    let values: [Float] = [0, 1, 0.5, 0.499 / 255, 0.501 / 255, -1, 2, 100.49 / 255, 100.51 / 255]
    let image = FloatImage(width: 3, height: 1, channels: 3, pixels: values)
    let back = try RawImage(decoding: ResultImage.fresh(image).encoded(as: .png).bytes, CVIPS_PNG)
    #expect(back.values == [0, 255, 128, 0, 1, 0, 255, 100, 101])
    let wide = try RawImage(
      decoding: ResultImage.fresh(image, bitDepth: 16).encoded(as: .png).bytes, CVIPS_PNG)
    #expect(wide.isWide && wide.values[2] == 32768)
    let nan = FloatImage(width: 1, height: 1, channels: 1, filledWith: .nan)
    _ = try ResultImage.fresh(nan).encoded(as: .png)
  }

  @Test func sizesBeyondTheFormatAreErrors() throws {
    let wide = try ResultImage.fresh(FloatImage(width: 17000, height: 1, channels: 1))
    for format in [Format.webp, .avif] {
      let error = #expect(throws: ImagingError.self) { try wide.encoded(as: format) }
      #expect(error?.kind == .tooLarge)
      #expect(isOneLine(error))
    }
    let wider = try ResultImage.fresh(FloatImage(width: 65536, height: 1, channels: 1))
    #expect(throws: ImagingError.self) { try wider.encoded(as: .jpeg) }
    _ = try wider.encoded(as: .png)
  }

  @Test func supportIsKnown() throws {
    let support = try Imaging.supportedFormats()
    #expect(support.map(\.format) == Format.allCases)
    for entry in support where [.jpeg, .png, .webp, .tiff, .ppm].contains(entry.format) {
      #expect(entry.reads && entry.writes)
    }
  }

  @Test func formatsAreToldByContentNotByName() throws {
    let scratch = try Scratch()
    let path = try scratch.write(RawImage(sample: 8, 8, bands: 3).encoded(as: CVIPS_PNG), "a.jpg")
    #expect(try SourceImage.open(.file(path)).format == .png)
  }

  @Test func messagesAreTidied() {
    #expect(
      tidied("VipsJpeg: the end\nVipsJpeg: the end\npngload: a thing:  b\n")
        == "the end; a thing:  b")
    #expect(tidied("") == "unknown reason")
    #expect(tidied("\n\n:\u{7}\n") != "")
    #expect(tidied(String(repeating: "x ", count: 400)).count < 210)
  }
}
