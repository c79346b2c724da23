import CRTool

/// What a custom term sees, and fills in, for one image at one step. See `rtool_evaluation`.
public struct Evaluation {
  private let evaluation: UnsafeMutablePointer<rtool_evaluation>

  init(_ evaluation: UnsafeMutablePointer<rtool_evaluation>) { self.evaluation = evaluation }

  /// Which image of the batch.
  public var index: Int { Int(evaluation.pointee.index) }
  public var step: Int { Int(evaluation.pointee.step) }
  public var image: Image { Image(evaluation.pointee.image) }
  public var logits: UnsafeBufferPointer<Float> {
    UnsafeBufferPointer(start: evaluation.pointee.logits, count: Int(evaluation.pointee.class_count))
  }
  /// Features at layer `index` of the term's layers.
  public func features(_ index: Int) -> Features { Features(evaluation.pointee.features[index]) }

  // To be filled in. The gradients arrive as zeros.
  public var loss: Double {
    get { evaluation.pointee.loss }
    nonmutating set { evaluation.pointee.loss = newValue }
  }
  public var imageGradient: Image { Image(evaluation.pointee.image_gradient) }
  public var logitGradient: UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(
      start: evaluation.pointee.logit_gradient, count: Int(evaluation.pointee.class_count))
  }
  public func featureGradient(_ index: Int) -> Features {
    Features(evaluation.pointee.feature_gradients[index])
  }
}

/// The function of a custom term, at a place that C can point to.
final class CustomFunction {
  private let host: Host
  private let function: (inout Evaluation) throws -> Void

  init(host: Host, _ function: @escaping (inout Evaluation) throws -> Void) {
    (self.host, self.function) = (host, function)
  }

  func call(_ evaluation: UnsafeMutablePointer<rtool_evaluation>) -> Int32 {
    var evaluation = Evaluation(evaluation)
    do {
      try function(&evaluation)
      return Int32(RTOOL_OK)
    } catch { return host.status(of: error) }
  }
}

/// Keeps the functions of custom terms alive until the run ends.
final class CustomFunctions {
  private var kept: [CustomFunction] = []
  func keep(_ function: CustomFunction) { kept.append(function) }
}
