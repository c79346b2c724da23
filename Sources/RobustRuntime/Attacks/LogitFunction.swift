/// A differentiable classifier as attacks see it: logits of a batch of images, and what a gradient by these
/// logits is by the pixels. Used by one thread at a time.
public protocol LogitFunction: AnyObject {
  var classCount: Int { get }
  /// Extents of the images in pixels.
  var height: Int { get }
  var width: Int { get }
  /// The most images in one call.
  var capacity: Int { get }

  /// Computes the logits of the first `count` images, 1...capacity.
  /// - Parameter pixels: [capacity][3][row][column], in 0...1; those of images beyond `count` are numbers of
  ///   no meaning.
  /// - Parameter logits: [count][class], written.
  /// - Throws: `RuntimeError`
  func logits(
    of pixels: UnsafePointer<Float>, count: Int, to logits: UnsafeMutablePointer<Float>) throws

  /// Computes the product of a gradient by the logits with the Jacobian at the images that `logits` was last
  /// called for. Called at most once for each such call, with the same `count`.
  /// - Parameter logitGradient: [count][class].
  /// - Parameter pixels: [capacity][3][row][column], of which the first `count` images are written.
  /// - Throws: `RuntimeError`
  func gradient(
    ofLogits logitGradient: UnsafePointer<Float>, count: Int, to pixels: UnsafeMutablePointer<Float>) throws
}

extension LogitFunction {
  /// Floats of one image.
  var stride: Int { 3 * height * width }
}
