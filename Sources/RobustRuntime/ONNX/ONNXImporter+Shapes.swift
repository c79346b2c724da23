/// Operators that move values and compute nothing.
extension ONNXImporter {
  mutating func regroup(_ call: ONNXCall) throws -> ImportedValue {
    let view = try map(call, 0)
    let extents = view.extents
    guard let target = try call.regrouped(extents), let result = view.reshaped(to: target) else {
      throw ImportProblem("gives a map of \(extents) other dimensions in a way that is not known")
    }
    return .map(result)
  }

  mutating func transpose(_ call: ONNXCall) throws -> ImportedValue {
    let view = try map(call, 0)
    return .map(view.transposed(try call.order(rank: view.rank)))
  }

  /// Repeats nothing: a map can only keep its extents.
  mutating func expand(_ call: ONNXCall) throws -> ImportedValue {
    var view = try map(call, 0)
    guard let shape = try call.list("shape", input: 1), shape.count <= ONNXParser.mostDimensions else {
      throw ImportProblem("has no shape")
    }
    if shape.count > view.rank {
      view.dims.insert(contentsOf: [[AxisFactor]](repeating: [], count: shape.count - view.rank), at: 0)
    }
    let extents = view.extents.suffix(shape.count)
    guard zip(extents, shape).allSatisfy({ $1 == 1 || $0 == $1 }) else {
      throw ImportProblem("repeats a map of \(view.extents) to \(shape), which is not known")
    }
    return .map(view)
  }

  // MARK: Parts

  /// Some indices of a dimension.
  mutating func part(_ view: MapView, _ dim: Int, _ range: Range<Int>) throws -> MapView {
    let extent = view.extents[dim]
    guard range.lowerBound >= 0, range.upperBound <= extent, !range.isEmpty else {
      throw ImportProblem("takes \(range) of \(extent)")
    }
    if range.count == extent { return view }
    if view.dims[dim] == MapView.natural(.position, view.positions) {
      // The class token may be taken from as many positions as there are.
      if range != 0..<1 { isFixed = true }
      var dims = view.dims
      dims[dim] = MapView.natural(.position, range.count)
      return try emitted(.positions(range), view.node, dims: dims)
    }
    if view.dims[dim] == [AxisFactor(axis: .position, stride: view.shape.width, extent: view.shape.height)] {
      isFixed = true
      let width = view.shape.width
      let rows = range.lowerBound * width..<range.upperBound * width
      var dims = view.dims
      dims[dim] = [AxisFactor(axis: .position, stride: width, extent: range.count)]
      return try emitted(.grid(rows, rows: range.count), view.node, dims: dims)
    }
    guard view.isOnly(.channel, dim) else {
      throw ImportProblem("takes a part of columns or images, which is not known")
    }
    var view = view
    if view.dims[dim].count > 1 {
      let channels = view.dims.indices.filter { view.has(.channel, in: $0) }
      view = try arranged(
        view, channels: channels, positions: view.dims.indices.filter { view.has(.position, in: $0) })
    }
    guard view.dims[dim].count == 1 else { throw ImportProblem("takes a part of channels that is not known") }
    let factor = view.dims[dim][0]
    try budget.take(view.shape.channels)
    let chosen = (0..<view.shape.channels).filter { range.contains($0 / factor.stride % factor.extent) }
    let isRun = chosen[chosen.count - 1] - chosen[0] == chosen.count - 1
    let node = try emit(
      isRun ? .slice(chosen[0]..<chosen[0] + chosen.count) : .permutation(chosen), view.node)
    var dims = view.dims.map { dim in
      dim.map { other -> AxisFactor in
        guard other.axis == .channel, other.stride > factor.stride else { return other }
        return AxisFactor(
          axis: .channel, stride: other.stride / factor.extent * range.count, extent: other.extent)
      }
    }
    dims[dim] = [AxisFactor(axis: .channel, stride: factor.stride, extent: range.count)]
    return self.view(node, dims)
  }

