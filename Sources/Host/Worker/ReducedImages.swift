import Imaging
import RobustRuntime

/// Small copies of a command's images, to see in a moment what it would do: its lengths in pixels shrink with them.
final class ReducedImages {
  private let folder: TemporaryFolder
  private let longestSide: Int
  private var count = 0

  init(longestSide: Int) throws {
    self.longestSide = longestSide
    folder = try TemporaryFolder()
  }

  /// Puts small copies in place of the images and masks, and scales boxes, points and what is counted in pixels.
  func replace(in parsed: inout ParsedArguments, of plugin: Plugin) throws {
    var factor: Double?
    for parameter in plugin.parameters where [.image, .mask].contains(parameter.kind) {
      guard !parameter.flags.contains(.onDemand), let files = parsed.texts[parameter.name] else { continue }
      parsed.texts[parameter.name] = try files.map { file in
        let source = try SourceImage.open(.file(file))
        let wanted = min(1, Double(longestSide) / Double(max(source.width, source.height)))
        factor = factor ?? wanted
        return try copy(of: source, by: wanted)
      }
    }
    guard let factor, factor < 1 else { return }
    for parameter in plugin.parameters {
      parsed.texts[parameter.name] = parsed.texts[parameter.name]?.map {
        scaled($0, of: parameter, by: factor)
      }
    }
  }

  private func copy(of source: SourceImage, by factor: Double) throws -> String {
    count += 1
    let path = "\(folder.path)/\(count).png"
    func scaled(_ size: Int) -> Int { max(1, Int((Double(size) * factor).rounded())) }
    let small = try source.resized(width: scaled(source.width), height: scaled(source.height))
    try small.patched(with: []).write(to: .file(path), options: WriteOptions(stripMetadata: true))
    return path
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
