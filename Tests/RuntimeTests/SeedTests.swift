import Glibc
import RobustRuntime
import Testing

@Suite struct SeedTests {
  /// Photos mean + Σ z factor about a mean near 0.5, whose deviations fall from direction to direction.
  private func photos(
    _ name: String, _ count: Int, side: Int, directions: Int, mean: Float = 0.5, decay: Double = 0.7
  ) -> [Float] {
    let size = 3 * side * side
    let random = Philox(seed: words(name, count: 1)[0])
    let z = random.normal(count: count * directions)
    let patterns = Philox(seed: words(name, count: 1)[0], stream: 1).normal(count: directions * size)
    var photos = [Float](repeating: mean, count: count * size)
    for n in 0..<count {
      for k in 0..<directions {
        let scale = 0.04 * Float(pow(decay, Double(k))) * z[n * directions + k]
        for i in 0..<size { photos[n * size + i] += scale * patterns[k * size + i] }
      }
    }
    return photos
  }

  private func mixture(_ estimation: SeedEstimation, _ photos: [Float]) throws -> SeedMixture {
    try photos.withUnsafeBufferPointer { try estimation.mixture(ofClass: 0, photos: $0) }
  }

  /// About the mean, by plain power iteration: the variances along the first directions, and what is left of all.
  private func oracle(_ photos: [Float], size: Int, rank: Int) -> (mean: [Double], variances: [Double]) {
    let count = photos.count / size
    let x = photos.map(Double.init)
    var mean = [Double](repeating: 0, count: size)
    for n in 0..<count { for i in 0..<size { mean[i] += x[n * size + i] / Double(count) } }
    var covariance = [Double](repeating: 0, count: size * size)
    for n in 0..<count {
      let row = (0..<size).map { x[n * size + $0] - mean[$0] }
      for i in 0..<size { for j in 0..<size { covariance[i * size + j] += row[i] * row[j] / Double(count) } }
    }
    var variances: [Double] = []
    for k in 0..<rank {
      var v = (0..<size).map { 1 + 0.1 * Double(($0 * (k + 3)) % 7) }
      var value = 0.0
      for _ in 0..<3000 {
        let w = (0..<size).map { i in (0..<size).reduce(0) { $0 + covariance[i * size + $1] * v[$1] } }
        value = w.reduce(0) { $0 + $1 * $1 }.squareRoot()
        let next = w.map { $0 / max(value, 1e-300) }
        let moved = zip(v, next).reduce(0) { $0 + abs($1.0 - $1.1) }
        v = next
        if moved < 1e-12 { break }
      }
      variances.append(value)
      for i in 0..<size { for j in 0..<size { covariance[i * size + j] -= value * v[i] * v[j] } }
    }
    return (mean, variances)
  }

  /// The squared norms of the factors.
  private func variances(_ component: SeedMixture.Component, size: Int) -> [Double] {
    stride(from: 0, to: component.factor.count, by: size).map { first in
      component.factor[first..<first + size].reduce(0) { $0 + Double($1) * Double($1) }
    }
  }

  /// Of more directions and photos than the rank, the factors explain as much as any could.
  @Test(arguments: [
    (40, 4, 12, 5, 0.7), (20, 2, 12, 12, 0.8), (150, 4, 40, 6, 0.93), (30, 5, 60, 3, 1),
    (400, 8, 190, 6, 0.97),
  ])
  func factorsAreTheBest(count: Int, side: Int, directions: Int, rank: Int, decay: Double) throws {
    let size = 3 * side * side
    let photos = photos("best", count, side: side, directions: directions, decay: decay)
    let result = try mixture(SeedEstimation(side: side, rank: rank), photos)
    #expect(result.components.count == 1 && result.components[0].photoCount == count)
    let (mean, expected) = oracle(photos, size: size, rank: rank)
    #expect(relativeError(result.components[0].mean, mean) < 1e-6)
    let variances = variances(result.components[0], size: size)
    #expect(relativeError(variances, expected) < 1e-4, "\(variances) \(expected)")
    #expect(variances == variances.sorted(by: >))

    // What the projection on the factors leaves of the photos is what the variances leave of the whole.
    let factor = result.components[0].factor
    var (left, whole) = (0.0, 0.0)
    for n in 0..<count {
      var rest = (0..<size).map { Double(photos[n * size + $0]) - mean[$0] }
      whole += rest.reduce(0) { $0 + $1 * $1 }
      for k in 0..<rank where variances[k] > 0 {
        let dot = (0..<size).reduce(0) { $0 + rest[$1] * Double(factor[k * size + $1]) } / variances[k]
        for i in 0..<size { rest[i] -= dot * Double(factor[k * size + i]) }
      }
      left += rest.reduce(0) { $0 + $1 * $1 }
    }
    let least = max(whole / Double(count) - expected.reduce(0, +), 0)
    #expect(left / Double(count) - least < 1e-5 * whole / Double(count))
    for k in 0..<rank {
      let row = factor[k * size..<(k + 1) * size]
      #expect(row.max()! >= -row.min()!)
    }
  }

