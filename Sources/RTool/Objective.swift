import CRTool

public typealias ClassWeight = rtool_class_weight

/// One term of an objective, to be minimised. See the term kinds in rtool.h for the formulas.
///
/// Images and regions are arrays: empty (not used), one that all images of the batch share, or one for each.
public struct Term {
  public var weight: Double
  public var kind: Kind

  public enum Kind {
    case crossEntropy([ClassWeight])
    case logit([ClassWeight])
    case feature(layer: String?, unit: Int, region: [Image])
    case representation(layer: String?, targets: [Image], relative: Bool)
    case pixels(targets: [Image], regions: [Image])
    case smoothness(regions: [Image])
    case entropy
    case statistics(
      layer: String?, Statistics, regions: [Image], targets: [Image], targetRegions: [Image])
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
    case .representation(let layer, let targets, let relative):
      bridged.kind = UInt32(RTOOL_TERM_REPRESENTATION)
      bridged.layer = try layer.map(copied)
      bridged.target = try copied(targets)
      bridged.image_count = UInt32(targets.count)
      bridged.relative = relative ? 1 : 0
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
    }
    return bridged
  }
}
