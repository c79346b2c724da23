import Foundation
import Testing

/// `rtool convert`, `rtool models FILE` and --model-info, on small files that PyTorch wrote.
@Suite struct ConvertTests {
  let sandbox: Sandbox

  init() throws {
    sandbox = try Sandbox()
    try sandbox.photo("in.png", width: 64, height: 64)
  }

  private func golden(_ name: String) -> String { "\(Program.root)/Tests/RuntimeTests/Golden/\(name)" }
  private var graph: String { golden("onnx/resnet18-dynamo18-whole.onnx") }
  private var transformer: String { golden("onnx/vit-dynamo18-batch.onnx") }

  private func details(_ arguments: String...) throws -> [String: Any] {
    let outcome = try sandbox.run(Program.path, ["models", "--json"] + arguments)
    #expect(outcome.status == 0)
    let rows = try JSONSerialization.jsonObject(with: outcome.output) as? [[String: Any]]
    return rows?.first ?? [:]
  }

  /// What `classify` says of in.png.
  private func classified(_ model: String, _ more: String...) throws -> String {
    let outcome = try sandbox.run(Program.path, ["classify", "in.png", "--json", "-M", model] + more)
    #expect(outcome.status == 0)
    return outcome.text
  }

  @Test func whatWasUnderstoodIsTold() throws {
    let text = try sandbox.rtool("models", graph).text
    for words in ["ONNX, opset 18", "assumed to be those of CIFAR-10", "normalisation, assumed", "layer4.0"] {
      #expect(text.contains(words), "\(words)")
    }
    let row = try details(graph)
    let details = row["details"] as? [String: Any]
    #expect(details?["normalization"] as? String == "assumed")
    #expect(row["classes"] as? Int == 10)
    #expect(try sandbox.rtool("models", "photos").text.contains("class seeds: yes"))
    // Of several one is bad.
    let bad = try sandbox.rtool("models", "./gone.onnx")
    #expect(bad.status == 1)
    expectOneLine(bad.errors, contains: "gone.onnx")
  }

  @Test func aFileThatIsNoNetworkIsRefusedWithWhatItHolds() throws {
    let outcome = try sandbox.rtool("models", golden("Checkpoints/2.15/views.pt"))
    #expect(outcome.status == 1)
    expectOneLine(outcome.errors, contains: "views.pt", "not a network that is known", "ResNet", "tensors")
  }

