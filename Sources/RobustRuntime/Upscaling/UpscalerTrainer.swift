import CKernels
import Glibc

/// Trains a network that enlarges images: Adam (Kingma and Ba, arXiv 1412.6980) on the mean of √(d² + ε²), a smooth absolute
/// difference, over all values of the large images; and a running average of the parameters.
package final class UpscalerTrainer {
  package let network: UpscalerNetwork
  /// How many images a step takes.
  package let images: Int
  /// Pixels along a side of the large images; a multiple of every factor.
  package let side: Int
  /// The running average's share that a step keeps; the first steps count for more.
  package var averageDecay = 0.999
  private let parameters = Parameters()
  /// The second moments, as the parameters lie.
  private let squares: FloatBlock
  private var plans: [Int: Plan] = [:]
  private let networks: [Int: Network]
  private let gradients: FloatBlock
  /// Steps taken.
  package private(set) var step = 0

  /// What the moments keep at each step.
  private static let decays: (first: Float, second: Float) = (0.9, 0.99)
  private static let tiny: Float = 1e-8
  /// The difference in 0...1 below which the loss is nearly its square.
  private static let smallest: Float = 1e-3

  /// - Throws: `RuntimeError.outOfMemory`
  package convenience init(_ network: UpscalerNetwork, seed: UInt64, images: Int, side: Int) throws {
    let tensors = Dictionary(uniqueKeysWithValues: network.tensors(seed: seed).map { ($0.name, $0.values) })
    try self.init(network, images: images, side: side) { tensors[$0]! }
  }

  /// A trainer that begins with the weights of a file.
  /// - Throws: `CheckpointError`, `RuntimeError.outOfMemory`
  package convenience init(
    file bytes: UnsafeRawBufferPointer, name: String, images: Int, side: Int
  ) throws {
    let file = try SafeTensors(bytes, file: name)
    try self.init(UpscalerNetwork(file, side: side), images: images, side: side) { try file.values($0) }
  }

  private init(
    _ network: UpscalerNetwork, images: Int, side: Int, values: (_ name: String) throws -> [Float]
  ) throws {
    precondition(network.factors.allSatisfy { side % $0 == 0 })
    (self.network, self.images, self.side) = (network, images, side)
    var references: [String: (weight: ParameterReference, bias: ParameterReference)] = [:]
    for layer in network.layers {
      references[layer.name] = (
        parameters.add(
          "\(layer.name).weight", shape: [layer.outs, layer.ins, 3, 3], role: .weight,
          values: try values("\(layer.name).weight")),
        parameters.add(
          "\(layer.name).bias", shape: [layer.outs], role: .vector, values: try values("\(layer.name).bias"))
      )
    }
    networks = Dictionary(
      uniqueKeysWithValues: network.factors.map { factor in
        let graph = network.graph(factor) { layer in
          let (weight, bias) = references[layer.name]!
          return Convolution(
            inChannels: layer.ins, outChannels: layer.outs, height: 3, width: 3, padding: Padding(1),
            weights: .parameter(weight), biasParameter: bias)
        }
        return (factor, Network(graph, for: .training))
      })
    try parameters.allocate()
    squares = try FloatBlock(count: parameters.count)
    rt_fill(squares.base, 0, parameters.count)
    gradients = try FloatBlock(count: images * 3 * side * side)
  }

  /// Numbers that are learned.
  package var parameterCount: Int { parameters.entries.reduce(0) { $0 + $1.count } }

  /// One step with images that were reduced by a factor.
  /// - Parameters:
  ///   - small: planar, [image][3][side / factor][side / factor], in 0...1.
  ///   - details: what the cubic enlargements lack, planar: [image][3][side][side].
  /// - Returns: the loss.
  /// - Throws: `RuntimeError.notFinite` if the loss is; the parameters then are those before the step.
  ///   `RuntimeError.outOfMemory`
  package func step(
    factor: Int, small: UnsafePointer<Float>, details: UnsafePointer<Float>, rate: Double
  ) throws -> Double {
    let plan = try plan(factor)
    plan.forward(small, through: plan.logits)
    let loss = lossGradients(of: plan.features(plan.logits), factor: factor, details)
    guard loss.isFinite else { throw RuntimeError.notFinite("the loss is \(loss)") }
    rt_fill(parameters.all(.gradients), 0, parameters.count)
    var outputs = [UnsafeMutablePointer<Float>?](repeating: nil, count: plan.tensors.count)
    outputs[plan.logits] = gradients.base
    plan.addParameterGradients(outputs, of: small)
    update(rate: Float(rate))
    return loss
  }

  private func plan(_ factor: Int) throws -> Plan {
    if let plan = plans[factor] { return plan }
    let plan = try Plan(
      networks[factor]!, images: images, height: side / factor, width: side / factor, gradient: true,
      training: true)
    plans[factor] = plan
    return plan
  }

  /// Writes the gradients by the outputs, [channel][image][row][column].
  private func lossGradients(of outputs: FeatureMap, factor: Int, _ details: UnsafePointer<Float>) -> Double {
    let small = side / factor
    let area = small * small
    let scale = 1 / Float(images * 3 * side * side)
    let losses = (0..<images).map { _ in Lone() }
    outputs.values.withUnsafeBufferPointer { values in
      Workers.shared.run(images) { n, _ in
        var sum = 0.0
        for channel in 0..<outputs.channels {
          let (c, dy, dx) = (channel / (factor * factor), channel / factor % factor, channel % factor)
          let from = values.baseAddress! + (n * outputs.channels + channel) * area
          let to = gradients.base + (channel * images + n) * area
          for y in 0..<small {
            let wanted = details + ((n * 3 + c) * side + y * factor + dy) * side + dx
            for x in 0..<small {
              let difference = from[y * small + x] - wanted[x * factor]
              let length = (difference * difference + Self.smallest * Self.smallest).squareRoot()
              to[y * small + x] = scale * difference / length
              sum += Double(length)
            }
          }
        }
        losses[n].value = sum
      }
    }
    return losses.reduce(0) { $0 + $1.value } * Double(scale)
  }

  /// The sum of one image, written by the thread that has it.
  private final class Lone: @unchecked Sendable { var value = 0.0 }

  private func update(rate: Float) {
    step += 1
    let (values, slopes) = (parameters.all(.values), parameters.all(.gradients))
    let (moments, averages) = (parameters.all(.velocities), parameters.all(.averages))
    let decays = Self.decays
    let first = 1 - pow(decays.first, Float(step))
    let second = 1 - pow(decays.second, Float(step))
    for i in 0..<parameters.count {
      moments[i] += (1 - decays.first) * (slopes[i] - moments[i])
      squares.base[i] += (1 - decays.second) * (slopes[i] * slopes[i] - squares.base[i])
      values[i] -= rate * (moments[i] / first) / ((squares.base[i] / second).squareRoot() + Self.tiny)
    }
    let kept = Float(min(averageDecay, Double(1 + step) / Double(10 + step)))
    rt_blend(averages, values, kept, parameters.count)
    parameters.touch()
  }

  // MARK: Files

  /// The file of the running averages, weights as halves.
  /// - Throws: `RuntimeError.notFinite`
  package func file(_ facts: [String: String]) throws -> [UInt8] {
    let tensors = parameters.entries.enumerated().map { index, entry in
      NamedTensor(
        name: entry.name, shape: entry.shape, values: parameters.values(index, .averages),
        isHalf: entry.role == .weight)
    }
    return try SafeTensorsWriter.bytes(tensors, metadata: network.metadata.merging(facts) { $1 })
  }

  private static let format = "rtool-upscaler-training-1"

  /// All that a run needs to go on: values, moments and averages, and texts of whoever runs it.
  /// - Throws: `RuntimeError.notFinite`: nothing is worth keeping then.
  package func state(texts: [String: String]) throws -> [UInt8] {
    var tensors: [NamedTensor] = []
    for (index, entry) in parameters.entries.enumerated() {
      for kind in [Parameters.Kind.values, .velocities, .averages] {
        tensors.append(
          NamedTensor(
            name: "\(kind.rawValue).\(entry.name)", shape: entry.shape,
            values: parameters.values(index, kind)))
      }
      let squares = UnsafeBufferPointer(start: squares.base + entry.offset, count: entry.count)
      tensors.append(
        NamedTensor(name: "squares.\(entry.name)", shape: entry.shape, values: Array(squares)))
    }
    var metadata = texts.merging(network.metadata) { $1 }
    (metadata["format"], metadata["step"]) = (Self.format, "\(step)")
    return try SafeTensorsWriter.bytes(tensors, metadata: metadata)
  }

  /// The texts of a state.
  /// - Throws: `CheckpointError` if it is none.
  package static func texts(ofState bytes: UnsafeRawBufferPointer, file name: String) throws -> [String:
    String]
  {
    let file = try SafeTensors(bytes, file: name)
    guard file.metadata["format"] == format else { throw file.refuse("not the state of such a training") }
    return file.metadata
  }

  /// A trainer that goes on where one was whose state this is.
  /// - Throws: `CheckpointError`, `RuntimeError.outOfMemory`
  package convenience init(
    state bytes: UnsafeRawBufferPointer, file name: String, images: Int, side: Int
  ) throws {
    let file = try SafeTensors(bytes, file: name)
    guard file.metadata["format"] == Self.format, let step = file.metadata["step"].flatMap({ Int($0) }),
      (0...1 << 50).contains(step)
    else { throw file.refuse("not the state of such a training") }
    let network = try UpscalerNetwork(file, prefix: "values.", side: side)
    try self.init(network, images: images, side: side) { try file.values("values.\($0)") }
    self.step = step
    for (index, entry) in parameters.entries.enumerated() {
      func read(_ kind: String, to pointer: UnsafeMutablePointer<Float>) throws {
        let name = "\(kind).\(entry.name)"
        guard file.tensors[name]?.shape == entry.shape else {
          throw file.refuse("\(name.quoted) is missing or has another shape")
        }
        rt_copy(pointer, try file.values(name), entry.count)
      }
      for kind in [Parameters.Kind.velocities, .averages] {
        try read(kind.rawValue, to: parameters.pointer(index, kind))
      }
      try read("squares", to: squares.base + entry.offset)
    }
  }
}
