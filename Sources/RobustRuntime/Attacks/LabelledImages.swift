/// Images with their classes, which are read one by one when they are needed.
public struct LabelledImages {
  public let count: Int
  /// The class of image i, an index of the logits.
  public let label: (_ i: Int) -> Int
  /// What tells the random numbers of image i from those of others, as a hash of its name.
  public let identifier: (_ i: Int) -> UInt64
  /// Writes image i: planar, [3][row][column], in 0...1.
  public let read: (_ i: Int, _ pixels: UnsafeMutablePointer<Float>) throws -> Void

  public init(
    count: Int, label: @escaping (_ i: Int) -> Int, identifier: @escaping (_ i: Int) -> UInt64,
    read: @escaping (_ i: Int, _ pixels: UnsafeMutablePointer<Float>) throws -> Void
  ) {
    (self.count, self.label, self.identifier, self.read) = (count, label, identifier, read)
  }

  /// Images in memory, which are identified by their places.
  /// - Precondition: there is a label for each.
  public init(_ images: ImageBatch, labels: [Int]) {
    precondition(images.count == labels.count)
    self.init(
      count: images.count, label: { labels[$0] }, identifier: { UInt64($0) },
      read: { i, pixels in
        images.pixels.withUnsafeBufferPointer {
          pixels.update(from: $0.baseAddress! + i * images.stride, count: images.stride)
        }
      })
  }
}
