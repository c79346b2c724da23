import RobustRuntime
import Testing

@Suite struct AugmentationTests {
  private let still = Augmentation(area: 1...1, aspect: 0, flips: false, jitter: 0)

  /// Bytes of a photo and what reads them.
  private struct Sample {
    let width: Int, height: Int
    var bytes: [UInt8]

    init(_ width: Int, _ height: Int, _ value: (_ x: Int, _ y: Int, _ c: Int) -> Int) {
      (self.width, self.height) = (width, height)
      bytes = (0..<3 * width * height).map { (i: Int) -> UInt8 in
        UInt8(value(i / 3 % width, i / 3 / width, i % 3))
      }
    }

    /// Neither smooth nor alike in any two channels.
    static func busy(_ width: Int, _ height: Int) -> Sample {
      Sample(width, height) { x, y, c in (x * 37 + y * 91 + c * 53 + x * y * 7) % 256 }
    }

    func view(_ augmentation: Augmentation, size: Int, seed: UInt64 = 1, epoch: Int = 0, index: Int = 0)
      -> [Float]
    {
      var out = [Float](repeating: .nan, count: 3 * size * size)
      bytes.withUnsafeBufferPointer {
        let photo = PhotoBytes(pixels: $0.baseAddress!, width: width, height: height)
        augmentation.apply(to: photo, size: size, seed: seed, epoch: epoch, index: index, out: &out)
      }
      return out
    }

    func plain(size: Int) -> [Float] {
      var out = [Float](repeating: .nan, count: 3 * size * size)
      bytes.withUnsafeBufferPointer {
        Augmentation.plain(
          PhotoBytes(pixels: $0.baseAddress!, width: width, height: height), size: size, out: &out)
      }
      return out
    }

    /// Planar, 0...1.
    var planes: [Float] {
      bytes.indices.map { (i: Int) -> Float in
        Float(bytes[i % (width * height) * 3 + i / (width * height)]) / 255
      }
    }
  }

  private func largestDifference(_ a: [Float], _ b: [Float]) -> Float {
    zip(a, b).map { abs($0 - $1) }.max() ?? 0
  }

  private func mean(_ values: [Float]) -> Double {
    values.reduce(0) { $0 + Double($1) } / Double(values.count)
  }

  @Test func viewsAreFunctionsOfSeedEpochAndIndex() {
    let photo = Sample.busy(40, 50)
    let view = photo.view(Augmentation(), size: 32, seed: 5, epoch: 2, index: 7)
    #expect(view == photo.view(Augmentation(), size: 32, seed: 5, epoch: 2, index: 7))
    #expect(view != photo.view(Augmentation(), size: 32, seed: 6, epoch: 2, index: 7))
    #expect(view != photo.view(Augmentation(), size: 32, seed: 5, epoch: 3, index: 7))
    #expect(view != photo.view(Augmentation(), size: 32, seed: 5, epoch: 2, index: 8))
  }

  @Test(arguments: [1, 7, 16, 33, 48]) func theWholePhotoInItsOwnSizeIsThePhoto(_ size: Int) {
    let photo = Sample.busy(size, size)
    #expect(largestDifference(photo.view(still, size: size), photo.planes) < 1e-6)
    #expect(largestDifference(photo.plain(size: size), photo.planes) < 1e-6)
  }

  @Test func aMirroredViewIsMirrored() throws {
    let photo = Sample.busy(24, 24)
    var augmentation = still
    augmentation.flips = true
    let planes = photo.planes
    let mirrored = planes.indices.map { (i: Int) -> Float in planes[i / 24 * 24 + 23 - i % 24] }
    let views = (0..<40).map { photo.view(augmentation, size: 24, index: $0) }
    let flipped = views.filter { largestDifference($0, mirrored) < 1e-6 }.count
    #expect(views.filter { largestDifference($0, planes) < 1e-6 }.count == 40 - flipped)
    #expect((8...32).contains(flipped))
  }

