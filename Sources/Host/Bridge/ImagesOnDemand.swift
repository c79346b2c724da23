import CRTool
import Imaging

/// The images of a parameter that are opened when the task asks for them, for all runs of a process: what was read of
/// them, and which were of no use.
final class ImagesOnDemand {
  let names: [String]
  /// Whether they have a fourth channel where the file has transparency.
  let keepsAlpha: Bool
  private let limits: Limits
  /// Told each image when it is first opened; throws where it will not do.
  private let check: (SourceImage) throws -> Void
  /// SHA-256 of each file that was read, nil of the others.
  private var digests: [String?]
  private var skipped: Set<Int> = []
  /// What came from standard input, which can be read once.
  private var stream: [UInt8]?

  init(
    _ names: [String], keepsAlpha: Bool, limits: Limits, check: @escaping (SourceImage) throws -> Void
  ) {
    (self.names, self.keepsAlpha, self.limits, self.check) = (names, keepsAlpha, limits, check)
    digests = names.map { _ in nil }
  }

  var hasSkipped: Bool { !skipped.isEmpty }

  /// The names and hashes of those that were of use.
  var used: [(name: String, digest: String)] {
    names.indices.compactMap { index in
      skipped.contains(index) ? nil : digests[index].map { (names[index], $0) }
    }
  }

  /// - Parameter side: pixels of the shorter side that there is use for; 0: all.
  func open(_ index: Int, side: Int) throws -> SourceImage {
    let source = try SourceImage.open(
      input(index), limits: limits, shorterSide: side > 0 ? side : nil, digest: digests[index] == nil)
    if let digest = source.digest {
      try check(source)
      digests[index] = digest
    }
    return source
  }

  /// Whether it was of use until now.
  func skip(_ index: Int) -> Bool { skipped.insert(index).inserted }

  private func input(_ index: Int) throws -> Input {
    guard names[index] == "-" else { return .file(names[index]) }
    guard let bytes = stream ?? FileBytes.ofStandardInput() else {
      throw Failure.failed("standard input cannot be read")
    }
    stream = bytes
    return .bytes(bytes, name: "standard input")
  }
}

/// The functions of the host table that open images one by one.
extension Run {
  func addImagesOnDemand(to host: inout rtool_host) {
    host.image_open = { host, parameter, index, side in
      let run = Run.of(host)
      var image: UnsafePointer<rtool_image>?
      _ = run.statusOnRunThread {
        image = try run.open(Int(parameter), Int(index), side: Int(side)).map { UnsafePointer($0) }
      }
      return image
    }
    host.image_skip = { host, parameter, index, text in
      let run = Run.of(host)
      _ = run.statusOnRunThread {
        let images = try run.imagesOnDemand(Int(parameter), Int(index))
        let name = images.names[Int(index)]
        try run.skip(Int(index), of: images, text.map { String(cString: $0) } ?? "\(name): it is of no use")
      }
    }
  }

  private func imagesOnDemand(_ parameter: Int, _ index: Int) throws -> ImagesOnDemand {
    guard let images = imagesOnDemand[parameter], images.names.indices.contains(index) else {
      throw Failure.misuse("there is no image \(index) of parameter \(parameter) that is opened on demand")
    }
    return images
  }

  /// nil: it is of no use, and the user has been told.
  private func open(_ parameter: Int, _ index: Int, side: Int) throws -> UnsafeMutablePointer<rtool_image>? {
    let images = try imagesOnDemand(parameter, index)
    guard (0...Run.largestSide).contains(side) else {
      throw Failure.misuse("an image cannot be opened for a side of \(side) pixels")
    }
    if console.isInterrupted() { throw Failure.interrupted }
    do {
      let source = try images.open(index, side: side)
      let image = try newImage(of: source, withAlpha: images.keepsAlpha)
      sources[image.pointee.data] = source
      return image
    } catch {
      let text = Failure(error).description
      try skip(index, of: images, error is ImagingError ? text : "\(images.names[index]): \(text)")
      return nil
    }
  }

  /// Tells why an image is of no use, once, and among results that are read as they come there as well.
  private func skip(_ index: Int, of images: ImagesOnDemand, _ text: String) throws {
    guard images.skip(index) else { return }
    console.say(text)
    if wantsJSON, images.names.count > 1 {
      try emit(line: encodedJSON(["error": text, "file": images.names[index]]))
    }
  }
}
