/// Convolutions and pools: operators with windows over rows and columns.
extension ONNXImporter {
  /// A map with the dimensions [images, channels, rows, columns], as windows need it.
  mutating func plainMap(_ view: MapView) throws -> MapView {
    guard view.rank == 4 else { throw ImportProblem("reads a map of \(view.rank) dimensions, not 4") }
    let arranged = try arranged(view, channels: [1], positions: [0, 2, 3])
    let extents = arranged.extents
    if (extents[2], extents[3]) != (arranged.shape.height, arranged.shape.width) {
      // Tokens that become rows and columns again.
      isFixed = true
      return try emitted(
        .grid(0..<arranged.positions, rows: extents[2]), arranged.node, dims: arranged.dims)
    }
    return arranged
  }

  /// A window as attributes describe it.
  private struct Window {
    var height, width, strideY, strideX, dilationY, dilationX: Int
    var padding: Padding
  }

  private mutating func window(_ call: ONNXCall, size: [Int], on map: MapView) throws -> Window {
    func two(_ name: String, default value: Int) throws -> [Int] {
      let list = try call.ints(name) ?? [value, value]
      guard list.count == 2, list.allSatisfy({ (1...1 << 12).contains($0) }) else {
        throw ImportProblem("has \(name) of \(list.prefix(8))")
      }
      return list
    }
    guard size.count == 2, size.allSatisfy({ (1...1 << 12).contains($0) }) else {
      throw ImportProblem("has a window of \(size.prefix(8)), not of two extents")
    }
    let (strides, dilations) = (try two("strides", default: 1), try two("dilations", default: 1))
    var pads = try call.ints("pads") ?? [0, 0, 0, 0]
    let extents = [map.shape.height, map.shape.width]
    switch try call.string("auto_pad", default: "NOTSET") {
    case "NOTSET": break
    case "VALID": pads = [0, 0, 0, 0]
    case let same where same == "SAME_UPPER" || same == "SAME_LOWER":
      pads = [0, 0, 0, 0]
      // The border then depends on the size.
      if strides != [1, 1] { isFixed = true }
      for axis in 0..<2 {
        let outputs = (extents[axis] + strides[axis] - 1) / strides[axis]
        let total = max(
          (outputs - 1) * strides[axis] + (size[axis] - 1) * dilations[axis] + 1 - extents[axis], 0)
        pads[axis] = same == "SAME_UPPER" ? total / 2 : (total + 1) / 2
        pads[axis + 2] = total - pads[axis]
      }
    default: throw ImportProblem("has an auto_pad that is not known")
    }
    guard pads.count == 4, pads.allSatisfy({ (0...1 << 12).contains($0) }) else {
      throw ImportProblem("has pads of \(pads.prefix(8))")
    }
    return Window(
      height: size[0], width: size[1], strideY: strides[0], strideX: strides[1], dilationY: dilations[0],
      dilationX: dilations[1],
      padding: Padding(top: pads[0], left: pads[1], bottom: pads[2], right: pads[3]))
  }

  /// The map that a window reads, and the border that a Pad before it has put around.
  private mutating func bordered(
    _ call: ONNXCall
  ) throws -> (map: MapView, border: Padding?, value: Double) {
    if case .padded(let map, let border, let value) = try call.first { return (map, border, value) }
    return (try map(call, 0), nil, 0)
  }

  mutating func convolution(_ call: ONNXCall) throws -> ImportedValue {
    let source = try bordered(call)
    let kernel = try call.constant(1)
    let view = source.map
    // A window over one dimension reads a map of one row.
    guard view.rank == 4, kernel.rank == 4 else {
      throw ImportProblem("has weights of the shape \(kernel.shape) for a map of \(view.extents)")
    }
    let map = try plainMap(view)
    let size = Array(kernel.shape[2...])
    if let given = try call.ints("kernel_shape"), given != size {
      throw ImportProblem("has a window of \(given.prefix(8)), but weights of \(kernel.shape)")
    }
    var window = try window(call, size: size, on: map)
    if let border = source.border {
      guard source.value == 0 else { throw ImportProblem("reads a border that is not 0, which is not known") }
      window.padding = Padding(
        top: window.padding.top + border.top, left: window.padding.left + border.left,
        bottom: window.padding.bottom + border.bottom, right: window.padding.right + border.right)
    }
    let groups = try call.int("group", default: 1)
    let (outs, ins) = (kernel.shape[0], kernel.shape[1])
    guard groups > 0, outs > 0, ins > 0, ins <= map.shape.channels, groups <= map.shape.channels,
      ins * groups == map.shape.channels, outs % groups == 0
    else {
      throw ImportProblem(
        "has weights of the shape \(kernel.shape) in \(groups) groups for \(map.shape.channels) channels")
    }
    guard window.strideY == window.strideX || window.height == 1 && window.width == 1 && map.positions == 1
    else { throw ImportProblem("has strides that differ, which are not known") }
    guard window.strideY <= 64 else { throw ImportProblem("has a stride of \(window.strideY)") }
    // Where the window has one row, its dilation by rows means nothing.
    let dilations = [
      window.height > 1 ? window.dilationY : nil, window.width > 1 ? window.dilationX : nil,
    ].compactMap { $0 }
    guard Set(dilations).count <= 1 else {
      throw ImportProblem("has dilations that differ, which are not known")
    }
    let dilation = dilations.first ?? 1
    let (tall, wide) = ((window.height - 1) * dilation + 1, (window.width - 1) * dilation + 1)
    guard tall <= map.shape.height + window.padding.top + window.padding.bottom,
      wide <= map.shape.width + window.padding.left + window.padding.right
    else { throw ImportProblem("has a window of \(tall)x\(wide), larger than its map of \(map.shape.text)") }
    if dilation > 1 { try budget.take(outs * ins * tall * wide) }
    return .map(
      try convolved(
        map, kernel, bias: try bias(call, 2, count: outs), window.strideY, window.padding, dilation, groups,
        dims: nil))
  }