  @Test(arguments: [(1, 1), (3, 500), (500, 3), (2, 2), (144, 144), (200, 300)])
  func photosOfAnySizeGiveColoursInRange(_ width: Int, _ height: Int) {
    let extremes = Sample(width, height) { x, y, c in (x + y + c) % 2 * 255 }
    let constant = Sample(width, height) { _, _, c in [255, 128, 0][c] }
    for size in [1, 5, 17, 32, 64] {
      for index in 0..<5 {
        #expect(extremes.view(Augmentation(), size: size, index: index).allSatisfy { 0...1 ~= $0 })
        var colours = Augmentation()
        colours.jitter = 0
        let view = constant.view(colours, size: size, index: index)
        let colour: [Float] = [1, 128 / 255, 0]
        let expected = view.indices.map { (i: Int) -> Float in colour[i / (size * size)] }
        #expect(largestDifference(view, expected) < 1e-6)
      }
      #expect(extremes.plain(size: size).allSatisfy { 0...1 ~= $0 })
      #expect(constant.plain(size: size).allSatisfy { 0...1 ~= $0 })
    }
  }

  @Test func shrinkingKeepsTheMeanAndDoesNotAlias() {
    let photo = Sample.busy(96, 96)
    #expect(abs(mean(photo.plain(size: 24)) - mean(photo.planes)) < 0.005)
    // Stripes of one pixel become grey, but for the edges.
    let stripes = Sample(96, 96) { x, _, _ in x % 2 * 255 }
    let grey = stripes.plain(size: 24)
    #expect(grey.indices.allSatisfy { [0, 23].contains($0 % 24) || abs(grey[$0] - 0.5) < 0.01 })
    // A slope stays that slope, but for the edges.
    let slope = Sample(96, 96) { x, y, _ in 2 * x + y / 2 }
    let view = slope.plain(size: 32)
    for y in 1..<31 {
      for x in 1..<31 {
        let (column, row) = (3 * Float(x) + 1, 3 * Float(y) + 1)
        let expected: Float = (2 * column + row / 2) / 255
        #expect(abs(view[y * 32 + x] - expected) < 0.003)
      }
    }
  }

  @Test func thePlainViewIsTheCentredSquare() {
    let wide = Sample(60, 20) { x, _, _ in (20..<40).contains(x) ? 200 : 0 }
    let expected: Float = 200 / 255
    #expect(wide.plain(size: 20).allSatisfy { abs($0 - expected) < 1e-5 })
  }

  @Test func cropsCoverWhatTheyShould() {
    // The blue channel tells the row, the red one the column.
    let photo = Sample(128, 128) { x, y, c in [2 * x, 0, 2 * y][c] }
    var areas: [Float] = []
    for index in 0..<300 {
      let view = photo.view(Augmentation(flips: false, jitter: 0), size: 32, index: index)
      let scale: Float = 255 / 2 / 128 * 32 / 31
      let across = (view[31] - view[0]) * scale
      let down = (view[3 * 1024 - 1] - view[2048]) * scale
      areas.append(across * down)
      #expect((0.77...1.3).contains(across / down))
    }
    #expect(areas.min()! > 0.25 && areas.min()! < 0.35)
    #expect(areas.max()! > 0.88)
    #expect((0.58...0.7).contains(areas.reduce(0, +) / 300))
  }

  @Test func coloursChangeInEveryStatedShareOfViews() {
    let photo = Sample(16, 16) { _, _, c in [100, 140, 180][c] }
    var augmentation = still
    augmentation.jitter = 0.5
    let views = (0..<200).map { photo.view(augmentation, size: 16, index: $0) }
    let changed = views.filter { largestDifference($0, photo.planes) > 1e-4 }
    #expect((70...130).contains(changed.count))
    // Brightness, contrast about the middle, and saturation about the luma.
    let most: Float = 0.075 + 0.2 * 0.21 + 1.2 * 0.2 * 0.2
    #expect(changed.allSatisfy { largestDifference($0, photo.planes) < most })
  }
}
