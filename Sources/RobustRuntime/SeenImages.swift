import PixelGrid

/// Images that are not as the network takes them: it sees smaller ones mirrored beyond their borders, and larger ones, where
/// it takes one size alone, reduced to fit into that, and mirrored.
extension ModelFacts {
  /// The size in which the network sees images of a size.
  func seenSize(height: Int, width: Int) -> (height: Int, width: Int) {
    if let fixedSize { return (fixedSize.height, fixedSize.width) }
    return (max(height, smallest), max(width, smallest))
  }

  /// How the network sees images of a size.
  func seenView(height: Int, width: Int) -> View {
    guard let fixedSize else { return .plain }
    let scale = min(Float(fixedSize.height) / Float(height), Float(fixedSize.width) / Float(width), 1)
    return View(scale: scale)
  }

  /// The images as the network sees them.
  /// - Throws: `RuntimeError` where there are none.
  func seen(_ images: ImageBatch) throws -> ImageBatch {
    try Self.check(images)
    let (height, width) = seenSize(height: images.height, width: images.width)
    if (height, width) == (images.height, images.width) { return images }
    let sampler = ViewSampler(
      seenView(height: images.height, width: images.width), height: images.height, width: images.width,
      seenHeight: height, seenWidth: width)
    var seen = ImageBatch(count: images.count, height: height, width: width)
    for n in 0..<images.count { sampler.view(image: n, images.pixels, to: &seen.pixels) }
    return seen
  }

  static func check(_ images: ImageBatch) throws {
    guard images.count > 0, images.height > 0, images.width > 0 else {
      throw RuntimeError.invalid("there are no images")
    }
  }
}
