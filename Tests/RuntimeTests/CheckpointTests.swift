import Glibc
import RobustRuntime
import Testing

@Suite struct CheckpointTests {
  static let small = HashedResNet(blocks: [1, 1], widths: [4, 8], stem: 3, stemStride: 1, classes: 3).bytes

  private func load(_ bytes: [UInt8]) throws -> Classifier {
    try bytes.withUnsafeBytes { try Classifier(bytes: $0, name: "small") }
  }

  /// The error that the bytes are refused with; nil: they are not.
  private func problem(_ bytes: [UInt8]) throws -> String? {
    do {
      _ = try load(bytes)
      return nil
    } catch let error as CheckpointError {
      #expect(error.file == "small" && !error.problem.isEmpty)
      #expect(!error.description.contains("\n"))
      return error.problem
    }
  }

  @Test func factsOfTheDefaultModel() throws {
    let facts = try Classifier.facts(ofFile: packageFolder + "/Models/photos.safetensors")
    #expect(facts == photos.facts)
    #expect(facts.name == "photos" && facts.classes.count == 45 && facts.classes[20] == "flower")
    #expect(facts.architecture == "ResNet, basic blocks 2-2-2-2, widths 32-64-128-256")
    #expect((facts.side, facts.smallest, facts.constraint, facts.eps) == (128, 16, "l2", 2))
    #expect((facts.cleanAccuracy, facts.robustAccuracy, facts.evaluatedEps) == (0.69, 0.5213, 2))
    #expect(facts.hasSeeds && facts.parameterCount > 2_700_000 && facts.parameterCount < 2_900_000)
    #expect(
      facts.layers.map(\.name) == [
        "stem", "layer1.0", "layer1.1", "layer2.0", "layer2.1", "layer3.0", "layer3.1", "layer4.0",
        "layer4.1",
        "representation",
      ])
    #expect(facts.layers.map(\.reduction) == [2, 2, 2, 4, 4, 8, 8, 16, 16, 0])
  }

  @Test func factsAreInferred() throws {
    let facts = try HashedResNet(blocks: [1, 2], widths: [8, 16], bottleneck: true).classifier().facts
    #expect(facts.architecture == "ResNet, bottleneck blocks 1-2, widths 8-16")
    #expect(facts.layers.map(\.reduction) == [4, 4, 8, 8, 0])
    #expect(facts.layers.map(\.channels) == [64, 32, 64, 64, 64])
    #expect(facts.classes == (0..<10).map { "class \($0)" })
    #expect(facts.eps == 0 && facts.robustAccuracy == nil && !facts.hasSeeds)
  }

  /// Sizes of features follow the reduction, at odd sizes too.
  @Test func layersHaveTheirSize() throws {
    for layer in photos.facts.layers {
      let map = try photos.features(image("image", 1, 37, 50), layer: layer.name)
      #expect(map.channels == layer.channels)
      let expected = layer.reduction == 0 ? (1, 1) : ((36 / layer.reduction) + 1, (49 / layer.reduction) + 1)
      #expect((map.height, map.width) == expected)
    }
  }

  /// F16, BF16, F32 and F64 hold the same numbers.
  @Test func elementTypes() throws {
    let numbers: [Double] = [0, 1, -2, 0.5, -0.15625, 65504, 0x1p-14, 0x1p-24, 3 * 0x1p-24, -0.0]
    func bytes<T>(_ values: [T]) -> [UInt8] { values.withUnsafeBytes { [UInt8]($0) } }
    func half(_ value: Double) -> UInt16 {
      let sign: UInt16 = value.sign == .minus ? 0x8000 : 0
      let magnitude = abs(value)
      if magnitude < 0x1p-14 { return sign | UInt16(magnitude * 0x1p24) }
      let exponent = Int(magnitude.exponent)
      return sign | UInt16(exponent + 15) << 10 | UInt16((magnitude / scalbn(1, Int32(exponent)) - 1) * 1024)
    }
    for (type, data) in [
      ("F16", bytes(numbers.map(half))), ("F32", bytes(numbers.map(Float.init))), ("F64", bytes(numbers)),
    ] {
      let header = #"{"x":{"dtype":"\#(type)","shape":[2,5],"data_offsets":[0,\#(data.count)]}}"#
      let file = safeTensors(header: header, data: data)
      let values = try file.withUnsafeBytes { try SafeTensors($0, file: "x").values("x") }
      #expect(values.map(Double.init) == numbers, "as \(type)")
    }
    let brain: [UInt16] = [0x3F80, 0xC000, 0x0000]
    let file = safeTensors(
      header: #"{"x":{"dtype":"BF16","shape":[3],"data_offsets":[0,6]}}"#, data: bytes(brain))
    #expect(try file.withUnsafeBytes { try SafeTensors($0, file: "x").values("x") } == [1, -2, 0])
  }

  /// Squeeze and excitation, ECA, biases: all under the names of a plain network, which computes something else.
  @Test(arguments: [
    ["layer1.0.se.fc1.weight", "layer1.0.se.fc2.weight", "layer2.0.se.fc1.weight"],
    ["layer1.0.eca.conv.weight"],
    ["conv1.bias"], ["layer1.1.conv1.weight.scale"],
  ])
  func tensorsThatAPlainNetworkDoesNotUse(_ names: [String]) throws {
    var network = HashedResNet(blocks: [1, 1], widths: [4, 8], stem: 3, stemStride: 1, classes: 3)
    network.others = names
    let problem = try #require(try problem(network.bytes))
    #expect(
      problem.contains("'\(names[0])'") && problem.contains("such a network does not use"), "\(problem)")
    #expect(names.count == 1 || problem.contains("and 2 more tensors"))
  }

  @Test func countersAreNoOtherArchitecture() throws {
    var network = HashedResNet(blocks: [1, 1], widths: [4, 8], stem: 3, stemStride: 1, classes: 3)
    network.others = ["bn1.num_batches_tracked"]
    #expect(try problem(network.bytes) == nil)
  }

  @Test(arguments: [
    ("", "only 0 bytes"), ("1234567", "only 7 bytes"),
    ("\u{1}\0\0\0\0\0\0\u{40}{", "a header of"), ("\u{5}\0\0\0\0\0\0\0{}", "cut short"),
    ("\0\0\0\0\0\0\0\0", "does not begin with '{'"), ("\u{2}\0\0\0\0\0\0\0[]", "does not begin with '{'"),
    ("\u{2}\0\0\0\0\0\0\0{]", "not JSON"),
  ])
  func filesThatAreNotSafeTensors(_ text: String, _ expected: String) throws {
    let problem = try #require(try problem([UInt8](text.utf8)))
    #expect(problem.contains(expected), "it says: \(problem)")
  }

  /// Headers with four bytes of data.
  @Test(arguments: [
    (#"{"a":1}"#, "not described by an object"),
    (#"{"a":{"shape":[1],"data_offsets":[0,4]}}"#, "no dtype"),
    (#"{"a":{"dtype":"F33","shape":[1],"data_offsets":[0,4]}}"#, "unknown dtype"),
    (#"{"a":{"dtype":"F32","data_offsets":[0,4]}}"#, "no shape"),
    (#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, "not of whole numbers"),
    (#"{"a":{"dtype":"F32","shape":[0.5],"data_offsets":[0,4]}}"#, "not of whole numbers"),
    (#"{"a":{"dtype":"F32","shape":[1e300],"data_offsets":[0,4]}}"#, "not of whole numbers"),
    (#"{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}"#, "too large"),
    (#"{"a":{"dtype":"F32","shape":[0,4294967296,4294967296],"data_offsets":[0,0]}}"#, "too large"),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, "its shape takes 8"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}"#, "cut short"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#, "no proper data_offsets"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}"#, "no proper data_offsets"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}"#, "no proper data_offsets"),
    (
      #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[3],"data_offsets":[1,4]}}"#,
      "overlaps"
    ),
    (
      #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[1],"data_offsets":[3,4]}}"#,
      "hole"
    ),
    (#"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}"#, "2 bytes belong to no tensor"),
    (
      #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
      "stands twice"
    ),
    (#"{"__metadata__":{"a":1}}"#, "is not a string"), (#"{"__metadata__":[]}"#, "is not an object"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} x"#, "not JSON"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, "not a network that is known"),
    (#"{"conv1.weight":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, "has the shape"),
    (
      #"{"conv1.weight":{"dtype":"U8","shape":[1,3,0,0],"data_offsets":[0,0]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
      "has the shape"
    ),
    (String(repeating: #"{"a":"#, count: 100_000), "nested too deeply"),
  ])
  func headersThatAreWrong(_ header: String, _ expected: String) throws {
    let problem = try #require(try problem(safeTensors(header: header, data: [0, 0, 0, 0])))
    #expect(problem.contains(expected), "it says: \(problem)")
  }

  @Test(arguments: [
    ("eps", "wide"), ("size", "-1"), ("stem_stride", "0"), ("clean_accuracy", "83"), ("classes", "[]"),
    ("classes", "oops"), ("architecture", "vgg"),
  ])
  func metadataThatAreWrong(_ key: String, _ value: String) throws {
    var header = String(decoding: CheckpointTests.small[8..<8 + headerLength], as: UTF8.self)
    header.replaceSubrange(
      header.startIndex..<header.index(after: header.firstIndex(of: "}")!),
      with: #"{"__metadata__":{"\#(key)":"\#(value)"}"#)
    let problem = try #require(
      try problem(
        safeTensors(header: header, data: Array(CheckpointTests.small[(8 + headerLength)...]))))
    #expect(problem.contains(key.split(separator: "_")[0]), "it says: \(problem)")
  }

  private var headerLength: Int {
    CheckpointTests.small.withUnsafeBytes { Int($0.loadUnaligned(as: UInt64.self)) }
  }

  @Test func weightsMustBeFinite() throws {
    for bits in [Float.nan, .infinity, -.infinity].map(\.bitPattern) {
      var bytes = CheckpointTests.small
      withUnsafeBytes(of: bits) { bytes.replaceSubrange(bytes.count - 4..<bytes.count, with: $0) }
      #expect(try problem(bytes) == "'std' holds NaN or infinite values")
    }
  }

  @Test func cutFilesAreRefused() throws {
    #expect(try problem(CheckpointTests.small) == nil)
    for length in stride(from: 0, to: CheckpointTests.small.count, by: 7) {
      #expect(try problem(Array(CheckpointTests.small.prefix(length))) != nil)
    }
    #expect(try problem(CheckpointTests.small + [0]) != nil)
  }

  /// Whatever a header says, the file is loaded or refused.
  @Test func spoiltHeadersDoNoHarm() throws {
    let random = words("spoil", count: 12_000)
    for round in 0..<3000 {
      var bytes = CheckpointTests.small
      for change in 0...round % 3 {
        let word = random[4 * round + change]
        bytes[Int(word >> 8) % (8 + headerLength)] = UInt8(truncatingIfNeeded: word)
      }
      _ = try problem(bytes)
    }
  }

  @Test func filesThatCannotBeRead() {
    for path in ["/nowhere/at.all", "/tmp", "/dev/null"] {
      let error = #expect(throws: CheckpointError.self) { try Classifier(contentsOf: path) }
      #expect(error?.file == path)
    }
    #expect(throws: CheckpointError.self) { try Classifier.facts(ofFile: #filePath) }
  }
}
