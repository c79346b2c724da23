import RobustRuntime
import Testing

/// Files of Golden/Checkpoints, which two versions of PyTorch wrote (make_checkpoints.py).
@Suite struct TorchTests {
  static let versions = ["1.13", "2.15"]
  static let network = HashedResNet(blocks: [1], widths: [4], stem: 3, stemStride: 1, classes: 3)

  static func path(_ version: String, _ name: String) -> String {
    packageFolder + "/Tests/RuntimeTests/Golden/Checkpoints/\(version)/\(name)"
  }

  private func open<Result>(
    _ version: String, _ name: String, said: ModelInfo = ModelInfo(),
    _ body: (InformedTensors) throws -> Result
  ) throws -> Result {
    let path = TorchTests.path(version, name)
    return try CheckpointFile.withBytes(of: path) {
      try body(try TensorFiles.clean($0, file: path, said: said))
    }
  }

  private func raw<Result>(_ version: String, _ name: String, _ body: (PyTorchFile) throws -> Result) throws
    -> Result
  {
    let path = TorchTests.path(version, name)
    return try CheckpointFile.withBytes(of: path) { try body(try PyTorchFile($0, file: name)) }
  }

  /// The logits of the network that all files hold, with one normalisation or another.
  private func logits(mean: [Float]?, deviation: [Float]?) throws -> [Float] {
    let bytes = TorchTests.network.bytes
    let tensors = try bytes.withUnsafeBytes { bytes in
      let file = try SafeTensors(bytes, file: "hashed")
      return try file.tensors.keys.filter { $0 != "mean" && $0 != "std" }.map {
        NamedTensor(name: $0, shape: file.shape($0)!, values: try file.values($0))
      }
    }
    let statistics = [("mean", mean), ("std", deviation)].compactMap { name, values in
      values.map { NamedTensor(name: name, shape: [3], values: $0) }
    }
    let file = try SafeTensorsWriter.bytes(tensors + statistics)
    let classifier = try file.withUnsafeBytes { try Classifier(bytes: $0, name: "plain") }
    return try classifier.logits(image("image", 2, 8, 9))
  }

  struct Saved: CustomStringConvertible, Sendable {
    let name: String
    var prefixes: [String] = []
    var normalisation: String?
    var leftOut = 0
    var path = ""
    var module: String?
    var remarks: [String: String] = [:]
    var description: String { name }
  }

  /// Files from before the archives.
  @Test(arguments: ["state.pt", "protocol4.pth", "parallel.pth.tar", "dill-robustness.pt"])
  func oldFiles(_ name: String) throws {
    let isNormalised = name.contains("robustness")
    let expected = try logits(
      mean: isNormalised ? [0.25, 0.5, 0.75] : nil, deviation: isNormalised ? [0.125, 0.25, 0.5] : nil)
    let classifier = try Classifier(contentsOf: TorchTests.path("1.2", name))
    #expect(try classifier.logits(image("image", 2, 8, 9)) == expected)
  }

