import Datasets
import Glibc
import Testing

@Suite struct SourceTests {
  @Test func folderArchivesAndListAreTheSameSet() throws {
    let scratch = try Scratch()
    let files = try samples()
    for file in files { try scratch.write(file.bytes, "data/" + file.name) }
    let members = files.shuffled().map { ($0.name, Optional($0.bytes)) }
    let plain = try scratch.write(tar(members), "photos.tar")
    let packed = try scratch.write(gzip(tar(members.reversed())), "photos.tar.gz")
    let deep = try scratch.write(
      tar([("./a/b/", nil)] + members.map { ("./a/b/" + $0.0, $0.1) }), "deep.tar")
    let half = [Array(members.prefix(5)), Array(members.dropFirst(5))]
    let halves = try half.enumerated().map { try scratch.write(tar($1), "half-\($0).tar") }
    let lines = files.shuffled().map { "data/\($0.name)\t\($0.name.split(separator: "/")[0])\r\n" }.joined()
    let list = try scratch.write(Array(("\n" + lines).utf8), "photos.tsv")

    let folder = try open([scratch.file("data")], scratch)
    #expect(folder.classes == ["ant", "bee", "cat"])
    #expect(folder.count == 12)
    #expect(folder.problems == [])
    #expect((0..<12).map { folder.name($0) } == files.map(\.name))
    #expect((0..<12).map { folder.label($0) } == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2])
    for paths in [
      [plain], [packed], [deep], [list], halves, halves.reversed(), [plain, scratch.file("data")],
    ] {
      let other = try open(paths, scratch)
      #expect(contents(of: other) == contents(of: folder), "\(paths)")
      #expect(other.identity == folder.identity)
      #expect(other.classes == folder.classes)
    }
  }

  @Test func otherFilesArePassedOverAndWhatLooksLikeAPhotoIsNamed() throws {
    let scratch = try Scratch()
    let text = Array("hello".utf8)
    var files = try samples()
    files += [
      ("ant/.hidden.png", text), (".git/config", text), ("__MACOSX/ant/0.png", text), ("ant/Thumbs.db", text),
      ("README", text), ("labels.txt", text), ("bee/film.mp4", text), ("loose.png", files[0].bytes),
      ("ant/empty.png", []),
    ]
    for file in files { try scratch.write(file.bytes, "data/" + file.name) }
    let archive = try scratch.write(tar(files.map { ($0.name, Optional($0.bytes)) }), "data.tar")
    for path in [scratch.file("data"), archive] {
      let set = try open([path], scratch)
      #expect(set.count == 12)
      #expect(set.problems.count == 3, "\(set.problems)")
      for name in ["ant/empty.png", "bee/film.mp4", "loose.png"] {
        #expect(set.problems.filter { $0.contains(name + ":") }.count == 1)
      }
    }
  }

  @Test func emptyAndTooFewClassesAreErrors() throws {
    let scratch = try Scratch()
    for file in try samples() where file.name.hasPrefix("ant") {
      try scratch.write(file.bytes, "data/" + file.name)
    }
    #expect(failure([scratch.file("data")], scratch)?.kind == .tooFewClasses)
    #expect(try open([scratch.file("data")], scratch, minimumClasses: 1).classes == ["ant"])
    #expect(failure([scratch.file("data")], scratch)?.kind == .tooFewClasses)
    try scratch.folder("data/bee")
    let empty = failure([scratch.file("data")], scratch)
    #expect(empty?.kind == .emptyClass)
    #expect(empty?.description.contains("'bee'") == true)
    try scratch.write(Array("no photo".utf8), "data/bee/1.jpg")
    let broken = failure([scratch.file("data")], scratch)
    #expect(broken?.kind == .emptyClass)
    #expect(broken?.description.contains("1.jpg") == true)
    let archive = try scratch.write(
      tar([("ant/", nil), ("bee/", nil), ("ant/1.png", try photo(1))]), "a.tar")
    #expect(failure([archive], scratch)?.description.contains("'bee'") == true)
    #expect(failure([try scratch.folder("nothing")], scratch)?.kind == .tooFewClasses)
    // Nothing is left of what failed.
    #expect(scratch.names(in: "cache").filter { $0.hasSuffix(".part") } == [])
  }

