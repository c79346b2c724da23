/// A range of indices along one axis of the engine's maps, with which one dimension of an ONNX value counts, or a part of
/// one: index i of it is i · stride further along the axis.
struct AxisFactor: Equatable {
  enum Axis {
    /// The images of a batch.
    case image
    case channel
    /// Rows and columns, in the order of rows.
    case position
  }

  let axis: Axis
  let stride, extent: Int
}

/// A value of the ONNX graph that depends on the image: a node of the engine's graph, and for each dimension of the value
/// the factors of it, outer before inner. Reshaping and transposing only change the factors.
struct MapView {
  /// The map [channels, height, width] of the node.
  var node: Int
  var shape: Shape
  var dims: [[AxisFactor]]

  var extents: [Int] { dims.map { $0.reduce(1) { $0 * $1.extent } } }
  var rank: Int { dims.count }
  var positions: Int { shape.height * shape.width }

  init(node: Int, shape: Shape, dims: [[AxisFactor]]) {
    (self.node, self.shape) = (node, shape)
    self.dims = dims.map(MapView.merged)
  }

  /// Factors without those of one index, and joined where one continues the other.
  static func merged(_ factors: [AxisFactor]) -> [AxisFactor] {
    var merged: [AxisFactor] = []
    for factor in factors where factor.extent > 1 {
      if let last = merged.last, last.axis == factor.axis, last.stride == factor.stride * factor.extent {
        merged[merged.count - 1] = AxisFactor(
          axis: factor.axis, stride: factor.stride, extent: last.extent * factor.extent)
      } else {
        merged.append(factor)
      }
    }
    return merged
  }

  /// The dimensions of a map: [images, channels, height, width].
  static func plain(_ shape: Shape, images: Int) -> [[AxisFactor]] {
    [
      [AxisFactor(axis: .image, stride: 1, extent: images)],
      [AxisFactor(axis: .channel, stride: 1, extent: shape.channels)],
      [AxisFactor(axis: .position, stride: shape.width, extent: shape.height)],
      [AxisFactor(axis: .position, stride: 1, extent: shape.width)],
    ]
  }

  /// The same numbers in the same order, under other dimensions; nil: a dimension would cut factors in a way that is
  /// not one.
  func reshaped(to extents: [Int]) -> MapView? {
    var rest = Array(dims.joined().reversed())
    var reshaped: [[AxisFactor]] = []
    for extent in extents {
      var (need, dim) = (extent, [AxisFactor]())
      while need > 1 {
        guard let factor = rest.popLast() else { return nil }
        if need % factor.extent == 0 {
          dim.append(factor)
          need /= factor.extent
        } else if factor.extent % need == 0 {
          let inner = factor.extent / need
          dim.append(AxisFactor(axis: factor.axis, stride: factor.stride * inner, extent: need))
          rest.append(AxisFactor(axis: factor.axis, stride: factor.stride, extent: inner))
          need = 1
        } else {
          return nil
        }
      }
      reshaped.append(dim)
    }
    return rest.isEmpty ? MapView(node: node, shape: shape, dims: reshaped) : nil
  }

  func transposed(_ order: [Int]) -> MapView {
    MapView(node: node, shape: shape, dims: order.map { dims[$0] })
  }

  /// The factors of some dimensions one after the other, without those of images.
  func factors(_ dims: some Sequence<Int>) -> [AxisFactor] {
    MapView.merged(dims.flatMap { self.dims[$0] }.filter { $0.axis != .image })
  }

  func has(_ axis: AxisFactor.Axis, in dim: Int) -> Bool { dims[dim].contains { $0.axis == axis } }

  /// Whether all factors of a dimension are of this axis.
  func isOnly(_ axis: AxisFactor.Axis, _ dim: Int) -> Bool { dims[dim].allSatisfy { $0.axis == axis } }

  /// Whether the dimension is all channels in their order.
  func isAllChannels(_ dim: Int) -> Bool { dims[dim] == MapView.natural(.channel, shape.channels) }

  /// All indices of an axis in their order, as one dimension.
  static func natural(_ axis: AxisFactor.Axis, _ extent: Int) -> [AxisFactor] {
    extent > 1 ? [AxisFactor(axis: axis, stride: 1, extent: extent)] : []
  }

  /// The indices along the axis that factors of it count, in the order in which they count.
  static func indices(_ factors: [AxisFactor]) -> [Int] {
    var indices = [0]
    for factor in factors {
      var longer: [Int] = []
      longer.reserveCapacity(indices.count * factor.extent)
      for index in indices { for i in 0..<factor.extent { longer.append(index + i * factor.stride) } }
      indices = longer
    }
    return indices
  }

  /// What each channel, or each position, adds to the place of a number in a constant that is broadcast over this value.
  /// - Parameter steps: from one index to the next of each dimension; 0 where the constant has one.
  func places(_ axis: AxisFactor.Axis, steps: [Int]) -> [Int] {
    var places = [Int](repeating: 0, count: axis == .channel ? shape.channels : positions)
    for (dim, step) in zip(dims, steps) where step != 0 {
      var inner = step
      for factor in dim.reversed() {
        if factor.axis == axis {
          for i in places.indices { places[i] += i / factor.stride % factor.extent * inner }
        }
        inner *= factor.extent
      }
    }
    return places
  }
}
