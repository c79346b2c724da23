import CVips
import Glibc
import Imaging
import Testing

/// Each format's sample, small enough to be read hundreds of times.
private let formats: [(cvips_format, String)] = [
  (CVIPS_JPEG, "JPEG"), (CVIPS_PNG, "PNG"), (CVIPS_WEBP, "WebP"), (CVIPS_TIFF, "TIFF"), (CVIPS_GIF, "GIF"),
  (CVIPS_PPM, "PPM"), (CVIPS_AVIF, "AVIF"), (CVIPS_HEIC, "HEIC"), (CVIPS_JXL, "JPEG XL"),
]

@Suite struct DamageTests {
  private func sample(_ index: Int) throws -> [UInt8]? {
    let raw = RawImage(sample: 48, 40, bands: 3)
    let fields = ["xmp-data": Array("<x:xmpmeta></x:xmpmeta>".utf8), "icc-profile-data": try profile("p3")]
    return try? raw.encoded(as: formats[index].0, fields: fields)
  }

  /// An error, or all pixels: a TIFF file has its metadata at the end, which may be lost alone.
  @Test(arguments: formats.indices) func truncatedFilesAreErrors(_ index: Int) throws {
    guard let file = try sample(index) else { return }
    let whole = try RawImage(decoding: file, formats[index].0)
    let step = max(1, file.count / 120)
    for length in Array(stride(from: 0, to: file.count - 40, by: step)) + Array(0..<min(64, file.count)) {
      do throws(ImagingError) {
        let source = try SourceImage.open(bytes: Array(file[..<length]))
        #expect(formats[index].0 == CVIPS_TIFF, "\(formats[index].1) cut to \(length) of \(file.count)")
        let found = try? RawImage(decoding: source.patched(with: []).encoded(as: .png).bytes, CVIPS_PNG)
        #expect(found == whole)
      } catch {
        #expect(isOneLine(error))
      }
    }
  }

  /// Over and over and side by side, since what is missed is missed when threads meet.
  @Test(arguments: 0..<4) func theLostEndOfAJPEGIsNeverMissed(_: Int) throws {
    let file = try #require(try sample(0))
    for _ in 0..<4 {
      for length in stride(from: file.count - 700, to: file.count - 2, by: 11) {
        #expect(throws: ImagingError.self) { try SourceImage.open(bytes: Array(file[..<length])) }
      }
    }
  }

  @Test(arguments: formats.indices) func corruptFilesDoNoHarm(_ index: Int) throws {
    guard let file = try sample(index) else { return }
    var random = SplitMix(seed: UInt64(index))
    for _ in 0..<150 {
      var bytes = file
      for _ in 0..<Int.random(in: 1...8, using: &random) {
        let at =
          Bool.random(using: &random)
          ? Int.random(in: 0..<min(200, bytes.count), using: &random)
          : Int.random(in: 0..<bytes.count, using: &random)
        bytes[at] = UInt8.random(in: 0...255, using: &random)
      }
      survive(bytes)
    }
  }

  @Test(arguments: formats.indices) func headsFollowedByNoiseDoNoHarm(_ index: Int) throws {
    guard let file = try sample(index) else { return }
    var random = SplitMix(seed: UInt64(100 + index))
    for _ in 0..<60 {
      let kept = Int.random(in: 3..<min(400, file.count), using: &random)
      let noise = (0..<Int.random(in: 0...2000, using: &random)).map { _ in
        UInt8.random(in: 0...255, using: &random)
      }
      survive(Array(file[..<kept]) + noise)
    }
  }

  private func survive(_ bytes: [UInt8]) {
    do throws(ImagingError) {
      let source = try SourceImage.open(.bytes(bytes, name: "test"), limits: Limits(maxPixels: 1 << 22))
      _ = try source.rgb()
      _ = try source.alpha()
      _ = try MaskReading().open(.bytes(bytes, name: "test"), limits: Limits(maxPixels: 1 << 22))
      let patch = FloatImage(width: 2, height: 2, channels: 3, filledWith: 0.5)
      _ = try source.patched(with: [Patch(x: 0, y: 0, image: patch)]).encoded(as: .png)
    } catch {
      #expect(isOneLine(error))
    }
  }
}

@Suite struct InputTests {
  @Test func whatIsNoPictureIsSaid() throws {
    let scratch = try Scratch()
    let texts: [(String, [UInt8])] = [
      ("text.jpg", Array("Hello, this is no picture at all.\n".utf8)), ("empty.png", []),
      ("drawing.svg", Array("<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>".utf8)),
      ("paper.pdf", Array("%PDF-1.4\n".utf8)), ("zeros.tif", [UInt8](repeating: 0, count: 100_000)),
      ("vips.v", [0xB6, 0xA6, 0xF2, 0x08] + [UInt8](repeating: 1, count: 100)),
    ]
    for (name, bytes) in texts {
      let path = try scratch.write(bytes, name)
      let error = #expect(throws: ImagingError.self) { try SourceImage.open(.file(path)) }
      #expect(error?.kind == .notAnImage)
      #expect(error?.description.hasPrefix(path + ": ") == true)
      #expect(isOneLine(error))
    }
  }

