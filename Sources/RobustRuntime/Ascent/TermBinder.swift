import PixelGrid

/// Makes the terms of an objective ready: checks them against the model and the images, and computes what is
/// known beforehand.
struct TermBinder {
  let plan: Plan
  /// The number of images of the batch, of which the plan computes some at a time.
  let batch: Int
  /// The extents of the images, which are smaller than the plan's where the network takes none as small.
  let height, width: Int
  let boundary: Boundary
  let plans: PlanPool
  let facts: ModelFacts

  /// - Throws: `RuntimeError`
  mutating func evaluator(of term: Objective.Term) throws -> any TermEvaluator {
    guard term.weight.isFinite else { throw RuntimeError.invalid("a term's weight is not finite") }
    let weight = term.weight
    switch term.kind {
    case .crossEntropy(let classes):
      try check(classes)
      return CrossEntropyTerm(
        weight: weight, classes: classes, logits: plan.logits, classCount: facts.classes.count)
    case .logit(let classes):
      try check(classes)
      return LogitTerm(weight: weight, classes: classes, logits: plan.logits)
    case .entropy:
      return EntropyTerm(weight: weight, logits: plan.logits, classCount: facts.classes.count)
    case .feature(let name, let unit, let region):
      let layer = try layer(name)
      guard (0..<layer.facts.channels).contains(unit) else {
        throw RuntimeError.invalid(
          "layer \(layer.facts.name) has no unit \(unit); it has \(layer.facts.channels)")
      }
      try check(region, batch, height, width)
      return FeatureTerm(weight: weight, layer: layer.value, unit: unit, positions: weights(region, layer))
    case .representation(let name, let target, let relative, let channelWeights):
      let layer = try layer(name)
      try check(count: target.count)
      return try representation(
        weight, layer, try features(target, layer), relative: relative, channelWeights: channelWeights)
    case .features(let name, let target, let relative, let channelWeights):
      let layer = try layer(name)
      try check(count: target.count)
      return try representation(weight, layer, target, relative: relative, channelWeights: channelWeights)
    case .pixels(let target, let region):
      try check(count: target.count)
      guard target.height == height, target.width == width else {
        throw RuntimeError.invalid(
          "the target is \(target.width)x\(target.height), the image \(width)x\(height)")
      }
      try check(region, batch, height, width)
      return PixelsTerm(weight: weight, target: target, region: region)
    case .measurement(let target, let region, let filter, let sigma, let kernel):
      try check(count: target.count)
      try check(region, batch, target.height, target.width)
      guard target.height <= height, target.width <= width else {
        throw RuntimeError.invalid(
          "a measurement of \(target.width)x\(target.height) is larger than its image of \(width)x\(height)"
        )
      }
      guard (0...1000).contains(sigma) else {
        throw RuntimeError.invalid("the sigma of a measurement's blur is not in 0...1000")
      }
      return MeasurementTerm(
        weight: weight,
        reduction: Reduction(
          height: height, width: width, toHeight: target.height, toWidth: target.width,
          filter: filter, sigma: sigma, kernel: kernel), target: target, region: region)
    case .smoothness(let region):
      try check(region, batch, height, width)
      return SmoothnessTerm(weight: weight, region: region, boundary: boundary)
    case .statistics(let name, let chosen, let target, let region, let targetRegion):
      let layer = try layer(name)
      try check(count: target.count)
      try check(region, batch, height, width)
      try check(targetRegion, target.count, target.height, target.width)
      return try StatisticsTerm(
        weight: weight, layer: layer.value, chosen: chosen,
        targets: try statistics(chosen, of: target, targetRegion, layer), positions: weights(region, layer),
        shape: plan.tensors[layer.value].shape)
    case .custom(let names, let function):
      let layers = try names.map { try layer($0) }
      return CustomTerm(
        weight: weight, layers: layers.map(\.value), logits: plan.logits,
        shapes: layers.map { plan.tensors[$0.value].shape }, classCount: facts.classes.count,
        pixels: 3 * plan.height * plan.width, function: function)
    }
  }

  private typealias Layer = (facts: LayerFacts, value: Int)

  private func layer(_ name: String?) throws -> Layer {
    let name = name ?? "representation"
    guard let value = plan.value(ofLayer: name), let facts = facts.layers.first(where: { $0.name == name })
    else {
      throw RuntimeError.invalid("the model has no layer \(name.quoted)")
    }
    return (facts, value)
  }

  private func representation(
    _ weight: Double, _ layer: Layer, _ target: FeatureMap, relative: Bool, channelWeights: [Float]
  ) throws -> RepresentationTerm {
    let shape = plan.tensors[layer.value].shape
    guard (target.channels, target.height, target.width) == (shape.channels, shape.height, shape.width) else {
      throw RuntimeError.invalid(
        "the target has \(target.channels) channels of \(target.width)x\(target.height) positions at layer "
          + "\(layer.facts.name), the image \(shape.channels) of \(shape.width)x\(shape.height)")
    }
    guard channelWeights.isEmpty || channelWeights.count == shape.channels,
      channelWeights.allSatisfy(\.isFinite), target.values.allSatisfy(\.isFinite)
    else {
      throw RuntimeError.invalid(
        "layer \(layer.facts.name) needs \(shape.channels) finite channel weights, and finite features")
    }
    return RepresentationTerm(
      weight: weight, layer: layer.value, target: target, relative: relative, channelWeights: channelWeights)
  }

  private func weights(_ region: Region?, _ layer: Layer) -> PositionWeights {
    PositionWeights(
      region: region, layer: plan.tensors[layer.value].shape, reduction: layer.facts.reduction,
      height: plan.height, width: plan.width)
  }

  private func check(_ classes: [ClassWeight]) throws {
    for one in classes {
      guard facts.classes.indices.contains(one.index) else {
        throw RuntimeError.invalid("the model has no class \(one.index); it has \(facts.classes.count)")
      }
      guard one.weight.isFinite else { throw RuntimeError.invalid("a class's weight is not finite") }
    }
  }

  private func check(count: Int) throws {
    guard count == 1 || count == batch else {
      throw RuntimeError.invalid("there are \(count) targets for \(batch) images")
    }
  }

  private func check(_ region: Region?, _ images: Int, _ height: Int, _ width: Int) throws {
    guard let region else { return }
    guard region.height == height, region.width == width else {
      throw RuntimeError.invalid("a region is \(region.width)x\(region.height), its image \(width)x\(height)")
    }
    guard region.count == 1 || region.count == images else {
      throw RuntimeError.invalid("there are \(region.count) regions for \(images) images")
    }
  }

  private func features(_ target: ImageBatch, _ layer: Layer) throws -> FeatureMap {
    try plans.features(of: facts.seen(target), value: layer.value).finite(of: facts)
  }

  private func statistics(
    _ chosen: Statistics, of target: ImageBatch, _ region: Region?, _ layer: Layer
  ) throws -> [LayerStatistics] {
    let features = try features(target, layer)
    let shape = Shape(channels: features.channels, height: features.height, width: features.width)
    let area = shape.height * shape.width
    let seen = facts.seenSize(height: target.height, width: target.width)
    var positions = PositionWeights(
      region: region, layer: shape, reduction: layer.facts.reduction, height: seen.height, width: seen.width)
    let view = facts.seenView(height: target.height, width: target.width)
    return try (0..<features.count).map { n in
      positions.update(image: n, view: view)
      var statistics = try LayerStatistics(chosen, shape: shape)
      features.values.withUnsafeBufferPointer {
        statistics.update($0.baseAddress! + n * shape.channels * area, stride: area, positions)
      }
      return statistics
    }
  }
}
