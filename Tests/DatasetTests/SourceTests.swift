import Datasets
import Glibc
import Imaging
import Testing

@Suite struct SourceTests {
  private func open(_ paths: [String], _ scratch: Scratch, minimumClasses: Int = 2) throws -> PhotoSet {
    try PhotoSet.open(
      paths,
      PhotoSet.Options(largestSize: 16, cacheFolder: scratch.file("cache"), minimumClasses: minimumClasses))
  }

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
}