  @Test func whatCannotBeReadIsSaid() throws {
    let scratch = try Scratch()
    for path in [
      scratch.path, scratch.file("missing.png"), "", "/a\0b", scratch.file("x/y.png"), "/proc/self/mem",
    ] {
      let error = #expect(throws: ImagingError.self) { try SourceImage.open(.file(path)) }
      #expect(error?.kind == .unreadable, "\(path)")
      #expect(isOneLine(error))
    }
  }

  @Test func aFIFOIsRead() throws {
    let scratch = try Scratch()
    let path = scratch.file("fifo.png")
    #expect(mkfifo(path, 0o600) == 0)
    let bytes = try RawImage(sample: 20, 10, bands: 3).encoded(as: CVIPS_PNG)
    let writer = BackgroundWriter(bytes, to: path)
    let source = try SourceImage.open(.file(path))
    writer.wait()
    #expect(source.width == 20)
  }

  @Test func endlessInputIsCutOff() {
    let error = #expect(throws: ImagingError.self) { try SourceImage.open(.file("/dev/zero")) }
    #expect(error?.kind == .notAnImage)
  }

  @Test func theHeaderIsCheckedFirst() {
    for (width, height) in [(60000, 60000), (1, 900_000), (900_000, 1000)] as [(UInt32, UInt32)] {
      let limit = Limits(maxPixels: 500_000)
      let error = #expect(throws: ImagingError.self) {
        try SourceImage.open(.bytes(pngHeader(width: width, height: height), name: "bomb.png"), limits: limit)
      }
      #expect(error?.kind == .tooLarge)
      #expect(error?.description.contains("\(width) x \(height)") == true)
      #expect(error?.description.contains("--max-pixels") == true)
      #expect(isOneLine(error))
    }
    let huge = pngHeader(width: .max >> 1, height: .max >> 1)
    #expect(throws: ImagingError.self) { try SourceImage.open(.bytes(huge, name: "huge.png")) }
    let bomb = pngHeader(width: 60000, height: 60000)
    #expect(throws: ImagingError.self) { try SourceImage.open(.bytes(bomb, name: "bomb.png")) }
  }

  @Test func theLimitItselfIsAllowed() throws {
    let file = try RawImage(sample: 20, 10, bands: 3).encoded(as: CVIPS_PNG)
    _ = try SourceImage.open(.bytes(file, name: "a"), limits: Limits(maxPixels: 200))
    #expect(throws: ImagingError.self) {
      try SourceImage.open(.bytes(file, name: "a"), limits: Limits(maxPixels: 199))
    }
    #expect(throws: ImagingError.self) {
      try SourceImage.open(.bytes(file, name: "a"), limits: Limits(maxPixels: .min))
    }
    _ = try SourceImage.open(.bytes(file, name: "a"), limits: Limits(maxPixels: .max))
  }

  @Test func theFirstPictureOfSeveralIsRead() throws {
    // Two frames of one pixel, white and black.
    let frame: [UInt8] = [0x2C, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2]
    let file =
      Array("GIF89a".utf8) + [1, 0, 1, 0, 0x80, 0, 0, 255, 255, 255, 0, 0, 0] + frame + [0x44, 1, 0]
      + frame + [0x4C, 1, 0, 0x3B]
    let source = try SourceImage.open(bytes: file)
    #expect(source.width == 1 && source.height == 1)
    #expect(try source.rgb().pixels == [1, 1, 1])
    // Written back it is a picture, not the beginning of a film.
    #expect(try SourceImage.open(bytes: source.patched(with: []).encoded(as: .gif).bytes).height == 1)
  }

  @Test func aDigestIsMadeOnDemand() throws {
    let file = try RawImage(sample: 4, 4, bands: 3).encoded(as: CVIPS_PNG)
    #expect(try SourceImage.open(bytes: file).digest == nil)
    #expect(try SourceImage.open(.bytes(file, name: "a"), digest: true).digest == Imaging.digest(of: file))
    #expect(
      try Imaging.digest(of: Array("abc".utf8))
        == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(
      try Imaging.digest(of: [UInt8]())
        == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
  }
}

/// Writes a file on a thread of its own, as the other end of a FIFO does.
private final class BackgroundWriter {
  private final class Job {
    let bytes: [UInt8]
    let path: String
    init(_ bytes: [UInt8], _ path: String) {
      self.bytes = bytes
      self.path = path
    }
  }

  private var thread = pthread_t()

  init(_ bytes: [UInt8], to path: String) {
    let job = Unmanaged.passRetained(Job(bytes, path)).toOpaque()
    pthread_create(
      &thread, nil,
      { pointer in
        let job = Unmanaged<Job>.fromOpaque(pointer!).takeRetainedValue()
        let descriptor = open(job.path, O_WRONLY)
        _ = write(descriptor, job.bytes, job.bytes.count)
        close(descriptor)
        return nil
      }, job)
  }

  func wait() { pthread_join(thread, nil) }
}
