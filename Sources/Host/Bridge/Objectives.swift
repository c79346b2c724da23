import CRTool
import Imaging
import RobustRuntime

/// Objectives of the plugin interface as the runtime's.
extension Run {
  /// - Parameter facts: of the model that it is for.
  func objective(_ pointer: UnsafePointer<rtool_objective>?, _ facts: ModelFacts) throws -> Objective {
    guard let objective = Growth.read(pointer, into: rtool_objective(), atLeast: Growth.objective),
      objective.term_count > 0, objective.term_count <= 4096, let terms = objective.terms,
      objective.term_size >= Growth.term, objective.term_size < 1 << 16
    else { throw Failure.misuse("an objective needs its sizes filled in and at least one term") }
    let stride = Int(objective.term_size)
    return try Objective(
      (0..<Int(objective.term_count)).map { index in
        try term(
          Growth.read(UnsafeRawPointer(terms) + index * stride, size: stride, into: rtool_term()), facts)
      })
  }

  private func term(_ term: rtool_term, _ facts: ModelFacts) throws -> Objective.Term {
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

    let kind: Objective.Term.Kind
    switch Int(term.kind) {
    case RTOOL_TERM_CLASS: kind = .crossEntropy(try classes())
    case RTOOL_TERM_LOGIT: kind = .logit(try classes())
    case RTOOL_TERM_FEATURE:
      kind = .feature(layer: layer, unit: Int(term.unit), region: try region(term.region))
    case RTOOL_TERM_REPRESENTATION:
      kind = try representation(term, facts, layer: layer, count: count)
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
      kind = .measurement(
        target: try target(), region: try region(term.region), filter: try Run.kernel(term.filter),
        sigma: term.sigma, kernel: try term.kernel.map { try blurKernel($0.pointee) })
    case RTOOL_TERM_CUSTOM: kind = try custom(term)
    default: throw Failure.misuse("a term is of the unknown kind \(term.kind)")
    }
    return Objective.Term(weight: term.weight, kind)
  }

  private func blurKernel(_ image: rtool_image) throws -> BlurKernel {
    guard image.isWellFormed, image.channels == 1, image.width % 2 == 1, image.height % 2 == 1,
      max(image.width, image.height) <= 255, image.view.isFinite
    else {
      throw Failure.misuse(
        "the kernel of a measurement needs 1 channel of finite values, and odd sides of at most 255")
    }
    return BlurKernel(
      height: Int(image.height), width: Int(image.width), values: image.floatImage().pixels)
  }

  private func representation(_ term: rtool_term, _ facts: ModelFacts, layer: String?, count: Int) throws
    -> Objective.Term.Kind
  {
    let isRelative = term.relative != 0
    guard let facts = facts.layers.first(where: { $0.name == layer ?? "representation" }) else {
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
}
