/// What there is to know about photos before a model is trained on them.
public struct DatasetReport: Encodable, Sendable {
  /// The photos of one class.
  public struct ClassCount: Encodable, Sendable {
    public let name: String
    public let photos: Int
    /// How many of them are trained on, choose between states, and measure the result.
    public let training: Int, selection: Int, report: Int
    /// Photos of a test set of its own, where there is one.
    public let test: Int?
  }

  /// Pixels across and down of a photo.
  public struct Size: Encodable, Sendable, Equatable {
    public let width: Int, height: Int
  }

  /// Smallest, median and largest by their numbers of pixels.
  public struct Sizes: Encodable, Sendable {
    public let smallest: Size, median: Size, largest: Size
    /// Photos whose shorter side is below the one kept: their views are enlarged.
    public let small: Int
  }

  /// One photo among its copies.
  public struct Copy: Encodable, Sendable, Equatable {
    /// CLASS/NAME.
    public let name: String
    /// "training", "selection", "report" or "test".
    public let part: String
  }

  /// Photos that are, or look, the same.
  public struct Copies: Encodable, Sendable, Equatable {
    /// Whether all are the same file.
    public let areExact: Bool
    /// Whether some are trained on and others not: then what is measured on these tells too much.
    public let isLeak: Bool
    /// Whether their classes differ.
    public let isConflict: Bool
    public let photos: [Copy]
  }

  public let photos: Int
  public let classes: [ClassCount]
  /// The photos of the largest class for each of the smallest.
  public let balance: Double
  public let sizes: Sizes
  /// Files that were left out and why, those of the test set too.
  public let problems: [String]
  /// Groups of two or more.
  public let copies: [Copies]
  /// Classes of the test set that are not trained on.
  public let unknownTestClasses: [String]

  /// Looks at all photos of a set, its parts, and a test set if there is one. Throws `interrupted` when
  /// `goesOn` answers false.
  public init(_ set: PhotoSet, _ split: PhotoSplit, test: PhotoSet? = nil, goesOn: () -> Bool = { true })
    throws(DatasetError)
  {
    var photos = set.records.indices.map { NearCopies.Photo(set: set, index: $0) }
    var parts = [String](repeating: "training", count: set.count)
    for i in split.selection { parts[i] = "selection" }
    for i in split.report { parts[i] = "report" }
    classes = Self.counts(set, parts, test)
    if let test {
      photos += test.records.indices.map { NearCopies.Photo(set: test, index: $0) }
      parts += [String](repeating: "test", count: test.count)
    }
    guard let groups = NearCopies.groups(photos, goesOn: goesOn) else { throw .interrupted }
    self.photos = set.count
    balance =
      Double(classes.map(\.photos).max() ?? 0) / Double(max(classes.map(\.photos).min() ?? 0, 1))
    sizes = Sizes(set)
    problems = set.problems + (test?.problems ?? [])
    copies = groups.map { group in Copies(group.map { (photos[$0], parts[$0]) }) }
    unknownTestClasses = test.map { test in test.classes.filter { !set.classes.contains($0) } } ?? []
  }

  private static func counts(_ set: PhotoSet, _ parts: [String], _ test: PhotoSet?) -> [ClassCount] {
    let byClass = Dictionary(grouping: set.records.indices, by: { set.label($0) })
    let tests = test.map { test in
      Dictionary(grouping: test.records.indices, by: { test.classes[test.label($0)] })
    }
    return set.classes.enumerated().map { c, name in
      let indices = byClass[c] ?? []
      func count(_ part: String) -> Int { indices.reduce(0) { $0 + (parts[$1] == part ? 1 : 0) } }
      return ClassCount(
        name: name, photos: indices.count, training: count("training"), selection: count("selection"),
        report: count("report"), test: tests.map { $0[name]?.count ?? 0 })
    }
  }
}

extension DatasetReport {
  /// Copies some of which are trained on and others not.
  public var leaks: [Copies] { copies.filter(\.isLeak) }
  /// Copies in different classes.
  public var conflicts: [Copies] { copies.filter(\.isConflict) }
}

extension DatasetReport.Sizes {
  fileprivate init(_ set: PhotoSet) {
    let sizes = set.records.map { DatasetReport.Size(width: $0.originalWidth, height: $0.originalHeight) }
      .sorted { ($0.width * $0.height, $0.width) < ($1.width * $1.height, $1.width) }
    let none = DatasetReport.Size(width: 0, height: 0)
    smallest = sizes.first ?? none
    median = sizes.isEmpty ? none : sizes[sizes.count / 2]
    largest = sizes.last ?? none
    small = sizes.reduce(0) { $0 + (min($1.width, $1.height) < set.side ? 1 : 0) }
  }
}

extension DatasetReport.Copies {
  fileprivate init(_ group: [(photo: NearCopies.Photo, part: String)]) {
    photos = group.map { DatasetReport.Copy(name: $0.photo.set.name($0.photo.index), part: $0.part) }
    areExact = Set(group.map { $0.photo.set.records[$0.photo.index].digest }).count == 1
    let trained = group.filter { $0.part == "training" }.count
    isLeak = trained > 0 && trained < group.count
    isConflict = Set(group.map { $0.photo.set.classes[$0.photo.set.label($0.photo.index)] }).count > 1
  }
}
