/// A family of networks, which recognises itself in the names and shapes of a checkpoint's tensors.
///
/// It is one function, which is called twice: to check names and shapes and to learn what the network is like, when no
/// value is read, and to build the graph.
protocol Architecture: SendableMetatype {
  /// What the metadata of a file call it, as "architecture".
  static var name: String { get }
  /// "ResNet"
  static var title: String { get }
  /// Whether its tensors can become parameters that are trained.
  static var isTrainable: Bool { get }
  /// Adds the operators from the input to the logits, and names the layers, of which the last is "representation".
  /// - Throws: `CheckpointError` where the tensors are not those of such a network.
  static func build(_ network: NetworkBuilder) throws -> NetworkTraits
}

extension Architecture {
  static var isTrainable: Bool { false }
}

/// What a family says of a network beside its operators.
struct NetworkTraits {
  /// A description for people, as in "ResNet, basic blocks 2-2-2-2, widths 32-64-128-256".
  var description: String
  /// Side in pixels of the square images that such networks are usually trained on.
  var side: Int
  /// What such networks usually normalise pixels by.
  var pixels: PixelStatistics
  /// The only extents of images that the network takes; nil: it takes all from some size on.
  var fixedSize: (height: Int, width: Int)?
}

/// Means and deviations of pixels in 0...1, by channel.
struct PixelStatistics: Sendable, Equatable {
  var mean, deviation: [Float]

  static let imageNet = PixelStatistics(mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225])
  static let cifar10 = PixelStatistics(mean: [0.4914, 0.4822, 0.4465], deviation: [0.2471, 0.2435, 0.2616])
  static let cifar100 = PixelStatistics(
    mean: [0.5071, 0.4865, 0.4409], deviation: [0.2673, 0.2564, 0.2762])
  /// To −1...1.
  static let centred = PixelStatistics(mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5])
  /// Pixels as they are.
  static let none = PixelStatistics(mean: [0, 0, 0], deviation: [1, 1, 1])
}

/// A network that was recognised: everything but its values.
package struct RecognizedNetwork {
  /// The families that are known.
  static let families: [any Architecture.Type] = [
    ResNet.self, PreActivationResNet.self, ResNetV2.self, VGG.self, DenseNet.self, MobileNetV2.self,
    MnasNet.self, ShuffleNetV2.self, ConvNeXt.self, VisionTransformer.self,
  ]

  let family: any Architecture.Type
  let traits: NetworkTraits
  package let layers: [LayerFacts]
  /// The weight of the last layer, whose rows are the classes.
  let head: String
  package let classCount: Int
  /// What the tensors do not tell and nothing else does, as in "the activation is assumed to be silu".
  package let assumptions: [String]
  package var description: String { traits.description }

  /// Finds the family whose network the tensors are, and checks the shape of each.
  /// - Throws: `CheckpointError`, which says what is missing for the family that comes closest.
  package init(_ file: any TensorFile) throws {
    var families = RecognizedNetwork.families
    if let name = file.metadata["architecture"] {
      let known = families.map { $0.name }
      families.removeAll { $0.name != name }
      guard !families.isEmpty else {
        throw file.refuse(
          "the architecture \(name.quoted) is not known; known are: \(known.joined(separator: ", "))")
      }
    }
    var closest: (family: any Architecture.Type, problem: String, uses: Int)?
    for family in families {
      let builder = NetworkBuilder(checking: file)
      do {
        self = try RecognizedNetwork(family, builder)
        return
      } catch let error as CheckpointError {
        if builder.hasWrongMetadata { throw error }
        if builder.uses > closest?.uses ?? -1 { closest = (family, error.problem, builder.uses) }
      }
    }
    if families.count == 1, let closest {
      throw file.refuse(
        "the architecture is said to be \(closest.family.name.quoted), but \(closest.problem)")
    }
    guard let closest, closest.uses > 0 else {
      let known = families.map { $0.title }.joined(separator: ", ")
      let some = file.tensors.keys.sorted().prefix(3).map(\.quoted).joined(separator: ", ")
      throw file.refuse(
        "not a network that is known; known are: \(known); it holds \(file.tensors.count) tensors, such as \(some)"
      )
    }
    throw file.refuse(
      "not a network that is known; closest is \(closest.family.title): \(closest.problem)")
  }

  private init(_ family: any Architecture.Type, _ builder: NetworkBuilder) throws {
    self.family = family
    traits = try family.build(builder)
    try builder.refuseOthers()
    (layers, assumptions) = (builder.layers, builder.assumptions)
    (head, classCount) = builder.head
  }

  /// The graph of the network, for pixels that are normalised as is usual for it.
  /// - Throws: `CheckpointError`
  package func graph(_ file: any TensorFile) throws -> Graph { try graph(file, traits.pixels) }

  /// - Parameters:
  ///   - training: where the tensors become parameters; nil: they stay as they are.
  ///   - classes: what the last layer of a network that is trained tells apart; nil: what it does.
  /// - Throws: `CheckpointError`
  func graph(
    _ file: any TensorFile, _ pixels: PixelStatistics,
    training: (parameters: Parameters, mode: NormMode)? = nil, head classes: TrainableModel.Head? = nil
  ) throws -> Graph {
    guard training == nil || family.isTrainable else {
      throw file.refuse("a \(family.title) cannot be trained; a \(ResNet.title) can")
    }
    let builder = NetworkBuilder(file, pixels, training: training, head: classes)
    _ = try family.build(builder)
    var graph = builder.graph!
    graph.fixedSize = traits.fixedSize
    return graph
  }
}
