/// The network that draws what an image loses where it is reduced: a convolution, residual blocks of two each without
/// normalisation (Lim et al., arXiv 1707.02921), and for each factor a convolution whose channels are the pixels of a square
/// (Shi et al., arXiv 1609.05158). All windows are 3x3 and nothing is made smaller, so that it takes images of any size.
///
/// Its input is an image of 3 channels in 0...1. Its output for factor s has 3·s·s channels, [color][row][column] within the
/// square of a pixel, and is to be added to the cubic enlargement.
package struct UpscalerNetwork: Sendable, Equatable {
  package var channels = 32
  package var blocks = 4
  /// In ascending order.
  package var factors = [2, 3, 4]

  /// A pixel depends on those within 16 pixels.
  package static let mostBlocks = 7

  package init() {}

  package init(channels: Int, blocks: Int, factors: [Int]) {
    (self.channels, self.blocks, self.factors) = (channels, blocks, factors)
  }

  /// Pixels to each side that a pixel depends on.
  package var reach: Int { 2 * blocks + 2 }

  /// The convolutions from the input to what a factor gives, and how many channels they read and write.
  package struct Layer: Equatable {
    package let name: String
    package let ins, outs: Int
  }

  package static func head(_ factor: Int) -> String { "heads.\(factor)" }

  package var trunk: [Layer] {
    [Layer(name: "stem", ins: 3, outs: channels)]
      + (0..<blocks).flatMap { block in
        (0..<2).map { Layer(name: "blocks.\(block).\($0)", ins: channels, outs: channels) }
      }
  }

  package func head(_ factor: Int) -> Layer {
    Layer(name: Self.head(factor), ins: channels, outs: 3 * factor * factor)
  }

  package var layers: [Layer] { trunk + factors.map(head) }

  /// Random first weights: normal with a variance of 2 / inputs (He et al., arXiv 1502.01852), a tenth of that deviation
  /// where a block or the network ends, so that it begins near to the cubic enlargement. Biases are 0.
  package func tensors(seed: UInt64) -> [NamedTensor] {
    layers.enumerated().flatMap { index, layer in
      let ends = layer.name.hasSuffix(".1") || layer.name.hasPrefix("heads.")
      let deviation = (2 / Float(9 * layer.ins)).squareRoot() * (ends ? 0.1 : 1)
      let random = Philox(seed: seed, stream: 0x7570_7363 << 32 | UInt64(index))
      return [
        NamedTensor(
          name: "\(layer.name).weight", shape: [layer.outs, layer.ins, 3, 3],
          values: random.normal(count: layer.outs * layer.ins * 9).map { $0 * deviation }),
        NamedTensor(
          name: "\(layer.name).bias", shape: [layer.outs], values: [Float](repeating: 0, count: layer.outs)),
      ]
    }
  }

  /// The graph for one factor.
  /// - Parameter convolution: makes that of a layer.
  func graph(_ factor: Int, _ convolution: (Layer) throws -> Convolution) rethrows -> Graph {
    var graph = Graph(mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5])
    let trunk = trunk
    var x = graph.add(.convolution(try convolution(trunk[0])), 0)
    for block in 0..<blocks {
      var y = graph.add(.convolution(try convolution(trunk[1 + 2 * block])), x)
      y = graph.add(.activation(.relu), y)
      y = graph.add(.convolution(try convolution(trunk[2 + 2 * block])), y)
      x = graph.add(.add, y, x)
    }
    _ = graph.add(.convolution(try convolution(head(factor))), x)
    return graph
  }

  // MARK: As metadata

  package var metadata: [String: String] {
    [
      "architecture": Self.architecture, "channels": "\(channels)", "blocks": "\(blocks)",
      "factors": factors.map(String.init).joined(separator: ","),
    ]
  }

  private static let architecture = "upscaler"

  /// What a file says of itself, its tensors checked against it.
  /// - Parameters:
  ///   - prefix: what the tensors' names begin with.
  ///   - side: pixels along a side of images, which every factor must divide; nil: images may have any.
  /// - Throws: `CheckpointError`
  init(_ file: SafeTensors, prefix: String = "", side: Int? = nil) throws {
    guard file.metadata["architecture"] == Self.architecture else {
      throw file.refuse("not a network that enlarges images")
    }
    func number(_ key: String, _ range: ClosedRange<Int>) throws -> Int {
      guard let number = file.metadata[key].flatMap({ Int($0) }), range.contains(number) else {
        throw file.refuse("\(key) is not a whole number in \(range)")
      }
      return number
    }
    channels = try number("channels", 1...1024)
    blocks = try number("blocks", 0...Self.mostBlocks)
    factors = (file.metadata["factors"] ?? "").split(separator: ",").compactMap { Int($0) }
    guard !factors.isEmpty, factors.allSatisfy((2...8).contains), factors == factors.sorted(),
      Set(factors).count == factors.count
    else { throw file.refuse("factors are not whole numbers in 2...8 in ascending order") }
    if let side, let odd = factors.first(where: { side % $0 != 0 }) {
      throw file.refuse("it enlarges \(odd) times, which does not divide images of \(side) px")
    }
    for layer in layers {
      for (name, shape) in [("weight", [layer.outs, layer.ins, 3, 3]), ("bias", [layer.outs])] {
        let name = "\(prefix)\(layer.name).\(name)"
        guard let found = file.tensors[name] else { throw file.refuse("\(name.quoted) is missing") }
        guard found.shape == shape else {
          throw file.refuse("\(name.quoted) has the shape \(found.shape), not \(shape)")
        }
      }
    }
  }
}
