import CVips
import Imaging
import Testing

/// CMYK without a profile.
@Suite struct SeparationTests {
  /// Two halves, each of one colour.
  private func source(_ inks: [UInt16], _ others: [UInt16]) throws -> SourceImage {
    let values = (0..<16 * 16).flatMap { $0 % 16 < 8 ? inks : others }
    let raw = RawImage(width: 16, height: 16, bands: 4, values: values, isCMYK: true)
    return try SourceImage.open(bytes: raw.encoded(as: CVIPS_TIFF))
  }

  @Test func coloursAreThoseOfPlainViewers() throws {
    let rgb = try source([0, 51, 255, 0], [51, 102, 0, 51]).rgb()
    let expected: [[Float]] = [[1, 0.8, 0], [0.8 * 0.8, 0.6 * 0.8, 0.8]]
    for (x, colour) in zip([2, 12], expected) {
      #expect((0..<3).allSatisfy { abs(rgb[x, 3, $0] - colour[$0]) < 0.001 })
    }
  }

  @Test(arguments: [[120, 80, 60, 0], [60, 20, 0, 60]] as [[UInt16]])
  func whatIsCopiedHasTheSameInks(_ inks: [UInt16]) throws {
    let source = try source(inks, [0, 0, 0, 0])
    let copy = try source.rgb().cropped(x: 0, y: 0, width: 4, height: 4)
    let result = try source.patched(with: [Patch(x: 12, y: 12, image: copy)])
    let file = try result.encoded(as: .tiff)
    let back = try RawImage(decoding: file.bytes, CVIPS_TIFF)
    #expect(zip(back[14, 14], inks).allSatisfy { abs(Int($0) - Int($1)) <= 1 }, "\(back[14, 14])")
    #expect(back[14, 2] == [0, 0, 0, 0])
    #expect(file.notes.contains { $0.contains("no profile") })
  }

  @Test func paperAndBlackAreHeld() throws {
    let source = try source([0, 0, 0, 255], [0, 0, 0, 0])
    let swapped = try source.rgb().cropped(x: 4, y: 0, width: 8, height: 8)
    let black = FloatImage(width: 4, height: 4, channels: 3)
    let white = FloatImage(width: 4, height: 4, channels: 3, filledWith: 1)
    let result = try source.patched(with: [
      Patch(x: 0, y: 0, image: white), Patch(x: 12, y: 0, image: black), Patch(x: 4, y: 8, image: swapped),
    ])
    let back = try RawImage(decoding: result.encoded(as: .tiff).bytes, CVIPS_TIFF)
    #expect(back[1, 1] == [0, 0, 0, 0] && back[13, 1] == [0, 0, 0, 255])
    #expect(back[5, 10] == [0, 0, 0, 255] && back[10, 10] == [0, 0, 0, 0])
  }
}
