import Glibc
import RobustRuntime
import Testing

@Suite struct FourierTests {
  private func photo(_ height: Int, _ width: Int) -> ImageBatch {
    var image = image("photo", 2, height, width)
    for i in image.pixels.indices { image.pixels[i] = 0.05 + 0.9 * image.pixels[i] }
    return image
  }

  @Test(arguments: [(16, 16), (17, 32), (33, 20), (1, 7)])
  func coefficientsGiveTheImageBack(_ height: Int, _ width: Int) throws {
    let (fourier, x) = (try FourierParameters(height: height, width: width), photo(height, width))
    let back = fourier.images(fourier.parameters(of: x))
    #expect(relativeError(back.pixels, x.pixels) < 1e-4)
  }

  /// d⟨a, x(z)⟩/dz by differences, along random directions.
  @Test func gradientsArePulledBack() throws {
    let fourier = try FourierParameters(height: 18, width: 25)
    let z = fourier.parameters(of: photo(18, 25))
    let x = fourier.images(z)
    var gradient = image("gradient", 2, 18, 25)
    let a = gradient.pixels
    fourier.pullBack(&gradient, at: x)
    for trial in 0..<4 {
      let direction = uniform("direction \(trial)", z.pixels.count).map { 0.02 * ($0 - 0.5) }
      func value(_ sign: Float) -> Double {
        var moved = z
        for i in direction.indices { moved.pixels[i] += sign * direction[i] }
        return zip(a, fourier.images(moved).pixels).reduce(0) { $0 + Double($1.0) * Double($1.1) }
      }
      let difference = (value(1) - value(-1)) / 2
      let slope = zip(gradient.pixels, direction).reduce(0) { $0 + Double($1.0) * Double($1.1) }
      #expect(abs(difference - slope) < 2e-2 * abs(slope) + 1e-3)
    }
  }

  /// Coefficients of one size give images with the spectrum of photos: amplitude falls as 1 / frequency.
  @Test func highFrequenciesAreSmall() throws {
    let fourier = try FourierParameters(height: 32, width: 32)
    func amplitude(_ k: Int) -> Float {
      var z = ImageBatch(count: 1, height: 32, width: 32)
      z.pixels[k] = 0.1
      return fourier.images(z).pixels.map { abs($0 - 0.5) }.max()!
    }
    // Rows 2·cycles − 1 are cosines.
    #expect(abs(amplitude(3) / amplitude(11) - 3) < 0.2)
  }

  @Test func ascentsInCoefficientsComeDown() throws {
    let start = ImageBatch(count: 2, height: 32, width: 48, repeating: 0.5)
    let objective = Objective([Objective.Term(.crossEntropy([ClassWeight(6)]))])
    var settings = AscentSettings(steps: 20, stepSize: 0.05)
    (settings.rule, settings.parameters) = (.adam, .fourier)
    let outcome = try photos.ascend(from: start, objective: objective, settings: settings)
    #expect(zip(outcome.losses, outcome.startLosses).allSatisfy { $0 < 0.7 * $1 })
    #expect(outcome.images.pixels.allSatisfy { $0 > 0 && $0 < 1 })
    let again = try photos.evaluate(objective, at: outcome.images, gradient: false)
    #expect(relativeError(again.losses, outcome.losses) < 1e-6)
  }
}
