import CKernels

/// All that a run needs to go on where it was, as the bytes of a safetensors file: values, velocities, averages and best
/// averages under KIND.NAME, and texts of whoever runs it.
package enum TrainingState {
  private static let kinds: [Parameters.Kind] = [.values, .velocities, .averages, .best]
  private static let (formatKey, format) = ("format", "rtool-training-1")

  /// - Throws: `RuntimeError.notFinite`: nothing is worth keeping then.
  package static func bytes(_ parameters: Parameters, texts: [String: String]) throws -> [UInt8] {
    var tensors: [NamedTensor] = []
    for kind in kinds {
      for (index, entry) in parameters.entries.enumerated() {
        tensors.append(
          NamedTensor(
            name: "\(kind.rawValue).\(entry.name)", shape: entry.shape, values: parameters.values(index, kind)))
      }
    }
    return try SafeTensorsWriter.bytes(tensors, metadata: texts.merging([formatKey: format]) { $1 })
  }

  /// The texts of a state.
  /// - Throws: `CheckpointError` if it is none.
  package static func texts(_ bytes: UnsafeRawBufferPointer, file: String) throws -> [String: String] {
    let file = try SafeTensors(bytes, file: file)
    guard file.metadata[formatKey] == format else {
      throw file.refuse("not the state of a training run")
    }
    return file.metadata
  }

  /// Takes over the numbers of a state.
  /// - Throws: `CheckpointError` if it is that of another network; then nothing was changed.
  package static func restore(
    _ bytes: UnsafeRawBufferPointer, file name: String, to parameters: Parameters
  ) throws {
    let file = try SafeTensors(bytes, file: name)
    for kind in kinds {
      for entry in parameters.entries {
        let key = "\(kind.rawValue).\(entry.name)"
        guard let shape = file.shape(key) else {
          throw file.refuse("the state of another network: it has no \(key.quoted)")
        }
        guard shape == entry.shape else {
          throw file.refuse(
            "the state of another network: \(key.quoted) has the shape \(shape), not \(entry.shape)")
        }
      }
    }
    let restored = try kinds.map { kind in
      try parameters.entries.map { try file.values("\(kind.rawValue).\($0.name)") }
    }
    for (kind, tensors) in zip(kinds, restored) {
      for (index, values) in tensors.enumerated() {
        rt_copy(parameters.pointer(index, kind), values, values.count)
      }
    }
    parameters.touch()
  }
}
