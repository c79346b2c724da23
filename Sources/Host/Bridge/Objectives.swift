import CRTool
import RobustRuntime

/// Objectives of the plugin interface as the runtime's.
extension Run {
  func objective(_ pointer: UnsafePointer<rtool_objective>?) throws -> Objective {
    guard let objective = Growth.read(pointer, into: rtool_objective(), atLeast: Growth.objective),
      objective.term_count > 0, objective.term_count <= 4096, let terms = objective.terms,
      objective.term_size >= Growth.term, objective.term_size < 1 << 16
    else { throw Failure.misuse("an objective needs its sizes filled in and at least one term") }
    let stride = Int(objective.term_size)
    return try Objective(
      (0..<Int(objective.term_count)).map { index in
        try term(Growth.read(UnsafeRawPointer(terms) + index * stride, size: stride, into: rtool_term()))
      })
  }

  private func term(_ term: rtool_term) throws -> Term {
    let layer = term.layer.map { String(cString: $0) }
    let count = max(1, Int(term.image_count))

    func target() throws -> ImageBatch {
      guard let target = term.target else { throw Failure.misuse("a term has no target") }
      return try ImageBatch(target, count: count, role: "targets")
    }
    func region(_ images: UnsafePointer<rtool_image>?) throws -> Region? {
      try images.map { try Region($0, count: count, role: "regions") }
    }
    func classes() throws -> [ClassWeight] {
      guard let classes = term.classes, term.class_count > 0 else {
        throw Failure.misuse("a class term has no classes")
      }
      return (0..<Int(term.class_count)).map {
        ClassWeight(Int(classes[$0].index), weight: classes[$0].weight)
      }
    }

    let kind: Term.Kind
    switch Int(term.kind) {
    case RTOOL_TERM_CLASS: kind = .crossEntropy(try classes())
    case RTOOL_TERM_LOGIT: kind = .logit(try classes())
    case RTOOL_TERM_FEATURE:
      kind = .feature(layer: layer, unit: Int(term.unit), region: try region(term.region))
    case RTOOL_TERM_REPRESENTATION:
      kind = try representation(term, layer: layer, count: count)
    case RTOOL_TERM_PIXELS: kind = .pixels(target: try target(), region: try region(term.region))
    case RTOOL_TERM_SMOOTHNESS: kind = .smoothness(region: try region(term.region))
    case RTOOL_TERM_ENTROPY: kind = .entropy
    case RTOOL_TERM_STATISTICS:
      guard term.statistics < UInt32(RTOOL_STATISTIC_COVARIANCE) << 1 else {
        throw Failure.misuse("a term has the unknown statistics \(term.statistics)")
      }
      kind = .statistics(
        layer: layer, term.statistics == 0 ? .all : Statistics(rawValue: term.statistics),
        target: try target(), region: try region(term.region),
        targetRegion: try region(term.target_region))
    case RTOOL_TERM_MEASUREMENT:
      let filters: [ReductionFilter] = [.linear, .cubic, .lanczos, .box, .nearest]
      guard filters.indices.contains(Int(term.filter)) else {
        throw Failure.misuse("a term has the unknown filter \(term.filter)")
      }
      kind = .measurement(
        target: try target(), region: try region(term.region), filter: filters[Int(term.filter)],
        sigma: term.sigma)
    case RTOOL_TERM_CUSTOM: kind = try custom(term)
    default: throw Failure.misuse("a term is of the unknown kind \(term.kind)")
    }
    return Term(weight: term.weight, kind)
  }

