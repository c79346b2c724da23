import Foundation
import Glibc
import Imaging
import Testing

/// Where images come from and go to: files, streams, and all that can be wrong with them.
@Suite struct FileTests {
  let sandbox: Sandbox
  init() throws {
    sandbox = try Sandbox()
    try sandbox.photo("in.png")
    try sandbox.photo("in.jpg")
    try sandbox.mask("mask.png")
  }

  private let fast = ["--preset", "fast"]

  private func inpaint(_ arguments: String...) throws -> Sandbox.Outcome {
    try sandbox.run(Program.path, ["inpaint", "--mask", "mask.png"] + fast + arguments)
  }

  // MARK: Output

  @Test func aNewFileIsNamedAfterInputAndTask() throws {
    // Standard output is a file in these tests, which counts as a stream: give a device instead.
    for expected in ["in-inpaint.png", "in-inpaint-2.png"] {
      let outcome = try sandbox.shell("rtool inpaint in.png --mask mask.png -p fast >/dev/null")
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.errors.contains(expected))
      #expect(sandbox.files.contains(expected))
    }
  }

  /// A format that is read and not written.
  @Test func aBitmapBecomesAPNG() throws {
    let header: [UInt8] =
      Array("BM".utf8) + [0, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0, 40, 0, 0, 0, 160, 0, 0, 0, 120, 0, 0, 0]
    let rest: [UInt8] = [1, 0, 24, 0] + [UInt8](repeating: 0, count: 24)
    try sandbox.write("in.bmp", header + rest + (0..<160 * 120 * 3).map { UInt8($0 * 7 % 251) })
    let outcome = try sandbox.shell("rtool inpaint in.bmp --mask mask.png -p fast >/dev/null")
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(sandbox.files.contains("in-inpaint.png"))
    let refused = try inpaint("in.bmp", "-o", "out.bmp")
    #expect(refused.status == 1)
    expectOneLine(refused.errors, contains: "cannot write BMP; choose another format")
  }

  @Test func streamsKeepTheFormat() throws {
    let outcome = try sandbox.shell(
      "cat in.jpg | rtool inpaint - --mask mask.png -p fast | rtool inpaint - --box 1,1,5,5 -p fast >out"
    )
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.errors.isEmpty)
    #expect(try sandbox.bytes("out").starts(with: [0xFF, 0xD8, 0xFF]))
    #expect(try sandbox.rtool("info", "out").text.contains("2. inpaint"))
  }

  @Test func theFormatIsTheOutputsEnding() throws {
    for (name, head) in [("a.jpg", [0xFF, 0xD8]), ("a.webp", [0x52, 0x49]), ("a.tif", [0x49, 0x49])] {
      let outcome = try inpaint("in.png", "-o", name)
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(try sandbox.bytes(name).prefix(2) == head.map { UInt8($0) }[...])
    }
    #expect(try inpaint("in.png", "--format", "webp", "-o", "b").status == 0)
    let unknown = try inpaint("in.png", "-o", "a.xyz")
    #expect(unknown.status == 2)
    expectOneLine(unknown.errors, contains: "a.xyz", ".png")
  }

  @Test func aClosedPipeEndsQuietly() throws {
    let outcome = try sandbox.shell(
      "rtool inpaint in.png --mask mask.png -p fast | true; echo ${PIPESTATUS[0]}")
    #expect(outcome.text == "0\n")
    #expect(outcome.errors.isEmpty)
  }

  @Test func anImageIsNotWrittenToATerminal() throws {
    guard access("/usr/bin/script", X_OK) == 0 else { return }
    for arguments in ["-o -", ""] {
      let outcome = try sandbox.shell(
        "script -qec '\(Program.path) inpaint in.png --mask mask.png -p fast \(arguments) -q' /dev/null | head -c 2000"
      )
      #expect(!outcome.text.contains("PNG"))
      #expect(arguments.isEmpty || outcome.text.contains("terminal"))
    }
    #expect(sandbox.files.contains("in-inpaint.png"))
  }

  @Test func aBrokenStepBeforeGivesAClearError() throws {
    let outcome = try sandbox.shell("false | rtool inpaint - --box 1,1,5,5 >out")
    #expect(outcome.status == 1)
    expectOneLine(outcome.errors, contains: "standard input", "empty")
  }

  @Test func theInputMayBeTheOutput() throws {
    let before = try sandbox.open("in.png")
    #expect(try inpaint("in.png", "-o", "in.png").status == 0)
    #expect(before != (try sandbox.open("in.png")))
  }

  @Test func whatCannotBeWrittenLeavesAllAsItWas() throws {
    let missing = try inpaint("in.png", "-o", "no/such/out.png")
    #expect(missing.status == 1)
    expectOneLine(missing.errors, contains: "no/such/out.png", "no folder")
    let isFolder = try inpaint("in.png", "-o", ".")
    #expect(isFolder.status == 1)
    expectOneLine(isFolder.errors, contains: "folder")
    let full = try inpaint("in.png", "-o", "/dev/full", "--format", "png")
    #expect(full.status == 1)
    expectOneLine(full.errors, contains: "/dev/full", "full")
    #expect(sandbox.files == ["in.jpg", "in.png", "mask.png"])
  }

  @Test func aFullDiskKeepsTheOldFile() throws {
    // Mounting needs the right to; without it there is nothing to test here.
    let mount = try sandbox.shell("mkdir disk && mount -t tmpfs -o size=64k tmpfs disk")
    guard mount.status == 0 else { return }
    defer { _ = try? sandbox.shell("umount disk") }
    try sandbox.write("disk/out.png", [1, 2, 3])
    var state: UInt64 = 1
    try sandbox.picture("noise.png", width: 300, height: 200) { _, _, _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Float(state >> 56) / 255
    }
    let outcome = try sandbox.rtool(
      "inpaint", "noise.png", "--box", "5,5,9,9", "-p", "fast", "-o", "disk/out.png")
    #expect(outcome.status == 1)
    expectOneLine(outcome.errors, contains: "disk is full")
    #expect(try sandbox.bytes("disk/out.png") == [1, 2, 3])
    #expect(try sandbox.shell("ls -A disk").text == "out.png\n")
  }

  @Test func aReadOnlyFolderIsToldAtOnce() throws {
    let mount = try sandbox.shell("mkdir disk && mount -t tmpfs -o ro tmpfs disk")
    guard mount.status == 0 else { return }
    defer { _ = try? sandbox.shell("umount disk") }
    let outcome = try inpaint("in.png", "-o", "disk/out.png")
    #expect(outcome.status == 1)
    expectOneLine(outcome.errors, contains: "read-only")
  }

  // MARK: Input

  @Test(arguments: [
    ("missing.png", "no such file"), (".", "folder"), ("text.jpg", "not a picture"), ("empty.png", "empty"),
    ("/dev/null", "empty"),
  ])
  func whatIsNoImageIsTold(_ name: String, _ words: String) throws {
    try sandbox.write(
      "text.jpg", Array("once upon a time there was a picture, and it was not this one at all".utf8))
    try sandbox.write("empty.png", [])
    let outcome = try inpaint(name, "-o", "out.png")
    #expect(outcome.status == 1)
    expectOneLine(outcome.errors, contains: name, words)
    #expect(!sandbox.files.contains("out.png"))
  }

  @Test func truncatedImagesAreErrors() throws {
    for name in ["in.png", "in.jpg"] {
      let bytes = try sandbox.bytes(name)
      for share in [0.02, 0.3, 0.9, 0.99] {
        try sandbox.write("cut", Array(bytes.prefix(Int(Double(bytes.count) * share))))
        let outcome = try inpaint("cut", "-o", "out.png")
        #expect(outcome.status == 1, "\(name) cut to \(share)")
        expectOneLine(outcome.errors, contains: "cut")
      }
    }
    #expect(!sandbox.files.contains("out.png"))
  }

  @Test func corruptImagesNeverCrash() throws {
    let bytes = try sandbox.bytes("in.jpg")
    for trial in 0..<30 {
      var corrupt = bytes
      for byte in 0..<3 {
        corrupt[(trial &* 7919 &+ byte &* 104729) % corrupt.count] = UInt8((trial &* 31 &+ byte &* 97) % 256)
      }
      try sandbox.write("corrupt.jpg", corrupt)
      let outcome = try sandbox.run(
        Program.path, ["inpaint", "corrupt.jpg", "--box", "1,1,4,4", "-o", "out.png"] + fast)
      #expect([0, 1].contains(outcome.status), "\(outcome.errors)")
      if outcome.status == 1 { expectOneLine(outcome.errors) }
    }
  }

  @Test func anImageOfTooManyPixelsIsRefused() throws {
    try sandbox.picture("large.png", width: 1200, height: 1000) { _, _, _ in 0.5 }
    let outcome = try sandbox.rtool(
      "inpaint", "large.png", "--box", "1,1,4,4", "--max-pixels", "1", "-o", "out.png")
    #expect(outcome.status == 1)
    expectOneLine(outcome.errors, contains: "1200", "--max-pixels")
  }

  @Test func jsonTellsWhatWasMade() throws {
    let outcome = try inpaint("in.png", "-o", "out.png", "--json")
    struct Report: Decodable { let outputs: [String] }
    #expect(try JSONDecoder().decode(Report.self, from: outcome.output).outputs == ["out.png"])
  }

  /// Two frames of 4x4 pixels.
  private let animation = """
    R0lGODlhBAAEAIcAAAAAAAEBAQICAgMDAwQEBAUFBQYGBgcHBwgICAkJCQoKCgsLCwwMDA0NDQ4ODg8PDxAQEBERER
    ISEhMTExQUFBUVFRYWFhcXFxgYGBkZGRoaGhsbGxwcHB0dHR4eHh8fHyAgICEhISIiIiMjIyQkJCUlJSYmJicnJygo
    KCkpKSoqKisrKywsLC0tLS4uLi8vLzAwMDExMTIyMjMzMzQ0NDU1NTY2Njc3Nzg4ODk5OTo6Ojs7Ozw8PD09PT4+Pj
    8/P0BAQEFBQUJCQkNDQ0REREVFRUZGRkdHR0hISElJSUpKSktLS0xMTE1NTU5OTk9PT1BQUFFRUVJSUlNTU1RUVFVV
    VVZWVldXV1hYWFlZWVpaWltbW1xcXF1dXV5eXl9fX2BgYGFhYWJiYmNjY2RkZGVlZWZmZmdnZ2hoaGlpaWpqamtra2
    xsbG1tbW5ubm9vb3BwcHFxcXJycnNzc3R0dHV1dXZ2dnd3d3h4eHl5eXp6ent7e3x8fH19fX5+fn9/f4CAgIGBgYKC
    goODg4SEhIWFhYaGhoeHh4iIiImJiYqKiouLi4yMjI2NjY6Ojo+Pj5CQkJGRkZKSkpOTk5SUlJWVlZaWlpeXl5iYmJ
    mZmZqampubm5ycnJ2dnZ6enp+fn6CgoKGhoaKioqOjo6SkpKWlpaampqenp6ioqKmpqaqqqqurq6ysrK2tra6urq+v
    r7CwsLGxsbKysrOzs7S0tLW1tba2tre3t7i4uLm5ubq6uru7u7y8vL29vb6+vr+/v8DAwMHBwcLCwsPDw8TExMXFxc
    bGxsfHx8jIyMnJycrKysvLy8zMzM3Nzc7Ozs/Pz9DQ0NHR0dLS0tPT09TU1NXV1dbW1tfX19jY2NnZ2dra2tvb29zc
    3N3d3d7e3t/f3+Dg4OHh4eLi4uPj4+Tk5OXl5ebm5ufn5+jo6Onp6erq6uvr6+zs7O3t7e7u7u/v7/Dw8PHx8fLy8v
    Pz8/T09PX19fb29vf39/j4+Pn5+fr6+vv7+/z8/P39/f7+/v///yH5BAAKAAAALAAAAAAEAAQAAAgJAAEIHEiwIICA
    ACH5BAAKAAAALAAAAAAEAAQAhwAAAAEBAQICAgMDAwQEBAUFBQYGBgcHBwgICAkJCQoKCgsLCwwMDA0NDQ4ODg8PDx
    AQEBERERISEhMTExQUFBUVFRYWFhcXFxgYGBkZGRoaGhsbGxwcHB0dHR4eHh8fHyAgICEhISIiIiMjIyQkJCUlJSYm
    JicnJygoKCkpKSoqKisrKywsLC0tLS4uLi8vLzAwMDExMTIyMjMzMzQ0NDU1NTY2Njc3Nzg4ODk5OTo6Ojs7Ozw8PD
    09PT4+Pj8/P0BAQEFBQUJCQkNDQ0REREVFRUZGRkdHR0hISElJSUpKSktLS0xMTE1NTU5OTk9PT1BQUFFRUVJSUlNT
    U1RUVFVVVVZWVldXV1hYWFlZWVpaWltbW1xcXF1dXV5eXl9fX2BgYGFhYWJiYmNjY2RkZGVlZWZmZmdnZ2hoaGlpaW
    pqamtra2xsbG1tbW5ubm9vb3BwcHFxcXJycnNzc3R0dHV1dXZ2dnd3d3h4eHl5eXp6ent7e3x8fH19fX5+fn9/f4CA
    gIGBgYKCgoODg4SEhIWFhYaGhoeHh4iIiImJiYqKiouLi4yMjI2NjY6Ojo+Pj5CQkJGRkZKSkpOTk5SUlJWVlZaWlp
    eXl5iYmJmZmZqampubm5ycnJ2dnZ6enp+fn6CgoKGhoaKioqOjo6SkpKWlpaampqenp6ioqKmpqaqqqqurq6ysrK2t
    ra6urq+vr7CwsLGxsbKysrOzs7S0tLW1tba2tre3t7i4uLm5ubq6uru7u7y8vL29vb6+vr+/v8DAwMHBwcLCwsPDw8
    TExMXFxcbGxsfHx8jIyMnJycrKysvLy8zMzM3Nzc7Ozs/Pz9DQ0NHR0dLS0tPT09TU1NXV1dbW1tfX19jY2NnZ2dra
    2tvb29zc3N3d3d7e3t/f3+Dg4OHh4eLi4uPj4+Tk5OXl5ebm5ufn5+jo6Onp6erq6uvr6+zs7O3t7e7u7u/v7/Dw8P
    Hx8fLy8vPz8/T09PX19fb29vf39/j4+Pn5+fr6+vv7+/z8/P39/f7+/v///wgJAP8JHEiw4L+AADs=
    """

  @Test func framesThatWouldBeLostAreTold() throws {
    let bytes = try #require(Data(base64Encoded: animation, options: .ignoreUnknownCharacters))
    try sandbox.write("move.gif", [UInt8](bytes))
    let over = try sandbox.rtool("inpaint", "move.gif", "--box", "1,1,1,1", "-p", "fast", "-o", "move.gif")
    #expect(over.status == 1)
    expectOneLine(over.errors, contains: "2 pages or frames", "-o")
    #expect(try sandbox.bytes("move.gif") == [UInt8](bytes))
    let other = try sandbox.rtool("inpaint", "move.gif", "--box", "1,1,1,1", "-p", "fast", "-o", "still.png")
    #expect(other.status == 0, "\(other.errors)")
    #expect(other.errors.contains("only the first is used"))
  }

  @Test func anImageGivenTwiceIsAnError() throws {
    let outcome = try inpaint("in.png", "-m", "mask.png", "-o", "out.png")
    #expect(outcome.status == 2)
    expectOneLine(outcome.errors, contains: "--mask was given twice")
  }
}
