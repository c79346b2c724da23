import PixelGrid

/// A weighted sum of terms, to be minimised. The loss is per image; images of a batch do not meet.
public struct Objective {
  public var terms: [Term]

  public init(_ terms: [Term] = []) { self.terms = terms }
}

extension Objective {
  /// One term of an objective. Below, F(x) are the features of image x at the term's layer, p the softmax of
  /// the logits. A layer of nil is the pooled representation. Targets and regions have a count of 1, shared by
  /// the batch, or the batch's; a region of nil is 1 everywhere.
  public struct Term {
    public var weight: Double
    public var kind: Kind

    public init(weight: Double = 1, _ kind: Kind) { (self.weight, self.kind) = (weight, kind) }

    public enum Kind {
      /// Cross-entropy to a class or mixture: −Σ weight log p.
      case crossEntropy([ClassWeight])
      /// Raises logits: −Σ weight logit.
      case logit([ClassWeight])
      /// Raises one unit: minus the mean of a channel over positions, weighted by the region.
      case feature(layer: String?, unit: Int, region: Region?)
      /// ‖w (F(x) − F(target))‖, divided by ‖w F(target)‖ if relative. w is a factor for each channel; empty: 1.
      case representation(layer: String?, target: ImageBatch, relative: Bool, channelWeights: [Float] = [])
      /// ‖w (F(x) − F)‖, divided by ‖w F‖ if relative, for features F that no image has to have, shaped as those of
      /// the images.
      case features(layer: String?, target: FeatureMap, relative: Bool, channelWeights: [Float] = [])
      /// The mean over pixels and channels of (region · (x − target))².
      case pixels(target: ImageBatch, region: Region?)
      /// The mean over the target's pixels and channels of (region · (D(x) − target))²: D blurs by a kernel and by a
      /// Gaussian of sigma pixels, and reduces to the target's size, without clipping. The region has the target's size.
      case measurement(
        target: ImageBatch, region: Region?, filter: ResamplingKernel, sigma: Double,
        kernel: BlurKernel? = nil)
      /// Total variation: the mean over pixels of region · √(dx² + dy² + 1e-6), channels inside the root, with
      /// dx and dy the differences to the next pixel (0 at the last).
      case smoothness(region: Region?)
      /// −Σ p log p.
      case entropy
      /// For each chosen statistic S of F(x) over the region and S* of F(target) over the target region:
      /// ‖S − S*‖² / (‖S*‖² + 1e-12). The target may have a size of its own. Positions weigh as the mean of the
      /// region over the pixels they stand for.
      case statistics(
        layer: String?, Statistics, target: ImageBatch, region: Region?, targetRegion: Region?)
      /// A function of the caller's that sees the image, the logits and the features at `layers`.
      case custom(layers: [String], (inout CustomEvaluation) throws -> Void)
    }
  }
}

extension Objective {
  /// The deepest value that a term reads; 0: none does.
  func deepestValue(of network: Network) -> Int {
    terms.map { $0.kind.deepestValue(of: network) }.max() ?? 0
  }
}

extension Objective.Term.Kind {
  fileprivate func deepestValue(of network: Network) -> Int {
    switch self {
    case .pixels, .measurement, .smoothness: 0
    case .crossEntropy, .logit, .entropy, .custom: network.stepCount
    case .feature(let layer, _, _), .representation(let layer, _, _, _), .features(let layer, _, _, _),
      .statistics(let layer, _, _, _, _):
      network.value(ofLayer: layer ?? "representation") ?? network.stepCount
    }
  }
}

/// A class and its share of a mixture.
public struct ClassWeight: Sendable, Equatable {
  public var index: Int
  public var weight: Double

  public init(_ index: Int, weight: Double = 1) { (self.index, self.weight) = (index, weight) }
}

public struct Statistics: OptionSet, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// Mean of each channel over the positions.
  public static let mean = Statistics(rawValue: 1)
  /// Standard deviation of each channel, √(variance + 1e-8).
  public static let deviation = Statistics(rawValue: 2)
  /// Mean over the positions of the product of each two channels.
  public static let gram = Statistics(rawValue: 4)
  /// Mean over the positions of the product of each two channels less their means.
  public static let covariance = Statistics(rawValue: 8)
  public static let all: Statistics = [.mean, .deviation, .gram]
}

/// What a custom term sees and fills in, for one image of the batch at one step. The pointers are valid
/// during the call alone. The function is called on the thread that called `ascend` or `evaluate`.
public struct CustomEvaluation {
  /// Which image of the batch.
  public let index: Int
  public let step: Int
  public let height, width: Int
  /// [3][height][width]; with jitter, moved as the network sees it.
  public let image: UnsafeBufferPointer<Float>
  public let logits: UnsafeBufferPointer<Float>
  /// The features, one for each of the term's layers.
  public let features: [Feature]
  /// The loss, to be filled in.
  public var loss: Double
  /// The gradients arrive as zeros, shaped as what they are the gradient of.
  public let imageGradient: UnsafeMutableBufferPointer<Float>
  public let logitGradient: UnsafeMutableBufferPointer<Float>

  public struct Feature {
    public let channels, height, width: Int
    /// [channels][height][width].
    public let values: UnsafeBufferPointer<Float>
    public let gradient: UnsafeMutableBufferPointer<Float>
  }
}
