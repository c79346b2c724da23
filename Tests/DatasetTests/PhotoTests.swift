import CVips
import Datasets
import Imaging
import RobustRuntime
import Testing

@Suite struct PhotoTests {
  /// A set of these photos and of one of another class, which comes last.
  private func set(_ photos: [(name: String, bytes: [UInt8])], _ scratch: Scratch) throws -> PhotoSet {
    for photo in photos { try scratch.write(photo.bytes, "data/a/" + photo.name) }
    try scratch.write(try photo(99), "data/b/other.png")
    return try open([scratch.file("data")], scratch)
  }

  private func values(_ set: PhotoSet, _ i: Int) -> [UInt8] {
    set.withPhoto(i) { Array(UnsafeBufferPointer(start: $0.pixels, count: 3 * $0.width * $0.height)) }
  }

  private func size(_ set: PhotoSet, _ i: Int) -> [Int] { set.withPhoto(i) { [$0.width, $0.height] } }

  @Test func theShorterSideIsReducedAndProportionsAreKept() throws {
    let scratch = try Scratch()
    let set = try set(
      [
        ("0.png", try photo(1, 72, 36)), ("1.png", try photo(1, 36, 54)), ("2.png", try photo(1, 10, 12)),
        ("3.png", try photo(1, 400, 40)), ("4.png", try photo(1, 5, 100)), ("5.png", try photo(1, 1, 1)),
      ], scratch)
    // 9/8 of 16 is 18; what is longer than three times the shorter side is cut.
    #expect((0..<6).map { size(set, $0) } == [[36, 18], [18, 27], [10, 12], [54, 18], [5, 15], [1, 1]])
    #expect(set.originalSize(3) == (400, 40))
    #expect(set.side == 18)
  }

  @Test func pixelsOfSmallPhotosAreKept() throws {
    let scratch = try Scratch()
    let image = pixels(3, 12, 9)
    let set = try set([("0.png", try ResultImage.fresh(image).encoded(as: .png).bytes)], scratch)
    #expect(values(set, 0) == image.pixels.map { UInt8(($0 * 255).rounded()) })
  }

  @Test func allKindsOfPhotosBecomeRGB() throws {
    let scratch = try Scratch()
    func constant(_ colour: [Float], _ format: Format, depth: Int = 8) throws -> [UInt8] {
      let count = colour.count
      let pixels = (0..<144 * count).map { colour[$0 % count] }
      let image = FloatImage(width: 12, height: 12, channels: count, pixels: pixels)
      let file = try ResultImage.fresh(image, bitDepth: depth).encoded(as: format)
      return file.bytes
    }
    var photos = [
      ("wide.png", try constant([0.2, 0.4, 0.6], .png, depth: 16)),
      ("wide.tif", try constant([0.2, 0.4, 0.6], .tiff, depth: 16)),
      ("rgb.jpg", try constant([0.2, 0.4, 0.6], .jpeg)),
      ("rgb.ppm", try constant([0.2, 0.4, 0.6], .ppm)),
    ]
    var colours = [[UInt8]](repeating: [51, 102, 153], count: 4)
    photos += [("grey.png", try constant([0.6], .png)), ("grey.jpg", try constant([0.6], .jpeg))]
    colours += [[153, 153, 153], [153, 153, 153]]
    photos.append(("alpha.png", try constant([0, 0, 0, 0.4], .png)))
    colours.append([153, 153, 153])
    photos.append(("cmyk.tif", try cmyk([0, 255, 255, 0])))
    colours.append([237, 28, 36])
    for format in [Format.webp, .gif, .avif] where Imaging.canWrite(format) {
      photos.append(("rgb.\(format.extensions[0])", try constant([0.2, 0.4, 0.6], format)))
      colours.append([51, 102, 153])
    }
    if Imaging.canWrite(.gif) {
      let frames = try [[Float](repeating: 0.6, count: 3), [0, 0, 0]].map { colour in
        let pixels = (0..<432).map { colour[$0 % 3] }
        return try ResultImage.fresh(FloatImage(width: 12, height: 12, channels: 3, pixels: pixels))
      }
      photos.append(("moving.gif", try Animation(frames.map { ($0, 100) }).encoded(as: .gif).bytes))
      colours.append([153, 153, 153])
    }
    let set = try set(photos.map { (name: $0.0, bytes: $0.1) }, scratch)
    #expect(set.problems == [])
    #expect(set.count == photos.count + 1)
    for i in 0..<photos.count {
      let k = photos.firstIndex { "a/" + $0.0 == set.name(i) }!
      let tolerance = set.name(i).hasSuffix("cmyk.tif") ? 40 : 4
      #expect(
        values(set, i).enumerated().allSatisfy { abs(Int($1) - Int(colours[k][$0 % 3])) <= tolerance },
        "\(set.name(i)): \(values(set, i).prefix(3))")
    }
  }

  /// A TIFF file of one colour.
  private func cmyk(_ colour: [UInt8]) throws -> [UInt8] {
    if let problem = cvips_load() { throw SetupError(String(cString: problem)) }
    let bytes = (0..<576).map { colour[$0 % 4] }
    return try bytes.withUnsafeBytes { memory in
      guard let plain = cvips_wrap(memory.baseAddress!, 12, 12, 4, CVIPS_UINT8) else {
        throw SetupError("wrap")
      }
      defer { cvips_unref(plain) }
      guard let named = cvips_named(plain, CVIPS_CMYK) else { throw SetupError("named") }
      defer { cvips_unref(named) }
      var count = 0
      var encoding = cvips_encoding()
      (encoding.quality, encoding.effort, encoding.bit_depth) = (-1, -1, 8)
      guard let file = cvips_encode(named, CVIPS_TIFF, encoding, &count) else { throw SetupError("encode") }
      defer { cvips_free(file) }
      return [UInt8](UnsafeRawBufferPointer(start: file, count: count))
    }
  }

  @Test(arguments: [Format.jpeg, .png, .webp]) func damagedPhotosAreNamedOnceAndLeftOut(_ format: Format)
    throws
  {
    guard Imaging.canWrite(format) else { return }
    let scratch = try Scratch()
    let ending = format.extensions[0]
    let good = try photo(1, 64, 64, as: format)
    var photos = [(name: "good.\(ending)", bytes: good)]
    for length in [3, 12, 40, good.count / 2] {
      photos.append(("short-\(length).\(ending)", Array(good.prefix(length))))
    }
    let set = try set(photos, scratch)
    #expect(set.count == 2)
    #expect(set.problems.count == 4)
    for photo in photos.dropFirst() {
      #expect(set.problems.filter { $0.contains(photo.name + ":") }.count == 1)
    }
    // They are told again when nothing is decoded any more.
    #expect(try open([scratch.file("data")], scratch).problems == set.problems)
  }

  @Test func photosWithWrongBytesNeverCrash() throws {
    let scratch = try Scratch()
    var generator = SystemRandomNumberGenerator()
    var photos = [(name: "good.png", bytes: try photo(5))]
    for format in [Format.jpeg, .png, .webp, .gif, .tiff] where Imaging.canWrite(format) {
      let bytes = try photo(2, 30, 30, as: format)
      for round in 0..<20 {
        var wrong = bytes
        for _ in 0...round {
          wrong[Int.random(in: 0..<wrong.count, using: &generator)] = .random(in: 0...255)
        }
        photos.append(("\(round).\(format.extensions[0])", wrong))
      }
    }
    let set = try set(photos, scratch)
    #expect(set.count + set.problems.count == photos.count + 1)
  }
}