  private func bias(_ call: ONNXCall, _ index: Int, count: Int) throws -> [Double]? {
    guard let bias = try call.optionalConstant(index) else { return nil }
    guard bias.count == count else { throw ImportProblem("has \(bias.count) biases for \(count) channels") }
    try budget.take(count)
    return bias.values
  }

  /// - Parameter kernel: [out][in / groups][height][width]
  /// - Parameter dims: those of the result, in which channels are the natural ones; nil: those of a plain map.
  mutating func convolved(
    _ map: MapView, _ kernel: Constant, bias: [Double]?, _ stride: Int = 1, _ padding: Padding = Padding(0),
    _ dilation: Int = 1, _ groups: Int = 1, dims: [[AxisFactor]]?
  ) throws -> MapView {
    let stored = kernel.stored
    if !stored.isFinite() { note("\(origin): weights are NaN or infinite") }
    let convolution = Convolution(
      inChannels: kernel.shape[1] * groups, outChannels: kernel.shape[0], height: kernel.shape[2],
      width: kernel.shape[3], stride: stride, padding: padding, dilation: dilation, groups: groups,
      weights: .stored(stored), bias: bias?.map { Float($0) })
    let node = try emit(.convolution(convolution), map.node)
    weights[node] = stored
    return view(node, dims ?? MapView.plain(shapes[node], images: images))
  }

  // MARK: Pools

  private func poolWindow(_ window: Window, ceil: Bool) throws -> PoolWindow {
    guard window.dilationY == 1, window.dilationX == 1 else {
      throw ImportProblem("pools with a dilation, which is not known")
    }
    let padding = window.padding
    guard max(padding.top, padding.bottom) < window.height, max(padding.left, padding.right) < window.width
    else { throw ImportProblem("pads a pool by as much as its window") }
    return PoolWindow(
      height: window.height, width: window.width, strideY: window.strideY, strideX: window.strideX,
      padding: padding, ceil: ceil)
  }

  mutating func maxPool(_ call: ONNXCall) throws -> ImportedValue {
    let source = try bordered(call)
    let map = try plainMap(source.map)
    var window = try window(call, size: try call.ints("kernel_shape") ?? [], on: map)
    if let border = source.border {
      // What pads maps that are not negative by 0 can change no maximum, if each window sees some of the map.
      guard source.value == -.infinity || source.value <= 0 && isNonnegative(map.node),
        window.padding == Padding(0)
      else { throw ImportProblem("reads a border that may be the maximum, which is not known") }
      window.padding = border
    }
    let pool = MaxPool(try poolWindow(window, ceil: try call.int("ceil_mode", default: 0) != 0))
    let node = try emit(.maxPool(pool), map.node)
    return .map(view(node, MapView.plain(shapes[node], images: images)))
  }

  private func isNonnegative(_ node: Int) -> Bool {
    switch graph.nodes[node].operator {
    case .activation(.relu), .activation(.relu6), .activation(.sigmoid), .activation(.hardSigmoid): true
    default: false
    }
  }

  mutating func averagePool(_ call: ONNXCall) throws -> ImportedValue {
    let source = try bordered(call)
    let map = try plainMap(source.map)
    var window = try window(call, size: try call.ints("kernel_shape") ?? [], on: map)
    var counts = try call.int("count_include_pad", default: 0) != 0
    let ceil = try call.int("ceil_mode", default: 0) != 0
    let isPlain = window.padding == Padding(0) && source.border == nil
    if isPlain && (window.height, window.width) == (map.shape.height, map.shape.width) {
      return try pooledWhole(map)
    }
    if isPlain && (window.height, window.width, window.strideY, window.strideX) == (1, 1, 1, 1) {
      // An adaptive pool to the size that the map has already: it takes others as well.
      let node = try emit(
        .adaptiveAveragePool(height: map.shape.height, width: map.shape.width), map.node)
      return .map(view(node, MapView.plain(shapes[node], images: images)))
    }
    if let border = source.border {
      guard source.value == 0, window.padding == Padding(0) else {
        throw ImportProblem("reads a border that is not known")
      }
      (window.padding, counts) = (border, true)
    }
    let pool = AveragePool(try poolWindow(window, ceil: ceil), countsPadding: counts)
    let node = try emit(.averagePool(pool), map.node)
    return .map(view(node, MapView.plain(shapes[node], images: images)))
  }

  private mutating func pooledWhole(_ map: MapView) throws -> ImportedValue {
    let node = try emit(.meanPool, map.node)
    return .map(view(node, MapView.plain(shapes[node], images: images)))
  }

  /// The mean or the maximum over all positions.
  mutating func globalPool(_ call: ONNXCall) throws -> ImportedValue {
    let map = try plainMap(try map(call, 0))
    if call.type == "GlobalAveragePool" { return try pooledWhole(map) }
    var axes = [2, 3]
    if call.type == "ReduceMax" { axes = try call.reducedAxes(rank: 4) }
    guard axes == [2, 3] else {
      throw ImportProblem("takes a maximum over something else than all positions")
    }
    isFixed = true
    let window = PoolWindow(
      height: map.shape.height, width: map.shape.width, strideY: map.shape.height, strideX: map.shape.width)
    let node = try emit(.maxPool(MaxPool(window)), map.node)
    var dims = MapView.plain(shapes[node], images: images)
    if call.type == "ReduceMax", !(try call.keepsDimensions) { dims.removeLast(2) }
    return .map(view(node, dims))
  }
}
