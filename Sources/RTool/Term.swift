import CRTool

public typealias WeightedClass = rtool_class_weight

/// One term of an objective, to be minimised. See the term kinds in rtool.h for the formulas.
///
/// Images and regions are arrays: empty (not used), one that all images of the batch share, or one for each.
public struct Term {
  public var weight: Double
  public var kind: Kind

  public enum Kind {
    case crossEntropy([WeightedClass])
    case logit([WeightedClass])
    case feature(layer: String?, unit: Int, region: [Image])
    /// `channelWeights`: one for each channel of the layer, or empty.
    case representation(layer: String?, targets: [Image], relative: Bool, channelWeights: [Float] = [])
    /// The distance to features that no image has to have.
    case features(layer: String?, targets: [Features], relative: Bool, channelWeights: [Float] = [])
    case pixels(targets: [Image], regions: [Image])
    case smoothness(regions: [Image])
    case entropy
    case statistics(
      layer: String?, Statistics, regions: [Image], targets: [Image], targetRegions: [Image])
    /// Distance to `targets` after a blur by a kernel and by `sigma` pixels, and a reduction to their size.
    case measurement(
      targets: [Image], regions: [Image] = [], sigma: Double = 0, filter: Host.Filter, kernel: Image? = nil)
    /// A function of the task's own, called for each image at each step. What it throws ends the ascent.
    case custom(layers: [String], (inout Evaluation) throws -> Void)
  }

  public struct Statistics: OptionSet, Sendable {
    public let rawValue: Int
    public init(rawValue: Int) { self.rawValue = rawValue }
    public static let mean = Statistics(rawValue: RTOOL_STATISTIC_MEAN)
    public static let deviation = Statistics(rawValue: RTOOL_STATISTIC_DEVIATION)
    public static let covariance = Statistics(rawValue: RTOOL_STATISTIC_COVARIANCE)
    public static let gram = Statistics(rawValue: RTOOL_STATISTIC_GRAM)
  }

  public init(_ weight: Double, _ kind: Kind) {
    self.weight = weight
    self.kind = kind
  }
}

extension Host {
  func bridged(_ term: Term) throws -> rtool_term {
    var bridged = rtool_term()
    bridged.weight = term.weight
    func set(images: [[Image]]) throws {
      bridged.image_count = UInt32(images.map(\.count).max() ?? 0)
      for list in images where !list.isEmpty && list.count != Int(bridged.image_count) {
        throw TaskFailure.message("a term's images must all be shared or all be one for each image")
      }
    }
    switch term.kind {
    case .crossEntropy(let classes), .logit(let classes):
      if case .logit = term.kind { bridged.kind = UInt32(RTOOL_TERM_LOGIT) }
      bridged.classes = try copied(classes)
      bridged.class_count = UInt32(classes.count)
    case .feature(let layer, let unit, let region):
      bridged.kind = UInt32(RTOOL_TERM_FEATURE)
      bridged.layer = try layer.map(copied)
      bridged.unit = Int32(unit)
      bridged.region = try copied(region)
      bridged.image_count = UInt32(region.count)
    case .representation(let layer, let targets, let relative, let channelWeights):
      bridged.kind = UInt32(RTOOL_TERM_REPRESENTATION)
      bridged.layer = try layer.map(copied)
      bridged.target = try copied(targets)
      bridged.image_count = UInt32(targets.count)
      bridged.relative = relative ? 1 : 0
      bridged.channel_weights = try copied(channelWeights)
    case .features(let layer, let targets, let relative, let channelWeights):
      bridged.kind = UInt32(RTOOL_TERM_REPRESENTATION)
      bridged.layer = try layer.map(copied)
      bridged.target_features = try copied(targets.map(\.bridged))
      bridged.image_count = UInt32(targets.count)
      bridged.relative = relative ? 1 : 0
      bridged.channel_weights = try copied(channelWeights)
    case .pixels(let targets, let regions):
      bridged.kind = UInt32(RTOOL_TERM_PIXELS)
      try set(images: [targets, regions])
      bridged.target = try copied(targets)
      bridged.region = try copied(regions)
    case .smoothness(let regions):
      bridged.kind = UInt32(RTOOL_TERM_SMOOTHNESS)
      bridged.region = try copied(regions)
      bridged.image_count = UInt32(regions.count)
    case .entropy:
      bridged.kind = UInt32(RTOOL_TERM_ENTROPY)
    case .statistics(let layer, let statistics, let regions, let targets, let targetRegions):
      bridged.kind = UInt32(RTOOL_TERM_STATISTICS)
      bridged.layer = try layer.map(copied)
      bridged.statistics = UInt32(statistics.rawValue)
      try set(images: [targets, regions, targetRegions])
      bridged.region = try copied(regions)
      bridged.target = try copied(targets)
      bridged.target_region = try copied(targetRegions)
    case .measurement(let targets, let regions, let sigma, let filter, let kernel):
      bridged.kind = UInt32(RTOOL_TERM_MEASUREMENT)
      try set(images: [targets, regions])
      bridged.target = try copied(targets)
      bridged.region = try copied(regions)
      bridged.sigma = sigma
      bridged.filter = UInt32(filter.rawValue)
      bridged.kernel = kernel.map { UnsafePointer($0.pointer) }
    case .custom(let layers, let function):
      bridged.kind = UInt32(RTOOL_TERM_CUSTOM)
      bridged.layers = try copied(layers.map { try copied($0) as UnsafePointer<CChar>? })
      bridged.layer_count = UInt32(layers.count)
      let box = CustomFunction(host: self, function)
      customs.keep(box)
      bridged.user = Unmanaged.passUnretained(box).toOpaque()
      bridged.custom = { user, evaluation in
        guard let user, let evaluation else { return Int32(RTOOL_INVALID) }
        return Unmanaged<CustomFunction>.fromOpaque(user).takeUnretainedValue().call(evaluation)
      }
    }
    return bridged
  }
}
