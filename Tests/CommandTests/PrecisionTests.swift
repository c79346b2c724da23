import Foundation
import Imaging
import Testing

/// bfloat16, where the processor has units for it: nearly the same images, told in their record.
@Suite struct PrecisionTests {
  let sandbox: Sandbox
  init() throws { sandbox = try Sandbox() }

  private struct Comparison: Decodable { let psnr: Double? }

  @Test func bfloat16MakesNearlyTheSameImage() throws {
    func generate(_ name: String, _ arguments: String...) throws -> Sandbox.Outcome {
      try sandbox.run(
        Program.path, ["generate", "--class", "forest", "--steps", "20", "-s", "3", "-o", name] + arguments)
    }
    #expect(try generate("float.png").status == 0)
    let rounded = try generate("rounded.png", "--precision", "bfloat16")
    if rounded.status != 0 {
      #expect(rounded.status == 1)
      #expect(rounded.errors.contains("this processor has no units for it"))
      #expect(!FileManager.default.fileExists(atPath: sandbox.path("rounded.png")))
      return
    }
    let compared = try sandbox.rtool("compare", "float.png", "rounded.png", "--json")
    let psnr = try JSONDecoder().decode(Comparison.self, from: compared.result).psnr
    #expect(psnr.map { $0 >= 40 } ?? false)

    // The same bytes again, with any number of threads, and from the record.
    #expect(try generate("again.png", "--precision", "bfloat16", "--threads", "1").status == 0)
    #expect(try sandbox.open("again.png") == sandbox.open("rounded.png"))
    #expect(try sandbox.rtool("info", "rounded.png").text.contains("--precision bfloat16"))
    #expect(try sandbox.rtool("replay", "rounded.png", "--check").status == 0)
    #expect(!(try sandbox.rtool("info", "float.png").text.contains("--precision")))
  }

  @Test func anUnknownPrecisionIsRefused() throws {
    let outcome = try sandbox.rtool("generate", "--precision", "half", "-o", "out.png")
    #expect(outcome.status == 2)
    #expect(outcome.errors.contains("bfloat16"))
  }
}
