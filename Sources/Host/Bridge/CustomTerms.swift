import CRTool
import RobustRuntime

/// Custom terms of the plugin interface: what the plugin's function sees, and what it fills in.
extension Run {
  func custom(_ term: rtool_term) throws -> Objective.Term.Kind {
    guard let function = term.custom else { throw Failure.misuse("a custom term has no function") }
    guard term.layer_count <= 4096, term.layer_count == 0 || term.layers != nil else {
      throw Failure.misuse("a custom term has layers that are not there")
    }
    let layers = (0..<Int(term.layer_count)).map {
      term.layers[$0].map { String(cString: $0) } ?? "representation"
    }
    nonisolated(unsafe) let user = term.user
    var isChecked = !Watch.isOn
    return .custom(layers: layers) { evaluation in
      let bridged = BridgedEvaluation(evaluation)
      let status = bridged.call(function, user)
      if status == Int32(RTOOL_STOPPED) { throw Failure.interrupted }
      if status != Int32(RTOOL_OK) { throw Failure.failed("a custom term failed") }
      if !isChecked {
        isChecked = true
        try GradientCheck(bridged, layers: layers) { $0.call(function, user) }.run()
      }
      bridged.write(to: &evaluation)
    }
  }
}

/// An evaluation as plugins see it, with memory of its own.
final class BridgedEvaluation {
  /// Values that a loss depends on, and the gradient by them.
  struct Block {
    let values, gradient: UnsafeMutableBufferPointer<Float>

    fileprivate init(_ values: some Collection<Float>) {
      self.values = .allocate(capacity: values.count)
      gradient = .allocate(capacity: values.count)
      _ = self.values.initialize(from: values)
      gradient.initialize(repeating: 0)
    }

    fileprivate func deallocate() {
      values.deallocate()
      gradient.deallocate()
    }
  }

  /// Interleaved.
  let image: Block
  let logits: Block
  let features: [Block]
  private let tensors: [(channels: Int, height: Int, width: Int)]
  private let width, height, index, step: Int
  private(set) var loss = 0.0

  init(_ evaluation: CustomEvaluation) {
    (width, height, index, step) = (evaluation.width, evaluation.height, evaluation.index, evaluation.step)
    image = Block(repeatElement(0, count: 3 * width * height))
    let plane = width * height
    for channel in 0..<3 {
      for position in 0..<plane {
        image.values[3 * position + channel] = evaluation.image[channel * plane + position]
      }
    }
    logits = Block(evaluation.logits)
    features = evaluation.features.map { Block($0.values) }
    tensors = evaluation.features.map { ($0.channels, $0.height, $0.width) }
  }

  /// A copy of the values, with gradients of zero.
  init(copying other: BridgedEvaluation) {
    (width, height, index, step) = (other.width, other.height, other.index, other.step)
    image = Block(other.image.values)
    logits = Block(other.logits.values)
    features = other.features.map { Block($0.values) }
    tensors = other.tensors
  }

  deinit { for block in [image, logits] + features { block.deallocate() } }

  /// Has the plugin's function fill in the loss and the gradients. Its status.
  func call(_ function: rtool_custom, _ user: UnsafeMutableRawPointer?) -> Int32 {
    func imageOf(_ data: UnsafeMutablePointer<Float>?) -> rtool_image {
      rtool_image(
        width: Int32(width), height: Int32(height), channels: 3, stride: Int32(3 * width), data: data)
    }
    func tensorsOf(_ data: [UnsafeMutablePointer<Float>?]) -> [rtool_tensor] {
      zip(tensors, data).map {
        rtool_tensor(
          channels: Int32($0.channels), height: Int32($0.height), width: Int32($0.width), data: $1)
      }
    }
    var seen = imageOf(image.values.baseAddress)
    var imageGradient = imageOf(image.gradient.baseAddress)
    let values = tensorsOf(features.map(\.values.baseAddress))
    let gradients = tensorsOf(features.map(\.gradient.baseAddress))
    var bridged = rtool_evaluation()
    bridged.struct_size = UInt32(MemoryLayout<rtool_evaluation>.size)
    (bridged.index, bridged.step) = (Int32(index), Int32(step))
    (bridged.class_count, bridged.layer_count) = (Int32(logits.values.count), Int32(features.count))
    bridged.logits = UnsafePointer(logits.values.baseAddress)
    bridged.logit_gradient = logits.gradient.baseAddress
    return values.withUnsafeBufferPointer { values in
      gradients.withUnsafeBufferPointer { gradients in
        withUnsafeMutablePointer(to: &seen) { seen in
          withUnsafeMutablePointer(to: &imageGradient) { imageGradient in
            (bridged.features, bridged.feature_gradients) = (values.baseAddress, gradients.baseAddress)
            (bridged.image, bridged.image_gradient) = (UnsafePointer(seen), imageGradient)
            let status = function(user, &bridged)
            loss = bridged.loss
            return status
          }
        }
      }
    }
  }

  /// Hands over the loss and the gradients.
  func write(to evaluation: inout CustomEvaluation) {
    evaluation.loss = loss
    let plane = width * height
    for channel in 0..<3 {
      for position in 0..<plane {
        evaluation.imageGradient[channel * plane + position] = image.gradient[3 * position + channel]
      }
    }
    _ = evaluation.logitGradient.update(from: logits.gradient)
    for (feature, block) in zip(evaluation.features, features) {
      _ = feature.gradient.update(from: block.gradient)
    }
  }
}