  @Test func aGraphIsConvertedToAFileOfOurOwn() throws {
    for model in [graph, transformer] {
      let converted = try sandbox.rtool("convert", model, "-o", "own.safetensors", "--json")
      #expect(converted.status == 0, "\(converted.errors)")
      #expect(converted.text.contains("own.safetensors"))
      #expect(
        try probabilities(classified(sandbox.path("own.safetensors"))) == probabilities(classified(model)))
      try FileManager.default.removeItem(atPath: sandbox.path("own.safetensors"))
    }
  }

  private func probabilities(_ json: String) throws -> [Double] {
    var found: [Double] = []
    func walk(_ value: Any) {
      if let number = value as? Double, number != number.rounded() { found.append((number * 1e5).rounded()) }
      for inner in (value as? [Any]) ?? [] { walk(inner) }
      let members = (value as? [String: Any]) ?? [:]
      for (_, inner) in members.sorted(by: { $0.key < $1.key }) { walk(inner) }
    }
    walk(try JSONSerialization.jsonObject(with: Data(json.utf8)))
    #expect(!found.isEmpty)
    return found
  }

  @Test func whatTheFileDoesNotSayIsAdded() throws {
    let names = (0..<10).map { "kind \($0)" }
    try sandbox.write("names.txt", Array(names.joined(separator: "\n").utf8))
    let converted = try sandbox.rtool(
      "convert", graph, "-o", "own.safetensors", "--classes", "names.txt", "--mean", "0.5,0.4,0.3", "--std",
      "0.2,0.2,0.1", "--side", "48", "--eps", "0.5", "--norm", "l2", "--name", "mine", "--clean-accuracy",
      "0.75", "--robust-accuracy", "0.5", "--half")
    #expect(converted.status == 0, "\(converted.errors)")
    #expect(converted.output.isEmpty)
    let row = try details("./own.safetensors")
    #expect(row["name"] as? String == "mine")
    #expect(row["side"] as? Int == 48)
    #expect(row["eps"] as? Double == 0.5)
    #expect(row["constraint"] as? String == "l2")
    #expect(row["robustAccuracy"] as? Double == 0.5)
    let details = row["details"] as? [String: Any]
    #expect(details?["firstClasses"] as? [String] == Array(names.prefix(5)))
    #expect(details?["normalization"] as? String == "file")
    let size = try sandbox.bytes("own.safetensors").count
    #expect(try sandbox.rtool("convert", graph, "-o", "floats.safetensors").status == 0)
    #expect(try sandbox.bytes("floats.safetensors").count > size * 3 / 2)
  }

  @Test func seedsAreMadeOfAFolderOfPhotos() throws {
    for (k, name) in ["cat", "dog"].enumerated() {
      try FileManager.default.createDirectory(
        atPath: sandbox.path("data/\(name)"), withIntermediateDirectories: true)
      for index in 0..<6 {
        try sandbox.picture("data/\(name)/\(index).png", width: 32, height: 32) { x, y, c in
          c == k ? 0.9 : Float((x * 3 + y * 5 + index * 7) % 11) / 20
        }
      }
    }
    let environment = ["XDG_CACHE_HOME": sandbox.path("cache")]
    let converted = try sandbox.run(
      Program.path, ["convert", graph, "-o", "own.safetensors", "--seeds", "data", "--seed-rank", "4"],
      environment: environment)
    #expect(converted.status == 0, "\(converted.errors)")
    expectOneLine(converted.errors, contains: "8 of 10 classes have no photos")
    let generated = try sandbox.rtool(
      "generate", "-M", "./own.safetensors", "--class", "cat", "--steps", "0", "-o", "cat.png")
    #expect(generated.status == 0, "\(generated.errors)")
    let image = try sandbox.open("cat.png")
    let area = image.width * image.height
    func mean(_ channel: Int) -> Float {
      (0..<area).reduce(0) { $0 + image.pixels[$1 * 3 + channel] } / Float(area)
    }
    #expect(mean(0) > mean(1) + 0.2)
    let strangers = try sandbox.run(
      Program.path,
      ["convert", graph, "-o", "other.safetensors", "--seeds", "data", "--classes", "a,b,c,d,e,f,g,h,i,j"],
      environment: environment)
    #expect(strangers.status == 1)
    expectOneLine(strangers.errors, contains: "none of the classes")
    #expect(!FileManager.default.fileExists(atPath: sandbox.path("other.safetensors")))
  }

  @Test func modelInfoSaysWhatTheFileDoesNot() throws {
    try sandbox.write(
      "info.json",
      Array(
        #"{"classes": ["a","b","c","d","e","f","g","h","i","j"], "mean": [0.5,0.5,0.5], "std": [0.25,0.25,0.25]}"#
          .utf8))
    #expect(try sandbox.rtool("classes", "-M", graph, "--model-info", "info.json").text.contains("3  d\n"))
    let row = try details(graph, "--model-info", "info.json")
    #expect((row["details"] as? [String: Any])?["normalization"] as? String == "said")
    #expect(try classified(graph, "--model-info", "info.json") != classified(graph))
    // The record of a picture says that it was described.
    let refined = try sandbox.rtool(
      "refine", "in.png", "-M", graph, "--model-info", "info.json", "--steps", "1", "-o", "out.png")
    #expect(refined.status == 0, "\(refined.errors)")
    let replayed = try sandbox.rtool(
      "replay", "out.png", "-o", "again.png", environment: ["RTOOL_MODELS": golden("onnx")])
    #expect(replayed.status == 1)
    expectOneLine(replayed.errors, contains: "--model-info", "rtool convert")
    // Bad ones are refused with the reason.
    for (text, words) in [
      (#"{"classes": ["a"]}"#, "10 names"), (#"{"mean": [1]}"#, "three numbers"), ("[1]", "JSON object"),
      (#"{"std": [0,1,1], "mean": [0,0,0]}"#, "positive"), ("{", "JSON"),
    ] {
      try sandbox.write("bad.json", Array(text.utf8))
      let outcome = try sandbox.rtool("classes", "-M", graph, "--model-info", "bad.json")
      #expect(outcome.status == 1, "\(text)")
      expectOneLine(outcome.errors, contains: words)
    }
    let embedded = try sandbox.rtool("classes", "--model-info", "info.json")
    #expect(embedded.status == 2)
    expectOneLine(embedded.errors, contains: "inside the program")
  }

  @Test func whatCannotBeConvertedIsSaidAndWritesNothing() throws {
    for (arguments, status, words) in [
      ([graph, "-o", "out.pt"], 2, ".safetensors"), ([graph], 2, "--output"),
      (["photos", "-o", "out.safetensors"], 1, "rtool's own already"),
      (["./gone.pt", "-o", "out.safetensors"], 1, "gone.pt"),
      ([graph, "-o", "out.safetensors", "--mean", "1,2,3"], 2, "together"),
      ([graph, "-o", "out.safetensors", "--mean", "1,2", "--std", "1,1,1"], 2, "three numbers"),
      ([graph, "-o", "out.safetensors", "--classes", "a,a"], 2, "twice"),
      ([graph, "-o", "out.safetensors", "--classes", "a,b"], 1, "10 names"),
    ] as [([String], Int32, String)] {
      let outcome = try sandbox.run(Program.path, ["convert"] + arguments)
      #expect(outcome.status == status, "\(arguments)")
      expectOneLine(outcome.errors, contains: words)
    }
    #expect(!FileManager.default.fileExists(atPath: sandbox.path("out.safetensors")))
  }

  /// Networks that take images of one size do tasks on images of any.
  @Test(arguments: ["refine", "translate", "inpaint", "superres"])
  func aNetworkOfOneSizeCopes(_ task: String) throws {
    try sandbox.photo("wide.png", width: 90, height: 50)
    let more =
      switch task {
      case "translate": ["--to", "cat", "--steps", "2"]
      case "inpaint": ["--box", "20,10,12,12", "--class", "cat", "--steps", "2"]
      case "superres": ["--factor", "2", "--steps", "2"]
      default: ["--steps", "2"]
      }
    let outcome = try sandbox.run(
      Program.path,
      [task, "wide.png", "-M", transformer, "-o", "out.png", "--seed", "1"] + more)
    #expect(outcome.status == 0, "\(outcome.errors)")
    let image = try sandbox.open("out.png")
    #expect((image.width, image.height) == (task == "superres" ? (180, 100) : (90, 50)))
  }
}
