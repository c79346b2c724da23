import Glibc
import RobustRuntime
import Testing

/// Exports of PyTorch's two exporters against what PyTorch computes; Golden/make_onnx.py writes them.
@Suite struct ONNXGoldenTests {
  static let folder = packageFolder + "/Tests/RuntimeTests/Golden/onnx"

  /// The names of all exports, without ".onnx".
  static let exports: [String] = {
    guard let directory = opendir(folder) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name.hasSuffix(".onnx") { names.append(String(name.dropLast(5))) }
    }
    return names.sorted()
  }()

  /// The network's name and how it was exported: "resnet18" and "dynamo18-whole".
  static func parts(_ export: String) -> (network: String, how: String) {
    let words = export.split(separator: "-")
    let at = words.firstIndex { $0.hasPrefix("dynamo") || $0.hasPrefix("script") } ?? words.count
    return (words[..<at].joined(separator: "-"), words[at...].joined(separator: "-"))
  }

  @Test func allAreThere() { #expect(Self.exports.count >= 50) }

  @Test(arguments: exports)
  func computesWhatPyTorchDoes(export: String) throws {
    let network = Self.parts(export).network
    let golden = try Golden("onnx-golden")
    let model = try ONNXModel(contentsOf: "\(Self.folder)/\(export).onnx")
    let side = model.facts.statedSize?.height ?? Int(golden["\(network).side"][0])
    let pixels = uniform("\(network).image", 3 * side * side)
    let logits = golden["\(network).logits"]
    #expect(model.facts.classCount == logits.count)
    let direction = uniform("\(network).direction", logits.count).map { $0 - 0.5 }
    let bound = max(1e-4, 2 * Double(golden["\(network).error"][0]))

    // In double precision by plain loops, which tells an import that is wrong from rounding.
    let oracle = GraphOracle(model.graph, OracleMap(1, 3, side, side, pixels.map { Double($0) }))
    #expect(relativeError(oracle.logits.values, logits) < 1e-5)
    let exact = oracle.gradient(from: [
      (model.graph.nodes.count - 1, OracleMap(1, logits.count, 1, 1, direction.map { Double($0) }))
    ]).values.map { Float($0) }
    #expect(golden.error("\(network).gradient", exact) < 1e-5)

    let plan = try Plan(Network(model.graph), images: 1, height: side, width: side, gradient: true)
    plan.forward(pixels, through: plan.logits)
    #expect(relativeError(plan.features(plan.logits).values, logits) < 1e-4)
    var (gradient, seed) = ([Float](repeating: 0, count: pixels.count), direction)
    seed.withUnsafeMutableBufferPointer { seed in
      var gradients = [UnsafeMutablePointer<Float>?](repeating: nil, count: plan.tensors.count)
      gradients[plan.logits] = seed.baseAddress
      plan.backward(gradients, passReLU: false, to: &gradient)
    }
    #expect(golden.error("\(network).gradient", gradient) < bound)
  }
}
