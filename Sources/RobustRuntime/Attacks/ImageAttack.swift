/// One run of an attack on one image, which is told of the network's logits and gradients at the points that
/// it asks for. So runs on many images share the passes through the network and know nothing of each other.
protocol ImageAttack: AnyObject {
  /// Where the network is evaluated next, of as many floats as the image has.
  var point: UnsafePointer<Float> { get }
  /// The share of the run that is done, in 0...1.
  var progress: Double { get }

  /// Looks at the logits at `point`.
  /// - Parameter isBroken: whether the largest of them is another class than the label.
  /// - Parameter gradient: by the logits, [class]; all zeros at first. Written where one by the pixels is
  ///   wanted.
  func judge(
    _ logits: UnsafeBufferPointer<Float>, isBroken: Bool, gradient: UnsafeMutableBufferPointer<Float>
  ) -> AttackVerdict

  /// Goes to the next point. Follows `wantsGradient`.
  /// - Parameter gradient: by the pixels at `point`.
  func advance(_ gradient: UnsafePointer<Float>)
}

enum AttackVerdict: Equatable {
  /// `advance` is to be called.
  case wantsGradient
  /// `point` has changed and is to be judged.
  case again
  /// The image is misclassified within the radius.
  case broken
  /// The run has come to its end without that.
  case exhausted
}

/// The image that runs have in common.
final class AttackedImage {
  let pixels: Buffer
  let label: Int
  /// What tells the image's random numbers from those of others.
  let identifier: UInt64
  /// [class], of the image as it is.
  var logits: [Float] = []

  init(pixels: Buffer, label: Int, identifier: UInt64) {
    (self.pixels, self.label, self.identifier) = (pixels, label, identifier)
  }

  /// The other classes, the most likely first.
  func targets(atMost count: Int) -> [Int] {
    let ranked = logits.withUnsafeBufferPointer(\.ranked)
    return Array(ranked.filter { $0 != label }.prefix(count))
  }
}
