import Imaging
import PixelGrid
import Testing

/// What of a photo is worked on, and images that others own.
@Suite struct WorkingWindowTests {
  /// Calls `body` with a view of an image whose rows are two floats further apart than they are long.
  private func withView<Result>(
    _ width: Int, _ height: Int, channels: Int = 1, _ value: (Int, Int) -> Float,
    _ body: (ImageView) -> Result
  ) -> Result {
    let stride = width * channels + 2
    var pixels = [Float](repeating: .nan, count: stride * height)
    for y in 0..<height { for i in 0..<width * channels { pixels[y * stride + i] = value(i / channels, y) } }
    return pixels.withUnsafeMutableBufferPointer {
      body(
        ImageView(width: width, height: height, channels: channels, stride: stride, pixels: $0.baseAddress!))
    }
  }

  @Test func theWindowIsAboutWhatIsMarked() {
    let window = withView(100, 60, { x, y in (40..<50).contains(x) && (20..<24).contains(y) ? 1 : 0 }) {
      WorkingWindow(around: $0, context: 0.5)
    }
    // As wide as the marked part and half of it on either side, and square.
    #expect(window.map { [$0.x, $0.y, $0.width, $0.height] } == [35, 12, 20, 20])
    let whole = withView(100, 60, { x, _ in x == 3 ? 0.1 : 0 }) { WorkingWindow(around: $0, context: nil) }
    #expect(whole == WorkingWindow(width: 100, height: 60))
  }

  @Test func theWindowStaysInsideTheMask() {
    let window = withView(100, 60, { x, y in x < 10 && y < 50 ? 1 : 0 }) {
      WorkingWindow(around: $0, context: 2)
    }
    #expect(window.map { [$0.x, $0.y, $0.width, $0.height] } == [0, 0, 100, 60])
  }

  @Test func aBlackMaskHasNoWindow() {
    #expect(withView(10, 10, { _, _ in 0 }) { WorkingWindow(around: $0, context: 1) } == nil)
  }

  @Test(arguments: [
    (400, 300, 200, 150), (10, 10, 150, 150), (1, 100, 150, 2400), (300, 299, 151, 150),
  ])
  func theShorterSideIsGiven(_ width: Int, _ height: Int, _ newWidth: Int, _ newHeight: Int) {
    let size = WorkingWindow(width: width, height: height).size(side: 150, least: 16)
    #expect(size == (newWidth, newHeight))
    #expect(WorkingWindow(width: 10, height: 10).size(side: 3, least: 16) == (16, 16))
  }

  @Test(arguments: ResamplingKernel.allCases) func resamplingKeepsWhatIsFlat(_ kernel: ResamplingKernel) {
    withView(13, 9, channels: 3, { _, _ in -2 }) { flat in
      for (width, height) in [(30, 40), (5, 4), (26, 3), (1, 1)] {
        withView(width, height, channels: 3, { _, _ in 0 }) { new in
          flat.resample(into: new, kernel: kernel)
          for y in 0..<height { for i in 0..<3 * width { #expect(abs(new.row(y)[i] + 2) < 1e-5) } }
        }
      }
    }
  }

  /// What tiles and is rolled comes out rolled.
  @Test(arguments: ResamplingKernel.allCases) func whatTilesHasNoBorder(_ kernel: ResamplingKernel) {
    func value(_ x: Int, _ y: Int) -> Float { Float((x * 5 + y * 3 + x * y) % 7) }
    withView(6, 4, value) { image in
      withView(6, 4, { x, y in value((x + 4) % 6, (y + 2) % 4) }) { rolled in
        for (width, height) in [(9, 10), (3, 2), (18, 2)] {
          withView(width, height, { _, _ in 0 }) { new in
            withView(width, height, { _, _ in 0 }) { newRolled in
              image.resample(into: new, kernel: kernel, boundary: .wrapped)
              rolled.resample(into: newRolled, kernel: kernel, boundary: .wrapped)
              for y in 0..<height {
                for x in 0..<width {
                  let there = new.row((y + height / 2) % height)[(x + width * 2 / 3) % width]
                  #expect(abs(newRolled.row(y)[x] - there) < 1e-4)
                }
              }
            }
          }
        }
      }
    }
  }

  @Test func whatLiesOutsideIsMirroredOrDropped() {
    withView(3, 2, { x, y in Float(10 * y + x) }) { small in
      withView(7, 6, { _, _ in 0 }) { part in
        part.copy(from: small, x: -2, y: -2)
        #expect((0..<7).map { part.row(2)[$0] } == [1, 0, 0, 1, 2, 2, 1])
        #expect((0..<6).map { part.row($0)[2] } == [10, 0, 0, 10, 10, 0])
        part.composite(small, mask: nil, x: 6, y: 5)
        #expect(part.row(5)[6] == 0)
        part.composite(small, mask: nil, x: -2, y: -1)
        #expect(part.row(0)[0] == 12)
      }
    }
  }
}
