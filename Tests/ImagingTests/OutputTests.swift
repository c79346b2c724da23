import CVips
import Glibc
import Imaging
import Testing

// One after the other: one of them removes all pending output.
@Suite(.serialized) struct OutputTests {
  private let result: ResultImage

  init() throws { result = try ResultImage.fresh(picture(40, 30)) }

  @Test func theExtensionChoosesTheFormat() throws {
    let scratch = try Scratch()
    for (name, format) in [
      ("a.jpg", Format.jpeg), ("b.JPEG", .jpeg), ("c.png", .png), ("d.webp", .webp), ("e.tif", .tiff),
      ("f.gif", .gif),
      ("g.ppm", .ppm),
    ] {
      try result.write(to: .file(scratch.file(name)))
      #expect(try SourceImage.open(.file(scratch.file(name))).format == format)
    }
    #expect(scratch.names.count == 7)
  }

  @Test(arguments: ["x", "x.xyz", "x.", ".png", "png", "a.png/x.svg"]) func unknownExtensionsAreRefused(
    _ name: String
  ) throws {
    let scratch = try Scratch()
    if name.contains("/") { mkdir(scratch.file("a.png"), 0o755) }
    let error = #expect(throws: ImagingError.self) { try result.write(to: .file(scratch.file(name))) }
    #expect(error?.kind == .unsupported)
    #expect(error?.description.contains(".png") == true)
    #expect(isOneLine(error))
  }

  @Test func aGivenFormatNeedsNoExtension() throws {
    let scratch = try Scratch()
    try result.write(to: .file(scratch.file("x")), format: .webp)
    #expect(try SourceImage.open(.file(scratch.file("x"))).format == .webp)
  }