  @Test func oneOrEqualPhotosHaveNoFactors() throws {
    let photo = uniform("photo", 3 * 16)
    for count in [1, 2, 40] {
      let photos = (0..<count).flatMap { _ in photo }
      let result = try mixture(SeedEstimation(side: 4, rank: 4, mostComponents: 3), photos)
      #expect(result.components.count == 1)
      #expect(relativeError(result.components[0].mean, photo) < 1e-6)
      #expect(result.components[0].factor.count == 4 * 48)
      #expect(variances(result.components[0], size: 48).reduce(0, +) < 1e-10)
    }
  }

  @Test func whatCannotBeEstimated() {
    for (estimation, photos) in [
      (SeedEstimation(side: 4), []), (SeedEstimation(side: 4), [Float](repeating: 0, count: 47)),
      (SeedEstimation(side: 4), [Float](repeating: .nan, count: 48)),
      (SeedEstimation(side: 0), [0]), (SeedEstimation(side: 1, rank: 0), [0, 0, 0]),
      (SeedEstimation(side: 1, mostComponents: 0), [0, 0, 0]),
    ] {
      #expect(throws: RuntimeError.self) { try mixture(estimation, photos) }
    }
  }

  /// A network of three classes with these seeds.
  private func classifier(_ tensors: [NamedTensor]) throws -> Classifier {
    let network = HashedResNet(blocks: [1], widths: [4], stem: 3, stemStride: 1, classes: 3).bytes
    let bytes = try network.withUnsafeBytes { bytes in
      let file = try SafeTensors(bytes, file: "small")
      let weights = try file.tensors.map {
        NamedTensor(name: $0.key, shape: $0.value.shape, values: try file.values($0.key))
      }
      return try SafeTensorsWriter.bytes(weights + tensors, metadata: file.metadata)
    }
    return try bytes.withUnsafeBytes { try Classifier(bytes: $0, name: "small") }
  }

  /// The mean and the covariance of many samples are those of the photos.
  @Test func samplesAreLikeThePhotos() throws {
    let (side, size) = (2, 12)
    let estimation = SeedEstimation(side: side, rank: 12)
    let photos = photos("like", 400, side: side, directions: 8)
    let mixture = try mixture(estimation, photos)
    let model = try classifier(estimation.tensors([mixture, mixture, mixture], isHalf: false))
    let samples = (0..<20_000).flatMap { model.seed(ofClass: 1, seed: 3, stream: UInt64($0))!.pixels }
    #expect(relativeError(moments(samples, size).mean, moments(photos, size).mean) < 0.005)
    #expect(relativeError(moments(samples, size).covariance, moments(photos, size).covariance) < 0.05)
  }

  private func moments(_ photos: [Float], _ size: Int) -> (mean: [Double], covariance: [Double]) {
    let count = photos.count / size
    var mean = [Double](repeating: 0, count: size)
    var covariance = [Double](repeating: 0, count: size * size)
    for n in 0..<count { for i in 0..<size { mean[i] += Double(photos[n * size + i]) / Double(count) } }
    for n in 0..<count {
      let row = (0..<size).map { Double(photos[n * size + $0]) - mean[$0] }
      for i in 0..<size { for j in 0..<size { covariance[i * size + j] += row[i] * row[j] / Double(count) } }
    }
    return (mean, covariance)
  }

  private static let estimation = SeedEstimation(side: 4, rank: 5, mostComponents: 2)

