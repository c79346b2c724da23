import Datasets
import Imaging
import RobustRuntime

/// `rtool convert FILE -o model.safetensors`: a file of rtool's own with the network of another, whatever its format, and
/// with what that does not say: classes, normalisation, size, radius, figures, class seeds.
enum ConvertCommand {
  private static let file = Option<String>.argument("file", value: "MODEL", "the model, by file or name")
  private static let output = Option<String?>.text(
    "output", letter: "o", value: "FILE", flags: .required, "the file to write, .safetensors")
  private static let halves = Option<Bool>.flag(
    "half", "store weights in 16 bits, which takes half the room; else those alone that are so in MODEL")
  private static let name = Option<String?>.text("name", value: "NAME", "what the model calls itself")
  private static let classes = Option<String?>.text(
    "classes", value: "FILE|NAME,NAME,...",
    "the names of the classes in their order: a list with commas, or a file of one name a line")
  private static let mean = Option<String?>.text(
    "mean", value: "R,G,B", "of the pixels of its training photos, for values in 0...1")
  private static let deviation = Option<String?>.text("std", value: "R,G,B", "their standard deviation")
  private static let side = Option<Int?>.int(
    "side", limits: 1...100_000, "side in pixels of the square images it was trained on")
  private static let eps = Option<Double?>.real(
    "eps", limits: 0...1e6,
    "radius of the perturbations it was trained to resist, for values in 0...1; 0: none")
  private static let norm = Option<Norm>.choice("norm", "how these are measured; auto leaves what is known")
  private static let clean = Option<Double?>.real(
    "clean-accuracy", limits: 0...1, "share of held-out photos that it classifies rightly")
  private static let robust = Option<Double?>.real(
    "robust-accuracy", limits: 0...1, "the same under attack with the radius --eps")
  private static let seeds = Option<[String]>.texts(
    "seeds", value: "DATA",
    "photos to make class seeds of, which ascents start from: folders of class folders, archives of CLASS/NAME, or "
      + "lists; may be repeated")
  private static let seedRank = Option<Int>.int(
    "seed-rank", initial: 32, limits: 1...256, "rank of the seed distributions")
  private static let seedMixtures = Option<Int>.int(
    "seed-mixtures", initial: 1, limits: 1...16, "the most Gaussians of a class's seeds")

  private enum Norm: String, CaseIterable { case auto, l2, linf }

  static let parameters: [CommandParameter] = {
    let run: [any DeclaredOption] = [file, output, halves, ListCommands.modelInfo]
    let facts: [any DeclaredOption] = [name, classes, mean, deviation, side, eps, norm, clean, robust]
    let seeding: [any DeclaredOption] = [seeds, seedRank, seedMixtures, TrainOption.cache]
    return run.grouped("Run") + facts.grouped("What the file does not say")
      + seeding.grouped("Class seeds") + ListCommands.parameters
  }()

  static func run(_ values: OptionValues) throws {
    _ = configureRuntime(threads: 0)
    guard let path = values[output] else {
      throw Failure.usage("--output FILE is needed: the model to write")
    }
    guard path == "-" || path.hasSuffix(".safetensors") else {
      throw Failure.usage("--output \(path) does not end in .safetensors, which is what is written")
    }
    let source = try ModelSearch.find(values[file], info: values[ListCommands.modelInfo])
    guard case .file(let model, let info) = source else {
      throw Failure.failed("the model inside the program is rtool's own already")
    }
    let said = try self.said(values).completed(by: info)
    var (tensors, metadata) = try Classifier.contents(ofFile: model, said: said, halves: values[halves])
    if let share = values[clean] { metadata["clean_accuracy"] = numberText(share) }
    if let share = values[robust] {
      metadata["robust_accuracy"] = numberText(share)
      metadata["evaluated_eps"] = metadata["eps"]
    }
    let classifier = try Classifier(contentsOf: model, said: said)
    if !values[seeds].isEmpty {
      tensors.removeAll { $0.name.hasPrefix("seeds.") }
      tensors += try estimatedSeeds(values, classifier.facts)
    }
    let bytes = try SafeTensorsWriter.bytes(tensors, metadata: metadata)
    try check(bytes, against: classifier, isRounded: values[halves])
    try (path == "-" ? Output.standardOutput : .file(path)).write(bytes)
    if values[ListCommands.json] {
      struct Report: Encodable {
        let model, output: String
        let bytes, tensors: Int
      }
      let report = Report(model: model, output: path, bytes: bytes.count, tensors: tensors.count)
      if path != "-" { try Terminal.print(encodedJSON(report) + "\n") }
    }
  }

