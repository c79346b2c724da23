import Glibc
import RobustRuntime
import Testing

/// Tensors under other names, in several files, and with files beside them.
@Suite struct CheckpointFolderTests {
  /// Calls `body` with the path of a folder of its own, which ends with a slash.
  private func inFolder(_ body: (String) throws -> Void) throws {
    var template = Array("/tmp/rtool-checkpoints-XXXXXX\0".utf8CString)
    let folder = try #require(mkdtemp(&template)).withMemoryRebound(to: CChar.self, capacity: 1) {
      String(cString: $0)
    }
    defer {
      for name in [
        "config.json", "preprocessor_config.json", "model.safetensors.index.json", "a", "b", "info.json",
      ] {
        unlink("\(folder)/\(name)")
      }
      rmdir(folder)
    }
    try body(folder + "/")
  }

  private func write(_ bytes: [UInt8], _ path: String) throws {
    let file = try #require(fopen(path, "w"))
    #expect(fwrite(bytes, 1, bytes.count, file) == bytes.count)
    fclose(file)
  }

  private func info(_ text: String) throws -> ModelInfo {
    let text = Array(text.utf8)
    return try text.withUnsafeBytes { try ModelInfo($0, file: "info") }
  }

  // MARK: Names

  private struct Names: TensorFile {
    var file = "names"
    var format = "test"
    var tensors: [String: TensorFacts]
    var metadata: [String: String] = [:]
    var statistics: [String: [Float]] = [:]

    /// - Parameter names: with the number of values of each.
    init(_ names: [String: Int]) {
      tensors = names.mapValues { TensorFacts(type: .float, shape: [$0], count: $0) }
    }

    func tensor(_ name: String) throws -> StoredTensor {
      guard let facts = tensors[name] else { throw refuse("\(name) is missing") }
      return StoredTensor(statistics[name] ?? [Float](repeating: 1, count: facts.count))
    }
  }

  @Test(
    arguments: [
      (["conv.weight": 9, "fc.weight": 2], ["conv.weight", "fc.weight"], [], []),
      (["module.conv.weight": 9, "module.fc.weight": 2], ["conv.weight", "fc.weight"], ["module."], []),
      (["_orig_mod.module.conv.weight": 9], ["conv.weight"], ["module."], []),
      (["model._orig_mod.a": 9, "model._orig_mod.b": 1], ["a", "b"], ["model."], []),
      (["a._orig_mod.b": 1, "a.b": 1], ["a._orig_mod.b", "a.b"], [], []),
      (["model.a": 90, "criterion.weight": 5], ["a"], ["model."], ["criterion.weight"]),
      (["model.a": 9, "backbone.b": 90], ["backbone.b", "model.a"], [], []),
      (["1.a": 9, "1.b": 9], ["a", "b"], ["1."], []),
      (["0.weight": 9, "1.b": 9], ["0.weight", "1.b"], [], []),
      (["normalizer.mean": 3, "normalizer.std": 3, "net.a": 9], ["a", "mean", "std"], ["net."], []),
      (["0.mu": 3, "0.sigma": 3, "1.a": 9], ["a", "mean", "std"], ["1."], []),
      (["mean": 3, "std": 3, "model.a": 9], ["a", "mean", "std"], ["model."], []),
      (["a.mean": 4, "a.std": 4, "b": 1], ["a.mean", "a.std", "b"], [], []),
      (["bn.running_mean": 3, "bn.std": 3], ["bn.running_mean", "bn.std"], [], []),
      (["model.a": 5, "model.model.a": 5], ["a", "model.a"], ["model."], []),
      (
        [
          "model.a": 5, "attacker.model.a": 5, "attacker.normalize.new_mean": 3,
          "attacker.normalize.new_std": 3,
        ],
        ["a"], ["model."], ["attacker.model.a", "attacker.normalize.new_mean", "attacker.normalize.new_std"]
      ),
      (["attacker.model.a": 5], ["a"], ["attacker.", "model."], []),
      (["model.a": 5, "attacker.model.a": 4], ["a"], ["model."], ["attacker.model.a"]),
      ([:], [], [], []),
    ] as [([String: Int], [String], [String], [String])])
  func names(_ given: [String: Int], _ wanted: [String], _ prefixes: [String], _ leftOut: [String]) throws {
    let clean = CleanTensors(Names(given))
    #expect(clean.tensors.keys.sorted() == wanted && clean.prefixes == prefixes && clean.leftOut == leftOut)
    for name in wanted { #expect(try clean.values(name).count == clean.tensors[name]!.count) }
    #expect(throws: CheckpointError.self) { try clean.tensor("nowhere") }
    #expect(clean.file == "names" && clean.format == "test" && clean.metadata.isEmpty)
  }

  @Test func statisticsOfBytes() throws {
    var names = Names(["norm.mean": 3, "norm.std": 3, "a": 1])
    names.statistics = ["norm.mean": [127.5, 51, 255], "norm.std": [51, 51, 51]]
    let clean = CleanTensors(names)
    #expect(try clean.values("mean") == [0.5, 0.2, 1] && clean.values("std") == [0.2, 0.2, 0.2])
    #expect(clean.normalisation == "norm.mean")
  }

  // MARK: Facts

  @Test func factsOfTheUser() throws {
    let info = try info(
      #"""
      {"name": "robust", "classes": ["cat", "dog"], "mean": [0.5, 0.5, 0.25], "std": [1, 1, 0.5], "side": 64,
       "eps": 0.5, "constraint": "l2", "architecture": "resnet18", "weights": "ema", "stem_stride": 1, "wide": true,
       "depths": [2, 2, 2], "note": null, "other": {"a": 1}, "rate": 0.5}
      """#)
    #expect(info.name == "robust" && info.classes == ["cat", "dog"] && info.mean == [0.5, 0.5, 0.25])
    #expect(info.deviation == [1, 1, 0.5] && info.side == 64 && info.eps == 0.5 && info.constraint == "l2")
    #expect(info.architecture == "resnet18" && info.weights == "ema")
    #expect(info.options == ["stem_stride": "1", "wide": "true", "depths": "2,2,2", "rate": "0.5"])
  }

  @Test func factsOfTransformers() throws {
    let info = try info(
      #"""
      {"architectures": ["ResNetForImageClassification"], "model_type": "resnet", "layer_type": "basic",
       "id2label": {"0": "tench, Tinca tinca", "1": "goldfish"}, "image_mean": [0.5, 0.5, 0.5],
       "image_std": [0.25, 0.25, 0.25], "size": {"shortest_edge": 224}}
      """#)
    #expect(info.classes == ["tench", "goldfish"] && info.side == 224 && info.mean == [0.5, 0.5, 0.5])
    #expect(info.architecture == "ResNetForImageClassification" && info.options["layer_type"] == "basic")
    #expect(try self.info(#"{"do_normalize": false}"#).deviation == [1, 1, 1])
    #expect(try self.info(#"{"size": {"height": 48, "width": 48}}"#).side == 48)
  }

  @Test func factsOfTimm() throws {
    let info = try info(
      #"""
      {"architecture": "resnet50d", "num_classes": 2, "label_names": ["n01", "n02"],
       "pretrained_cfg": {"input_size": [3, 288, 288], "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "crop_pct": 0.95}}
      """#)
    #expect(info.architecture == "resnet50d" && info.side == 288 && info.deviation == [0.5, 0.5, 0.5])
    #expect(info.classes == ["n01", "n02"] && info.options["num_classes"] == "2")
  }

  @Test(arguments: [
    ("", "not JSON"), ("[]", "not a JSON object"), (#"{"classes": "cat"}"#, "'classes' is not a list"),
    (#"{"classes": [1]}"#, "'classes'"), (#"{"classes": []}"#, "'classes'"),
    (#"{"id2label": {"1": "a"}}"#, "'id2label'"),
    (#"{"mean": [1, 2]}"#, "'mean'"), (#"{"mean": [1, 2, 1e300]}"#, "'mean'"),
    (#"{"std": [0, 1, 1]}"#, "not positive"),
    (#"{"side": 0}"#, "'side'"), (#"{"side": "big"}"#, "'side'"), (#"{"eps": -1}"#, "'eps'"),
    (#"{"name": 1}"#, "'name'"),
    (#"{"name": "a", "name": "b"}"#, "stands twice"), (#"{"weights": []}"#, "'weights'"),
  ])
  func factsThatAreWrong(_ text: String, _ wanted: String) throws {
    let error = #expect(throws: CheckpointError.self) { try info(text) }
    #expect(
      error?.file == "info" && error?.problem.contains(wanted) == true, "it says: \(error?.problem ?? "")")
  }

  /// The user is believed first, then the file, then what lies beside it.
  @Test func precedence() throws {
    var (said, beside) = (ModelInfo(), ModelInfo())
    (said.classes, said.eps, said.mean) = (["a", "b"], 3, [0.1, 0.2, 0.3])
    (beside.classes, beside.side, beside.name, beside.architecture) = (["c", "d"], 64, "beside", "resnet50")
    (beside.mean, beside.deviation, beside.options) = (
      [1, 1, 1], [0.5, 0.5, 0.5], ["architecture": "x", "wide": "1"]
    )
    var names = Names(["w": 1])
    names.metadata = ["eps": "1", "name": "own"]
    let file = InformedTensors(names, said: said, beside: beside)
    #expect(
      file.metadata == [
        "classes": #"["a","b"]"#, "eps": "3.0", "name": "own", "size": "64", "variant": "resnet50",
        "wide": "1",
      ])
    #expect(try file.values("mean") == [0.1, 0.2, 0.3] && file.values("std") == [0.5, 0.5, 0.5])
    #expect(
      try file.shape("mean") == [3] && file.values("w") == [1] && file.file == "names"
        && file.format == "test")
    let completed = said.completed(by: beside)
    #expect(
      completed.classes == ["a", "b"] && completed.mean == [0.1, 0.2, 0.3] && completed.deviation == nil)
    #expect(completed.side == 64 && completed.name == "beside")
  }

  @Test func filesBeside() throws {
    try inFolder { folder in
      #expect(try ModelInfo.beside(folder + "model.safetensors") == nil)
      try write(
        Array(#"{"image_mean": [0.5, 0.5, 0.5], "size": 96}"#.utf8), folder + "preprocessor_config.json")
      try write(Array(#"{"model_type": "resnet", "image_size": 224}"#.utf8), folder + "config.json")
      let info = try #require(try ModelInfo.beside(folder + "model.safetensors"))
      #expect(info.side == 96 && info.mean == [0.5, 0.5, 0.5] && info.options["model_type"] == "resnet")
      try write(Array(#"{"size": 7, "port": 80}"#.utf8), folder + "config.json")
      #expect(try ModelInfo.beside(folder + "model.safetensors")?.options["port"] == nil)
      try write(Array("oops".utf8), folder + "config.json")
      let error = #expect(throws: CheckpointError.self) { try ModelInfo.beside(folder + "model.safetensors") }
      #expect(error?.file == folder + "config.json")
      #expect(throws: CheckpointError.self) { try ModelInfo(contentsOf: folder + "nowhere.json") }
    }
  }

  // MARK: Several files

  private func shard(_ name: String, _ values: [Float]) throws -> [UInt8] {
    try SafeTensorsWriter.bytes(
      [NamedTensor(name: name, shape: [values.count], values: values)], metadata: ["format": name])
  }

  @Test func shards() throws {
    try inFolder { folder in
      try write(try shard("x", [1, 2]), folder + "a")
      try write(try shard("y", [3]), folder + "b")
      let index = folder + "model.safetensors.index.json"
      try write(Array(#"{"metadata": {"total_size": 12}, "weight_map": {"x": "a", "y": "b"}}"#.utf8), index)
      let file = try CheckpointFile.withBytes(of: index) { try TensorFiles.open($0, file: index) }
      #expect(file.tensors.count == 2 && file.format == "safetensors" && file.metadata["format"] == "x")
      #expect(try file.values("x") == [1, 2] && file.values("y") == [3])
      #expect(throws: CheckpointError.self) { try file.values("z") }
      for (text, wanted) in [
        (#"{"weight_map": {"x": "../a"}}"#, "not in the folder"),
        (#"{"weight_map": {"x": "/etc/passwd"}}"#, "not in the folder"),
        (#"{"weight_map": {"x": ".."}}"#, "not in the folder"),
        (#"{"weight_map": {"x": ""}}"#, "not in the folder"),
        (#"{"weight_map": {"x": 1}}"#, "has no file"), (#"{"weight_map": {"x": "b"}}"#, "'x' is not in 'b'"),
        (#"{"weights": {}}"#, "no weight_map"), (#"{"weight_map": "#, "not JSON"),
        (#"{"weight_map": {"x": "c"}}"#, "No such file"),
      ] {
        try write(Array(text.utf8), index)
        let error = #expect(throws: CheckpointError.self) {
          try CheckpointFile.withBytes(of: index) { try TensorFiles.open($0, file: index) }
        }
        #expect(error?.problem.contains(wanted) == true, "it says: \(error?.problem ?? "")")
      }
    }
  }

  // MARK: Other files

  @Test(arguments: [
    ("version https://git-lfs.github.com/spec/v1", "git lfs pull"), ("<!DOCTYPE html>", "page of the web"),
    ("\u{1F}x", "unpack it"), ("", "only 0 bytes"),
  ])
  func filesThatAreNoCheckpoints(_ text: String, _ wanted: String) throws {
    let bytes = Array(text.utf8)
    let error = #expect(throws: CheckpointError.self) {
      try bytes.withUnsafeBytes { try TensorFiles.open($0, file: "file") }
    }
    #expect(error?.problem.contains(wanted) == true, "it says: \(error?.problem ?? "")")
    let hdf: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A, 0]
    #expect(throws: CheckpointError.self) {
      try hdf.withUnsafeBytes { try TensorFiles.open($0, file: "file") }
    }
    let tar = [UInt8](repeating: 0, count: 257) + Array("ustar\0".utf8)
    let refusal = #expect(throws: CheckpointError.self) {
      try tar.withUnsafeBytes { try TensorFiles.open($0, file: "file") }
    }
    #expect(refusal?.problem.contains("tar archive") == true)
  }
}