  /// 90 dark photos and 30 light ones.
  private var darkAndLight: [Float] {
    photos("dark", 90, side: 4, directions: 6, mean: 0.3)
      + photos("light", 30, side: 4, directions: 6, mean: 0.7)
  }

  @Test func groupsAreFound() throws {
    let (dark, light) = (Array(darkAndLight.prefix(90 * 48)), Array(darkAndLight.suffix(30 * 48)))
    let result = try mixture(Self.estimation, darkAndLight)
    #expect(result.components.map(\.photoCount) == [90, 30])
    for (component, own) in zip(result.components, [dark, light]) {
      let alone = try mixture(SeedEstimation(side: 4, rank: 5), own).components[0]
      #expect(relativeError(component.mean, alone.mean) < 1e-6)
      #expect(relativeError(component.factor, alone.factor) < 1e-3)
    }
    // Whatever the order of the photos.
    let turned = try mixture(Self.estimation, light + dark)
    #expect(turned.components.map(\.photoCount) == [90, 30])
  }

  @Test func smallGroupsAreMerged() throws {
    var estimation = Self.estimation
    estimation.fewestPhotos = 31
    #expect(try mixture(estimation, darkAndLight).components.map(\.photoCount) == [120])
    estimation.fewestPhotos = 30
    #expect(try mixture(estimation, darkAndLight).components.map(\.photoCount) == [90, 30])
    // Of six groups at first, what is left has its least number.
    (estimation.mostComponents, estimation.fewestPhotos) = (6, 25)
    let counts = try mixture(estimation, darkAndLight).components.map(\.photoCount)
    #expect(counts.reduce(0, +) == 120 && counts.allSatisfy { $0 >= 25 } && counts == counts.sorted(by: >))
    // 5 % of the class at least, and the rank.
    let few = photos("few", 200, side: 4, directions: 6, mean: 0.3) + Array(darkAndLight.suffix(6 * 48))
    #expect(try mixture(Self.estimation, few).components.count == 1)
  }

  /// The same bytes again, also while other threads compute.
  @Test func estimatesAreReproducible() throws {
    let photos = darkAndLight
    let first = try mixture(Self.estimation, photos)
    let bytes = try SafeTensorsWriter.bytes(Self.estimation.tensors([first]))
    for threads in [1, 3] {
      configure(threads: threads)
      var results = [[UInt8]](repeating: [], count: 4)
      results.withUnsafeMutableBufferPointer { results in
        nonisolated(unsafe) let places = results
        Workers.shared.run(4) { piece, _ in
          let again = try? SafeTensorsWriter.bytes(
            Self.estimation.tensors([mixture(Self.estimation, photos)]))
          places[piece] = again ?? []
        }
      }
      #expect(results.allSatisfy { $0 == bytes })
    }
  }