  /// What the options say of the model.
  private static func said(_ values: OptionValues) throws -> ModelInfo {
    var info = ModelInfo()
    (info.name, info.side, info.eps) = (values[name], values[side], values[eps])
    if values[norm] != .auto { info.constraint = values[norm].rawValue }
    info.classes = try values[classes].map(classNames)
    guard (values[mean] == nil) == (values[deviation] == nil) else {
      throw Failure.usage("--mean and --std are told together")
    }
    info.mean = try values[mean].map { try threeNumbers($0, "--mean") }
    info.deviation = try values[deviation].map { try threeNumbers($0, "--std") }
    if let deviation = info.deviation, !deviation.allSatisfy({ $0 > 1e-6 }) {
      throw Failure.usage("--std has to be above 0")
    }
    return info
  }

  /// Names in a list with commas, or a file of one a line.
  private static func classNames(_ text: String) throws -> [String] {
    let names: [Substring]
    if text.contains(",") || !fileExists(text) {
      names = text.split(separator: ",", omittingEmptySubsequences: false)
    } else {
      let content = try CheckpointFile.withBytes(of: text) { String(decoding: $0, as: UTF8.self) }
      names = content.split(whereSeparator: \.isNewline)
    }
    let trimmed = names.map { $0.split(whereSeparator: \.isWhitespace).joined(separator: " ") }
    guard trimmed.allSatisfy({ !$0.isEmpty }), Set(trimmed).count == trimmed.count else {
      throw Failure.usage("--classes \(quoted(text)) has an empty name, or one twice")
    }
    return trimmed
  }

  private static func threeNumbers(_ text: String, _ option: String) throws -> [Float] {
    let numbers = text.split(whereSeparator: { $0 == "," || $0.isWhitespace }).compactMap { Float($0) }
    guard numbers.count == 3, numbers.allSatisfy(\.isFinite) else {
      throw Failure.usage("\(option) needs three numbers, as in 0.485,0.456,0.406, not \(quoted(text))")
    }
    return numbers
  }

  /// The tensors of class seeds, at a quarter of the model's side. Classes without photos get those of all photos.
  private static func estimatedSeeds(_ values: OptionValues, _ facts: ModelFacts) throws -> [NamedTensor] {
    try SeedEstimation.requireLibrary()
    let settings = PhotoSet.Options(
      largestSize: facts.side, cacheFolder: values[TrainOption.cache], minimumClasses: 1)
    let photos = try PhotoReading.open(values[seeds], settings, isQuiet: false)
    let known = photos.restricted(toClasses: facts.classes)
    guard !known.indices.isEmpty else {
      throw Failure.failed(
        "none of the classes of \(values[seeds].joined(separator: ", ")) is one of the model's; "
          + "see `rtool classes`, and --classes")
    }
    let labels = Dictionary(uniqueKeysWithValues: zip(known.indices, known.labels))
    let part = PhotoPart(photos, known.indices) { labels[$0]! }
    let estimation = SeedEstimation(
      side: max(facts.side / 4, 1), rank: values[seedRank], mostComponents: values[seedMixtures])
    let present = Set(part.labels)
    var all: SeedMixture?
    let mixtures = try facts.classes.indices.map { label in
      if present.contains(label) { return try estimation.mixture(ofClass: label, in: part) { $0 == label } }
      let mixture = try all ?? estimation.mixture(ofClass: facts.classes.count, in: part) { _ in true }
      all = mixture
      return mixture
    }
    let missing = facts.classes.count - present.count
    if missing > 0 {
      Terminal.warn(
        "\(missing) of \(facts.classes.count) classes have no photos: their seeds are those of all")
    }
    return estimation.tensors(mixtures)
  }

  /// Makes sure that what is written gives the logits that the file gives.
  /// - Throws: `Failure`
  private static func check(_ bytes: [UInt8], against classifier: Classifier, isRounded: Bool) throws {
    let converted = try bytes.withUnsafeBytes { try Classifier(bytes: $0, name: "the converted model") }
    let (height, width) =
      classifier.facts.fixedSize.map { ($0.height, $0.width) }
      ?? (classifier.facts.side, classifier.facts.side)
    let pixels = (0..<3 * height * width).map { Float($0 &* 2_654_435_761 >> 8 & 0xFFFF) / 65535 }
    let image = ImageBatch(count: 1, height: height, width: width, pixels: pixels)
    let (wanted, own) = (try classifier.logits(image), try converted.logits(image))
    let scale = wanted.reduce(1e-6) { max($0, abs($1)) }
    let error = zip(own, wanted).reduce(0) { max($0, abs($1.0 - $1.1)) } / scale
    guard own.count == wanted.count, error < (isRounded ? 0.1 : 1e-4) else {
      throw Failure.failed(
        "the converted model gives other logits than \(classifier.facts.name); nothing was written")
    }
  }
}
