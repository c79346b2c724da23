import Glibc
import Imaging
import WorkerProtocol

/// Shows image files, and makes masks and other formats of them. The last images are kept as a screen shows them.
final class WorkerImages {
  private struct Shown {
    let facts: ImageFacts
    let screen: ScreenImage
    var bytes: Int { screen.width * screen.height * (screen.hasAlpha ? 4 : 3) }
  }

  private static let mostBytes = 400 << 20
  private var shown = RecentlyUsed<FileVersion, Shown>()

  func part(_ view: WorkerRequest.ImageView) throws -> EncodedImage {
    let screen = try open(view.file).screen
    let area = view.area ?? PixelRectangle(x: 0, y: 0, width: screen.width, height: screen.height)
    return try screen.part(
      x: area.x, y: area.y, width: area.width, height: area.height, longestSide: view.longestSide)
  }

  func facts(of file: String) throws -> ImageFacts { try open(file).facts }

  func convert(_ file: String, to output: String, quality: Int?) throws -> TaskResult {
    // Small and precise: the file's own samples, not what a screen shows.
    let source = try SourceImage.open(.file(file))
    try source.patched(with: []).write(
      to: .file(output), options: WriteOptions(quality: quality), provenance: source.provenance)
    return TaskResult(outputs: [output])
  }

  func makeMask(_ part: WorkerRequest.MaskPart) throws -> TaskResult {
    let image = try open(part.image).facts
    var mask = MaskFile(width: image.width, height: image.height)
    if let file = part.part {
      let area = part.area
      guard (1...image.width).contains(area.width), (1...image.height).contains(area.height),
        (0...image.width - area.width).contains(area.x), (0...image.height - area.height).contains(area.y)
      else { throw Failure.failed("a part of a mask lies outside of its image") }
      let grey = try SourceImage.open(.file(file)).rgb()
      let isSized = (grey.width, grey.height) == (area.width, area.height)
      mask.lay(
        isSized ? grey : try grey.resized(width: area.width, height: area.height, kernel: .linear),
        x: area.x, y: area.y)
    }
    try mask.write(to: .file(part.output))
    return TaskResult(outputs: [part.output])
  }

  private func open(_ path: String) throws -> Shown {
    let file = try FileVersion(path)
    if let known = shown.value(file) { return known }
    let source = try SourceImage.open(.file(path))
    let image = Shown(facts: ImageFacts(source), screen: try ScreenImage(source))
    shown.keep(image, for: file)
    while shown.entries.count > 1, shown.entries.reduce(0, { $0 + $1.value.bytes }) > Self.mostBytes {
      shown.dropOldest()
    }
    return image
  }
}

extension ImageFacts {
  init(_ source: SourceImage) {
    let written = Format.written.contains(source.format) ? source.format : .png
    self.init(
      width: source.width, height: source.height, format: source.format.rawValue,
      ending: written.extensions[0], hasAlpha: source.hasAlpha)
  }
}
