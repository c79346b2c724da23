import CVips
import Imaging
import Testing

/// A TGA file.
private func targa(
  type: UInt8, width: Int, height: Int, depth: UInt8, flags: UInt8 = 0x20, palette: [[UInt8]] = [],
  firstEntry: UInt8 = 0, identifier: String = "", _ pixels: [UInt8]
) -> [UInt8] {
  let entryBits = UInt8((palette.first?.count ?? 0) * 8)
  let kind: [UInt8] = [UInt8(identifier.utf8.count), palette.isEmpty ? 0 : 1, type]
  let table: [UInt8] = [firstEntry, 0, UInt8(palette.count), 0, entryBits]
  let size: [UInt8] = [UInt8(width & 255), UInt8(width >> 8), UInt8(height & 255), UInt8(height >> 8)]
  let origin: [UInt8] = [0, 0, 0, 0]
  let head = kind + table + origin + size + [depth, flags]
  return head + Array(identifier.utf8) + Array(palette.joined()) + pixels
}

/// The number of channels, and their values.
private func pixels(_ file: [UInt8]) throws -> [UInt16] {
  let source = try SourceImage.open(bytes: file)
  #expect(source.format == .tga)
  let raw = try RawImage(decoding: source.patched(with: []).encoded(as: .png).bytes, CVIPS_PNG)
  return [UInt16(raw.bands)] + raw.values
}

@Suite struct TGATests {
  /// 3 x 2 pixels, red, green and blue of each.
  private let colours: [[UInt8]] = [
    [255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 8, 7], [255, 255, 255], [0, 0, 0],
  ]

  private var stored: [UInt8] { colours.flatMap { $0.reversed() } }
  private var expected: [UInt16] { [3] + colours.joined().map(UInt16.init) }

