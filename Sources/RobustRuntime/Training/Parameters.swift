import CKernels

/// The trainable tensors of a network, and the running statistics of its norms, outside the operators that
/// read them: values, gradients, velocities and averages, each in one block. Operators refer to a tensor by a
/// `ParameterReference`, and compare `version` to find out whether what they packed is stale.
///
/// Used by one thread at a time, as the plans are that read it.
package final class Parameters: @unchecked Sendable {
  package enum Role: String, Sendable, Equatable {
    /// Weights of convolutions and linear layers, which decay.
    case weight
    /// Scales, shifts and biases of channels, which do not.
    case vector
    /// Running means and variances, which no gradient moves.
    case statistic
  }

  /// A tensor and where it lies in each of the blocks.
  package struct Entry: Sendable {
    package let name: String
    package let shape: [Int]
    package let role: Role
    let offset: Int
    package var count: Int { shape.reduce(1, *) }
    /// Whether the tensor stays as it is.
    package var isFrozen = false
  }

  package private(set) var entries: [Entry] = []
  private var indices: [String: Int] = [:]
  /// Floats in each of the blocks.
  package private(set) var count = 0
  private var initial: [[Float]] = []
  private var blocks: Blocks?

  private struct Blocks {
    let values, gradients, velocities: FloatBlock
    /// The running averages, and the best of them; nil: there are none.
    let averages, best: FloatBlock?
  }

  /// Where convolutions pack their weights before they run.
  let packed = PackedWeights()

  /// Counts the changes of the values.
  package private(set) var version = 0

  package init() {}

  /// Adds a tensor with its first values.
  /// - Precondition: nothing has been allocated, and the name is new.
  package func add(_ name: String, shape: [Int], role: Role, values: [Float]) -> ParameterReference {
    precondition(blocks == nil && indices[name] == nil && values.count == shape.reduce(1, *))
    let entry = Entry(name: name, shape: shape, role: role, offset: count)
    indices[name] = entries.count
    entries.append(entry)
    initial.append(values)
    // Each tensor begins with a line of the cache.
    count += (entry.count + 15) / 16 * 16
    return ParameterReference(parameters: self, index: entries.count - 1)
  }

  /// Ends adding tensors.
  /// - Parameter averages: whether averages and best averages are kept.
  /// - Throws: `RuntimeError.outOfMemory`
  package func allocate(averages: Bool = true) throws {
    func block() throws -> FloatBlock {
      let block = try FloatBlock(count: count)
      rt_fill(block.base, 0, count)
      return block
    }
    let made = try Blocks(
      values: block(), gradients: block(), velocities: block(), averages: averages ? block() : nil,
      best: averages ? block() : nil)
    for (entry, values) in zip(entries, initial) {
      rt_copy(made.values.base + entry.offset, values, values.count)
    }
    for average in [made.averages, made.best] {
      if let average { rt_copy(average.base, made.values.base, count) }
    }
    (initial, blocks) = ([], made)
    version += 1
  }

  /// One of the numbers that are kept of each parameter.
  package enum Kind: String, CaseIterable, Sendable {
    case values, gradients, velocities
    /// Running averages of the values.
    case averages
    /// The averages that did best so far.
    case best
  }

  package var hasAverages: Bool { blocks?.averages != nil }

  /// The block of one kind, `count` floats.
  package func all(_ kind: Kind) -> UnsafeMutablePointer<Float> {
    switch kind {
    case .values: blocks!.values.base
    case .gradients: blocks!.gradients.base
    case .velocities: blocks!.velocities.base
    case .averages: blocks!.averages!.base
    case .best: blocks!.best!.base
    }
  }

  package func pointer(_ index: Int, _ kind: Kind = .values) -> UnsafeMutablePointer<Float> {
    all(kind) + entries[index].offset
  }

  /// A copy of one tensor.
  package func values(_ index: Int, _ kind: Kind = .values) -> [Float] {
    Array(UnsafeBufferPointer(start: pointer(index, kind), count: entries[index].count))
  }

  package func index(_ name: String) -> Int? { indices[name] }

  /// Freezes the tensors whose names begin with this layer's name.
  /// - Returns: how many there are.
  package func freeze(_ layer: String) -> Int {
    var frozen = 0
    for k in entries.indices where entries[k].name == layer || entries[k].name.hasPrefix(layer + ".") {
      entries[k].isFrozen = true
      frozen += 1
    }
    return frozen
  }

  /// Copies one kind of numbers to another.
  package func copy(_ from: Kind, to: Kind) {
    rt_copy(all(to), all(from), count)
    if to == .values { touch() }
  }

  package func clear(_ kind: Kind) { rt_fill(all(kind), 0, count) }

  /// Says that values were changed.
  package func touch() { version += 1 }
}

/// A tensor of `Parameters`.
package struct ParameterReference: Sendable {
  let parameters: Parameters
  let index: Int

  var count: Int { parameters.entries[index].count }
  var values: UnsafeMutablePointer<Float> { parameters.pointer(index) }
  var gradient: UnsafeMutablePointer<Float> { parameters.pointer(index, .gradients) }
}