  @Test func aNewFileTakesTheNameOfNoOther() throws {
    let scratch = try Scratch()
    try result.write(to: .newFile(scratch.file("a.png")))
    let before = try contents(scratch.file("a.png"))
    symlink("nowhere", scratch.file("b.png"))
    for name in ["a.png", "b.png"] {
      let error = #expect(throws: ImagingError.self) {
        try ResultImage.fresh(picture(9, 9)).write(to: .newFile(scratch.file(name)))
      }
      #expect(error?.kind == .exists && isOneLine(error))
    }
    #expect(try contents(scratch.file("a.png")) == before)
    #expect(scratch.names == ["a.png", "b.png"])
  }

  @Test func theInputCanBeTheOutput() throws {
    let scratch = try Scratch()
    let path = scratch.file("a.png")
    try result.write(to: .file(path))
    let source = try SourceImage.open(.file(path))
    let white = Patch(x: 0, y: 0, image: FloatImage(width: 1, height: 1, channels: 3, filledWith: 1))
    try source.patched(with: [white]).write(to: .file(path))
    #expect(try SourceImage.open(.file(path)).rgb()[0, 0, 0] == 1)
    #expect(scratch.names == ["a.png"])
  }

  @Test func modesAreKept() throws {
    let scratch = try Scratch()
    let path = try scratch.write([1], "a.png")
    chmod(path, 0o640)
    try result.write(to: .file(path))
    #expect(mode(path) == 0o640)

    let mask = umask(0)
    umask(mask)
    try result.write(to: .file(scratch.file("b.png")))
    #expect(mode(scratch.file("b.png")) == 0o666 & ~mask)
  }

  @Test func symbolicLinksAreFollowed() throws {
    let scratch = try Scratch()
    mkdir(scratch.file("deep"), 0o755)
    symlink("deep/target.png", scratch.file("one.png"))
    symlink("one.png", scratch.file("two.png"))
    for _ in 0..<2 {  // the target is missing at first, then there
      try result.write(to: .file(scratch.file("two.png")))
      #expect(isLink(scratch.file("two.png")) && isLink(scratch.file("one.png")))
      #expect(!isLink(scratch.file("deep/target.png")))
      #expect(try SourceImage.open(.file(scratch.file("deep/target.png"))).width == 40)
    }
    symlink("loop.png", scratch.file("loop.png"))
    #expect(throws: ImagingError.self) { try result.write(to: .file(scratch.file("loop.png"))) }
  }

  @Test func missingFoldersAreErrors() throws {
    let scratch = try Scratch()
    let error = #expect(throws: ImagingError.self) { try result.write(to: .file(scratch.file("no/a.png"))) }
    #expect(error?.kind == .unwritable)
    #expect(error?.description.contains("there is no folder") == true)
    #expect(isOneLine(error))
    #expect(throws: ImagingError.self) { try result.write(to: .file(scratch.path)) }
    #expect(throws: ImagingError.self) { try result.write(to: .file(""), format: .png) }
    #expect(throws: ImagingError.self) { try result.write(to: .file("/a\0b.png")) }
    let long = scratch.file(String(repeating: "x", count: 300) + ".png")
    #expect(throws: ImagingError.self) { try result.write(to: .file(long)) }
    #expect(scratch.names.isEmpty)
  }

  @Test func longestNamesCanBeWritten() throws {
    let scratch = try Scratch()
    let name = String(repeating: "x", count: 251) + ".png"
    try result.write(to: .file(scratch.file(name)))
    #expect(scratch.names == [name])
  }

  @Test(.enabled(if: geteuid() == 0, "a file system is mounted")) func aFullDiskChangesNothing() throws {
    let scratch = try Scratch()
    let folder = scratch.file("small")
    mkdir(folder, 0o755)
    guard mount("tmpfs", folder, "tmpfs", 0, "size=64k") == 0 else { return }
    defer { umount2(folder, Int32(MNT_DETACH)) }
    let path = try scratch.write([7, 7, 7], "small/a.tif")
    let large = try ResultImage.fresh(noise(300, 300))
    let error = #expect(throws: ImagingError.self) { try large.write(to: .file(path)) }
    #expect(error?.kind == .diskFull)
    #expect(error?.description.contains("the disk is full") == true)
    #expect(isOneLine(error))
    #expect(try contents(path) == [7, 7, 7])
    #expect(entries(of: folder) == ["a.tif"])
  }

  @Test func devicesAreWrittenInto() throws {
    try result.write(to: .file("/dev/null"))
    try result.write(to: .file("/dev/null"), format: .jpeg)
    var status = stat()
    #expect(stat("/dev/null", &status) == 0 && status.st_mode & S_IFMT == S_IFCHR)

    let error = #expect(throws: ImagingError.self) { try result.write(to: .file("/dev/full")) }
    #expect(error?.kind == .diskFull)
  }

  @Test func aPipeIsWrittenInto() throws {
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    defer { close(ends[0]) }
    // Small enough for the pipe's buffer.
    try ResultImage.fresh(picture(8, 8)).write(to: .file("/dev/fd/\(ends[1])"))
    close(ends[1])
    let bytes = try contents("/dev/fd/\(ends[0])")
    let source = try SourceImage.open(bytes: bytes)
    #expect(source.format == .png)
    #expect(source.width == 8)
  }

  @Test func aClosedPipeIsItsOwnError() throws {
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    close(ends[0])
    defer { close(ends[1]) }
    let error = #expect(throws: ImagingError.self) { try result.write(to: .file("/dev/fd/\(ends[1])")) }
    #expect(error?.kind == .closedPipe)
  }

  @Test func pendingOutputCanBeRemoved() throws {
    let scratch = try Scratch()
    let path = try scratch.write([1], ".rtool-x.tmp")
    let slot = pending_output_add(path)
    #expect(slot >= 0)
    Imaging.removePendingOutput()
    #expect(scratch.names.isEmpty)
    pending_output_remove(slot)
    _ = try scratch.write([1], ".rtool-x.tmp")
    Imaging.removePendingOutput()
    #expect(scratch.names == [".rtool-x.tmp"])
    #expect(pending_output_add(String(repeating: "x", count: 5000)) == -1)
    pending_output_remove(-1)
  }
}

func isOneLine(_ error: ImagingError?) -> Bool {
  guard let text = error?.description else { return false }
  return !text.isEmpty && text.count < 600 && !text.contains { $0.isNewline }
}

private func noise(_ width: Int, _ height: Int) -> FloatImage {
  var random = SplitMix(seed: 1)
  return FloatImage(
    width: width, height: height, channels: 3,
    pixels: (0..<width * height * 3).map { _ in Float.random(in: 0...1, using: &random) })
}

private func mode(_ path: String) -> UInt32 {
  var status = stat()
  return stat(path, &status) == 0 ? status.st_mode & 0o7777 : 0
}

private func isLink(_ path: String) -> Bool {
  var status = stat()
  return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
}
