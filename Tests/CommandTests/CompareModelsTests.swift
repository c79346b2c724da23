import Foundation
import Imaging
import Testing

@Suite struct CompareModelsTests {
  let sandbox: Sandbox
  let environment: [String: String]

  init() throws {
    sandbox = try Sandbox()
    environment = ["RTOOL_MODELS": sandbox.path("models")]
    try FileManager.default.createDirectory(atPath: sandbox.path("models"), withIntermediateDirectories: true)
    try FileManager.default.copyItem(
      atPath: "\(Program.root)/Models/photos.safetensors", toPath: sandbox.path("models/other.safetensors"))
    try sandbox.write("models/bad.safetensors", [1, 2, 3])
    try sandbox.photo("in.png", width: 64, height: 48)
  }

  private func compare(_ arguments: String...) throws -> Sandbox.Outcome {
    try sandbox.run(Program.path, ["compare-models"] + arguments, environment: environment)
  }

  @Test func resultsLieSideBySide() throws {
    let outcome = try compare(
      "inpaint", "in.png", "--box", "5,5,9,9", "-p", "fast", "--models", "photos,other", "--sheet", "out.png")
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.errors.isEmpty && outcome.output.isEmpty)
    let sheet = try sandbox.open("out.png")
    #expect(sheet.width >= 2 * 64 && sheet.height >= 48)
    #expect(sandbox.files == ["in.png", "models", "out.png"])
  }

  @Test func standardInputIsReadOnceForAll() throws {
    let outcome = try sandbox.shell(
      "cat in.png | rtool compare-models inpaint --models=photos --models=other --sheet=- -p fast -b 5,5,9,9 -- - > out.png",
      environment: environment)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(try sandbox.open("out.png").width >= 2 * 64)
  }

  @Test func mistakesAreTold() throws {
    for (arguments, status, words) in [
      (["inpaint", "in.png", "--models", "photos", "--sheet", "o.png"], 2, ["at least two"]),
      (["inpaint", "in.png", "--sheet", "o.png"], 2, ["at least two"]),
      (["inpaint", "in.png", "--models", "photos,other"], 2, ["--sheet is missing"]),
      (["--models", "photos,other", "--sheet", "o.png"], 2, ["TASK is missing"]),
      (["inpant", "--models", "photos,other", "--sheet", "o.png"], 2, ["inpaint"]),
      (["inpaint", "in.png", "--models", "photos,fotos", "--sheet", "o.png"], 1, ["fotos"]),
      (
        ["inpaint", "in.png", "-o", "x.png", "--models", "photos,other", "--sheet", "o.png"], 2, ["--output"]
      ),
      (
        ["inpaint", "in.png", "--nonsense", "--models", "photos,other", "--sheet", "o.png"], 2, ["--nonsense"]
      ),
      (["inpaint", "in.png", "-b", "5,5,9,9", "--models", "photos,bad", "--sheet", "o.png"], 1, ["“bad”"]),
      (["inpaint", "in.png", "--models", "photos,other", "--sheet", "o.xyz"], 2, ["o.xyz"]),
      (
        ["inpaint", "gone.png", "-b", "1,1,2,2", "--models", "photos,other", "--sheet", "o.png"], 1,
        ["gone.png", "photos"]
      ),
    ] as [([String], Int32, [String])] {
      let outcome = try sandbox.run(
        Program.path, ["compare-models"] + arguments, environment: environment)
      #expect(outcome.status == status, "\(arguments): \(outcome.errors)")
      expectOneLine(outcome.errors)
      for word in words { #expect(outcome.errors.contains(word), "\(word): \(outcome.errors)") }
    }
    #expect(!sandbox.files.contains("o.png"))
  }
}
