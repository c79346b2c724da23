import Glibc

/// What is said of a model outside of its weights: in a file of the user's, or in those that transformers and
/// timm keep beside a checkpoint.
package struct ModelInfo: Sendable, Equatable {
  package var name: String?
  /// The name of the architecture as its library gives it: "resnet50d", "ResNetForImageClassification".
  package var architecture: String?
  package var classes: [String]?
  /// Mean and deviation of the pixels' channels, for values in 0...1.
  package var mean, deviation: [Float]?
  /// Side in pixels of the images it was trained on.
  package var side: Int?
  /// "l2" or "linf"
  package var constraint: String?
  /// The radius for values in 0...1 at `side`.
  package var eps: Double?
  /// Where in a file of PyTorch the weights are.
  package var weights: String?
  /// Further numbers, texts and truths, which an architecture may ask for: "stem_stride", "layer_type".
  package var options: [String: String] = [:]

  package init() {}

  /// The longest file that is read.
  static let longest = 16 << 20

  /// Reads a file of the user's: an object with any of name, architecture, classes, mean, std, side, eps,
  /// constraint, weights; what else it says becomes an option. What transformers and timm write is understood
  /// as well.
  /// - Throws: `CheckpointError`
  package init(contentsOf path: String) throws {
    self = try CheckpointFile.withBytes(of: path) { try ModelInfo($0, file: path) }
  }

  /// - Throws: `CheckpointError`
  package init(_ bytes: UnsafeRawBufferPointer, file: String) throws {
    func refuse(_ problem: String) -> CheckpointError { CheckpointError(file: file, problem: problem) }
    guard bytes.count <= Self.longest else {
      throw refuse("has \(bytes.count) bytes, too many for facts of a model")
    }
    let value: JSONValue
    do {
      value = try JSONValue(bytes)
    } catch let error as JSONValue.SyntaxError {
      throw refuse("is not JSON: \(error.problem) at byte \(error.offset)")
    }
    guard let members = value.object else { throw refuse("is not a JSON object") }
    for member in members {
      // timm keeps part of what it says in an object of its own.
      if member.name == "pretrained_cfg", let inner = member.value.object {
        for member in inner { try read(member, refuse) }
      } else {
        try read(member, refuse)
      }
    }
    try check(refuse)
  }

  private mutating func read(_ member: JSONValue.Member, _ refuse: (String) -> CheckpointError) throws {
    let value = member.value
    if value == .null { return }
    func wrong(_ wanted: String) -> CheckpointError { refuse("\(member.name.quoted) is not \(wanted)") }
    switch member.name {
    case "name", "architecture", "constraint", "weights":
      guard let text = value.string else { throw wrong("a text") }
      switch member.name {
      case "name": name = text
      case "architecture": architecture = text
      case "constraint": constraint = text
      default: weights = text
      }
    case "architectures":
      if let text = value.array?.first?.string, architecture == nil { architecture = text }
    case "classes", "label_names":
      guard let names = ModelInfo.names(value) else { throw wrong("a list of names") }
      if member.name == "classes" || classes == nil { classes = names }
    case "id2label":
      guard let names = ModelInfo.names(value) else { throw wrong("names under the numbers from 0 on") }
      // Synonyms follow the name.
      if classes == nil {
        classes = names.map { String($0.split(separator: ",").first ?? Substring($0)) }
      }
    case "mean", "image_mean", "std", "image_std":
      guard let numbers = ModelInfo.threeNumbers(value) else { throw wrong("three numbers") }
      if member.name.hasSuffix("mean") { mean = numbers } else { deviation = numbers }
    case "do_normalize":
      if value == .bool(false) { (mean, deviation) = ([0, 0, 0], [1, 1, 1]) }
    case "side", "image_size", "input_size", "crop_size":
      guard let number = ModelInfo.side(value) else { throw wrong("the side of a square") }
      side = number
    case "size":
      if side == nil { side = ModelInfo.side(value) }
    case "eps":
      guard case .number(let number) = value, number >= 0, number <= 1e6 else {
        throw wrong("a number of at least 0")
      }
      eps = number
    default:
      options[member.name] = ModelInfo.plain(value)
    }
  }

  private func check(_ refuse: (String) -> CheckpointError) throws {
    if let deviation, !deviation.allSatisfy({ $0 > 1e-6 }) { throw refuse("'std' is not positive") }
  }

  /// A list of texts, or an object with the keys "0", "1", ...
  private static func names(_ value: JSONValue) -> [String]? {
    if let array = value.array {
      let names = array.compactMap(\.string)
      return names.count == array.count && !names.isEmpty ? names : nil
    }
    guard let members = value.object, !members.isEmpty else { return nil }
    var names = [String?](repeating: nil, count: members.count)
    for member in members {
      guard let index = Int(member.name), names.indices.contains(index), let name = member.value.string
      else { return nil }
      names[index] = name
    }
    let all = names.compactMap { $0 }
    return all.count == names.count ? all : nil
  }

  private static func threeNumbers(_ value: JSONValue) -> [Float]? {
    guard let array = value.array, array.count == 3 else { return nil }
    var numbers: [Float] = []
    for case .number(let number) in array where Float(number).isFinite { numbers.append(Float(number)) }
    return numbers.count == 3 ? numbers : nil
  }

  /// A number, [3, side, side], or {"height": side, "width": side}, {"shortest_edge": side}.
  private static func side(_ value: JSONValue) -> Int? {
    var number = value.natural
    if let array = value.array { number = array.last?.natural }
    if let members = value.object {
      number = members.first { ["height", "shortest_edge"].contains($0.name) }?.value.natural
    }
    return number.flatMap { (1...100_000).contains($0) ? $0 : nil }
  }

  private static func plain(_ value: JSONValue) -> String? {
    switch value {
    case .string(let text): text
    case .bool(let value): "\(value)"
    case .number(let number): value.natural.map(String.init) ?? "\(number)"
    case .array(let values):
      values.count <= 64 ? values.compactMap(plain).joined(separator: ",") : nil
    default: nil
    }
  }

  /// What is known here, and the rest from another.
  package func completed(by other: ModelInfo) -> ModelInfo {
    var info = self
    info.name = name ?? other.name
    info.architecture = architecture ?? other.architecture
    info.classes = classes ?? other.classes
    if mean == nil && deviation == nil { (info.mean, info.deviation) = (other.mean, other.deviation) }
    info.side = side ?? other.side
    info.constraint = constraint ?? other.constraint
    info.eps = eps ?? other.eps
    info.weights = weights ?? other.weights
    info.options = options.merging(other.options) { own, _ in own }
    return info
  }

  /// What `config.json` and `preprocessor_config.json` in the folder of a checkpoint say; nil: they are not
  /// there, or are of something else than a model.
  /// - Throws: `CheckpointError` if one of them cannot be understood.
  package static func beside(_ checkpoint: String) throws -> ModelInfo? {
    let folder = checkpoint.lastIndex(of: "/").map { String(checkpoint[...$0]) } ?? ""
    var info: ModelInfo?
    // The preprocessor knows the pixels best.
    for name in ["preprocessor_config.json", "config.json"] {
      let path = folder + name
      guard access(path, R_OK) == 0 else { continue }
      let other = try ModelInfo(contentsOf: path)
      guard other.isOfModel else { continue }
      info = info?.completed(by: other) ?? other
    }
    return info
  }

  /// Whether it says what only files of transformers and timm say, or our own.
  private var isOfModel: Bool {
    architecture != nil || mean != nil || classes != nil
      || ["model_type", "num_classes", "num_labels", "image_processor_type"].contains { options[$0] != nil }
  }
}
