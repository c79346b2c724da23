extension ONNXFile {
  /// Whether bytes begin as those of an ONNX file do, which has no magic number: with the field of its version, a small
  /// number, and another field of the model.
  static func begins(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard bytes.count > 3, bytes[0] == 0x08, (3...63).contains(bytes[1]) else { return false }
    // The producer's name and version, domain, model version, description, graph, opsets, metadata, functions.
    return [0x12, 0x1A, 0x22, 0x28, 0x32, 0x3A, 0x42, 0x72, 0xCA].contains(bytes[2])
  }
}
