extension Network {
  /// What the cores' caches keep of the maps that a step reads and writes, in floats.
  private static let cachedFloats = 4 << 20

  /// How many images of a batch a plan computes at once. More of them share what is read of weights, fewer leave maps in
  /// caches from one step to the next; of the numbers that divide the batch, the one that moves the fewest floats through
  /// memory for each image. The results are the same whatever it is.
  /// - Parameter images: of the batch, at least 1.
  /// - Throws: `RuntimeError.invalid` if images of that size do not fit.
  func imagesAtOnce(of images: Int, height: Int, width: Int) throws -> Int {
    guard images > 1 else { return 1 }
    let sizes = try shapes(height: height, width: width).map { $0.channelBlocks * $0.blockStride(images: 1) }
    let steps = steps.enumerated().map { k, step in step.inputs.reduce(sizes[k + 1]) { $0 + sizes[$1] } }
    let (largest, moved, weights) = (steps.max() ?? 0, steps.reduce(0, +), weightCount)
    func floatsOfImage(_ count: Int) -> Int {
      weights / count + (count * largest <= Network.cachedFloats ? 0 : moved)
    }
    return (1...images).filter { images % $0 == 0 }.min { floatsOfImage($0) < floatsOfImage($1) }!
  }
}
