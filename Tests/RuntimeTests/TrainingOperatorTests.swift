import CKernels
import RobustRuntime
import Testing

/// What training needs beyond convolutions, against PyTorch in double precision (Golden/make_training.py), and the noise
/// that attacks begin with.
@Suite struct TrainingOperatorTests {
  private static let golden = try! Golden("operators")

  private static func centred(_ name: String, _ count: Int) -> [Float] {
    uniform(name, count).map { $0 - 0.5 }
  }

  // MARK: Norms

  /// A norm behind a layer that picks its channels out of the image; with a residual that another layer picks out, and a
  /// ReLU, where the name ends in "add".
  private struct NormCase {
    let name: String
    let count, channels, height, width: Int
    let parameters: Parameters
    let mode: NormMode
    let graph: Graph
    /// [image][channel], the residual's behind the input's.
    let image: [Float]
    var hasResidual: Bool { name.hasSuffix("add") }
    var area: Int { height * width }

    init(_ name: String) throws {
      self.name = "norm.\(name)"
      let shape = golden["norm.\(name).shape"].map { Int($0) }
      (count, channels, height, width) = (shape[0], shape[1], shape[2], shape[3])
      let (count, c, area) = (shape[0], shape[1], shape[2] * shape[3])
      let (parameters, mode) = (Parameters(), NormMode())
      func values(_ part: String) -> [Float] {
        let u = uniform("norm.\(name).\(part)", c)
        return part == "bias" || part == "running_mean"
          ? u.map { Float(0.2 * (Double($0) - 0.5)) } : u.map { Float(0.5 + 0.5 * Double($0)) }
      }
      func add(_ part: String, _ role: Parameters.Role) -> ParameterReference {
        parameters.add(part, shape: [c], role: role, values: values(part))
      }
      let (scale, shift) = (add("weight", .vector), add("bias", .vector))
      let (mean, variance) = (add("running_mean", .statistic), add("running_var", .statistic))
      let inputs = name.hasSuffix("add") ? 2 : 1
      var graph = Graph(
        mean: [Float](repeating: 0, count: inputs * c), deviation: [Float](repeating: 1, count: inputs * c))
      func pick(_ part: Int) -> Int {
        var weights = [Float](repeating: 0, count: c * inputs * c)
        for k in 0..<c { weights[k * inputs * c + part * c + k] = 1 }
        let convolution = Convolution(
          inChannels: inputs * c, outChannels: c, height: 1, width: 1, weights: weights)
        return graph.add(.convolution(convolution), 0)
      }
      let residual = inputs == 2 ? pick(1) : 0
      let norm = BatchNormalization(
        scale: scale, shift: shift, runningMean: mean, runningVariance: variance, mode: mode)
      let last = graph.add(.trainedNormalization(norm), pick(0))
      if inputs == 2 { _ = graph.add(.activation(.relu), graph.add(.add, last, residual)) }
      (self.parameters, self.mode, self.graph) = (parameters, mode, graph)
      try parameters.allocate()

      let offsets = centred("norm.\(name).offset", c)
      var x = centred("norm.\(name).input", count * c * area)
      for i in x.indices { x[i] += 4 * offsets[i / area % c] }
      let r = inputs == 2 ? centred("norm.\(name).residual", count * c * area) : []
      var image: [Float] = []
      for n in 0..<count {
        let own = n * c * area..<(n + 1) * c * area
        image += x[own]
        if inputs == 2 { image += r[own] }
      }
      self.image = image
    }

    /// Part 0 is the input's, 1 the residual's, of values of the image.
    func part(_ part: Int, of values: [Float]) -> [Float] {
      let (each, inputs) = (channels * area, hasResidual ? 2 : 1)
      var own: [Float] = []
      for n in 0..<count {
        let first = (n * inputs + part) * each
        own += values[first..<first + each]
      }
      return own
    }
  }