  @Test func whatIsNoDataIsRefused() throws {
    let scratch = try Scratch()
    #expect(failure([scratch.file("missing")], scratch)?.kind == .unreadable)
    #expect(failure([""], scratch)?.kind == .unreadable)
    #expect(failure([try scratch.write([], "empty")], scratch)?.kind == .unreadable)
    #expect(failure([try scratch.write(try photo(1), "photo.png")], scratch)?.kind == .damagedArchive)
    mkfifo(scratch.file("pipe"), 0o600)
    #expect(failure([scratch.file("pipe")], scratch)?.kind == .unreadable)
    let archive = gzip(tar(try samples().map { ($0.name, Optional($0.bytes)) }))
    for length in [20, 700, archive.count / 2] {
      let path = try scratch.write(Array(archive.prefix(length)), "short.tar.gz")
      #expect(failure([path], scratch)?.kind == .damagedArchive)
    }
    #expect(scratch.names(in: "cache") == [])
  }

  @Test func archivesWithWrongBytesNeverCrash() throws {
    let scratch = try Scratch()
    let archive = tar(try samples().map { ($0.name, Optional($0.bytes)) })
    var generator = SystemRandomNumberGenerator()
    for round in 0..<40 {
      var bytes = archive
      for _ in 0...round { bytes[Int.random(in: 0..<bytes.count, using: &generator)] = .random(in: 0...255) }
      let path = try scratch.write(bytes, "\(round).tar")
      do {
        _ = try open([path], scratch)
      } catch let error as DatasetError {
        #expect(isOneLine(error))
      }
    }
  }

  @Test func linesOfListsAreChecked() throws {
    let scratch = try Scratch()
    for file in try samples() { try scratch.write(file.bytes, "data/" + file.name) }
    let good = "data/ant/0.png\ta\n\(scratch.file("data/bee/0.png"))\tb\n"
    let set = try open(
      [try scratch.write(Array((good + "data/ant/9.png\ta\ndata/ant\ta\n").utf8), "list")], scratch)
    #expect(set.classes == ["a", "b"])
    #expect(set.count == 2)
    #expect(set.problems.count == 2)
    for bad in ["data/ant/0.png", "data/ant/0.png\t", "\ta", "data/ant/0.png\ta/b", "data/ant/0.png\t.."] {
      let error = failure([try scratch.write(Array((good + bad).utf8), "bad")], scratch)
      #expect(error?.kind == .badList)
      #expect(error?.description.contains("line 3") == true)
    }
    let missing = failure([try scratch.write(Array((good + "no.png\tc\n").utf8), "missing")], scratch)
    #expect(missing?.kind == .emptyClass)
    #expect(missing?.description.contains("no.png") == true)
  }

  @Test func linksAreFollowedInFoldersOnly() throws {
    let scratch = try Scratch()
    for file in try samples() { try scratch.write(file.bytes, "store/" + file.name) }
    try scratch.folder("data/bee")
    symlink("../store/ant", scratch.file("data/ant"))
    symlink("../../store/bee/1.png", scratch.file("data/bee/1.png"))
    symlink("nowhere.png", scratch.file("data/bee/2.png"))
    symlink("..", scratch.file("data/bee/loop"))
    mkfifo(scratch.file("data/bee/pipe.png"), 0o600)
    let set = try open([scratch.file("data")], scratch)
    #expect((0..<set.count).map { set.name($0) } == (0..<4).map { "ant/\($0).png" } + ["bee/1.png"])
    #expect(set.problems.count == 3, "\(set.problems)")
  }

  @Test func foldersThatCannotBeReadAreErrors() throws {
    let scratch = try Scratch()
    for file in try samples() { try scratch.write(file.bytes, "data/" + file.name) }
    chmod(scratch.path, 0o755)
    chmod(scratch.file("data/bee"), 0)
    defer { chmod(scratch.file("data/bee"), 0o755) }
    try scratch.folder("cache")
    // The file system sees another user in this thread than the superuser, whom no mode keeps out.
    typealias SetUser = @convention(c) (uid_t) -> Int32
    let setUser = unsafeBitCast(try #require(dlsym(nil, "setfsuid")), to: SetUser.self)
    let user = setUser(65534)
    defer { _ = setUser(uid_t(user)) }
    let error = failure([scratch.file("data")], scratch)
    #expect(error?.kind == .unreadable)
    #expect(error?.description.contains("data/bee: permission denied") == true)
  }
}
