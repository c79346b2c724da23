import Glibc
import Imaging

/// Small copies of a command's images, to see in a moment what it would do: its lengths in pixels shrink with them.
final class ReducedImages {
  private struct Key: Hashable {
    let file: FileVersion
    let longestSide: Int
  }

  private struct Copy {
    let path: String
    /// The ratio of its sides to the image's.
    let factor: Double
  }

  private static let mostCopies = 16
  private let folder: TemporaryFolder
  private let opened: OpenImages
  private var copies = RecentlyUsed<Key, Copy>()
  private var count = 0

  init(_ opened: OpenImages) throws {
    self.opened = opened
    folder = try TemporaryFolder()
  }

  /// Puts small copies in place of the images and masks, and scales boxes, points and what is counted in pixels.
  /// - Returns: the sides of the first image's copy to the image's.
  func replace(in parsed: inout ParsedArguments, of plugin: Plugin, longestSide: Int) throws -> Double {
    var factor: Double?
    for parameter in plugin.parameters where [.image, .mask].contains(parameter.kind) {
      guard !parameter.flags.contains(.onDemand), let files = parsed.texts[parameter.name] else { continue }
      parsed.texts[parameter.name] = try files.map { file in
        let copy = try copy(of: file, longestSide: longestSide)
        factor = factor ?? copy.factor
        return copy.path
      }
    }
    guard let factor, factor < 1 else { return 1 }
    for parameter in plugin.parameters {
      parsed.texts[parameter.name] = parsed.texts[parameter.name]?.map {
        scaled($0, of: parameter, by: factor)
      }
    }
    return factor
  }

  private func copy(of path: String, longestSide: Int) throws -> Copy {
    let key = Key(file: try FileVersion(path), longestSide: longestSide)
    if let known = copies.value(key) { return known }
    let source = try opened.open(path, limits: Limits(), frame: 0)
    let factor = min(1, Double(longestSide) / Double(max(source.width, source.height)))
    func scaled(_ size: Int) -> Int { max(1, Int((Double(size) * factor).rounded())) }
    let small = try source.resized(width: scaled(source.width), height: scaled(source.height))
    count += 1
    let copy = Copy(path: "\(folder.path)/\(count).png", factor: factor)
    try small.patched(with: []).write(to: .file(copy.path), options: WriteOptions(stripMetadata: true))
    copies.keep(copy, for: key)
    if copies.entries.count > Self.mostCopies { unlink(copies.dropOldest().path) }
    return copy
  }

  private func scaled(_ text: String, of parameter: CommandParameter, by factor: Double) -> String {
    switch parameter.kind {
    case .box, .point: break
    case .int, .real: if parameter.unit != "px" { return text }
    default: return text
    }
    let numbers = text.split(separator: ",", omittingEmptySubsequences: false).map { Double($0) }
    guard numbers.allSatisfy({ $0 != nil }) else { return text }
    return numbers.enumerated().map { index, number in
      var scaled = number! * factor
      if parameter.kind != .real { scaled = scaled.rounded() }
      // What has an extent keeps one.
      if parameter.kind == .box, index >= 2 { scaled = max(1, scaled) }
      return numberText(scaled)
    }.joined(separator: ",")
  }
}