  @Test func colouredPicturesAreRead() throws {
    #expect(
      try pixels(targa(type: 2, width: 3, height: 2, depth: 24, identifier: "a name", stored)) == expected)
    let flipped = [3, 4, 5, 0, 1, 2].flatMap { colours[$0].reversed() }
    #expect(try pixels(targa(type: 2, width: 3, height: 2, depth: 24, flags: 0, flipped)) == expected)
    let mirrored = [2, 1, 0, 5, 4, 3].flatMap { colours[$0].reversed() }
    #expect(try pixels(targa(type: 2, width: 3, height: 2, depth: 24, flags: 0x30, mirrored)) == expected)
    let file = targa(type: 2, width: 3, height: 2, depth: 24, stored)
    let source = try SourceImage.open(bytes: file)
    #expect(source.format == .tga && source.width == 3 && source.height == 2)
    #expect(try source.rgb().pixels == colours.joined().map { Float($0) / 255 })
    #expect(throws: ImagingError.self) { try source.patched(with: []).encoded(as: .tga) }
  }

  @Test func runsArePixels() throws {
    // One pixel as it is, two as a run over the end of the row, three as they are.
    let parts: [[UInt8]] = [
      [0], Array(stored[..<3]), [0x82], Array(stored[3..<6]), [0x81], Array(stored[9..<12]),
    ]
    let packed = Array(parts.joined())
    #expect(
      try pixels(targa(type: 10, width: 3, height: 2, depth: 24, packed))
        == [3, 255, 0, 0, 0, 255, 0, 0, 255, 0, 0, 255, 0, 9, 8, 7, 9, 8, 7])
    #expect(
      try pixels(targa(type: 11, width: 3, height: 2, depth: 8, [0x82, 7, 2, 1, 2, 3]))
        == [1, 7, 7, 7, 1, 2, 3])
    #expect(
      try pixels(
        targa(
          type: 9, width: 3, height: 2, depth: 8, palette: colours.map { $0.reversed() },
          [2, 0, 1, 2, 0x82, 4]))
        == [3] + [0, 1, 2, 4, 4, 4].flatMap { colours[$0].map(UInt16.init) })
  }

  @Test func palettesAndGreysAreRead() throws {
    let palette = colours.map { Array($0.reversed()) }
    #expect(
      try pixels(targa(type: 1, width: 3, height: 2, depth: 8, palette: palette, [0, 1, 2, 3, 4, 5]))
        == expected)
    #expect(
      try pixels(
        targa(type: 1, width: 3, height: 2, depth: 8, palette: palette, firstEntry: 7, [7, 8, 9, 10, 11, 12]))
        == expected)
    #expect(throws: ImagingError.self) {
      try pixels(targa(type: 1, width: 3, height: 2, depth: 8, palette: palette, [0, 1, 2, 3, 4, 6]))
    }
    #expect(try pixels(targa(type: 3, width: 3, height: 1, depth: 8, [1, 2, 3])) == [1, 1, 2, 3])
    #expect(
      try pixels(targa(type: 3, width: 2, height: 1, depth: 16, [1, 255, 2, 128])) == [2, 1, 255, 2, 128])
    // Five bits of each colour.
    #expect(
      try pixels(targa(type: 2, width: 2, height: 1, depth: 16, [0, 0x7C, 0x1F, 0])) == [
        3, 255, 0, 0, 0, 0, 255,
      ])
  }

  @Test func transparencyIsToldFromNothing() throws {
    let half: [UInt8] = [10, 20, 30, 128, 1, 2, 3, 0]
    func read(_ flags: UInt8, _ pixel: [UInt8], _ rest: [UInt8] = []) throws -> [UInt16] {
      try pixels(targa(type: 2, width: 2, height: 1, depth: 32, flags: flags, pixel + rest))
    }
    #expect(try read(0x28, half) == [4, 30, 20, 10, 128, 3, 2, 1, 0])
    #expect(try read(0x20, half) == [3, 30, 20, 10, 3, 2, 1])
    #expect(try read(0x28, [10, 20, 30, 0, 1, 2, 3, 0]) == [3, 30, 20, 10, 3, 2, 1])
    // The extension of version 2 has the last word: 2 is nothing, 4 multiplied colours.
    for (kind, expected) in [
      (2, [3, 30, 20, 10, 3, 2, 1]), (3, [4, 30, 20, 10, 128, 3, 2, 1, 0]),
      (4, [4, 60, 40, 20, 128, 3, 2, 1, 0]),
    ] as [(UInt8, [UInt16])] {
      let extensions = [UInt8](repeating: 0, count: 494) + [kind]
      let footer = [26, 0, 0, 0, 0, 0, 0, 0] + Array("TRUEVISION-XFILE.\0".utf8)
      #expect(try read(0x28, half, extensions + footer) == expected)
    }
  }

  @Test func damagedFilesAreErrors() throws {
    let whole = [
      targa(type: 10, width: 30, height: 20, depth: 24, (0..<20).flatMap { [0x9D, UInt8($0), 1, 2] }),
      targa(
        type: 1, width: 30, height: 2, depth: 8, palette: [[1, 2, 3], [4, 5, 6]],
        .init(repeating: 1, count: 60)),
    ]
    for file in whole {
      _ = try SourceImage.open(bytes: file)
      for length in 0..<file.count {
        let error = #expect(throws: ImagingError.self) { try SourceImage.open(bytes: Array(file[..<length])) }
        #expect(isOneLine(error))
      }
      for place in 0..<18 {
        for value in [0, 1, 2, 3, 9, 11, 16, 32, 127, 128, 255] as [UInt8] {
          var bytes = file
          bytes[place] = value
          do throws(ImagingError) {
            _ = try SourceImage.open(bytes: bytes)
          } catch {
            #expect(isOneLine(error))
          }
        }
      }
    }
    let huge = targa(type: 10, width: 65535, height: 65535, depth: 32, [])
    #expect(throws: ImagingError.self) { try SourceImage.open(bytes: huge) }
  }

  @Test func masksAreRead() throws {
    let inside = (0..<Disc.width * Disc.height).map { Disc.isInside($0) }
    for file in [
      targa(type: 3, width: Disc.width, height: Disc.height, depth: 8, inside.map { $0 ? 255 : 0 }),
      targa(
        type: 2, width: Disc.width, height: Disc.height, depth: 24,
        inside.flatMap { [UInt8](repeating: $0 ? 255 : 0, count: 3) }),
    ] {
      #expect(try reading(file).plane == inside.map { $0 ? 1 : 0 })
    }
  }

  @Test func whatMayBeSomethingElseIsNone() {
    for head in [
      [0, 0, 1, 0, 1, 0, 16, 16, 0, 0, 1, 0, 32, 0, 0, 0, 0, 0],
      [0, 0, 2, 0, 1, 0, 32, 32, 0, 0, 1, 0, 1, 0, 1, 0, 24, 0],
      [0, 1, 0, 0, 0, 12, 0, 128, 0, 3, 0, 64, 79, 83, 47, 50, 24, 0],
    ] as [[UInt8]] {
      #expect(Format(sniffing: head) == nil)
    }
  }
}
