import FlyingFox
import Studio
import Testing
import WorkerProtocol

/// Names of files, words of commands, and paths.
@Suite struct NameTests {
  @Test func namesAreNoPaths() {
    let names = [
      "photo.jpg": "photo.jpg", "../../etc/passwd": "passwd", #"C:\photos\a b.png"#: "a-b.png", "..": "image",
      "": "image", "/": "image", ".hidden.png": "hidden.png", "-rf": "rf", "a\0b\n.png": "a-b-.png",
      "träume.png": "träume.png", "日本.jpg": "日本.jpg", "$(x).png": "x-.png", "😀": "image",
    ]
    for (name, safe) in names { #expect(SafeName(name).text == safe, "\(name)") }
    let long = SafeName(String(repeating: "x", count: 500) + ".png").text
    #expect(long.count <= 80 && long.hasSuffix(".png"))
    #expect(SafeName(String(repeating: "日", count: 500) + ".png").text.utf8.count <= 120)
    #expect(
      SafeName.disposition("attachment", "日.jpg")
        == "attachment; filename=\"_.jpg\"; filename*=UTF-8''%E6%97%A5.jpg")
    let header = SafeName.disposition("inline", "träume.png")
    #expect(header.allSatisfy { $0.isASCII })
    #expect(SafeName.parts(of: "a.b.png").stem == "a.b" && SafeName.parts(of: "a.b.png").ending == ".png")
    #expect(SafeName.parts(of: "png").ending == "")
  }

  private let task: TaskDescription = {
    func parameter(_ name: String, _ kind: String, _ flags: [String] = [], isHost: Bool = false)
      -> ParameterDescription
    {
      var parameter = ParameterDescription(name: name, kind: kind, help: "help of \(name)", isHost: isHost)
      parameter.flags = flags
      return parameter
    }
    var steps = parameter("steps", "int")
    (steps.min, steps.max, steps.initial, steps.unit) = (1, 500, "60", "steps")
    var rule = parameter("rule", "choice")
    rule.choices = [.init(name: "l2", help: "a ball"), .init(name: "linf", help: "a cube")]
    rule.initial = "l2"
    return TaskDescription(
      name: "paint", version: "1", summary: "Paint", description: "", isBundled: true,
      imageParameter: "image",
      needsImage: true, makesImage: true, hasAscent: true, presets: [], examples: [],
      parameters: [
        parameter("image", "image", ["required", "positional"]), parameter("mask", "mask"), steps, rule,
        parameter("smooth", "bool"), parameter("class", "class", ["auto"]),
        parameter("also", "text", ["repeated", "positional"]), parameter("seed", "int", isHost: true),
        parameter("model", "text", isHost: true), parameter("output", "text", isHost: true),
        parameter("max-pixels", "int", isHost: true),
      ])
  }()

  private func words(_ texts: [String: [String]]) throws -> [String] {
    try CommandWords(task, image: nil, texts: texts, isFile: { ["in.png", "m.png"].contains($0) }).words
  }

  @Test func wordsAreThoseOfTheCommandLine() throws {
    #expect(
      try words(["image": ["in.png"], "mask": ["m.png"], "steps": ["5"], "smooth": ["no"], "seed": ["7"]])
        == ["paint", "in.png", "--mask", "m.png", "--steps", "5", "--no-smooth", "--seed", "7"])
    // What begins with - is no option.
    #expect(
      try words(["class": ["--output=/etc/passwd"], "also": ["-x", "y"]])
        == ["paint", "--class=--output=/etc/passwd", "y", "--", "-x"])
    var words = try CommandWords(task, image: nil, texts: ["also": ["-x"]], isFile: { _ in false })
    words.add("--threads", "1")
    #expect(words.words == ["paint", "--threads", "1", "--", "-x"])
  }

  @Test func nothingElseIsNamed() {
    let refused: [[String: [String]]] = [
      ["output": ["/tmp/x"]], ["nothing": ["1"]], ["image": ["/etc/passwd"]], ["image": ["-"]],
      ["mask": ["../m.png"]], ["model": ["/tmp/model.pt"]], ["class": ["a\0b"]],
    ]
    for texts in refused {
      #expect(status { try words(texts) } == 400, "\(texts)")
    }
  }

  @Test func commandsCanBePasted() throws {
    let words = try CommandWords(
      task, image: nil, texts: ["class": ["it's $HOME"], "also": ["a b"]], isFile: { _ in false })
    #expect(words.command == #"rtool paint --class 'it'\''s $HOME' 'a b'"#)
  }

  @Test func schemasSayWhatManifestsDo() throws {
    let form = TaskSchema(task).form
    #expect(form["required"] == ["image"])
    let properties = try #require(form["properties"])
    #expect(properties["output"] == nil && properties["max-pixels"] == nil && properties["seed"] != nil)
    #expect(
      properties["steps"] == [
        "type": "integer", "minimum": 1, "maximum": 500, "default": 60,
        "description": "help of steps (steps)",
      ])
    #expect(properties["rule"]?["enum"] == ["l2", "linf"])
    #expect(properties["class"]?["anyOf"] == [["type": "string"], ["enum": ["auto"]]])
    #expect(properties["image"]?["format"] == "binary")
    let document = OpenAPIDocument([task], version: "1").document
    let post = try #require(document["paths"]?["/v1/tasks/paint"]?["post"])
    #expect(post["requestBody"]?["content"]?["multipart/form-data"]?["schema"] == form)
  }

  @Test func valuesOfJSONBecomeTexts() throws {
    let texts = try TaskForm.texts(
      ofJSON: .init(
        #"{"a": "x", "b": 5, "c": 0.25, "d": true, "e": ["y", 1, false], "f": null, "g": []}"#.utf8))
    #expect(
      texts == [
        "a": ["x"], "b": ["5"], "c": ["0.25"], "d": ["yes"], "e": ["y", "1", "no"], "f": [], "g": [],
      ])
    for text in [
      "", "[]", "1", #"{"a": {}}"#, #"{"a": [[1]]}"#, #"{"a": 1"#, String(repeating: "[", count: 100_000),
    ] {
      #expect(status { try TaskForm.texts(ofJSON: .init(text.utf8)) } == 400, "\(text.prefix(20))")
    }
  }

  @Test func pathsAreTakenWordByWord() async throws {
    var routes = Routes()
    routes.add(.GET, "/a/:name/b") { _, words in .text(words.joined(separator: "|")) }
    func answer(_ path: String, _ method: HTTPMethod = .GET) async -> String {
      do {
        guard case .data(let data) = try await routes.reply(to: request(method, path)).body else { return "" }
        return String(decoding: data, as: UTF8.self)
      } catch { return "\(Reply.failure(error).status)" }
    }
    #expect(await answer("/a/x/b") == "x")
    #expect(await answer("//a/x/b/") == "x")
    #expect(await answer("/a/%2e%2e%2f/b") == "../")
    for path in ["/", "/a/b", "/a/x/b/c", "/a//b", "/a/%zz/b", "/A/x/b"] {
      #expect(await answer(path) == "404")
    }
    #expect(await answer("/a/x/b", .POST) == "404")
  }
}