  mutating func slice(_ call: ONNXCall) throws -> ImportedValue {
    var view = try map(call, 0)
    for part in try call.slices(view.extents) {
      guard part.count > 0, part.step > 0 else { throw ImportProblem("takes nothing, or backwards") }
      if part.step == 1 {
        view = try self.part(view, part.axis, part.start..<part.start + part.count)
      } else {
        view = try strided(view, part)
      }
    }
    return .map(view)
  }

  /// Every so many rows or columns, which is what a window of one position takes.
  private mutating func strided(_ view: MapView, _ part: ONNXCall.Part) throws -> MapView {
    let plain = try plainMap(view)
    guard part.start == 0, part.axis >= 2,
      part.count == (plain.extents[part.axis] + part.step - 1) / part.step
    else { throw ImportProblem("takes every \(part.step)th index in a way that is not known") }
    let isRows = part.axis == 2
    let window = PoolWindow(
      height: 1, width: 1, strideY: isRows ? part.step : 1, strideX: isRows ? 1 : part.step)
    let node = try emit(.maxPool(MaxPool(window)), plain.node)
    return self.view(node, MapView.plain(shapes[node], images: images))
  }

  mutating func split(_ call: ONNXCall) throws -> [ImportedValue] {
    let view = try map(call, 0)
    let axis = try call.axis(try call.int("axis", default: 0), rank: view.rank)
    var start = 0
    var results: [ImportedValue] = []
    for size in try call.parts(of: view.extents[axis]) {
      results.append(.map(try part(view, axis, start..<start + size)))
      start += size
    }
    return results
  }

  mutating func gather(_ call: ONNXCall) throws -> ImportedValue {
    let view = try map(call, 0)
    let axis = try call.axis(try call.int("axis", default: 0), rank: view.rank)
    let chosen = try call.constant(1)
    let extent = view.extents[axis]
    guard chosen.count > 0 else { throw ImportProblem("takes nothing") }
    try budget.take(chosen.count)
    let indices = try chosen.values.map { value -> Int in
      let index = Int(clamping: value)
      guard index >= -extent, index < extent else { throw ImportProblem("takes index \(index) of \(extent)") }
      return index < 0 ? index + extent : index
    }
    var result: MapView
    if indices.indices.allSatisfy({ indices[$0] == indices[0] + $0 }) {
      result = try part(view, axis, indices[0]..<indices[0] + indices.count)
    } else {
      guard view.isAllChannels(axis) else {
        throw ImportProblem("takes indices that do not follow each other")
      }
      var dims = view.dims
      dims[axis] = MapView.natural(.channel, indices.count)
      result = try emitted(.permutation(indices), view.node, dims: dims)
    }
    // The indices' own dimensions take the place of that from which they take.
    let extents = result.extents
    let target = Array(extents[..<axis]) + chosen.shape + extents[(axis + 1)...]
    guard target.count <= ONNXParser.mostDimensions, let shaped = result.reshaped(to: target) else {
      throw ImportProblem("takes indices of the shape \(chosen.shape), which is not known")
    }
    return .map(shaped)
  }

  // MARK: Joining

  mutating func concat(_ call: ONNXCall) throws -> ImportedValue {
    var constants: [Constant] = []
    var maps: [MapView] = []
    for index in call.inputs.indices {
      if case .constant(let constant) = call.input(index) {
        guard maps.isEmpty else { throw ImportProblem("joins a constant behind a map, which is not known") }
        constants.append(constant)
      } else {
        maps.append(try map(call, index))
      }
    }
    let axis = try call.axis(try call.int("axis", default: 0), rank: maps[0].rank)
    if !constants.isEmpty {
      guard maps.count == 1 else {
        throw ImportProblem("joins constants to several maps, which is not known")
      }
      return .map(try tokens(constants, before: maps[0], axis: axis))
    }
    if maps.count == 1 { return .map(maps[0]) }
    return .map(try joined(maps, axis: axis))
  }

