import AttackAlgorithms
import RTool

/// The photo as the model sees it, and images of its size as lists of values: [row][column][channel].
struct Scene {
  let host: Host
  let start: Image
  /// Values of the start.
  let origin: [Float]
  let norm: Norm

  init(_ start: Image, norm: Norm, host: Host) {
    (self.start, self.norm, self.host) = (start, norm, host)
    origin = Scene.values(of: start)
  }

  static func values(of image: Image) -> [Float] {
    let width = image.width * image.channels
    return (0..<image.height).flatMap { UnsafeBufferPointer(start: image.row($0), count: width) }
  }

  func image(_ values: [Float]) throws -> Image {
    let image = try host.image(width: start.width, height: start.height, channels: 3)
    let width = 3 * start.width
    values.withUnsafeBufferPointer { values in
      for y in 0..<start.height { image.row(y).update(from: values.baseAddress! + y * width, count: width) }
    }
    return image
  }

  func logits(_ values: [Float]) throws -> [Float] {
    try host.scoped { try host.logits(image(values)) }
  }

  /// What a length at the model's side is multiplied with here: L2 lengths grow with the square root of the number of
  /// pixels.
  var scale: Double {
    norm == .l2 ? Double(start.width * start.height).squareRoot() / Double(host.model.side) : 1
  }

  /// The size of the change to these values, at the model's side.
  func radius(of values: [Float]) -> Double { norm.size(sum(values, origin, share: -1)) / scale }

  /// The values moved into 0...1.
  static func clamped(_ values: [Float]) -> [Float] { values.map { min(max($0, 0), 1) } }
}
