/// What a model says of itself.
public struct ModelFacts: Sendable, Equatable {
  /// The file's name without folder and extension, unless the metadata name it otherwise.
  public var name: String
  /// A description for people, as in "ResNet, basic blocks 2-2-2-2, widths 32-64-128-256".
  public var architecture: String
  public var classes: [String]
  /// Side in pixels of the square images it was trained on.
  public var side: Int
  /// The least height and width an image may have.
  public var smallest: Int
  /// The only extents of images that the network takes; nil: it takes all from `smallest` on. Others are seen at these:
  /// see `ModelFacts.seenSize`.
  public var fixedSize: ImageSize?
  /// The norm of the perturbations it was trained to resist, as in "l2"; nil: not known.
  public var constraint: String?
  /// The radius of these perturbations at `side`, for values in 0...1; 0: not robust.
  public var eps: Double
  /// Share of held-out images classified rightly, in 0...1.
  public var cleanAccuracy: Double?
  /// Share of held-out images classified rightly under attack with radius `evaluatedEps`, in 0...1.
  public var robustAccuracy: Double?
  public var evaluatedEps: Double?
  /// The number of epochs, as the metadata put it.
  public var epochs: String?
  public var parameterCount: Int
  /// Where features can be read, from shallow to deep. The last is the pooled representation.
  public var layers: [LayerFacts]
  /// Whether the model has a seed distribution for each class.
  public var hasSeeds: Bool
}

/// Extents of an image in pixels.
public struct ImageSize: Sendable, Equatable {
  public var height, width: Int
  public init(height: Int, width: Int) { (self.height, self.width) = (height, width) }
}

/// A place in the network where features can be read.
public struct LayerFacts: Sendable, Equatable {
  /// "stem", "layer1.0", "layer1.1", ..., "representation".
  public var name: String
  public var channels: Int
  /// Image pixels for one position, along one side; 0: pooled over all positions.
  public var reduction: Int
}