  private mutating func joined(_ maps: [MapView], axis: Int) throws -> MapView {
    let first = maps[0]
    let others = first.dims.indices.filter { $0 != axis && first.has(.channel, in: $0) }
    var parts: [MapView] = []
    for map in maps {
      guard map.rank == first.rank, map.isOnly(.channel, axis) else {
        throw ImportProblem("joins maps along positions, which is not known")
      }
      let part = try arranged(
        map, channels: [axis] + others,
        positions: map.dims.indices.filter { $0 != axis && !others.contains($0) })
      guard
        part.dims.indices.allSatisfy({ dim in
          dim == axis
            || part.extents[dim] == first.extents[dim]
              && (others.contains(dim) || part.dims[dim] == first.dims[dim])
        })
      else { throw ImportProblem("joins maps of \(first.extents) and \(part.extents)") }
      parts.append(part)
    }
    let node = try emit(concatenating: parts.map(\.node))
    var dims = parts[0].dims
    let inner = others.reduce(1) { $0 * first.extents[$1] }
    dims[axis] = [AxisFactor(axis: .channel, stride: inner, extent: shapes[node].channels / inner)]
    return view(node, dims)
  }

  /// Constant tokens before the positions of a map.
  private mutating func tokens(
    _ constants: [Constant], before view: MapView, axis: Int
  ) throws -> MapView {
    guard view.dims[axis] == MapView.natural(.position, view.positions),
      view.dims.indices.allSatisfy({ $0 == axis || !view.has(.position, in: $0) })
    else { throw ImportProblem("joins a constant to channels, which is not known") }
    var tokens: [[Float]] = []
    var single = view
    single.dims[axis] = []
    for constant in constants {
      guard constant.rank == view.rank else { throw ImportProblem("joins constants of other dimensions") }
      let count = constant.shape[axis]
      let outer = constant.shape[..<axis].reduce(1, *)
      let inner = constant.shape[(axis + 1)...].reduce(1, *)
      try budget.take(constant.count)
      let values = constant.values
      var shape = constant.shape
      shape[axis] = 1
      for token in 0..<count {
        var part: [Double] = []
        for i in 0..<outer { part += values[(i * count + token) * inner..<(i * count + token + 1) * inner] }
        let token = Constant(shape: shape, type: constant.type, values: part)
        guard case .channels(let channels) = try spread(token, over: single) else {
          throw ImportProblem("joins a constant that does not fit")
        }
        tokens.append(channels.map { Float($0) })
      }
    }
    let node = try emit(.tokens(ClassTokens(values: tokens)), view.node)
    var dims = view.dims
    dims[axis] = MapView.natural(.position, shapes[node].width)
    return self.view(node, dims)
  }

  /// A border of a constant around rows and columns.
  mutating func pad(_ call: ONNXCall) throws -> ImportedValue {
    let view = try map(call, 0)
    guard let pads = try call.list("pads", input: 1) else { throw ImportProblem("has no pads") }
    var axes = Array(0..<view.rank)
    if let listed = try call.list("", input: 3) {
      axes = try listed.map { try call.axis($0, rank: view.rank) }
    }
    guard pads.count == 2 * axes.count, Set(axes).count == axes.count else {
      throw ImportProblem("has \(pads.count) pads for \(axes.count) dimensions")
    }
    if pads.allSatisfy({ $0 == 0 }) { return .map(view) }
    guard try call.string("mode", default: "constant") == "constant" else {
      throw ImportProblem("mirrors or repeats a border, which is not known")
    }
    let value = try call.scalar(2) ?? call.float("value", default: 0)
    var (before, after) = ([Int](repeating: 0, count: view.rank), [Int](repeating: 0, count: view.rank))
    for (i, axis) in axes.enumerated() { (before[axis], after[axis]) = (pads[i], pads[axes.count + i]) }
    let plain = try plainMap(view)
    guard before[..<2].allSatisfy({ $0 == 0 }), after[..<2].allSatisfy({ $0 == 0 }),
      (before + after).allSatisfy({ (0...1 << 12).contains($0) })
    else { throw ImportProblem("pads by \(pads), which is not known") }
    return .padded(
      plain, Padding(top: before[2], left: before[3], bottom: after[2], right: after[3]), value: value)
  }
}
