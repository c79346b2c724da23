import PixelGrid
import RobustRuntime
import Testing

/// Networks that enlarge images, beside plain sums.
@Suite struct UpscalerTests {
  private let network = UpscalerNetwork(channels: 5, blocks: 2, factors: [2, 3])

  /// A file with weights that do something, also where a network begins near to nothing.
  private func file(_ network: UpscalerNetwork, metadata: [String: String] = [:]) throws -> [UInt8] {
    let tensors = network.layers.flatMap { layer in
      let weights = uniform(layer.name, layer.outs * layer.ins * 9)
      return [
        NamedTensor(
          name: "\(layer.name).weight", shape: [layer.outs, layer.ins, 3, 3],
          values: weights.map { ($0 - 0.5) * 0.6 }),
        NamedTensor(
          name: "\(layer.name).bias", shape: [layer.outs],
          values: uniform("\(layer.name) bias", layer.outs).map { ($0 - 0.5) * 0.2 }),
      ]
    }
    return try SafeTensorsWriter.bytes(tensors, metadata: network.metadata.merging(metadata) { $1 })
  }

  private func upscaler(_ network: UpscalerNetwork) throws -> Upscaler {
    try file(network).withUnsafeBytes { try Upscaler(bytes: $0, name: "made up") }
  }

  /// [channel][row][column]
  private struct Planes {
    let channels, height, width: Int
    var values: [Double]
  }

  /// out[o] = bias[o] + Σ weights[o][i] ⋆ in[i], with zeros around the input.
  private func convolved(
    _ x: Planes, _ layer: UpscalerNetwork.Layer, _ value: (String) throws -> [Float]
  ) rethrows -> Planes {
    let (weights, bias) = (try value("\(layer.name).weight"), try value("\(layer.name).bias"))
    var y = Planes(channels: layer.outs, height: x.height, width: x.width, values: [])
    y.values = (0..<layer.outs * x.height * x.width).map { place in
      let (o, row, column) = (place / (x.height * x.width), place / x.width % x.height, place % x.width)
      var sum = Double(bias[o])
      for i in 0..<layer.ins {
        for (k, (dy, dx)) in (0..<9).map({ ($0, ($0 / 3 - 1, $0 % 3 - 1)) }) {
          let (v, u) = (row + dy, column + dx)
          guard (0..<x.height).contains(v), (0..<x.width).contains(u) else { continue }
          sum += Double(weights[(o * layer.ins + i) * 9 + k]) * x.values[(i * x.height + v) * x.width + u]
        }
      }
      return sum
    }
    return y
  }

  /// What a network adds to the enlargement of an image, [channel of the square][row][column].
  private func outputs(
    _ network: UpscalerNetwork, factor: Int, of image: Planes, _ value: (String) throws -> [Float]
  ) rethrows -> Planes {
    var x = image
    x.values = x.values.map { ($0 - 0.5) / 0.5 }
    x = try convolved(x, network.trunk[0], value)
    for block in 0..<network.blocks {
      var y = try convolved(x, network.trunk[1 + 2 * block], value)
      y.values = y.values.map { max($0, 0) }
      y = try convolved(y, network.trunk[2 + 2 * block], value)
      x.values = zip(x.values, y.values).map(+)
    }
    return try convolved(x, network.head(factor), value)
  }

  private func values(of bytes: [UInt8], _ prefix: String = "") throws -> (String) throws -> [Float] {
    { name in
      try bytes.withUnsafeBytes { try SafeTensors($0, file: "made up").values(prefix + name) }
    }
  }

