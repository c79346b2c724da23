import CVips
import Imaging
import Testing

@Suite struct AnimationTests {
  private func frame(_ value: Float, width: Int = 24, height: Int = 16, channels: Int = 3) throws
    -> ResultImage
  {
    try ResultImage.fresh(
      FloatImage(width: width, height: height, channels: channels, filledWith: value))
  }

  @Test(arguments: [Format.webp, .gif]) func framesDelaysAndSizeComeBack(_ format: Format) throws {
    guard Imaging.canWrite(format) else { return }
    let animation = try Animation([(frame(0), 40), (frame(0.5), 120), (frame(1), 900)])
    let file = try animation.encoded(as: format, provenance: "how")
    #expect(file.notes.isEmpty)
    let native = format == .gif ? CVIPS_GIF : CVIPS_WEBP
    #expect(try text("delay", in: file.bytes, native)?.split(separator: " ") == ["40", "120", "900"])
    #expect(try text("loop", in: file.bytes, native) == "0")
    let source = try SourceImage.open(bytes: file.bytes)
    #expect(source.pageCount == 3)
    #expect((source.width, source.height) == (24, 16))
    #expect(source.provenance == "how")
    #expect(try source.rgb().pixels.allSatisfy { $0 < 0.02 })
  }

  @Test(arguments: [Format.webp, .gif]) func allKindsOfFramesGoTogether(_ format: Format) throws {
    guard Imaging.canWrite(format) else { return }
    let wide = try ResultImage.fresh(FloatImage(width: 24, height: 16, channels: 3), bitDepth: 16)
    let animation = try Animation([
      (frame(0.5, channels: 1), 50), (frame(0.5, channels: 4), 50), (wide, 50), (frame(0.2), 50),
    ])
    let file = try animation.encoded(as: format, options: WriteOptions(stripMetadata: true))
    #expect(try SourceImage.open(bytes: file.bytes).pageCount == 4)
  }

  @Test func tallStacksOfFramesAreNoObstacle() throws {
    guard Imaging.canWrite(.webp) else { return }
    let frames = try (0..<40).map { (try frame(Float($0) / 40, height: 500), 20) }
    #expect(try SourceImage.open(bytes: Animation(frames).encoded(as: .webp).bytes).pageCount == 40)
  }

  @Test func whatCannotBeAnAnimationIsRefused() throws {
    #expect(throws: ImagingError.self) { try Animation([]) }
    let error = #expect(throws: ImagingError.self) {
      try Animation([(frame(0), 9), (frame(0, width: 9), 9)])
    }
    #expect(error?.description.contains("9x16") == true)
    #expect(isOneLine(error))
    let other = #expect(throws: ImagingError.self) { try Animation([(frame(0), 9)]).encoded(as: .png) }
    #expect(other?.kind == .unsupported)
  }
}
