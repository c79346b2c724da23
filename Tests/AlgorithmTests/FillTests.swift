import InpaintAlgorithms
import RTool
import Testing

/// What inpaint fills holes with, without the classifier.
@Suite struct FillTests {
  /// Numbers in 0..<1 that depend on their place alone.
  private func random(_ place: Int) -> Float {
    Float(UInt32(truncatingIfNeeded: (place &+ 1) &* 2_654_435_761) >> 8) / 0x1p24
  }

  private func planes(
    width: Int, height: Int, _ value: (_ x: Int, _ y: Int, _ channel: Int) -> Float
  ) -> Planes {
    var planes = Planes(width: width, height: height, channels: 3)
    for c in 0..<3 {
      for y in 0..<height {
        for x in 0..<width { planes.samples[c * planes.area + y * width + x] = value(x, y, c) }
      }
    }
    return planes
  }

  private func hole(_ columns: Range<Int>, _ rows: Range<Int>, width: Int, height: Int) -> [Bool] {
    (0..<width * height).map { columns.contains($0 % width) && rows.contains($0 / width) }
  }

  private func largestDifference(_ a: Planes, _ b: Planes) -> Float {
    zip(a.samples, b.samples).reduce(0) { max($0, abs($1.0 - $1.1)) }
  }

  /// The image with other values in its hole, which must not be read.
  private func spoiled(_ image: Planes, _ hole: [Bool]) -> Planes {
    var image = image
    for i in image.samples.indices where hole[i % image.area] { image.samples[i] = .nan }
    return image
  }

  @Test func distancesAreThoseToTheNearest() {
    let (width, height) = (23, 17)
    let set = (0..<width * height).map { random($0) < 0.02 }
    #expect(set.contains(true))
    let distances = Distance.toNearest(width: width, height: height) { set[$0] }
    for i in 0..<width * height {
      let nearest = set.indices.filter { set[$0] }
        .map { abs($0 % width - i % width) + abs($0 / width - i / width) }.min()
      #expect(distances[i] == nearest)
    }
    #expect(Distance.toNearest(width: 3, height: 2) { _ in false }.allSatisfy { $0 >= 5 })
  }

  @Test func theMeanIsThatOfWhatIsKnown() {
    let hole = hole(2..<5, 1..<4, width: 9, height: 8)
    let image = planes(width: 9, height: 8) { x, _, c in x < 5 ? 0.25 * Float(c) : 1 }
    let filled = SmoothFill.mean(spoiled(image, hole), hole: hole)
    let known = (0..<image.area).filter { !hole[$0] }
    for c in 0..<3 {
      let mean = known.reduce(0) { $0 + image.samples[c * image.area + $1] } / Float(known.count)
      #expect(abs(filled.samples[c * image.area + 2 * 9 + 3] - mean) < 1e-6)
    }
    #expect(
      SmoothFill.mean(image, hole: hole.map { _ in true }).samples.allSatisfy { $0 == 0.5 },
      "nothing is known")
  }

  /// A plane solves Laplace's equation.
  @Test func theSmoothFillOfAPlaneIsThePlane() {
    let (width, height) = (60, 50)
    let image = planes(width: width, height: height) { x, y, c in
      0.2 + 0.008 * Float(x) * Float(c) - 0.005 * Float(y)
    }
    let hole = hole(15..<40, 20..<38, width: width, height: height)
    let filled = SmoothFill.harmonic(spoiled(image, hole), hole: hole)
    #expect(largestDifference(filled, image) < 2e-3)
  }

  @Test func theSmoothFillIsTheMeanOfItsNeighbours() {
    let (width, height) = (40, 40)
    let image = planes(width: width, height: height) { x, y, c in
      (x / 8 + y / 8) % 2 == 0 ? 0.2 * Float(c) : 0.9
    }
    let hole = hole(5..<33, 9..<30, width: width, height: height)
    let filled = SmoothFill.harmonic(spoiled(image, hole), hole: hole)
    for i in 0..<image.area {
      guard hole[i] else {
        #expect(filled.samples[i] == image.samples[i])
        continue
      }
      let around = [i - 1, i + 1, i - width, i + width].reduce(0) { $0 + filled.samples[$1] } / 4
      #expect(abs(filled.samples[i] - around) < 2e-3)
    }
  }

  private func stripes(_ width: Int, _ height: Int) -> Planes {
    planes(width: width, height: height) { x, _, c in x % 6 < 3 ? 0.2 + 0.1 * Float(c) : 0.8 - 0.2 * Float(c)
    }
  }

  @Test func patchesGoOnWithWhatRepeats() {
    let (width, height) = (96, 72)
    let image = stripes(width, height)
    let hole = hole(37..<59, 25..<49, width: width, height: height)
    let (filled, usage) = ExemplarFill().fill(spoiled(image, hole), hole: hole)
    #expect(largestDifference(filled, image) < 0.02)
    for i in image.samples.indices where !hole[i % image.area] {
      #expect(filled.samples[i] == image.samples[i], "a known pixel has changed")
    }
    let count = Float(hole.count(where: \.self))
    #expect(abs(usage.reduce(0, +) - count) < 0.01 * count)
    #expect(!usage.indices.contains { hole[$0] && usage[$0] != 0 }, "the fill is made of known pixels")
  }

  @Test func theSameSeedGivesTheSameFill() {
    let (width, height) = (80, 64)
    let image = planes(width: width, height: height) { x, y, c in random(3 * (y * width + x) + c) }
    let hole = hole(30..<46, 24..<40, width: width, height: height)
    func fill(_ seed: UInt64) -> Planes {
      var exemplar = ExemplarFill()
      exemplar.seed = seed
      return exemplar.fill(image, hole: hole).image
    }
    let first = fill(1)
    #expect(first.samples == fill(1).samples)
    #expect(first.samples != fill(2).samples)
    #expect(first.samples.allSatisfy { (0...1).contains($0) })
  }

  @Test func whereNoPatchIsKnownTheFillIsSmooth() {
    let image = planes(width: 12, height: 12) { x, _, _ in Float(x) / 12 }
    // What is known is one pixel wide.
    let hole = hole(1..<11, 1..<11, width: 12, height: 12)
    let (filled, usage) = ExemplarFill().fill(spoiled(image, hole), hole: hole)
    #expect(largestDifference(filled, SmoothFill.harmonic(image, hole: hole)) == 0)
    #expect(usage.allSatisfy { $0 == 0 })
  }

  @Test func aStopLeavesNothingUnfilled() {
    let image = stripes(96, 72)
    let hole = hole(20..<70, 20..<50, width: 96, height: 72)
    var calls = 0
    let (filled, _) = ExemplarFill().fill(spoiled(image, hole), hole: hole) { _ in
      calls += 1
      return false
    }
    #expect(calls == 1)
    #expect(filled.samples.allSatisfy { (0...1).contains($0) })
  }
}