  @Test(arguments: ["odd", "one image", "two values", "large map", "add", "wide add"])
  func normsAreThoseOfPyTorch(_ name: String) throws {
    let (golden, norm) = (Self.golden, try NormCase(name))
    let plan = try Plan(
      Network(norm.graph, for: .training), images: norm.count, height: norm.height, width: norm.width,
      gradient: true, training: true)
    plan.forward(norm.image, through: plan.logits)
    #expect(golden.error("\(norm.name).output", plan.features(plan.logits).values) < 2e-5)
    #expect(relativeError(norm.parameters.values(2), golden["\(norm.name).running_mean"]) < 1e-5)
    #expect(relativeError(norm.parameters.values(3), golden["\(norm.name).running_var"]) < 1e-5)

    let slope = Self.centred("\(norm.name).output_gradient", norm.count * norm.channels * norm.area)
    var planes = slope
    for n in 0..<norm.count {
      for c in 0..<norm.channels {
        for i in 0..<norm.area {
          planes[(c * norm.count + n) * norm.area + i] = slope[(n * norm.channels + c) * norm.area + i]
        }
      }
    }
    var back = [Float](repeating: .nan, count: norm.image.count)
    planes.withUnsafeMutableBufferPointer { planes in
      var gradients = [UnsafeMutablePointer<Float>?](repeating: nil, count: plan.tensors.count)
      gradients[plan.logits] = planes.baseAddress!
      plan.addParameterGradients(gradients, of: norm.image)
      let own = [0, 1].map { norm.parameters.values($0, .gradients) }
      #expect(golden.error("\(norm.name).weight_gradient", own[0]) < 2e-5)
      #expect(golden.error("\(norm.name).bias_gradient", own[1]) < 2e-5)
      // Each way backward needs a way forward.
      norm.mode.movesRunning = false
      plan.forward(norm.image, through: plan.logits)
      plan.backward(gradients, passReLU: false, to: &back)
    }
    #expect(golden.error("\(norm.name).input_gradient", norm.part(0, of: back)) < 5e-5)
    if norm.hasResidual {
      #expect(golden.error("\(norm.name).residual_gradient", norm.part(1, of: back)) < 2e-5)
    }
  }

