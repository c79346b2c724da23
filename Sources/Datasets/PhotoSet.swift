import Glibc
import Imaging
import RobustRuntime

/// Photos with their classes, decoded once and kept as bytes in a cache file that is mapped into memory.
///
/// Photos are sorted by class and name, whatever the order in which they are given, so that the same data
/// have the same indices. Everything may be called from any thread.
public final class PhotoSet: Sendable {
  /// The names of all classes, sorted; each has a photo.
  public let classes: [String]
  /// What was left out and why, one line each.
  public let problems: [String]
  /// Pixels of the shorter side of photos that were larger.
  public let side: Int
  let records: [PhotoRecord]
  private let file: MappedFile

  private init(_ file: MappedFile, _ header: CacheHeader, _ index: CacheIndex) {
    self.file = file
    side = header.side
    classes = index.classes
    problems = index.problems
    records = index.records
  }

  public var count: Int { records.count }

  /// Index of the class of photo i.
  public func label(_ i: Int) -> Int { records[i].classIndex }

  /// CLASS/NAME of photo i; several photos may have one name.
  public func name(_ i: Int) -> String { records[i].name }

  /// Pixels across and down of photo i before it was shrunk, upright.
  public func originalSize(_ i: Int) -> (width: Int, height: Int) {
    (records[i].originalWidth, records[i].originalHeight)
  }

  /// The bytes of photo i, valid during the call.
  public func withPhoto<Result>(_ i: Int, _ body: (PhotoBytes) throws -> Result) rethrows -> Result {
    let record = records[i]
    let start = (file.bytes.baseAddress! + record.offset).assumingMemoryBound(to: UInt8.self)
    return try withExtendedLifetime(file) {
      try body(PhotoBytes(pixels: start, width: record.width, height: record.height))
    }
  }

