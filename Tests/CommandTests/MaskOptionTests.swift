import Imaging
import Testing

/// A plugin in C that hands over the mask it is given.
private let stencilPlugin = """
  #include "rtool.h"

  #ifndef OWN
  #define OWN
  #endif
  static const rtool_param params[] = {
    {.name = "image", .help = "a photo", .kind = RTOOL_IMAGE, .flags = RTOOL_POSITIONAL},
    {.name = "region", .help = "a region", .kind = RTOOL_MASK, .letter = 'r', .group = "Where"},
    OWN
  };

  static rtool_status run(const rtool_host *host, const rtool_value *values) {
    if (!values[1].count) return host->emit_text(host, "no region\\n");
    rtool_piece piece = {0, 0, values[1].images[0]};
    rtool_result result = {.struct_size = sizeof result, .pieces = &piece, .piece_count = 1};
    return host->emit(host, &result);
  }

  static const rtool_manifest manifest = {
    .struct_size = sizeof manifest, .abi = RTOOL_ABI, .param_size = sizeof(rtool_param),
    .param_count = sizeof params / sizeof *params, .params = params, .name = "stencil", .version = "1",
    .summary = "A test", .run = run,
  };

  RTOOL_EXPORT const rtool_manifest *rtool_plugin(uint32_t host_abi) { (void)host_abi; return &manifest; }
  """

/// What the host offers with every mask of every task.
@Suite struct MaskOptionTests {
  private let sandbox: Sandbox
  init() throws {
    sandbox = try Sandbox()
    try sandbox.photo("photo.png")
    try sandbox.mask("mask.png")
  }

  private func stencil(_ arguments: String..., flags: [String] = []) throws -> Sandbox.Outcome {
    let folder = try sandbox.compilePlugin("stencil", stencilPlugin, flags: flags)
    return try sandbox.run(Program.path, ["stencil"] + arguments, environment: ["RTOOL_PATH": folder])
  }

  private func mask(_ name: String) throws -> FloatImage {
    try SourceImage.open(.file(sandbox.path(name))).mask()
  }

