import PixelGrid

/// A network that enlarges images by whole factors. May be used on several threads at once. The same input gives the same
/// bytes, whatever the number of threads.
package final class Upscaler: Sendable {
  package let network: UpscalerNetwork
  private let plans: [Int: PlanPool]

  /// Pixels of the small image along a side of a tile, apart from what around it is read.
  private static let tile = 96

  /// Reads a safetensors file from memory, which is not needed afterwards.
  /// - Parameter name: for errors.
  /// - Throws: `CheckpointError`
  package init(bytes: UnsafeRawBufferPointer, name: String) throws {
    let file = try SafeTensors(bytes, file: name)
    let network = try UpscalerNetwork(file)
    self.network = network
    plans = try Dictionary(
      uniqueKeysWithValues: network.factors.map { factor in
        let graph = try network.graph(factor) { layer in
          Convolution(
            inChannels: layer.ins, outChannels: layer.outs, height: 3, width: 3, pad: 1,
            weights: try file.values("\(layer.name).weight"), bias: try file.values("\(layer.name).bias"))
        }
        return (factor, PlanPool(Network(graph)))
      })
  }

  /// Adds to a cubic enlargement what it lacks. Values are not clipped.
  /// - Parameters:
  ///   - small: interleaved, 3 channels, sRGB in 0...1; `stride` floats from row to row.
  ///   - large: likewise, `factor` times as wide and high.
  ///   - progress: is told the share that is done; false stops.
  /// - Returns: whether it came to the end.
  /// - Throws: `RuntimeError`
  /// - Precondition: the factor is one of the network's.
  package func addDetail(
    of small: UnsafePointer<Float>, width: Int, height: Int, stride: Int, factor: Int,
    to large: UnsafeMutablePointer<Float>, largeStride: Int, progress: (Double) -> Bool = { _ in true }
  ) throws -> Bool {
    let plans = plans[factor]!
    let reach = network.reach
    // All tiles are of one size. The last may lie over part of the one before it, where nothing is added again.
    let tile = (width: min(width, Self.tile), height: min(height, Self.tile))
    let seen = (width: tile.width + 2 * reach, height: tile.height + 2 * reach)
    let (columns, rows) = (Self.places(tile.width, along: width), Self.places(tile.height, along: height))
    var image = ImageBatch(count: 1, height: seen.height, width: seen.width)
    for (row, (top, down)) in rows.enumerated() {
      for (left, across) in columns {
        image.pixels.withUnsafeMutableBufferPointer { pixels in
          for y in 0..<seen.height {
            let from = small + mirrored(top + y - reach, height) * stride
            for x in 0..<seen.width {
              let pixel = from + 3 * mirrored(left + x - reach, width)
              for c in 0..<3 { pixels[(c * seen.height + y) * seen.width + x] = pixel[c] }
            }
          }
        }
        let detail = try plans.features(of: image, value: plans.network.stepCount)
        detail.values.withUnsafeBufferPointer { values in
          Workers.shared.run(down.count) { index, _ in
            let y = down.lowerBound + index
            for dy in 0..<factor {
              let to = large + ((top + y) * factor + dy) * largeStride + 3 * left * factor
              for dx in 0..<factor {
                for c in 0..<3 {
                  let channel = (c * factor + dy) * factor + dx
                  let from = (channel * seen.height + y + reach) * seen.width + reach
                  for x in across { to[3 * (x * factor + dx) + c] += values[from + x] }
                }
              }
            }
          }
        }
      }
      if !progress(Double(row + 1) / Double(rows.count)) { return false }
    }
    return true
  }

  /// Where tiles begin, and which of their pixels no tile before them has.
  private static func places(_ tile: Int, along length: Int) -> [(start: Int, own: Range<Int>)] {
    stride(from: 0, to: length, by: tile).map { first in
      let start = min(first, length - tile)
      return (start, first - start..<tile)
    }
  }
}
