/// The feature maps of a batch at one place of a plan: [channels][images][height][width], in the plan's
/// arena.
///
/// With the images inside the pixels, a 1x1 convolution of a whole batch is one matrix product.
package final class Tensor {
  package let shape: Shape
  package let images: Int
  private var place: (value: UnsafeMutablePointer<Float>, gradient: UnsafeMutablePointer<Float>?)!
  /// Whether something has been written to `gradient` in this backward pass, so that what follows is added.
  var hasGradient = false
  /// Whether `gradient` is already that before the ReLU.
  var gradientIsMasked = false

  init(shape: Shape, images: Int) { (self.shape, self.images) = (shape, images) }

  /// Says where the floats lie, before anything is computed.
  func place(value: UnsafeMutablePointer<Float>, gradient: UnsafeMutablePointer<Float>?) {
    place = (value, gradient)
  }

  package var value: UnsafeMutablePointer<Float> { place.value }
  /// Of the loss by the value; there only if the plan computes gradients.
  package var gradient: UnsafeMutablePointer<Float> { place.gradient! }

  /// Positions of one channel, over all images.
  package var plane: Int { images * shape.height * shape.width }
  package var count: Int { shape.channels * plane }
}
