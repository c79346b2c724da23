import CAVIF
import Imaging
import Testing

/// Files of several pictures, one picture at a time, and one file again.
@Suite struct FrameTests {
  private func frame(_ value: Float, width: Int = 24, height: Int = 16, channels: Int = 3) throws
    -> ResultImage
  {
    try ResultImage.fresh(
      FloatImage(width: width, height: height, channels: channels, filledWith: value))
  }

  private func open(_ bytes: [UInt8], frame: Int) throws(ImagingError) -> SourceImage {
    try SourceImage.open(.bytes(bytes, name: "test"), frame: frame)
  }

  /// The first pixel's red, 0...1.
  private func level(_ bytes: [UInt8], frame: Int) throws -> Float {
    try open(bytes, frame: frame).rgb()[0, 0, 0]
  }

  @Test(arguments: [Format.webp, .gif, .avif], [0, 1, 4])
  func anAnimationGoesThroughFrameByFrame(_ format: Format, _ loops: Int) throws {
    guard Imaging.canWrite(format) else { return }
    if format == .avif, !cavif_is_available() || loops > 0 && !cavif_knows_loops() { return }
    let levels: [Float] = [0, 0.6, 1]
    let animation = try Animation(
      zip(levels, [40, 120, 900]).map { (try frame($0), $1) }, loops: loops
    ).encoded(as: format).bytes
    let frames = try levels.indices.map { try open(animation, frame: $0) }
    for (source, level) in zip(frames, levels) {
      #expect(source.pageCount == 3)
      #expect(source.frameTimes?.milliseconds == [40, 120, 900])
      #expect(source.frameTimes?.loops == loops)
      #expect(abs(try source.rgb()[5, 5, 1] - level) < 0.02)
    }
    let again = try FrameSequence(frames.map { try $0.patched(with: []) }, times: frames[0].frameTimes)
      .encoded(as: format, provenance: "how")
    #expect(again.notes.isEmpty)
    let last = try open(again.bytes, frame: 2)
    #expect(last.frameTimes == frames[0].frameTimes && last.pageCount == 3)
    #expect(try open(again.bytes, frame: 0).provenance == "how")
    for (index, wanted) in levels.enumerated() {
      #expect(abs(try level(again.bytes, frame: index) - wanted) < 0.02)
    }
  }

  /// A bar that moves over a ramp, so that decoders have something to carry over from frame to frame.
  private func moving(_ format: Format, count: Int, channels: Int = 3) throws -> [UInt8] {
    let frames = try (0..<count).map { index in
      var image = FloatImage(width: 40, height: 24, channels: channels, filledWith: 1)
      for y in 0..<24 {
        for x in 0..<40 {
          for c in 0..<3 { image[x, y, c] = x / 4 == index ? 1 : Float(x) / 80 }
          if channels == 4 { image[x, y, 3] = y > 12 || x / 4 == index ? 1 : 0 }
        }
      }
      return (try ResultImage.fresh(image), 40 * (index + 1))
    }
    return try Animation(frames).encoded(as: format).bytes
  }

  /// A file that stays open gives the frames in any order, and each as it is alone.
  @Test(arguments: [Format.webp, .gif, .avif], [3, 4])
  func framesOfAnOpenFileAreThoseOfTheFile(_ format: Format, _ channels: Int) throws {
    guard Imaging.canWrite(format), format != .avif || cavif_is_available() else { return }
    let bytes = try moving(format, count: 9, channels: channels)
    let alone = try (0..<9).map { try open(bytes, frame: $0) }
    let input = try Input.bytes(bytes, name: "test").loaded(Limits())
    for index in [0, 1, 2, 3, 5, 5, 8, 0, 7, 6, 1] {
      let image = try SourceImage.open(input, frame: index, digest: true)
      #expect(try image.rgb() == alone[index].rgb())
      #expect(try image.alpha() == alone[index].alpha())
      #expect(image.frameTimes == alone[index].frameTimes && image.pageCount == 9)
      #expect(image.digest == (try Imaging.digest(of: bytes)))
      let mask = try MaskReading().open(input, frame: index, digest: true).mask
      #expect(mask.pageCount == 9 && mask.digest == image.digest)
    }
    #expect(alone[0].frameTimes?.milliseconds == (1...9).map { 40 * $0 })
    #expect(throws: ImagingError.self) { try SourceImage.open(input, frame: 9) }
  }

