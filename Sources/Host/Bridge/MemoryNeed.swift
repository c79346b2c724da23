import Imaging
import RobustRuntime

/// The memory that a task is going to take at least, besides what is taken already: its pictures as floats, half as much
/// again as the first of them, since parts of it are copied or resized, and one image at the size of the model for an
/// ascent. What a result takes is held against the limits when the task says what it will be (`Expectation`).
struct MemoryNeed {
  let bytes: Int

  /// - Throws: `RuntimeError` where the model takes no images of its own size.
  init(of plugin: Plugin, images: [[SourceImage]], model: Classifier) throws {
    try self.init(of: plugin, pixels: images.map { $0.map { $0.width * $0.height } }, model: model)
  }

  /// - Parameter pixels: of each image, by the places of their parameters.
  init(of plugin: Plugin, pixels: [[Int]], model: Classifier) throws {
    var bytes = pixels.joined().reduce(0, +) * 3 * MemoryLayout<Float>.stride
    if let first = zip(plugin.parameters, pixels).first(where: { $0.kind == .image && !$1.isEmpty })?.1.first
    {
      bytes += first * 3 * MemoryLayout<Float>.stride / 2
    }
    let ascends = plugin.slots.contains { if case .ascent = $0 { true } else { false } }
    if ascends {
      bytes += try model.ascentBytes(images: 1, height: model.facts.side, width: model.facts.side)
    }
    self.bytes = bytes
  }

  /// - Throws: `Failure` where less is allowed.
  func check(against available: AvailableMemory) throws {
    guard bytes > available.bytes else { return }
    throw Failure.noMemory(
      "at least \(bytes >> 20) MB of memory are needed, and \(available.bytes >> 20) MB are left; "
        + "raise the limit (\(available.limit)) or use a smaller picture")
  }
}