  private func representation(_ term: rtool_term, layer: String?, count: Int) throws -> Term.Kind {
    let isRelative = term.relative != 0
    guard let facts = classifier.facts.layers.first(where: { $0.name == layer ?? "representation" }) else {
      throw Failure.misuse("the model has no layer \(quoted(layer ?? ""))")
    }
    let weights =
      term.channel_weights.map { Array(UnsafeBufferPointer(start: $0, count: facts.channels)) } ?? []
    guard let targets = term.target_features else {
      guard let target = term.target else { throw Failure.misuse("a term has no target") }
      return .representation(
        layer: layer, target: try ImageBatch(target, count: count, role: "targets"), relative: isRelative,
        channelWeights: weights)
    }
    let first = targets[0]
    var values: [Float] = []
    for index in 0..<count {
      let tensor = targets[index]
      guard tensor.channels == facts.channels, tensor.height > 0, tensor.width > 0,
        tensor.height == first.height,
        tensor.width == first.width, let data = tensor.data
      else {
        throw Failure.misuse(
          "target features must be alike, with the \(facts.channels) channels of their layer")
      }
      values += UnsafeBufferPointer(
        start: data, count: Int(tensor.channels) * Int(tensor.height) * Int(tensor.width))
    }
    return .features(
      layer: layer,
      target: FeatureMap(
        count: count, channels: facts.channels, height: Int(first.height), width: Int(first.width),
        values: values),
      relative: isRelative, channelWeights: weights)
  }

  private func custom(_ term: rtool_term) throws -> Term.Kind {
    guard let function = term.custom else { throw Failure.misuse("a custom term has no function") }
    guard term.layer_count <= 4096, term.layer_count == 0 || term.layers != nil else {
      throw Failure.misuse("a custom term has layers that are not there")
    }
    let layers = (0..<Int(term.layer_count)).map {
      term.layers[$0].map { String(cString: $0) } ?? "representation"
    }
    nonisolated(unsafe) let user = term.user
    return .custom(layers: layers) { evaluation in
      let status = evaluation.withBridged { function(user, $0) }
      if status == Int32(RTOOL_STOPPED) { throw Failure.interrupted }
      if status != Int32(RTOOL_OK) { throw Failure.failed("a custom term failed") }
    }
  }
}

extension CustomEvaluation {
  /// Calls `body` with this evaluation as plugins see it, and takes over the loss and the gradients.
  fileprivate mutating func withBridged(_ body: (UnsafeMutablePointer<rtool_evaluation>) -> Int32) -> Int32 {
    let plane = width * height
    var interleaved = [Float](repeating: 0, count: 3 * plane)
    for channel in 0..<3 {
      for position in 0..<plane { interleaved[3 * position + channel] = image[channel * plane + position] }
    }
    var gradient = [Float](repeating: 0, count: 3 * plane)
    func tensor(_ feature: Feature, _ data: UnsafeMutableBufferPointer<Float>) -> rtool_tensor {
      rtool_tensor(
        channels: Int32(feature.channels), height: Int32(feature.height), width: Int32(feature.width),
        data: data.baseAddress)
    }
    let values = features.map { tensor($0, UnsafeMutableBufferPointer(mutating: $0.values)) }
    let gradients = features.map { tensor($0, $0.gradient) }
    func interleavedImage(_ data: UnsafeMutablePointer<Float>?) -> rtool_image {
      rtool_image(
        width: Int32(width), height: Int32(height), channels: 3, stride: Int32(3 * width), data: data)
    }
    let status = interleaved.withUnsafeMutableBufferPointer { interleaved in
      gradient.withUnsafeMutableBufferPointer { gradient in
        values.withUnsafeBufferPointer { values in
          gradients.withUnsafeBufferPointer { gradients in
            var image = interleavedImage(interleaved.baseAddress)
            var imageGradient = interleavedImage(gradient.baseAddress)
            return withUnsafeMutablePointer(to: &image) { image in
              withUnsafeMutablePointer(to: &imageGradient) { imageGradient in
                var bridged = rtool_evaluation()
                bridged.struct_size = UInt32(MemoryLayout<rtool_evaluation>.size)
                bridged.index = Int32(index)
                bridged.step = Int32(step)
                bridged.class_count = Int32(logits.count)
                bridged.layer_count = Int32(values.count)
                bridged.image = UnsafePointer(image)
                bridged.logits = logits.baseAddress
                bridged.features = values.baseAddress
                bridged.image_gradient = imageGradient
                bridged.logit_gradient = logitGradient.baseAddress
                bridged.feature_gradients = gradients.baseAddress
                let status = body(&bridged)
                loss = bridged.loss
                return status
              }
            }
          }
        }
      }
    }
    for channel in 0..<3 {
      for position in 0..<plane {
        imageGradient[channel * plane + position] += gradient[3 * position + channel]
      }
    }
    return status
  }
}
