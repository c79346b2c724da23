import Foundation
import Imaging
import Testing

/// Distances of photos: against figures known from elsewhere, and in the order that people would put them.
@Suite struct CompareTests {
  let sandbox: Sandbox
  init() throws {
    sandbox = try Sandbox()
    try sandbox.photo("a.png")
  }

  private struct Distance: Decodable {
    let psnr: Double?
    let ssim, distance, representation: Double
    let identical: Bool
    let layers: [Layer]
    struct Layer: Decodable { let name: String, distance: Double }
  }

  private func compare(_ arguments: String...) throws -> Sandbox.Outcome {
    try sandbox.run(Program.path, ["compare"] + arguments)
  }

  private func distance(_ a: String, _ b: String) throws -> Distance {
    let outcome = try compare(a, b, "--json")
    #expect(outcome.status == 0, "\(outcome.errors)")
    return try JSONDecoder().decode(Distance.self, from: outcome.result)
  }

  /// "a.png" with grain of this strength, the same grain each time.
  private func noisy(_ name: String, _ strength: Float) throws {
    let photo = try sandbox.open("a.png")
    try sandbox.picture(name, width: photo.width, height: photo.height) { x, y, c in
      let state = UInt32(truncatingIfNeeded: (y * photo.width + x) * 3 + c) &* 2_654_435_761
      return photo[x, y, c] + strength * (Float((state ^ state >> 15) % 1000) / 500 - 1)
    }
  }

  @Test func aPhotoIsAtNoDistanceOfItself() throws {
    let same = try distance("a.png", "a.png")
    #expect(same.identical && same.psnr == nil && same.ssim == 1)
    #expect(same.distance == 0 && same.representation == 0)
    #expect(same.layers.count > 3 && same.layers.allSatisfy { $0.distance == 0 })
    #expect(try compare("a.png", "a.png").text.contains("same pixels"))
  }

  /// 24x16 pixels whose figures were computed by scikit-image 0.26.0, with gaussian_weights, sigma 1.5, population
  /// covariance and a range of 255.
  @Test func pixelsAgreeWithScikitImage() throws {
    func level(_ x: Int, _ y: Int, _ c: Int) -> Int { (x * 37 + y * 59 + c * 83 + x * y * 7) % 256 }
    try sandbox.picture("p.png", width: 24, height: 16) { Float(level($0, $1, $2)) / 255 }
    try sandbox.picture("q.png", width: 24, height: 16) {
      Float(min(255, level($0, $1, $2) + ($0 * 5 + $1 * 11 + $2 * 3) % 41)) / 255
    }
    let found = try distance("p.png", "q.png")
    #expect(abs(try #require(found.psnr) - CompareTests.psnr) < 1e-3)
    #expect(abs(found.ssim - CompareTests.ssim) < 1e-4)
  }

  private static let (psnr, ssim) = (21.2632, 0.978703)

  @Test func distanceGrowsWithTheStrengthOfNoise() throws {
    var last = 0.0
    for (index, strength) in [Float(0.05), 0.15, 0.4].enumerated() {
      try noisy("noisy-\(index).png", strength)
      let found = try distance("a.png", "noisy-\(index).png")
      #expect(found.distance > last)
      #expect(found.representation > 0)
      last = found.distance
    }
  }

  @Test func aShiftedCopyIsNearerThanNoiseOfEqualPSNR() throws {
    // Shapes larger than the shift.
    func shape(_ x: Int, _ y: Int, _ c: Int) -> Float {
      (x / 20 + y / 24) % 2 == 0 ? 0.25 + 0.2 * Float(c) : 0.6 - 0.1 * Float(c)
    }
    try sandbox.picture("a.png", width: 160, height: 120, shape)
    try sandbox.picture("shifted.png", width: 160, height: 120) { shape($0 + 1, $1 + 1, $2) }
    let shifted = try distance("a.png", "shifted.png")
    let error = pow(10, -(try #require(shifted.psnr)) / 10)
    try noisy("noisy.png", Float((3 * error).squareRoot()))
    let noise = try distance("a.png", "noisy.png")
    #expect(abs(try #require(noise.psnr) - (shifted.psnr ?? 0)) < 0.5)
    #expect(shifted.representation < noise.representation)
  }

  @Test func theMapIsWhereTheyDiffer() throws {
    let photo = try sandbox.open("a.png")
    try sandbox.picture("b.png", width: 160, height: 120) { x, y, c in
      (100..<130).contains(x) && (20..<50).contains(y) ? (c == 0 ? 1 : 0) : photo[x, y, c]
    }
    let outcome = try compare("a.png", "b.png", "--map", "-o", "map.png")
    #expect(outcome.status == 0 && outcome.output.isEmpty, "\(outcome.errors)")
    #expect(outcome.errors.contains("PSNR"))
    let map = try sandbox.open("map.png")
    #expect(map.width == 160 && map.height == 120)
    func brightness(_ x: Range<Int>, _ y: Range<Int>) -> Float {
      let values = y.flatMap { row in x.map { map[$0, row, 0] + map[$0, row, 1] + map[$0, row, 2] } }
      return values.reduce(0, +) / Float(values.count)
    }
    #expect(brightness(105..<125, 25..<45) > 2 * brightness(5..<40, 70..<110))
  }

  @Test func anotherSizeIsRefusedUnlessItIsToBeResized() throws {
    try sandbox.photo("small.png", width: 100, height: 75)
    let refused = try compare("a.png", "small.png")
    #expect(refused.status == 1)
    expectOneLine(refused.errors, contains: "small.png is 100x75", "--resize")
    #expect(try compare("a.png", "small.png", "--resize").status == 0)
  }

  @Test(arguments: [(1, 1, 3), (3, 200, 1), (300, 7, 4)])
  func everySizeIsCompared(_ width: Int, _ height: Int, _ channels: Int) throws {
    for (name, shift) in [("p.png", 0), ("q.png", 2)] {
      try sandbox.picture(name, width: width, height: height, channels: channels) { x, y, c in
        c == 3 ? 0.7 : Float((x * 7 + y * 3 + shift) % 11) / 11
      }
    }
    let found = try distance("p.png", "q.png")
    #expect(found.distance > 0 && found.ssim < 1 && found.ssim.isFinite)
    #expect(try compare("p.png", "q.png", "--map", "-q", "-o", "map.png").status == 0)
  }
}