  /// Images of less than a tile, of several, and thin ones: what is beyond the border is mirrored.
  @Test(arguments: [(9, 7, 2), (9, 7, 3), (1, 5, 2), (130, 20, 2), (30, 101, 3)])
  func detailIsWhatPlainSumsGive(_ width: Int, _ height: Int, _ factor: Int) throws {
    let value = try values(of: try file(network))
    let pixels = uniform("image", 3 * width * height)
    // So much around the image that its own border is out of reach.
    let reach = network.reach
    var around = Planes(channels: 3, height: height + 2 * reach, width: width + 2 * reach, values: [])
    around.values = (0..<3 * around.height * around.width).map { place in
      let (c, y, x) = (
        place / (around.height * around.width), place / around.width % around.height, place % around.width
      )
      return Double(pixels[3 * (mirrored(y - reach, height) * width + mirrored(x - reach, width)) + c])
    }
    let expected = try outputs(network, factor: factor, of: around, value)
    // There is something to be added to.
    var large = uniform("large", 3 * width * height * factor * factor)
    let before = large
    let stride = 3 * width * factor
    let isDone = try upscaler(network).addDetail(
      of: pixels, width: width, height: height, stride: 3 * width, factor: factor, to: &large,
      largeStride: stride)
    #expect(isDone)
    var worst = 0.0
    for y in 0..<height * factor {
      for x in 0..<width * factor {
        for c in 0..<3 {
          let channel = (c * factor + y % factor) * factor + x % factor
          let wanted =
            expected.values[
              (channel * around.height + y / factor + reach) * around.width + x / factor + reach]
          let at = y * stride + 3 * x + c
          worst = max(worst, abs(Double(large[at] - before[at]) - wanted))
        }
      }
    }
    #expect(worst < 1e-4, "\(worst)")
  }

  @Test func drawingCanBeStopped() throws {
    var large = [Float](repeating: 0, count: 3 * 20 * 2 * 300 * 2)
    let pixels = uniform("image", 3 * 20 * 300)
    var shares: [Double] = []
    let isDone = try upscaler(network).addDetail(
      of: pixels, width: 20, height: 300, stride: 60, factor: 2, to: &large, largeStride: 120
    ) {
      shares.append($0)
      return shares.count < 2
    }
    #expect(!isDone && shares == [0.25, 0.5])
  }