  @Test func samplesOfMixtures() throws {
    let one = try mixture(SeedEstimation(side: 4, rank: 5), darkAndLight)
    let two = try mixture(Self.estimation, darkAndLight)
    let tensors = Self.estimation.tensors([one, two, one])
    #expect(tensors.map(\.shape) == [[3, 2, 3, 4, 4], [3, 2, 5, 3, 4, 4], [3, 2]])
    #expect(tensors[2].values == [1, 0, 0.75, 0.25, 1, 0])
    let model = try classifier(tensors)
    #expect(model.facts.hasSeeds)
    let light = (0..<2000).filter { stream in
      let pixels = model.seed(ofClass: 1, seed: 5, stream: UInt64(stream))!.pixels
      #expect(pixels.count == 48)
      return pixels.reduce(0, +) > 24
    }
    #expect(abs(Double(light.count) / 2000 - 0.25) < 0.04)
    // A class with one component is sampled as from a file without mixtures.
    let plain = try classifier(Self.estimation.tensors([one, one, one]))
    for stream in 0..<20 as Range<UInt64> {
      #expect(
        model.seed(ofClass: 2, seed: 5, stream: stream)! == plain.seed(ofClass: 2, seed: 5, stream: stream)!)
    }
  }

  /// With one component a sample is mean + Σ z factor, of the first numbers of its stream.
  @Test func samplesOfTheDefaultModel() throws {
    let path = packageFolder + "/Models/photos.safetensors"
    let (mean, factor) = try CheckpointFile.withBytes(of: path) { bytes in
      let file = try SafeTensors(bytes, file: path)
      return (try file.values("seeds.mean"), try file.values("seeds.factor"))
    }
    let (side, pixels) = try #require(RuntimeTests.photos.seed(ofClass: 4, seed: 9, stream: 1))
    let size = 3 * side * side
    let z = Philox(seed: 9, stream: 1).normal(count: 32)
    let expected = (0..<size).map { i in
      let sum = (0..<32).reduce(mean[4 * size + i]) { $0 + z[$1] * factor[(4 * 32 + $1) * size + i] }
      return min(max(sum, 0), 1)
    }
    #expect(relativeError(pixels, expected) < 1e-6)
  }

  private static func seeds(_ shapes: [String: [Int]], weights: [Float]? = nil) -> [NamedTensor] {
    shapes.map { name, shape in
      let count = shape.reduce(1, *)
      let values =
        name == "weight"
        ? weights ?? [Float](repeating: 0.5, count: count) : [Float](repeating: 0.1, count: count)
      return NamedTensor(name: "seeds." + name, shape: shape, values: values)
    }
  }

  @Test(arguments: [
    (
      ["mean": [2, 3, 4, 4], "factor": [3, 2, 3, 4, 4]],
      "'seeds.mean' has the shape [2, 3, 4, 4], not [3, 3, side, side]"
    ),
    (["mean": [3, 3, 4, 5], "factor": [3, 2, 3, 4, 5]], "'seeds.mean' has the shape"),
    (
      ["mean": [3, 3, 4, 4], "factor": [3, 2, 3, 4, 5]],
      "'seeds.factor' has the shape [3, 2, 3, 4, 5], not [3, rank, 3, 4, 4]"
    ),
    (["mean": [3, 3, 0, 0], "factor": [3, 2, 3, 0, 0]], "'seeds.mean' has the shape"),
    (["mean": [3], "factor": [3]], "'seeds.mean' has the shape"),
    (["mean": [3, 3, 4, 4], "factor": [3, 3, 4, 4]], "'seeds.factor' has the shape"),
    (["mean": [3, 2, 3, 4, 4], "factor": [3, 2, 1, 3, 4, 4]], "'seeds.weight' is missing"),
    (
      ["mean": [3, 3, 4, 4], "factor": [3, 1, 3, 4, 4], "weight": [3]],
      "'seeds.mean' has the shape [3, 3, 4, 4], not [3, components, 3, side, side]"
    ),
    (
      ["mean": [3, 0, 3, 4, 4], "factor": [3, 0, 1, 3, 4, 4], "weight": [3, 0]], "'seeds.mean' has the shape"
    ),
    (
      ["mean": [3, 2, 3, 4, 4], "factor": [3, 1, 1, 3, 4, 4], "weight": [3, 2]],
      "'seeds.factor' has the shape [3, 1, 1, 3, 4, 4], not [3, 2, rank, 3, 4, 4]"
    ),
    (
      ["mean": [3, 2, 3, 4, 4], "factor": [3, 2, 1, 3, 4, 4], "weight": [2, 3]],
      "'seeds.weight' has the shape [2, 3], not [3, 2]"
    ),
  ])
  func shapesThatAreWrong(shapes: [String: [Int]], problem: String) {
    let error = #expect(throws: CheckpointError.self) { try classifier(Self.seeds(shapes)) }
    #expect(error?.problem.contains(problem) == true, "\(error?.problem ?? "")")
  }

  @Test(arguments: [
    [0.5, 0.4, 0.5, 0.5, 1, 0], [0.5, 0.5, 1.5, -0.5, 1, 0], [0.5, 0.5, 1, 0, 0, 0], [1, 1, 1, 1, 1, 1],
  ])
  func weightsThatAreWrong(weights: [Float]) throws {
    let shapes = ["mean": [3, 2, 3, 4, 4], "factor": [3, 2, 1, 3, 4, 4], "weight": [3, 2]]
    let error = #expect(throws: CheckpointError.self) { try classifier(Self.seeds(shapes, weights: weights)) }
    #expect(error?.problem.contains("'seeds.weight' of class") == true)
    _ = try classifier(Self.seeds(shapes, weights: [0.3333, 0.6666, 0, 1, 1, 0]))
  }
}
