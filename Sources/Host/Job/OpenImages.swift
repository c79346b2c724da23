import Imaging
import Synchronization

/// Image files that stay open from one run to the next, for a process that is asked for many of one image. An image does not
/// change, so that runs can share it.
final class OpenImages: Sendable {
  private struct Kept {
    let file: FileVersion
    let frame: Int
    let image: SourceImage
    /// Made when a run first asks for them.
    var pixels: SharedPixels?
    /// What its pixels take in memory.
    var bytes: Int {
      image.width * image.height * (4 * max(1, image.bitDepth / 8) + (pixels == nil ? 0 : 12))
    }
  }

  private static let mostBytes = 500 << 20
  /// The last one used is the last.
  private let kept = Mutex<[Kept]>([])

  /// The image as `SourceImage.open` gives it, with its digest.
  func open(_ path: String, limits: Limits, frame: Int) throws -> SourceImage {
    guard let file = try? FileVersion(path) else {
      return try SourceImage.open(.file(path), limits: limits, frame: frame, digest: true)
    }
    let known = kept.withLock { kept -> SourceImage? in
      guard let index = kept.firstIndex(where: { $0.file == file && $0.frame == frame }),
        kept[index].image.width * kept[index].image.height <= limits.maxPixels
      else { return nil }
      let found = kept.remove(at: index)
      kept.append(found)
      return found.image
    }
    if let known { return known }
    let image = try SourceImage.open(.file(path), limits: limits, frame: frame, digest: true)
    kept.withLock { kept in
      kept.append(Kept(file: file, frame: frame, image: image))
      Self.bound(&kept)
    }
    return image
  }

  /// The colours of one of these images, made once for all runs; nil: it is none of them, or too small to be worth it.
  func pixels(of image: SourceImage) throws -> SharedPixels? {
    try kept.withLock { kept in
      guard let index = kept.firstIndex(where: { $0.image === image }) else { return nil }
      if let pixels = kept[index].pixels { return pixels }
      kept[index].pixels = try SharedPixels(image)
      defer { Self.bound(&kept) }
      return kept[index].pixels
    }
  }

  private static func bound(_ kept: inout [Kept]) {
    while kept.count > 1, kept.reduce(0, { $0 + $1.bytes }) > mostBytes { kept.removeFirst() }
  }
}
