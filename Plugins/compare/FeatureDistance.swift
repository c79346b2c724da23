import RTool

/// How far apart the robust features of two images of one size are.
struct FeatureDistance {
  struct Layer {
    let name: String
    /// Image pixels for one position, and the positions.
    let width, height: Int
    /// At each position: squared distance of the features, each made a vector of length 1.
    let distances: [Float]
    let distance: Double
  }

  let layers: [Layer]
  /// ||R(b) - R(a)|| / ||R(a)||.
  let representation: Double
  private let width, height: Int

  /// Mean over the layers.
  var mean: Double { layers.reduce(0) { $0 + $1.distance } / Double(max(layers.count, 1)) }

  init(_ a: Image, _ b: Image, host: Host) throws {
    (width, height) = (a.width, a.height)
    layers = try host.model.layers.filter { $0.reduction > 0 }.map { layer in
      let (p, q) = (try host.features(a, layer: layer.name), try host.features(b, layer: layer.name))
      let distances = FeatureDistance.distances(p, q)
      let sum = distances.reduce(0.0) { $0 + Double($1) }
      return Layer(
        name: layer.name, width: p.width, height: p.height, distances: distances,
        distance: sum / Double(distances.count))
    }
    let (p, q) = (try host.features(a, layer: nil), try host.features(b, layer: nil))
    var (difference, length) = (0.0, 0.0)
    for (x, y) in zip(p.values, q.values) {
      difference += Double((y - x) * (y - x))
      length += Double(x * x)
    }
    representation = difference == 0 ? 0 : (difference / max(length, 1e-20)).squareRoot()
  }

  /// |p/|p| - q/|q||^2 at each position. Positions where nothing is seen count as length 0.
  private static func distances(_ p: Features, _ q: Features) -> [Float] {
    let positions = p.height * p.width
    func scales(_ t: Features) -> [Float] {
      var squares = [Float](repeating: 0, count: positions)
      for c in 0..<t.channels {
        let plane = t.data + c * positions
        for i in 0..<positions { squares[i] += plane[i] * plane[i] }
      }
      return squares.map { 1 / ($0.squareRoot() + 1e-10) }
    }
    let (scaleP, scaleQ) = (scales(p), scales(q))
    var result = [Float](repeating: 0, count: positions)
    for c in 0..<p.channels {
      let (planeP, planeQ) = (p.data + c * positions, q.data + c * positions)
      for i in 0..<positions {
        let difference = planeP[i] * scaleP[i] - planeQ[i] * scaleQ[i]
        result[i] += difference * difference
      }
    }
    return result
  }

  /// Where they differ: 1 channel, at the size of the images, the mean over the layers.
  func map(_ host: Host) throws -> Image {
    let sum = try host.image(width: width, height: height, channels: 1)
    for layer in layers {
      let small = try host.image(width: layer.width, height: layer.height, channels: 1)
      // Resizing keeps to 0...1, and a distance reaches 4.
      small.fill { x, y, _ in layer.distances[y * layer.width + x] / 4 }
      let large = try host.resized(small, width: width, height: height, filter: .linear)
      let share = 4 / Float(layers.count)
      sum.fill { x, y, _ in sum.row(y)[x] + share * large.row(y)[x] }
    }
    return sum
  }
}