  @Test(arguments: [
    (["architecture": "resnet"], "not a network"), (["channels": "6"], "shape"), (["blocks": "3"], "missing"),
    (["blocks": "999999"], "blocks"), (["channels": "-1"], "channels"), (["factors": ""], "factors"),
    (["factors": "3,2"], "factors"), (["factors": "2,2"], "factors"), (["factors": "2,9"], "factors"),
    (["factors": "2,4"], "missing"),
  ])
  func filesThatAreNoneAreRefused(_ metadata: [String: String], _ word: String) throws {
    let bytes = try file(network, metadata: metadata)
    let error = #expect(throws: CheckpointError.self) {
      try bytes.withUnsafeBytes { _ = try Upscaler(bytes: $0, name: "odd") }
    }
    #expect(error?.description.contains(word) == true, "\(error.map(\.description) ?? "")")
  }

  /// A file may have factors that the images of a training are no multiples of.
  @Test func factorsMustDivideTheImagesOfATraining() throws {
    let bytes = try file(UpscalerNetwork(channels: 4, blocks: 0, factors: [2, 5]))
    _ = try bytes.withUnsafeBytes { try UpscalerTrainer(file: $0, name: "five", images: 1, side: 20) }
    let error = #expect(throws: CheckpointError.self) {
      try bytes.withUnsafeBytes { _ = try UpscalerTrainer(file: $0, name: "five", images: 1, side: 12) }
    }
    #expect(error?.description.contains("5 times") == true)
  }

  // MARK: Training

  private struct Pairs {
    let small, details: [Float]
  }

  private func pairs(_ images: Int, _ side: Int, factor: Int) -> Pairs {
    Pairs(
      small: uniform("small", images * 3 * (side / factor) * (side / factor)),
      details: uniform("details", images * 3 * side * side).map { ($0 - 0.5) * 0.2 })
  }

  /// The loss by the formula.
  private func loss(
    _ pairs: Pairs, images: Int, side: Int, factor: Int, _ value: (String) throws -> [Float]
  ) rethrows -> Double {
    let length = side / factor
    var sum = 0.0
    for n in 0..<images {
      let image = Planes(
        channels: 3, height: length, width: length,
        values: pairs.small[n * 3 * length * length..<(n + 1) * 3 * length * length].map { Double($0) })
      let found = try outputs(network, factor: factor, of: image, value)
      for (place, value) in found.values.enumerated() {
        let (channel, y, x) = (
          place / (length * length), place / length % length, place % length
        )
        let (c, dy, dx) = (channel / (factor * factor), channel / factor % factor, channel % factor)
        let wanted = pairs.details[((n * 3 + c) * side + y * factor + dy) * side + x * factor + dx]
        let difference = value - Double(wanted)
        sum += (difference * difference + 1e-6).squareRoot()
      }
    }
    return sum / Double(images * 3 * side * side)
  }

  /// The first step of Adam moves each number by the rate, against the sign of its slope.
  @Test(arguments: [2, 3]) func theFirstStepGoesAgainstTheSlope(_ factor: Int) throws {
    let (images, side) = (2, 12)
    let trainer = try file(network).withUnsafeBytes {
      try UpscalerTrainer(file: $0, name: "made up", images: images, side: side)
    }
    let start = try trainer.state(texts: [:])
    let before = try values(of: start, "values.")
    let pairs = pairs(images, side, factor: factor)
    let found = try trainer.step(factor: factor, small: pairs.small, details: pairs.details, rate: 1e-3)
    let expected = try loss(pairs, images: images, side: side, factor: factor, before)
    #expect(abs(found - expected) < 1e-5 * expected)
    let after = try values(of: try trainer.state(texts: [:]), "values.")
    for layer in network.trunk + [network.head(factor)] {
      for (name, places) in [
        ("weight", [0, 7, layer.outs * layer.ins * 9 - 1]), ("bias", [0, layer.outs - 1]),
      ] {
        let name = "\(layer.name).\(name)"
        let (old, new) = (try before(name), try after(name))
        for place in places {
          func shifted(_ by: Float) throws -> Double {
            try loss(pairs, images: images, side: side, factor: factor) {
              var values = try before($0)
              if $0 == name { values[place] += by }
              return values
            }
          }
          let slope = try (shifted(1e-3) - shifted(-1e-3)) / 2e-3
          guard abs(slope) > 1e-5 else { continue }
          let step = Double(new[place] - old[place])
          let wanted = slope > 0 ? -1e-3 : 1e-3
          #expect(abs(step - wanted) < 2e-5, "\(name) \(place): \(step), slope \(slope)")
        }
      }
    }
    // What belongs to another factor has no slope.
    let other = UpscalerNetwork.head(5 - factor) + ".weight"
    #expect(try before(other) == after(other))
  }

  @Test func aRunThatGoesOnTakesTheSameSteps() throws {
    let (images, side) = (2, 12)
    func steps(_ trainer: UpscalerTrainer, _ count: Int) throws {
      for _ in 0..<count {
        let factor = network.factors[trainer.step % 2]
        let pairs = pairs(images, side, factor: factor)
        _ = try trainer.step(factor: factor, small: pairs.small, details: pairs.details, rate: 1e-3)
      }
    }
    let whole = try UpscalerTrainer(network, seed: 3, images: images, side: side)
    try steps(whole, 7)
    let first = try UpscalerTrainer(network, seed: 3, images: images, side: side)
    try steps(first, 3)
    let state = try first.state(texts: ["options": "some"])
    let second = try state.withUnsafeBytes {
      try UpscalerTrainer(state: $0, file: "state", images: images, side: side)
    }
    #expect(second.step == 3)
    try steps(second, 4)
    #expect(try whole.state(texts: [:]) == second.state(texts: [:]))
    #expect(try whole.file([:]) == second.file([:]))
    let texts = try state.withUnsafeBytes { try UpscalerTrainer.texts(ofState: $0, file: "state") }
    #expect(texts["options"] == "some")
    #expect(throws: CheckpointError.self) {
      try whole.file([:]).withUnsafeBytes { _ = try UpscalerTrainer.texts(ofState: $0, file: "no state") }
    }
  }

  @Test func whatCanBeLearnedIsLearned() throws {
    // All that the enlargements lack is half of what the pixel lies above grey.
    let (images, side, factor) = (4, 12, 2)
    let trainer = try UpscalerTrainer(network, seed: 1, images: images, side: side)
    var losses: [Double] = []
    for step in 0..<150 {
      let small = uniform("learn \(step)", images * 3 * 36)
      var details = [Float](repeating: 0, count: images * 3 * side * side)
      for place in details.indices {
        let (plane, y, x) = (place / (side * side), place / side % side, place % side)
        details[place] = 0.5 * (small[plane * 36 + y / factor * 6 + x / factor] - 0.5)
      }
      losses.append(try trainer.step(factor: factor, small: small, details: details, rate: 5e-3))
    }
    let (first, last) = (losses.prefix(10).reduce(0, +), losses.suffix(10).reduce(0, +))
    #expect(last < 0.15 * first, "\(losses)")
  }

  @Test func lossesThatAreNoNumbersChangeNothing() throws {
    let trainer = try UpscalerTrainer(network, seed: 1, images: 1, side: 12)
    let before = try trainer.state(texts: [:])
    var pairs = pairs(1, 12, factor: 2)
    pairs = Pairs(small: [.nan] + pairs.small.dropFirst(), details: pairs.details)
    #expect(throws: RuntimeError.self) {
      try trainer.step(factor: 2, small: pairs.small, details: pairs.details, rate: 1e-3)
    }
    #expect(try trainer.state(texts: [:]) == before)
  }

  // MARK: Views

  private func large(
    _ views: UpscalingViews, _ width: Int, _ height: Int, index: Int = 0, isPlain: Bool = false,
    _ value: (_ x: Int, _ y: Int, _ c: Int) -> UInt8
  ) -> [Float] {
    let bytes = (0..<3 * width * height).map { value($0 / 3 % width, $0 / 3 / width, $0 % 3) }
    var out = [Float](repeating: .nan, count: 3 * views.side * views.side)
    bytes.withUnsafeBufferPointer {
      views.large(
        of: PhotoBytes(pixels: $0.baseAddress!, width: width, height: height), seed: 5, index: index,
        isPlain: isPlain, to: &out)
    }
    return out
  }

  @Test func viewsAreSquaresOfPhotosInManyWays() {
    let views = UpscalingViews(side: 24, factors: [2, 3])
    #expect(views.smallest == 30)
    func busy(_ x: Int, _ y: Int, _ c: Int) -> UInt8 { UInt8((x * 37 + y * 91 + c * 53 + x * y * 7) % 256) }
    let first = large(views, 50, 40, busy)
    #expect(first == large(views, 50, 40, busy))
    #expect(Set((0..<20).map { large(views, 50, 40, index: $0, busy) }).count > 15)
    let isInRange = (0..<20).allSatisfy { index in
      large(views, 50, 40, index: index, busy).allSatisfy { (0...1).contains($0) }
    }
    #expect(isInRange)
    // The smallest photo there may be.
    #expect(large(views, 30, 30, busy).allSatisfy { (0...1).contains($0) })
    // All eight ways to lay a square are taken: a corner that is bright comes to each corner, its channels stay.
    let corners = Set(
      (0..<60).map { index -> [Bool] in
        let out = large(views, 30, 30, index: index) { x, y, c in x < 8 && y < 8 && c == 1 ? 255 : 0 }
        let others = out[..<576] + out[1152...]
        #expect(others.allSatisfy { $0 < 0.01 })
        return [576, 599, 576 + 23 * 24, 1151].map { out[$0] > 0.5 }
      })
    #expect(corners.count == 4)
    let plain = large(views, 50, 40, isPlain: true, busy)
    #expect(plain == large(views, 50, 40, index: 9, isPlain: true, busy))
  }

  @Test func smallImagesAreStepsOfEightBits() {
    let views = UpscalingViews(side: 24, factors: [2, 3])
    let large = uniform("view", 3 * 24 * 24)
    for factor in [2, 3] {
      let length = 24 / factor
      var small = [Float](repeating: .nan, count: 3 * length * length)
      views.reduce(large, by: factor, to: &small)
      let isOfSteps = small.allSatisfy { (value: Float) -> Bool in
        let step = value * 255
        return abs(step - step.rounded()) < 1e-3 && value >= 0 && value <= 1
      }
      #expect(isOfSteps)
      var flat = [Float](repeating: 0.4, count: small.count)
      var again = [Float](repeating: .nan, count: large.count)
      views.enlarge(flat, by: factor, to: &again)
      #expect(again.allSatisfy { abs($0 - 0.4) < 1e-6 })
      flat = again
      views.reduce(again, by: factor, to: &small)
      #expect(small.allSatisfy { $0 == 102 / 255 })
    }
  }
}