  /// What is said of the first picture holds for all of an AVIF animation.
  @Test func anAVIFAnimationKeepsWhatIsSaidOfIt() throws {
    guard Imaging.canWrite(.avif), cavif_is_available() else { return }
    let tiff = TIFFBytes()
    let source = try SourceImage.open(
      bytes: tiff.file(8, 6, fields: [.text(315, "Anna")])
    ).patched(with: [])
    let file = try Animation([(source, 40), (source, 60)]).encoded(as: .avif, provenance: "how").bytes
    for frame in 0..<2 {
      let image = try open(file, frame: frame)
      #expect(image.provenance == "how")
      let again = try #require(TIFFBytes.fields(image.patched(with: []).encoded(as: .tiff).bytes))
      #expect(again[315]?.value == Array("Anna".utf8) + [0])
    }
    // Damaged ones are refused in a line.
    for end in stride(from: 40, to: file.count, by: 97) {
      do {
        _ = try open(Array(file[..<end]), frame: 1)
      } catch { #expect(isOneLine(error)) }
    }
  }

  @Test func pagesOfAnySizeGoTogether() throws {
    let pages = [
      try frame(0.2), try frame(0.5, width: 9, height: 31, channels: 1), try frame(0.8, channels: 4),
    ]
    let file = try FrameSequence(pages, times: nil).encoded(as: .tiff, provenance: "how").bytes
    #expect(try open(file, frame: 0).provenance == "how")
    for (index, page) in pages.enumerated() {
      let read = try open(file, frame: index)
      #expect(read.pageCount == 3 && read.frameTimes == nil)
      #expect((read.width, read.height, read.hasAlpha) == (page.width, page.height, page.hasAlpha))
      #expect(abs(try read.rgb()[3, 3, 0] - [0.2, 0.5, 0.8][index]) < 0.01)
    }
    let error = #expect(throws: ImagingError.self) {
      try FrameSequence(pages, times: nil).encoded(as: .gif)
    }
    #expect(error?.kind == .unsupported && isOneLine(error))
  }

  /// Each page has its own words, and they stay true where the file is put together of several.
  @Test(arguments: [TIFFBytes(), TIFFBytes(isBigEndian: true), TIFFBytes(isBigTIFF: true)])
  func pagesKeepTheirMetadata(_ tiff: TIFFBytes) throws {
    let pages = ["Anna", "Bartholomew"].map { artist in
      tiff.file(
        8, 6, fields: [.text(315, artist)],
        pointers: [(34665, [.text(36867, "2001:01:01 01:01:01")])])
    }
    let results = try pages.map { try SourceImage.open(bytes: $0).patched(with: []) }
    let file = try FrameSequence(results, times: nil).encoded(as: .tiff).bytes
    for index in 0..<2 {
      let alone = try open(file, frame: index)
      #expect(try alone.rgb() == SourceImage.open(bytes: pages[index]).rgb())
      let fields = try #require(TIFFBytes.fields(alone.patched(with: []).encoded(as: .tiff).bytes))
      #expect(fields[315]?.value == Array(["Anna", "Bartholomew"][index].utf8) + [0])
      #expect(fields[34665] != nil)
    }
  }

  @Test func framesThatAreNotThereAreRefused() throws {
    let animation = try Animation([(frame(0), 40), (frame(1), 40)]).encoded(as: .gif).bytes
    let pages = TIFFBytes().file(8, 6, pages: 2)
    #expect(try open(pages, frame: 1).pageCount == 2)
    for bytes in [animation, pages, TIFFBytes().file(8, 6)] {
      let error = #expect(throws: ImagingError.self) { try open(bytes, frame: 2) }
      #expect(error?.kind == .invalidArgument && isOneLine(error))
      #expect(error?.description.contains("no frame 3") == true)
    }
    // A chain of directories that leads back to its start has an end.
    var loop = pages
    let second = try #require(TIFFBytes.nextDirectory(loop))
    loop.replaceSubrange(second..<second + 4, with: [8, 0, 0, 0])
    #expect(throws: ImagingError.self) { try open(loop, frame: 5) }
  }

  @Test func anAnimatedPNGIsKnown() throws {
    let still = try frame(0.5).encoded(as: .png).bytes
    let control = pngChunk("acTL", [0, 0, 0, 7, 0, 0, 0, 0])
    let animated = Array(still[..<33] + control + still[33...])
    #expect(try SourceImage.open(bytes: still).pageCount == 1)
    #expect(try SourceImage.open(bytes: animated).pageCount == 7)
    #expect(try SourceImage.open(bytes: animated).frameTimes == nil)
    let error = #expect(throws: ImagingError.self) { try open(animated, frame: 1) }
    #expect(error?.description.contains("PNG") == true && isOneLine(error))
    // A chunk that is cut short counts nothing.
    let short = Array(still[..<33] + pngChunk("acTL", [1]) + still[33...])
    #expect(try SourceImage.open(bytes: short).pageCount == 1)
  }
}

extension TIFFBytes {
  /// Where the first directory of a little-endian file names the one after its next.
  static func nextDirectory(_ bytes: [UInt8]) -> Int? {
    func number(_ place: Int, _ size: Int) -> Int {
      (0..<size).reversed().reduce(0) { $0 << 8 | Int(bytes[place + $1]) }
    }
    let second = number(8 + 2 + 12 * number(8, 2), 4)
    return second == 0 ? nil : second + 2 + 12 * number(second, 2)
  }
}