  /// A text that is the same for two sets exactly when they have the same files, names and classes, and pixels of the same
  /// size: 16 hexadecimal digits.
  public var identity: String {
    var hash = FNV()
    for text in classes { hash.add(Array(text.utf8) + [0]) }
    for record in records {
      hash.add(Array(record.name.utf8) + [0])
      for number in [record.digest.high, record.digest.low, UInt64(record.width), UInt64(record.height)] {
        withUnsafeBytes(of: number.littleEndian) { hash.add($0) }
      }
    }
    let digits = String(hash.value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}

extension PhotoSet {
  /// How photos are opened.
  public struct Options: Sendable {
    /// The largest size, in pixels, of the views that will be taken: the shorter side of larger photos is
    /// reduced to 9/8 of it. 1...4096.
    public var largestSize: Int
    /// The folder of decoded photos; nil takes rtool in $XDG_CACHE_HOME or ~/.cache.
    public var cacheFolder: String?
    /// The bytes of all sets in that folder beyond which the oldest are removed, the one in use apart.
    public var cacheLimit: Int
    /// How many classes there must be.
    public var minimumClasses: Int
    /// How many threads decode, 1...64; nil takes one for each processor.
    public var threads: Int?
    /// What one photo may cost.
    public var limits: Limits

    public init(
      largestSize: Int, cacheFolder: String? = nil, cacheLimit: Int = 8 << 30, minimumClasses: Int = 2,
      threads: Int? = nil, limits: Limits = Limits()
    ) {
      self.largestSize = largestSize
      self.cacheFolder = cacheFolder
      self.cacheLimit = cacheLimit
      self.minimumClasses = minimumClasses
      self.threads = threads
      self.limits = limits
    }

    var side: Int { (9 * min(max(largestSize, 1), 4096) + 7) / 8 }
  }

  /// What opening does at the moment.
  public enum Stage: Sendable, Equatable {
    /// Another process decodes the same photos.
    case waiting
    /// So many photos have been decoded or left out; of how many is unknown for archives.
    case decoding(done: Int, total: Int?)
  }

  /// Opens folders of class folders, archives of CLASS/NAME, and lists of lines path<TAB>class, as one set.
  ///
  /// The class of a photo is the last folder of its path; in folders, links are followed. Names that begin
  /// with a dot, and files whose names are not those of pictures, are passed over. What cannot be decoded is
  /// left out and told in `problems`.
  ///
  /// - Parameters:
  ///   - onProgress: called on this thread, several times a second.
  ///   - goesOn: called likewise; an answer of false has `interrupted` thrown.
  public static func open(
    _ paths: [String], _ options: Options, onProgress: (Stage) -> Void = { _ in },
    goesOn: () -> Bool = { true }
  ) throws(DatasetError) -> PhotoSet {
    var sources: [DataSource] = []
    var fingerprints: [String] = []
    for path in paths {
      let source = try DataSource(path)
      fingerprints.append(try source.fingerprint(path: path))
      sources.append(source)
    }
    let folder = try CacheFolder(options.cacheFolder, limit: options.cacheLimit)
    let key = try key(fingerprints, options)
    while true {
      if !goesOn() { throw .interrupted }
      if let (file, header, index) = folder.open(key) {
        return try PhotoSet(file, header, index).checked(options)
      }
      guard let pending = try folder.begin(key) else {
        onProgress(.waiting)
        usleep(100_000)
        continue
      }
      // Another process may have been done in between.
      if let (file, header, index) = folder.open(key) {
        return try PhotoSet(file, header, index).checked(options)
      }
      folder.tidy(keeping: key)
      let writer = CacheWriter(pending)
      let expected = try decode(sources, into: writer, options, onProgress, goesOn)
      try writer.finish(side: options.side, expected: expected, minimumClasses: options.minimumClasses)
      guard let (file, header, index) = CacheFolder.contents(pending.descriptor) else {
        throw DatasetError(
          .cache, "\(pending.path): what was written cannot be read; choose another folder with --cache")
      }
      try pending.finish()
      folder.tidy(keeping: key)
      return PhotoSet(file, header, index)
    }
  }

  private func checked(_ options: Options) throws(DatasetError) -> PhotoSet {
    guard classes.count >= options.minimumClasses else {
      throw DatasetError(
        .tooFewClasses,
        "there are \(classes.count) classes of photos, and \(options.minimumClasses) are needed")
    }
    return self
  }

  /// The name of the cache file: of what the files are and how they are decoded.
  private static func key(_ fingerprints: [String], _ options: Options) throws(DatasetError) -> String {
    let text = (["photos 1, side \(options.side)"] + fingerprints.sorted { $0.precedes($1) }).joined(
      separator: "\n")
    do {
      return String(try Imaging.digest(of: Array(text.utf8)).prefix(32))
    } catch {
      throw DatasetError(.libraryMissing, error.description)
    }
  }

  /// Decodes all photos. The classes that there should be come back.
  private static func decode(
    _ sources: [DataSource], into writer: CacheWriter, _ options: Options, _ onProgress: (Stage) -> Void,
    _ goesOn: () -> Bool
  ) throws(DatasetError) -> Set<String> {
    let processors = Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    let decoder = PhotoDecoder(side: options.side, limits: options.limits)
    let crew = DecodingCrew(decoder, writer, threads: min(max(options.threads ?? processors, 1), 64))
    defer { crew.dismiss() }
    let counts = sources.map(\.count)
    let total = counts.contains(nil) ? nil : counts.reduce(0) { $0 + ($1 ?? 0) }
    func report() throws(DatasetError) {
      if let code = writer.failure { throw .cache(options.cacheFolder ?? "the cache", errno: code) }
      onProgress(.decoding(done: writer.count, total: total))
      if !goesOn() { throw .interrupted }
    }
    func submit(_ work: Work) throws(DatasetError) {
      while !crew.offer(work) { try report() }
    }
    var expected: Set<String> = []
    var submitted = 0
    for source in sources {
      switch source {
      case .listing(let listing):
        expected.formUnion(listing.classes)
        listing.problems.forEach(writer.leaveOut)
        for file in listing.files {
          try submit(.file(file.path, file.place))
          submitted += 1
          if submitted % 256 == 0 { try report() }
        }
      case .archive(let path):
        var archive = try Archive(path, limit: decoder.maxBytes) { Format(sniffing: $0) != nil }
        while let member = try archive.next(goesOn: goesOn) {
          switch member {
          case .photo(let place, let bytes): try submit(.bytes(bytes, place))
          case .leftOut(let problem): writer.leaveOut(problem)
          case .other: break
          }
          submitted += 1
          if submitted % 256 == 0 { try report() }
        }
        expected.formUnion(archive.expectedClasses)
      }
    }
    while !crew.isIdle() { try report() }
    try report()
    return expected
  }
}
