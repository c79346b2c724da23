import Datasets
import Glibc
import Synchronization
import Testing

@Suite struct CacheTests {
  /// A folder of photos in a new folder.
  private func prepared() throws -> (Scratch, data: String) {
    let scratch = try Scratch()
    for file in try samples() { try scratch.write(file.bytes, "data/" + file.name) }
    return (scratch, scratch.file("data"))
  }

  private func options(_ scratch: Scratch) -> PhotoSet.Options {
    PhotoSet.Options(largestSize: 16, cacheFolder: scratch.file("cache"))
  }

  @Test func photosAreDecodedOnce() throws {
    let (scratch, data) = try prepared()
    var stages: [PhotoSet.Stage] = []
    let first = try PhotoSet.open([data], options(scratch), onProgress: { stages.append($0) })
    #expect(stages.last == .decoding(done: 12, total: 12))
    stages = []
    let second = try PhotoSet.open([data], options(scratch), onProgress: { stages.append($0) })
    #expect(stages == [])
    #expect(contents(of: first) == contents(of: second))
    // Another size or other files are another set.
    _ = try PhotoSet.open([data], PhotoSet.Options(largestSize: 8, cacheFolder: scratch.file("cache")))
    try scratch.write(try photo(77), "data/ant/7.png")
    #expect(try open([data], scratch).count == 13)
    #expect(scratch.names(in: "cache").count == 3)
  }

  @Test func deletingTheCacheDoesNoHarm() throws {
    let (scratch, data) = try prepared()
    let set = try open([data], scratch)
    let before = contents(of: set)
    let name = try #require(scratch.names(in: "cache").first)
    unlink(scratch.file("cache/" + name))
    #expect(contents(of: set) == before)
    #expect(contents(of: try open([data], scratch)) == before)
    #expect(scratch.names(in: "cache") == [name])
  }

