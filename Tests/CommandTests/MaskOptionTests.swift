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
    try MaskReading().open(.file(sandbox.path(name))).mask.marks()
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
    let names = [
      "--region-invert", "--region-grow", "--region-feather", "--region-label", "--region-colour",
      "--region-preview",
    ]
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

  /// A mask in three colours, and one of labels.
  private func writeMasks() throws {
    try sandbox.picture("colours.png", width: 160, height: 120) { x, _, channel in
      (x < 40 ? [0, 0.5, 0] : x < 80 ? [0, 0, 0.8] : [1, 1, 0])[channel]
    }
    try sandbox.picture("labels.png", width: 160, height: 120, channels: 1) { x, y, _ in
      (10..<30).contains(y) && x % 40 < 20 ? Float(x / 40 + 1) / 255 : 0
    }
  }

  @Test func labelsAndColoursAreChosen() throws {
    try writeMasks()
    for (words, marked) in [
      (["-r", "labels.png"], 4 * 400), (["-r", "labels.png", "--region-label", "2"], 400),
      (["-r", "labels.png", "--region-label", "1,3"], 800),
      (["-r", "colours.png", "--region-colour", "blue"], 40 * 120),
      (["-r", "colours.png", "--region-colour", "green,#ffff00"], 120 * 120),
    ] as [([String], Int)] {
      let folder = try sandbox.compilePlugin("stencil", stencilPlugin)
      let outcome = try sandbox.run(
        Program.path, ["stencil", "photo.png", "-o", "out.png"] + words, environment: ["RTOOL_PATH": folder])
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(try sandbox.open("out.png").pixels.count { $0 == 1 } == 3 * marked, "\(words)")
    }
  }

  @Test func whatAMaskMeansIsAskedByItsOwnName() throws {
    try writeMasks()
    let colours = try stencil("photo.png", "-r", "colours.png", "-o", "out.png")
    #expect(colours.status == 1)
    expectOneLine(colours.errors, contains: "colours.png: the mask has three colours", "--region-colour")
    let absent = try stencil("photo.png", "-r", "labels.png", "--region-label", "9", "-o", "out.png")
    expectOneLine(absent.errors, contains: "no label 9; it has 0, 1, 2, 3 and 4")
    let labels = try stencil("photo.png", "-r", "labels.png", "-o", "out.png")
    expectOneLine(labels.errors, contains: "warning", "labels.png", "1, 2, 3 and 4", "--region-label")
    for (words, text) in [
      (["--region-label", "a"], "--region-label must be whole numbers"),
      (["--region-colour", "reddish"], "--region-colour must be #rrggbb or one of black"),
      (["--region-label", "1", "--region-colour", "red"], "cannot be used together"),
    ] {
      let folder = try sandbox.compilePlugin("stencil", stencilPlugin)
      let outcome = try sandbox.run(
        Program.path, ["stencil", "photo.png", "-r", "labels.png"] + words,
        environment: ["RTOOL_PATH": folder])
      #expect(outcome.status == 2)
      expectOneLine(outcome.errors, contains: text)
    }
    #expect(sandbox.files.contains("out.png"))
  }

  @Test func howMuchAMaskMarksIsTold() throws {
    try sandbox.mask("black.png", x: 0..<0)
    try sandbox.mask("dot.png", x: 5..<6, y: 5..<6)
    for (words, text) in [
      (["-r", "mask.png", "-i"], "mask.png marks 95.3 % of the image (--region-invert"),
      (["-r", "dot.png"], "dot.png marks one pixel of 19200"),
      (["-r", "black.png"], "black.png marks nothing"),
    ] {
      let folder = try sandbox.compilePlugin("stencil", stencilPlugin)
      func run(_ more: String...) throws -> Sandbox.Outcome {
        try sandbox.run(
          Program.path, ["stencil", "photo.png", "-o", "out.png"] + words + more,
          environment: ["RTOOL_PATH": folder])
      }
      let told = try run()
      #expect(told.status == 0)
      expectOneLine(told.errors, contains: "warning", text)
      #expect(try run("--quiet").errors.isEmpty)
    }
    try sandbox.mask("tall.png", width: 120, height: 160)
    let turned = try stencil("photo.png", "-r", "tall.png", "-o", "out.png")
    expectOneLine(turned.errors, contains: "120x160", "160x120", "lies on its side")
  }

  @Test func anOptionNeedsItsMask() throws {
    for words in [
      ["--region-grow", "2"], ["--region-label", "1"], ["--region-colour", "red"], ["--region-invert"],
      ["--region-preview", "seen.png"],
    ] {
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