  /// However it was saved, it is the same network.
  @Test(
    arguments: versions,
    [
      Saved(name: "state.pt"), Saved(name: "protocol4.pth"), Saved(name: "protocol5.bin"),
      Saved(name: "legacy.pt"),
      Saved(name: "module.pt", module: "__main__.Net"), Saved(name: "dill-module.pt"),
      Saved(name: "script.pt", module: "__torch__.Net"),
      Saved(
        name: "parallel.pth.tar", prefixes: ["module."], path: "state_dict",
        remarks: ["epoch": "90", "arch": "resnet18", "args.arch": "resnet", "args.eps": "8"]),
      Saved(name: "nested.ckpt", path: "model.state_dict", remarks: ["epoch": "3"]),
      Saved(name: "lightning.ckpt", prefixes: ["model."], path: "state_dict"),
      Saved(name: "sequence.pt", prefixes: ["model."], normalisation: "normalize.mean"),
      Saved(name: "numbered.pt", prefixes: ["module.", "1."], normalisation: "module.0.mean"),
      Saved(name: "within.pt", normalisation: "mu", path: "model_state_dict"),
      Saved(
        name: "robustness.pt", prefixes: ["module.", "model."], normalisation: "module.normalizer.new_mean",
        leftOut: 22, path: "model", remarks: ["epoch": "150"]),
      Saved(
        name: "dill-robustness.pt", prefixes: ["module.", "model."],
        normalisation: "module.normalizer.new_mean", leftOut: 22, path: "model"),
    ])
  func networks(_ version: String, _ saved: Saved) throws {
    try open(version, saved.name) { tensors in
      let clean = try #require(tensors.base as? CleanTensors)
      let torch = try #require(clean.base as? PyTorchFile)
      #expect(clean.prefixes == saved.prefixes && clean.normalisation == saved.normalisation)
      #expect(clean.leftOut.count == saved.leftOut && clean.format == "PyTorch")
      #expect(torch.path == saved.path)
      if let module = saved.module { #expect(torch.module == module) }
      for (key, value) in saved.remarks { #expect(torch.remarks[key] == value, "\(key)") }
      let names = tensors.tensors.keys.filter { !$0.hasSuffix("num_batches_tracked") }
      #expect(names.count == 17 + (saved.normalisation == nil ? 0 : 2))
    }
    let isNormalised = saved.normalisation != nil
    let expected = try logits(
      mean: isNormalised ? [0.25, 0.5, 0.75] : nil, deviation: isNormalised ? [0.125, 0.25, 0.5] : nil)
    let path = TorchTests.path(version, saved.name)
    #expect(try Classifier(contentsOf: path).logits(image("image", 2, 8, 9)) == expected)
    let copied = try CheckpointFile.withBytes(of: path) { try Classifier(bytes: $0, name: "copied") }
    #expect(try copied.logits(image("image", 2, 8, 9)) == expected)
  }

  @Test(arguments: versions) func weightsAreChosen(_ version: String) throws {
    var said = ModelInfo()
    try raw(version, "nested.ckpt") {
      #expect($0.path == "model.state_dict" && $0.others == ["model.ema"])
    }
    said.weights = "model.ema"
    try open(version, "nested.ckpt", said: said) { #expect($0.shape("conv1.weight") == [4, 3, 3, 3]) }
    said.weights = "elsewhere"
    let error = #expect(throws: CheckpointError.self) {
      try open(version, "nested.ckpt", said: said) { _ in }
    }
    #expect(error?.problem == "has no tensors at 'elsewhere', but at 'model.state_dict', 'model.ema'")
    try raw(version, "parallel.pth.tar") { #expect($0.others.isEmpty) }
  }

  @Test(arguments: versions) func elementTypes(_ version: String) throws {
    try raw(version, "dtypes.pt") { file throws in
      #expect(file.tensors.count == (version == "1.13" ? 10 : 17))
      for (name, facts) in file.tensors {
        let expected: [Float] =
          switch name {
          case "bool": [0, 1, 1, 0, 0, 1]
          case _ where facts.type.isReal: [0, 1, -2, 0.5, -1.5, 3]
          case _ where name.hasPrefix("u"): [0, 1, 2, 100, 200, 3]
          default: [0, 1, -2, 100, -128, 3]
          }
        #expect(try file.values(name) == expected && facts.shape == [2, 3] && facts.count == 6, "\(name)")
        #expect(try file.stored(name).values(2..<5) == Array(expected[2..<5]), "\(name)")
      }
    }
  }

  @Test(arguments: versions, ["views.pt", "legacy-views.pt"])
  func views(_ version: String, _ name: String) throws {
    let all = (0..<24).map(Float.init)
    func grid(_ i: Int, _ j: Int, _ k: Int) -> Float { Float(12 * i + 4 * j + k) }
    var expected: [String: ([Int], [Float])] = [
      "base": ([24], all), "grid": ([2, 3, 4], all), "tail": ([4], [20, 21, 22, 23]),
      "expanded": ([2, 3], [Float](repeating: 5, count: 6)), "one": ([], [7]), "empty": ([0, 4], []),
      "diagonal": ([3], [0, 5, 10]), "reshaped": ([1, 2, 3, 4], all),
    ]
    var (transposed, part, parameter): ([Float], [Float], [Float]) = ([], [], [])
    for k in 0..<4 { for j in 0..<3 { for i in 0..<2 { transposed.append(grid(i, j, k)) } } }
    for i in 0..<2 { for j in 1..<3 { for k in [0, 2] { part.append(grid(i, j, k)) } } }
    for j in 0..<3 { for i in 0..<2 { for k in 0..<4 { parameter.append(grid(i, j, k)) } } }
    expected["transposed"] = ([4, 3, 2], transposed)
    expected["part"] = ([2, 2, 2], part)
    expected["parameter"] = ([3, 2, 4], parameter)
    let path = TorchTests.path(version, name)
    try CheckpointFile.withBytes(of: path) { bytes in
      // Bytes that last are read where they are, others are copied.
      for owner in [nil, LastingBytes(bytes)] {
        let file = try PyTorchFile(bytes, file: name, owner: owner)
        #expect(Set(file.tensors.keys) == Set(expected.keys))
        for (name, (shape, values)) in expected {
          #expect(try file.shape(name) == shape && file.values(name) == values, "\(name)")
          let stored = try file.stored(name)
          let all = stored.withValues { Array($0) }
          #expect(all == values)
          for first in values.indices {
            #expect(stored.values(first..<values.count) == Array(values[first...]), "\(name) from \(first)")
          }
        }
      }
    }
  }

  @Test(arguments: versions) func arraysOfNumpy(_ version: String) throws {
    try raw(version, "arrays.pt") { file throws in
      #expect(try file.values("a") == [0, 1, 2, 3, 4, 5] && file.shape("a") == [2, 3])
      #expect(try file.values("b") == [0, 1, 2, 3, 4, 5] && file.shape("b") == [2, 3])
      #expect(try file.values("c") == [1, 1] && file.values("d") == [0.5] && file.path == "model")
    }
  }

  @Test(arguments: versions) func sparseTensorsAreRefused(_ version: String) throws {
    let error = #expect(throws: CheckpointError.self) { try raw(version, "sparse.pt") { _ in } }
    #expect(error?.problem == "'a' is of a kind that is not known (torch._utils._rebuild_sparse_tensor)")
  }
}