  @Test func whatIsNotWholeIsMadeAnew() throws {
    let (scratch, data) = try prepared()
    let before = contents(of: try open([data], scratch))
    let name = "cache/" + (try #require(scratch.names(in: "cache").first))
    let whole = try scratch.read(name)
    for length in [0, 1, 16, 95, 96, 200, whole.count / 2, whole.count - 1] {
      try scratch.write(Array(whole.prefix(length)), name)
      #expect(contents(of: try open([data], scratch)) == before)
    }
    try scratch.write(whole + [0], name)
    #expect(contents(of: try open([data], scratch)) == before)
    #expect(try scratch.read(name).count == whole.count)
  }

  @Test func lyingNumbersAreNotBelieved() throws {
    let (scratch, data) = try prepared()
    let before = contents(of: try open([data], scratch))
    let name = "cache/" + (try #require(scratch.names(in: "cache").first))
    let whole = try scratch.read(name)
    func number(_ at: Int) -> UInt64 { (0..<8).reduce(0) { $0 | UInt64(whole[at + $1]) << (8 * UInt64($1)) } }
    let index = Int(number(16 + 8 * 3))
    let lies: [UInt64] = [0, 1, 1 << 31, 1 << 32, 1 << 61, 1 << 63, .max, UInt64(whole.count)]
    // The numbers of the header, and those of the first record, of the lengths and of the texts of the index.
    let places = (0..<6).map { 16 + 8 * $0 } + stride(from: index, to: index + 64, by: 4) + [index + 64 * 12]
    for place in places {
      for lie in lies {
        var bytes = whole
        let size = place < index ? 8 : 4
        for k in 0..<size { bytes[place + k] = UInt8(lie >> (8 * UInt64(k)) & 255) }
        // The checksum of the index is right all the same.
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in bytes[index...] { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        for k in 0..<8 { bytes[16 + 8 * 6 + k] = UInt8(hash >> (8 * UInt64(k)) & 255) }
        try scratch.write(bytes, name)
        // Whatever it tells, all of it can be read.
        let set = try open([data], scratch, minimumClasses: 0)
        #expect(contents(of: set).count == set.count)
      }
    }
    unlink(scratch.file(name))
    #expect(contents(of: try open([data], scratch)) == before)
  }

  @Test func twoAtOnceShareTheWork() throws {
    let (scratch, data) = try prepared()
    let results = Mutex<[[String]]>([])
    var threads: [pthread_t] = []
    let work: () -> Void = {
      guard
        let set = try? PhotoSet.open(
          [data], PhotoSet.Options(largestSize: 16, cacheFolder: scratch.file("cache")))
      else { return }
      results.withLock { $0.append(contents(of: set)) }
    }
    try withoutActuallyEscaping(work) { work in
      final class Body {
        let run: () -> Void
        init(_ run: @escaping () -> Void) { self.run = run }
      }
      let body = Body(work)
      for _ in 0..<6 {
        var thread = pthread_t()
        let status = pthread_create(
          &thread, nil,
          { context in
            Unmanaged<Body>.fromOpaque(context!).takeUnretainedValue().run()
            return nil
          }, Unmanaged.passUnretained(body).toOpaque())
        guard status == 0 else { throw SetupError("pthread_create") }
        threads.append(thread)
      }
      for thread in threads { pthread_join(thread, nil) }
      withExtendedLifetime(body) {}
    }
    let all = results.withLock { $0 }
    #expect(all.count == 6)
    #expect(Set(all).count == 1)
    #expect(scratch.names(in: "cache").count == 1)
  }

  @Test func anotherProcessIsWaitedFor() throws {
    let (scratch, data) = try prepared()
    _ = try open([data], scratch)
    let name = try #require(scratch.names(in: "cache").first)
    let path = scratch.file("cache/" + name)
    rename(path, path + ".aside")
    let other = Glibc.open(path + ".part", O_RDWR | O_CREAT, 0o644)
    flock(other, LOCK_EX)
    var (stages, calls): ([PhotoSet.Stage], Int) = ([], 0)
    let error = #expect(throws: DatasetError.self) {
      try PhotoSet.open(
        [data], options(scratch), onProgress: { stages.append($0) },
        goesOn: {
          calls += 1
          return calls < 3
        })
    }
    #expect(error?.kind == .interrupted)
    #expect(stages == [.waiting, .waiting])
    // The other one is done.
    var isDone = false
    let set = try PhotoSet.open(
      [data], options(scratch),
      onProgress: { _ in
        if !isDone { rename(path + ".aside", path) }
        isDone = true
      })
    #expect(set.count == 12)
    close(other)
  }

  @Test func whatADeadProcessLeftIsTakenOver() throws {
    let (scratch, data) = try prepared()
    _ = try open([data], scratch)
    let name = try #require(scratch.names(in: "cache").first)
    unlink(scratch.file("cache/" + name))
    try scratch.write([1, 2, 3], "cache/\(name).part")
    try scratch.write([1, 2, 3], "cache/0123.photos.part")
    #expect(try open([data], scratch).count == 12)
    #expect(scratch.names(in: "cache") == [name])
  }

  @Test func interruptingLeavesNothing() throws {
    let (scratch, data) = try prepared()
    for calls in 1...3 {
      var left = calls
      let error = #expect(throws: DatasetError.self) {
        try PhotoSet.open(
          [data], options(scratch),
          goesOn: {
            left -= 1
            return left > 0
          })
      }
      if let error { #expect(error.kind == .interrupted) }
      #expect(scratch.names(in: "cache") == [])
    }
  }

  @Test func theOldestSetsMakeRoom() throws {
    let (scratch, data) = try prepared()
    _ = try open([data], scratch)
    let first = scratch.names(in: "cache")
    var past = [timespec(tv_sec: 1000, tv_nsec: 0), timespec(tv_sec: 1000, tv_nsec: 0)]
    utimensat(AT_FDCWD, scratch.file("cache/" + first[0]), &past, 0)
    let size = try scratch.read("cache/" + first[0]).count
    try scratch.write(try photo(50), "data/ant/50.png")
    _ = try open([data], scratch, cacheLimit: 3 * size)
    let second = scratch.names(in: "cache").filter { $0 != first[0] }
    #expect(scratch.names(in: "cache").count == 2)
    try scratch.write(try photo(51), "data/ant/51.png")
    _ = try open([data], scratch, cacheLimit: 5 * size / 2)
    #expect(!scratch.names(in: "cache").contains(first[0]))
    #expect(scratch.names(in: "cache").contains(second[0]))
    // The set in use stays, however large.
    try scratch.write(try photo(52), "data/ant/52.png")
    #expect(try open([data], scratch, cacheLimit: 0).count == 15)
    #expect(scratch.names(in: "cache").count == 1)
  }

  @Test func foldersThatCannotBeUsedAreErrors() throws {
    let (scratch, data) = try prepared()
    let file = try scratch.write([1], "file")
    for folder in [file, file + "/below", "/proc/nothing/here"] {
      let error = #expect(throws: DatasetError.self) {
        try PhotoSet.open([data], PhotoSet.Options(largestSize: 16, cacheFolder: folder))
      }
      #expect(error?.kind == .cache)
      #expect(isOneLine(error))
      #expect(error?.description.contains("--cache") == true)
    }
    let made = scratch.file("some/new/folder/")
    #expect(try PhotoSet.open([data], PhotoSet.Options(largestSize: 16, cacheFolder: made)).count == 12)
  }

  @Test func aFullDiskIsAnErrorThatLeavesNothing() throws {
    let (scratch, data) = try prepared()
    let disk = try scratch.folder("disk")
    // Only the superuser makes a disk as small as this.
    guard mount("none", disk, "tmpfs", 0, "size=8k") == 0 else { return }
    defer { umount(disk) }
    let error = #expect(throws: DatasetError.self) {
      try PhotoSet.open([data], PhotoSet.Options(largestSize: 16, cacheFolder: disk + "/cache"))
    }
    #expect(error?.kind == .diskFull)
    #expect(isOneLine(error))
    #expect(scratch.names(in: "disk/cache") == [])
  }
}
