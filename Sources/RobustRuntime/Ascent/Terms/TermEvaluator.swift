/// A term of an objective made ready for a batch of one size: its layers looked up, its targets' features
/// computed.
protocol TermEvaluator {
  /// The values of the plan that it reads.
  var values: [Int] { get }
  /// Adds the weighted loss of each of the point's images, and the weighted gradients if the point wants them.
  func evaluate(_ point: borrowing Point, _ losses: inout [Double]) throws
}

/// Where an objective is evaluated, for some images of a batch, and where its gradient goes.
struct Point: ~Copyable {
  let step: Int
  /// Images of the batch that are evaluated: as many as the plan has.
  let images: Range<Int>
  /// The number of images of the batch.
  let batch: Int
  let plan: Plan
  /// The extents of the images, which the network may see larger.
  let height, width: Int
  /// [image][3][row][column], of the whole batch, as all that follows but the layers.
  let pixels: UnsafePointer<Float>
  let pixelGradient: UnsafeMutablePointer<Float>?
  /// The images as the network sees them, in their `views` and with noise, of the plan's size.
  let seen: UnsafePointer<Float>
  let seenGradient: UnsafeMutablePointer<Float>?
  /// [image]; empty: the network sees all images as they are.
  let views: [View]
  /// [value], of those that the terms read.
  let layers: [Planes?]

  /// Pixels of one image.
  var area: Int { height * width }
  /// The extents of the images as the network sees them.
  var seenHeight: Int { plan.height }
  var seenWidth: Int { plan.width }

  func view(ofImage n: Int) -> View { views.isEmpty ? .plain : views[n] }

  /// - Precondition: it is one of the values of a term.
  func layer(_ value: Int) -> Planes { layers[value]! }
}

/// Feature maps of some images of a batch as terms read them: [channel][image][row][column].
struct Planes {
  let shape: Shape
  let images: Range<Int>
  let values: UnsafePointer<Float>
  /// The gradient, shaped as the values; nil: none is wanted.
  let gradient: UnsafeMutablePointer<Float>?

  /// Positions of an image.
  var area: Int { shape.height * shape.width }
  /// Floats from channel to channel.
  var plane: Int { images.count * area }
  /// Where the first channel of an image begins, which has this number in the batch.
  func start(ofImage n: Int) -> Int { (n - images.lowerBound) * area }
}