  @Test func theTaskGetsTheChangedMask() throws {
    for (words, edit) in [
      (["--region-grow", "4"], MaskEdit(grow: 4)), (["--region-grow=-4"], MaskEdit(grow: -4)),
      (["-i"], MaskEdit(isInverted: true)), ([], MaskEdit()),
      (
        ["--region-invert", "--region-grow", "3", "--region-feather", "5"],
        MaskEdit(isInverted: true, grow: 3, feather: 5)
      ),
    ] as [([String], MaskEdit)] {
      let folder = try sandbox.compilePlugin("stencil", stencilPlugin)
      let outcome = try sandbox.run(
        Program.path, ["stencil", "photo.png", "-r", "mask.png", "-o", "out.png"] + words,
        environment: ["RTOOL_PATH": folder])
      #expect(outcome.status == 0, "\(outcome.errors)")
      let expected = edit.applied(to: try mask("mask.png"))
      #expect(
        zip(try mask("out.png").pixels, expected.pixels).allSatisfy { abs($0 - $1) < 0.003 }, "\(words)")
    }
  }

  @Test func theOptionsAreKnownWhereverParametersAre() throws {
    let names = ["--region-invert", "--region-grow", "--region-feather", "--region-preview"]
    let help = try stencil("--help").text
    let folder = try sandbox.compilePlugin("stencil", stencilPlugin)
    let environment = ["RTOOL_PATH": folder]
    let completed = try sandbox.rtool("complete", "stencil", "--region-", environment: environment).text
    let manual = try sandbox.rtool("help", "--man", environment: environment).text
    for name in names {
      #expect(help.contains(name) && completed.contains(name), "\(name)")
      #expect(manual.contains(name.replacing("-", with: "\\-")), "\(name)")
    }
    let checked = try sandbox.rtool("check", "stencil", "--rounds", "6", environment: environment)
    #expect(checked.status == 0, "\(checked.text)")
  }

  @Test func theOptionsAreRecordedAndReplayed() throws {
    let folder = try sandbox.compilePlugin("stencil", stencilPlugin)
    let made = try stencil(
      "photo.png", "-r", "mask.png", "--region-grow", "7", "--region-feather", "2", "--region-preview",
      "seen.png",
      "-o", "out.png")
    #expect(made.status == 0, "\(made.errors)")
    let info = try sandbox.rtool("info", "out.png", environment: ["RTOOL_PATH": folder]).text
    #expect(info.contains("--region-grow 7 --region-feather 2") && !info.contains("preview"), "\(info)")
    let replayed = try sandbox.rtool("replay", "out.png", "--check", environment: ["RTOOL_PATH": folder])
    #expect(replayed.status == 0, "\(replayed.errors)")
  }

  @Test func aPreviewMarksTheMaskAndNothingElse() throws {
    let outcome = try stencil(
      "photo.png", "--region", "mask.png", "--region-grow", "2", "--region-preview", "seen.png", "-o",
      "out.png")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let (photo, seen, grown) = (
      try sandbox.open("photo.png"), try sandbox.open("seen.png"),
      MaskEdit(grow: 2).applied(to: try mask("mask.png"))
    )
    for index in grown.pixels.indices {
      let (before, after) = (photo.pixels[3 * index..<3 * index + 3], seen.pixels[3 * index..<3 * index + 3])
      if grown.pixels[index] == 0 {
        #expect(before.elementsEqual(after))
      } else {
        #expect(after.first! > 0.6)
      }
    }
  }

  @Test func anOptionNeedsItsMask() throws {
    for words in [["--region-grow", "2"], ["--region-invert"], ["--region-preview", "seen.png"]] {
      let folder = try sandbox.compilePlugin("stencil", stencilPlugin)
      let outcome = try sandbox.run(
        Program.path, ["stencil", "photo.png"] + words, environment: ["RTOOL_PATH": folder])
      #expect(outcome.status == 2)
      expectOneLine(outcome.errors, contains: "\(words[0]) needs a --region")
    }
    let alone = try stencil("--region", "mask.png", "--region-preview", "seen.png")
    #expect(alone.status == 2)
    expectOneLine(alone.errors, contains: "needs an image")
    let far = try stencil("photo.png", "--region", "mask.png", "--region-grow", "501")
    expectOneLine(far.errors, contains: "--region-grow must be a whole number between -500 and 500 (px)")
    let same = try stencil("photo.png", "-r", "mask.png", "-o", "a.png", "--region-preview", "a.png")
    expectOneLine(same.errors, contains: "a.png is named for two outputs")
  }

  /// A plugin of an older interface may have such a parameter itself, and its letter.
  @Test func whatTheTaskHasItselfStays() throws {
    let own =
      "-DOWN={.name=\"region-invert\",.help=\"its own\",.kind=RTOOL_BOOL,.letter='i'},"
    let help = try stencil("--help", flags: [own]).text
    #expect(help.contains("its own") && help.contains("--region-grow"), "\(help)")
    let outcome = try stencil("photo.png", "-i", "-o", "out.png", flags: [own])
    #expect(outcome.text == "no region\n", "\(outcome.errors)")
    let letter = try stencil(
      "--help", flags: ["-DOWN={.name=\"iron\",.help=\"another\",.kind=RTOOL_BOOL,.letter='i'},"]
    ).text
    #expect(letter.contains("-i, --iron") && letter.contains("    --region-invert"), "\(letter)")
  }

  @Test(arguments: [["translate", "--to", "sea"], ["refine", "--class", "sea"]])
  func aMaskKeepsWhatFourierCoefficientsMove(_ words: [String]) throws {
    let outcome = try sandbox.run(
      Program.path,
      [words[0], "photo.png", "--mask", "mask.png", "--set", "box", "--parametrisation", "fourier"]
        + words.dropFirst())
    #expect(outcome.status == 2)
    expectOneLine(
      outcome.errors, contains: "--parametrisation fourier moves every pixel, and a mask keeps some")
  }

  /// Outside the grown and feathered hole not a byte changes.
  @Test func pixelsOutsideTheGrownHoleStay() throws {
    for words in [
      ["inpaint", "--preset", "fast"], ["translate", "--to", "sea", "--steps", "2"],
      ["paint", "--class", "sea", "--steps", "2"],
    ] {
      let outcome = try sandbox.run(
        Program.path,
        [
          words[0], "photo.png", "--mask", "mask.png", "--mask-grow", "5", "--mask-feather", "4", "-o",
          "out.png",
        ]
          + words.dropFirst())
      #expect(outcome.status == 0, "\(outcome.errors)")
      let (photo, result) = (try sandbox.open("photo.png"), try sandbox.open("out.png"))
      let hole = MaskEdit(grow: 5).applied(to: try mask("mask.png"))
      var changed = 0
      for index in hole.pixels.indices
      where photo.pixels[3 * index..<3 * index + 3]
        != result.pixels[3 * index..<3 * index + 3]
      {
        changed += 1
        #expect(hole.pixels[index] > 0)
      }
      #expect(changed > 0)
    }
  }
}
