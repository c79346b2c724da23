import Foundation

/// The folder that was given at the start, of which images can be opened.
struct ImageFolder: Sendable {
  let path: String

  struct Entry: Encodable, Sendable {
    let name: String
    let bytes: Int
  }

  var name: String { path.split(separator: "/").last.map(String.init) ?? "/" }

  private static let endings: Set = [
    "jpg", "jpeg", "png", "webp", "tif", "tiff", "avif", "heic", "heif", "gif", "jxl", "bmp", "tga", "psd",
    "dng", "cr2",
    "nef", "arw", "jp2", "ppm",
  ]

  /// Its images by name, hidden ones left out.
  func images() -> [Entry] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    return names.filter { name in
      !name.hasPrefix(".") && Self.endings.contains(name.split(separator: ".").last?.lowercased() ?? "")
    }.sorted().compactMap { name in
      var status = stat()
      guard stat("\(path)/\(name)", &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
      return Entry(name: name, bytes: Int(status.st_size))
    }
  }

  /// The path of one of these.
  /// - Throws: `StudioError` where the name is no one of them.
  func path(of name: String) throws -> String {
    guard images().contains(where: { $0.name == name }) else {
      throw StudioError(.notFound, "the folder has no image \(name.prefix(80))")
    }
    return "\(path)/\(name)"
  }

  func contents(of name: String) throws -> Data {
    guard let data = FileManager.default.contents(atPath: try path(of: name)) else {
      throw StudioError(.failed, "\(name) cannot be read")
    }
    return data
  }
}
