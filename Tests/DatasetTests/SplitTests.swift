import Datasets
import Testing

@Suite struct SplitTests {
  @Test func partsFollowFromNamesAlone() throws {
    let scratch = try Scratch()
    for file in try samples() { try scratch.write(file.bytes, "data/" + file.name) }
    let set = try open([scratch.file("data")], scratch)
    // As computed by another program from what the documentation says.
    let fractions = [
      "ant/2.png": 0.6263843735761919, "ant/1.png": 0.820016003645823, "cat/3.png": 0.32598052881439,
    ]
    for (name, fraction) in fractions {
      let i = try #require((0..<set.count).first { set.name($0) == name })
      #expect(set.split(heldOut: fraction - 1e-9).training.contains(i))
      let split = set.split(heldOut: fraction + 1e-9)
      #expect((name == "ant/1.png" ? split.selection : split.report).contains(i))
    }
    for share in [0, 0.1, 0.5, 0.9, 1] {
      let split = set.split(heldOut: share)
      #expect((split.training + split.selection + split.report).sorted() == Array(0..<12))
      #expect(Set(split.training.map { set.label($0) }).count == 3)
      #expect(split.heldOut == (split.selection + split.report).sorted())
    }
    #expect(set.split(heldOut: 0).heldOut == [])
    #expect(set.split(heldOut: 1).training.count == 3)
    // More photos change nothing about these.
    let before = set.split(heldOut: 0.5).heldOut.map { set.name($0) }
    try scratch.write(try photo(90), "data/ant/new.png")
    let more = try open([scratch.file("data")], scratch)
    #expect(more.split(heldOut: 0.5).heldOut.map { more.name($0) }.filter { $0 != "ant/new.png" } == before)
  }

  @Test func onePhotoAClassIsTrainedOn() throws {
    let scratch = try Scratch()
    for file in try samples() where file.name.hasSuffix("/2.png") {
      try scratch.write(file.bytes, "data/" + file.name)
    }
    let set = try open([scratch.file("data")], scratch)
    #expect(set.split(heldOut: 1).training == [0, 1, 2])
  }

  @Test func copiesGoToOnePart() throws {
    let scratch = try Scratch()
    for file in try samples() {
      try scratch.write(file.bytes, "data/" + file.name)
      for copy in 0..<5 { try scratch.write(file.bytes, "data/\(file.name.dropLast(4))-copy\(copy).png") }
    }
    let set = try open([scratch.file("data")], scratch)
    #expect(set.count == 72)
    for share in [0.2, 0.5, 0.8] {
      let split = set.split(heldOut: share)
      let stems = [split.training, split.selection, split.report].map { part in
        Set(part.map { set.name($0).split(separator: "-")[0].split(separator: ".")[0] })
      }
      #expect(stems.map(\.count).reduce(0, +) == 12)
    }
  }

  @Test func aTestSetSharesNoFile() throws {
    let scratch = try Scratch()
    for file in try samples() { try scratch.write(file.bytes, "data/" + file.name) }
    for c in ["ant", "bee"] {
      try scratch.write(try photo(200 + c.count + (c == "ant" ? 0 : 1)), "test/\(c)/x.png")
    }
    let set = try open([scratch.file("data")], scratch)
    try set.requireNoneShared(with: try open([scratch.file("test")], scratch))
    try scratch.write(try scratch.read("data/cat/1.png"), "test/ant/other-name.png")
    let test = try open([scratch.file("test")], scratch)
    let error = #expect(throws: DatasetError.self) { try set.requireNoneShared(with: test) }
    #expect(error?.kind == .sharedPhotos)
    #expect(error?.description.contains("cat/1.png") == true)
    #expect(error?.description.contains("ant/other-name.png") == true)
    #expect(isOneLine(error))
  }

  @Test func aModelMayKnowOtherClasses() throws {
    let scratch = try Scratch()
    for file in try samples() { try scratch.write(file.bytes, "data/" + file.name) }
    let set = try open([scratch.file("data")], scratch)
    let photos = set.restricted(toClasses: ["cat", "dog", "ant"])
    #expect(photos.indices == [0, 1, 2, 3, 8, 9, 10, 11])
    #expect(photos.labels == [2, 2, 2, 2, 0, 0, 0, 0])
    #expect(photos.unknown == ["bee"])
    #expect(photos.missing == ["dog"])
  }
}
