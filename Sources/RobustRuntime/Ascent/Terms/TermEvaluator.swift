/// A term of an objective made ready for a batch of one size: its layers looked up, its targets' features
/// computed.
protocol TermEvaluator {
  /// The values of the plan that it reads.
  var values: [Int] { get }
  /// Adds the weighted loss of each image, and the weighted gradients if the point wants them.
  func evaluate(_ point: borrowing Point, _ losses: inout [Double]) throws
}

/// Where an objective is evaluated, and where its gradient goes.
struct Point: ~Copyable {
  let step: Int
  let plan: Plan
  /// The extents of the images, which the network may see larger.
  let height, width: Int
  /// [image][3][row][column].
  let pixels: UnsafePointer<Float>
  let pixelGradient: UnsafeMutablePointer<Float>?
  /// The images as the network sees them, in their `views` and with noise, of the plan's size.
  let seen: UnsafePointer<Float>
  let seenGradient: UnsafeMutablePointer<Float>?
  /// [image]; empty: the network sees all images as they are.
  let views: [View]
  /// [value], of those that the terms read.
  let layers: [Planes?]

  var images: Int { plan.images }
  /// Pixels of one image.
  var area: Int { height * width }
  /// The extents of the images as the network sees them.
  var seenHeight: Int { plan.height }
  var seenWidth: Int { plan.width }

  func view(ofImage n: Int) -> View { views.isEmpty ? .plain : views[n] }

  /// - Precondition: it is one of the values of a term.
  func layer(_ value: Int) -> Planes { layers[value]! }
}

/// Feature maps as terms read them: [channel][image][row][column].
struct Planes {
  let shape: Shape
  let images: Int
  let values: UnsafePointer<Float>
  /// The gradient, shaped as the values; nil: none is wanted.
  let gradient: UnsafeMutablePointer<Float>?

  /// Positions of an image.
  var area: Int { shape.height * shape.width }
  /// Floats from channel to channel.
  var plane: Int { images * area }
}