  /// With running statistics a norm is what it is folded to for inference.
  @Test(arguments: ["odd", "add", "wide add"])
  func foldedNormsAreThoseOfEvaluation(_ name: String) throws {
    let norm = try NormCase(name)
    norm.mode.statistics = .running
    let outputs = try [Network.Purpose.training, .inference].map { purpose in
      let plan = try Plan(
        Network(norm.graph, for: purpose), images: norm.count, height: norm.height, width: norm.width,
        gradient: false)
      plan.forward(norm.image, through: plan.logits)
      return plan.features(plan.logits).values
    }
    #expect(relativeError(outputs[1], outputs[0]) < 1e-5)
    // They were read, not moved.
    let mean = norm.parameters.values(2)
    #expect(
      mean == uniform("norm.\(name).running_mean", norm.channels).map { Float(0.2 * (Double($0) - 0.5)) })
  }

  // MARK: Losses

  @Test(arguments: [("0", 0.0), ("0.1", 0.1)])
  func crossEntropyIsThatOfPyTorch(name: String, smoothing: Double) {
    let (golden, name) = (Self.golden, "cross_entropy.\(name)")
    let shape = golden["\(name).shape"].map { Int($0) }
    let (images, classes) = (shape[0], shape[1])
    let loss = TrainingLoss(classes: classes, images: images)
    let logits = Self.planes(Self.centred("\(name).logits", images * classes).map { 8 * $0 }, images, classes)
    let labels = words("\(name).labels", count: images).map { Int($0 % UInt64(classes)) }
    let (value, gradient) = loss.crossEntropy(loss.logProbabilities(logits), labels, smoothing: smoothing)
    let losses = golden["\(name).losses"]
    #expect(relativeError([value], [losses.reduce(0) { $0 + Double($1) } / Double(images)]) < 1e-6)
    let wanted = Self.planes(golden["\(name).gradient"], images, classes)
    #expect(relativeError(gradient, wanted) < 1e-6)
    let right = (0..<images).count { n in
      (0..<classes).max { logits[$0 * images + n] < logits[$1 * images + n] } == labels[n]
    }
    #expect(loss.correct(logits, labels) == right)
  }

  @Test func divergenceIsThatOfPyTorch() {
    let golden = Self.golden
    let shape = golden["divergence.shape"].map { Int($0) }
    let (images, classes) = (shape[0], shape[1])
    let loss = TrainingLoss(classes: classes, images: images)
    func logs(_ side: String) -> [Double] {
      let logits = Self.centred("divergence.\(side)", images * classes).map { 8 * $0 }
      return loss.logProbabilities(Self.planes(logits, images, classes))
    }
    let found = loss.divergence(logs("p"), logs("q"))
    let losses = golden["divergence.losses"]
    #expect(relativeError([found.loss], [losses.reduce(0) { $0 + Double($1) } / Double(images)]) < 1e-6)
    #expect(relativeError(found.ofP, Self.planes(golden["divergence.p_gradient"], images, classes)) < 1e-6)
    #expect(relativeError(found.ofQ, Self.planes(golden["divergence.q_gradient"], images, classes)) < 1e-6)
    let same = loss.divergence(logs("p"), logs("p"))
    #expect(same.loss == 0 && same.ofP.allSatisfy { $0 == 0 } && same.ofQ.allSatisfy { $0 == 0 })
  }

  /// Logits as large as floats can be make no NaN.
  @Test func lossesOfLargeLogitsAreFinite() {
    let loss = TrainingLoss(classes: 3, images: 2)
    let logs = loss.logProbabilities([3e38, 0, -3e38, 1, 0, 2])
    #expect(logs.allSatisfy { !$0.isNaN })
    let (value, gradient) = loss.crossEntropy(logs, [1, 0], smoothing: 0.1)
    #expect(!value.isNaN && gradient.allSatisfy(\.isFinite))
  }

  /// [class][image] of [image][class].
  private static func planes(_ values: [Float], _ images: Int, _ classes: Int) -> [Float] {
    (0..<classes).flatMap { c in (0..<images).map { values[$0 * classes + c] } }
  }

  // MARK: Noise

  private static func noise(
    _ fill: (UnsafeMutablePointer<Float>, UInt64, UInt64, Int) -> Void, _ count: Int, seed: UInt64 = 7,
    stream: UInt64 = 3
  ) -> [Float] {
    // What lies behind must stay.
    var values = [Float](repeating: 1234, count: count + 8)
    values.withUnsafeMutableBufferPointer { fill($0.baseAddress!, seed, stream, count) }
    #expect(values.suffix(8).allSatisfy { $0 == 1234 }, "\(count) values")
    return Array(values.prefix(count))
  }

  @Test func normalNoiseHasItsMomentsAndTails() {
    let count = 400_003
    let values = Self.noise(rt_normal_noise, count).map(Double.init)
    func moment(_ power: Int) -> Double {
      values.reduce(0) { sum, v in sum + (0..<power).reduce(1) { p, _ in p * v } } / Double(count)
    }
    // Five standard deviations: √(E v^2k − (E v^k)²) / √count.
    let root = Double(count).squareRoot()
    #expect(abs(moment(1)) < 5 / root)
    #expect(abs(moment(2) - 1) < 5 * 2.0.squareRoot() / root)
    #expect(abs(moment(3)) < 5 * 15.0.squareRoot() / root)
    #expect(abs(moment(4) - 3) < 5 * 96.0.squareRoot() / root)
    for (limit, share) in [(1.0, 0.317311), (2, 0.045500), (3, 0.0026998), (4, 6.334e-5)] {
      let found = Double(values.count { abs($0) > limit })
      let expected = share * Double(count)
      #expect(abs(found - expected) < 5 * (expected * (1 - share)).squareRoot(), "beyond \(limit)")
    }
    #expect(values.allSatisfy { abs($0) < 6.7 })
    // Neighbours have nothing to do with each other, whichever lie beside each other in a register.
    for distance in [1, 2, 4, 8, 16, 32, 64] {
      let product = zip(values, values.dropFirst(distance)).reduce(0) { $0 + $1.0 * $1.1 } / Double(count)
      #expect(abs(product) < 5 / root, "at distance \(distance)")
    }
    #expect(Set(values).count > count * 95 / 100)
  }

  @Test func uniformNoiseFillsItsInterval() {
    let count = 400_003
    let values = Self.noise(rt_uniform_noise, count).map(Double.init)
    #expect(values.allSatisfy { (-1..<1).contains($0) })
    let root = Double(count).squareRoot()
    #expect(abs(values.reduce(0, +) / Double(count)) < 5 / (3.0.squareRoot() * root))
    #expect(abs(values.reduce(0) { $0 + $1 * $1 } / Double(count) - 1.0 / 3) < 5 * 0.299 / root)
    var counts = [Int](repeating: 0, count: 20)
    for value in values { counts[Int((value + 1) * 10)] += 1 }
    let expected = Double(count) / 20
    for found in counts { #expect(abs(Double(found) - expected) < 5 * expected.squareRoot()) }
  }

  @Test func noiseDependsOnSeedAndStreamAloneAndBeginsAlike() {
    for fill in [rt_normal_noise, rt_uniform_noise] {
      let long = Self.noise(fill, 1000)
      #expect(long == Self.noise(fill, 1000))
      #expect(long != Self.noise(fill, 1000, seed: 8) && long != Self.noise(fill, 1000, stream: 4))
      #expect(long != Self.noise(fill, 1000, stream: 3 + 1 << 32))
      #expect(long != Self.noise(fill, 1000, seed: 7 + 1 << 32))
      for count in [0, 1, 3, 15, 16, 17, 63, 64, 65, 100, 127, 129, 768] {
        #expect(Self.noise(fill, count) == Array(long.prefix(count)), "\(count) values")
      }
    }
  }
}
