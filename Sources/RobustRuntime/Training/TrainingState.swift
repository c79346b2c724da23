import CKernels

/// All that a run needs to go on where it was, as the bytes of a safetensors file: a network with its values,
/// velocities, averages and best averages under KIND.NAME, and texts of whoever runs it.
package enum TrainingState {
  private static let kinds: [Parameters.Kind] = [.values, .velocities, .averages, .best]
  private static let (formatKey, format) = ("format", "rtool-training-2")
  /// What says how the network is built stands before a dot, apart from the texts.
  private static let architecture = "network."

  /// - Throws: `RuntimeError.notFinite`: nothing is worth keeping then.
  package static func bytes(_ model: TrainableModel, texts: [String: String]) throws -> [UInt8] {
    let parameters = model.parameters
    var tensors = [
      NamedTensor(name: "mean", shape: [3], values: model.mean),
      NamedTensor(name: "std", shape: [3], values: model.deviation),
    ]
    for kind in kinds {
      for (index, entry) in parameters.entries.enumerated() {
        tensors.append(
          NamedTensor(
            name: "\(kind.rawValue).\(entry.name)", shape: entry.shape,
            values: parameters.values(index, kind)))
      }
    }
    var metadata = texts.merging([formatKey: format]) { $1 }
    for (key, fact) in model.architectureMetadata { metadata[architecture + key] = fact }
    return try SafeTensorsWriter.bytes(tensors, metadata: metadata)
  }

  /// The texts of a state.
  /// - Throws: `CheckpointError` if it is none.
  package static func texts(_ bytes: UnsafeRawBufferPointer, file: String) throws -> [String: String] {
    try opened(bytes, file).metadata
  }

  /// The network of a state, with all its numbers.
  /// - Throws: `CheckpointError` if they are not those of one network, `RuntimeError.outOfMemory`
  package static func model(_ bytes: UnsafeRawBufferPointer, file name: String) throws -> TrainableModel {
    let file = try opened(bytes, name)
    let prefix = Parameters.Kind.values.rawValue + "."
    var tensors = try ["mean", "std"].map {
      NamedTensor(name: $0, shape: file.shape($0) ?? [], values: try file.values($0))
    }
    for (key, entry) in file.tensors where key.hasPrefix(prefix) {
      tensors.append(
        NamedTensor(
          name: String(key.dropFirst(prefix.count)), shape: entry.shape, values: try file.values(key)))
    }
    var metadata: [String: String] = [:]
    for (key, fact) in file.metadata where key.hasPrefix(architecture) {
      metadata[String(key.dropFirst(architecture.count))] = fact
    }
    let checkpoint = try SafeTensorsWriter.bytes(tensors, metadata: metadata)
    let model = try checkpoint.withUnsafeBytes { try TrainableModel($0, name: name) }
    for kind in kinds {
      for (index, entry) in model.parameters.entries.enumerated() {
        let key = "\(kind.rawValue).\(entry.name)"
        guard let shape = file.shape(key) else { throw file.refuse("\(key.quoted) is missing") }
        guard shape == entry.shape else {
          throw file.refuse("\(key.quoted) has the shape \(shape), not \(entry.shape)")
        }
        let values = try file.values(key)
        rt_copy(model.parameters.pointer(index, kind), values, values.count)
      }
    }
    model.parameters.touch()
    return model
  }

  private static func opened(_ bytes: UnsafeRawBufferPointer, _ name: String) throws -> SafeTensors {
    let file = try SafeTensors(bytes, file: name)
    guard file.metadata[formatKey] == format else { throw file.refuse("not the state of a training run") }
    return file
  }
}
