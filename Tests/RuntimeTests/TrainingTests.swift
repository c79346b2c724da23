import RobustRuntime
import Testing

/// Weight gradients and whole training steps against PyTorch in double precision; Golden/make_training.py
/// says how its files were made.
@Suite struct TrainingTests {
  private static let operators = try! Golden("operators")

  private static func centred(_ name: String, _ count: Int) -> [Float] {
    uniform(name, count).map { $0 - 0.5 }
  }

  /// Runs one convolution forward and both ways backward; with floats, and with bfloat16, whose rounding Winograd's
  /// algorithm magnifies.
  @Test(
    arguments: [
      "1x1", "1x1 odd", "1x1 stride 2", "3x3", "3x3 odd", "3x3 wide", "3x3 one pixel", "3x3 large map",
      "3x3 stride 2",
      "3x3 stride 2 odd", "3x3 colours", "3x3 colours stride 2", "7x7 stride 2", "7x7 stride 2 even",
      "groups",
      "groups stride 2", "depthwise",
    ], [nil, Convolution.Algorithm.winograd(side: 4), .winogradBF16(side: 4)])
  func weightGradientsAreThoseOfPyTorch(_ name: String, _ algorithm: Convolution.Algorithm?) throws {
    let (golden, name) = (Self.operators, "conv.\(name)")
    let tolerance = algorithm == .winogradBF16(side: 4) ? 5e-2 : 2e-5
    let s = golden["\(name).shape"].map { Int($0) }
    let (count, ins, height, width, outs, size, stride, pad, groups) = (
      s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7], s[8]
    )
    let parameters = Parameters()
    let weights = Self.centred("\(name).weight", outs * ins / groups * size * size)
    let reference = parameters.add(
      "weight", shape: [outs, ins / groups, size, size], role: .weight, values: weights)
    var graph = Graph(
      mean: [Float](repeating: 0, count: ins), deviation: [Float](repeating: 1, count: ins))
    _ = graph.add(
      .convolution(
        Convolution(
          inChannels: ins, outChannels: outs, height: size, width: size, stride: stride, pad: pad,
          groups: groups, parameter: reference, algorithm: algorithm)), 0)
    try parameters.allocate()
    let plan = try Plan(
      Network(graph, for: .training), images: count, height: height, width: width, gradient: true,
      training: true)
    let input = Self.centred("\(name).input", count * ins * height * width)
    plan.forward(input, through: plan.logits)
    let y = plan.features(plan.logits)
    #expect(golden.error("\(name).output", y.values) < tolerance)
    let slope = Self.centred("\(name).output_gradient", y.values.count)
    var planes = [Float](repeating: 0, count: slope.count)
    let area = y.height * y.width
    for n in 0..<count {
      for c in 0..<outs {
        for i in 0..<area { planes[(c * count + n) * area + i] = slope[(n * outs + c) * area + i] }
      }
    }
    planes.withUnsafeMutableBufferPointer { planes in
      var gradients = [UnsafeMutablePointer<Float>?](repeating: nil, count: plan.tensors.count)
      gradients[plan.logits] = planes.baseAddress!
      plan.addParameterGradients(gradients, of: input)
      #expect(golden.error("\(name).weight_gradient", parameters.values(0, .gradients)) < tolerance)
      var back = [Float](repeating: .nan, count: count * ins * height * width)
      plan.backward(gradients, passReLU: false, to: &back)
      #expect(golden.error("\(name).input_gradient", back) < tolerance)
    }
  }

  struct Run: Sendable { var name: String, steps: Int, tolerance: Double }

  /// Ten steps; two of TRADES, whose attack begins where the divergence is nearly 0.
  @Test(arguments: [
    Run(name: "plain", steps: 10, tolerance: 1e-4), Run(name: "batch", steps: 10, tolerance: 1e-4),
    Run(name: "running", steps: 10, tolerance: 1e-4), Run(name: "trades", steps: 2, tolerance: 5e-4),
  ])
  func stepsAreThoseOfPyTorch(_ run: Run) throws {
    let golden = try Golden("train-\(run.name)")
    let bytes = HashedResNet(blocks: [1, 1], widths: [8, 16], stem: 3, classes: 5).bytes
    let model = try bytes.withUnsafeBytes { try TrainableModel($0, name: "hashed") }
    var settings = Trainer.Settings()
    settings.labelSmoothing = 0.1
    settings.attack.eps = run.name == "plain" ? 0 : 1
    settings.attack.statistics = run.name == "batch" ? .batch : .running
    if run.name == "trades" { settings.method = .trades(beta: 6) }
    let trainer = try Trainer(model, settings: settings, images: 6, side: 16)
    var losses: [Double] = []
    for t in 580..<580 + run.steps {
      let pixels = uniform("images \(t)", 6 * 3 * 256).map { Float(Double($0) * 15 / 16 + 1.0 / 32) }
      let labels = words("labels \(t)", count: 6).map { Int($0 % 5) }
      let noise = Self.centred("noise \(t)", pixels.count).map { $0 / 16 }
      trainer.perturb(pixels, labels: labels, noise: noise)
      if t == 580 { #expect(golden.error("attacked", Array(trainer.perturbedPixels)) < run.tolerance) }
      losses.append(trainer.addGradients(pixels, labels).loss)
      trainer.update(rate: 0.1, step: t)
    }
    #expect(relativeError(losses, golden["losses"]) < run.tolerance)
    for (index, entry) in model.parameters.entries.enumerated() {
      #expect(
        relativeError(model.parameters.values(index), golden[entry.name]) < run.tolerance, "\(entry.name)")
      if entry.role != .statistic {
        #expect(
          relativeError(model.parameters.values(index, .velocities), golden["momentum.\(entry.name)"])
            < run.tolerance, "\(entry.name)")
      }
    }
  }
}
