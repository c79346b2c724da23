import Datasets
import Foundation
import Imaging
import Testing

@Suite struct ReportTests {
  /// A photo like no other.
  private func scene(_ seed: Int, _ size: Int, brightness: Float = 0) -> FloatImage {
    var image = FloatImage(width: size, height: size, channels: 3)
    for y in 0..<size {
      for x in 0..<size {
        for c in 0..<3 {
          var value: Float = 0.5 + brightness
          for k in 1...4 {
            let (a, b) = (Float((seed * k * 7 + c) % 11 - 5), Float((seed * k * 5 + 3) % 13 - 6))
            value += 0.1 * sin((a * Float(x) + b * Float(y)) / Float(size) * Float(k) + Float(seed * k))
          }
          image[x, y, c] = min(max(value, 0), 1)
        }
      }
    }
    return image
  }

  private func file(_ image: FloatImage, _ format: Format = .png) throws -> [UInt8] {
    try ResultImage.fresh(image).encoded(
      as: format, options: WriteOptions(quality: format == .jpeg ? 60 : nil)
    ).bytes
  }

  private func copies(_ report: DatasetReport) -> [[String]] { report.copies.map { $0.photos.map(\.name) } }

  @Test func copiesAreFoundAndOthersAreNot() throws {
    let scratch = try Scratch()
    for i in 0..<30 {
      try scratch.write(try file(scene(i + 1, 96)), "data/\(i % 2 == 0 ? "a" : "b")/\(i + 10).png")
    }
    let options = PhotoSet.Options(largestSize: 64, cacheFolder: scratch.file("cache"))
    let clean = try PhotoSet.open([scratch.file("data")], options)
    #expect(copies(try DatasetReport(clean, clean.split(heldOut: 0.3))) == [])
    // The same file, one compressed anew, one smaller, one brighter, and one in a class of its own.
    try scratch.write(try file(scene(1, 96)), "data/a/x-same.png")
    try scratch.write(try file(scene(3, 96), .jpeg), "data/a/x-packed.jpg")
    try scratch.write(try file(scene(5, 50)), "data/a/x-small.png")
    try scratch.write(try file(scene(7, 96, brightness: 0.05)), "data/a/x-bright.png")
    try scratch.write(try file(scene(2, 96), .jpeg), "data/c/x-other.jpg")
    try scratch.write(Array("?".utf8), "data/c/broken.jpg")
    let set = try PhotoSet.open([scratch.file("data")], options)
    let report = try DatasetReport(set, set.split(heldOut: 0.3))
    #expect(
      Set(copies(report).map { Set($0) }) == [
        ["a/10.png", "a/x-same.png"], ["a/12.png", "a/x-packed.jpg"], ["a/14.png", "a/x-small.png"],
        ["a/16.png", "a/x-bright.png"], ["b/11.png", "c/x-other.jpg"],
      ])
    #expect(report.copies.filter(\.areExact).map { $0.photos.map(\.name) } == [["a/10.png", "a/x-same.png"]])
    let groups = try set.nearCopies()
    #expect(groups.count == 5)
    for share in [0.2, 0.4, 0.6] {
      let split = set.split(heldOut: share, together: groups)
      #expect(try DatasetReport(set, split).leaks == [])
    }
    #expect(report.conflicts.map { $0.photos.map(\.name) } == [["b/11.png", "c/x-other.jpg"]])
    #expect(report.problems.count == 1)
    #expect(report.classes.map(\.photos) == [19, 15, 1])
    #expect(report.classes.map { $0.training + $0.selection + $0.report } == [19, 15, 1])
    #expect(report.balance == 19)
    #expect((report.sizes.smallest.width, report.sizes.smallest.height) == (50, 50))
    #expect((report.sizes.median.width, report.sizes.median.height) == (96, 96))
    #expect(report.sizes.small == 1)
    let text = report.lines().joined(separator: "\n")
    for word in ["x-same.png", "broken.jpg", "19.0 times", "50x50"] { #expect(text.contains(word)) }
    let json = try JSONSerialization.jsonObject(with: JSONEncoder().encode(report)) as? [String: Any]
    #expect((json?["copies"] as? [Any])?.count == 5)
  }

  @Test func leaksToATestSetAreFound() throws {
    let scratch = try Scratch()
    for i in 0..<6 {
      try scratch.write(try file(scene(i + 1, 64)), "data/\(i % 2 == 0 ? "a" : "b")/\(i).png")
    }
    try scratch.write(try file(scene(1, 64), .jpeg), "test/a/again.jpg")
    try scratch.write(try file(scene(9, 64)), "test/z/new.png")
    let options = PhotoSet.Options(largestSize: 64, cacheFolder: scratch.file("cache"))
    let set = try PhotoSet.open([scratch.file("data")], options)
    let test = try PhotoSet.open([scratch.file("test")], options)
    let report = try DatasetReport(set, set.split(heldOut: 0), test: test)
    #expect(report.leaks.map { $0.photos.map(\.name) } == [["a/0.png", "a/again.jpg"]])
    #expect(report.leaks.first?.photos.map(\.part) == ["training", "test"])
    #expect(report.classes.map(\.test) == [1, 0])
    #expect(report.unknownTestClasses == ["z"])
    #expect(throws: DatasetError.self) { try DatasetReport(set, set.split(heldOut: 0), goesOn: { false }) }
  }
}
