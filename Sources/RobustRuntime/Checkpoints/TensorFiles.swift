/// Opens checkpoints of any format.
package enum TensorFiles {
  /// Opens a file by what it holds, not by its name.
  /// - Parameter file: the path, beside which the parts of a file in several parts are looked for.
  /// - Parameter owner: of the bytes, if they last; tensors then stay in the file instead of being copied.
  /// - Parameter weights: which tensors of a file of PyTorch are meant; nil: the likeliest ones.
  /// - Throws: `CheckpointError`
  static func open(
    _ bytes: UnsafeRawBufferPointer, file: String, owner: LastingBytes? = nil, weights: String? = nil
  ) throws -> any TensorFile {
    if let what = unreadable(bytes) { throw CheckpointError(file: file, problem: what) }
    if SafeTensors.begins(bytes) { return try SafeTensors(bytes, file: file, owner: owner) }
    if PyTorchFile.begins(bytes) { return try PyTorchFile(bytes, file: file, owner: owner, path: weights) }
    if ShardedTensors.begins(bytes) { return try ShardedTensors(bytes, file: file) }
    return try SafeTensors(bytes, file: file, owner: owner)
  }

  /// Opens a file under clean names, with what is said of it.
  /// - Parameter said: by the user.
  /// - Parameter beside: in files beside it.
  /// - Throws: `CheckpointError`
  static func clean(
    _ bytes: UnsafeRawBufferPointer, file: String, owner: LastingBytes? = nil, said: ModelInfo = ModelInfo(),
    beside: ModelInfo = ModelInfo()
  ) throws -> InformedTensors {
    let tensors = try open(bytes, file: file, owner: owner, weights: said.weights)
    return InformedTensors(CleanTensors(tensors), said: said, beside: beside)
  }

  /// Why a file that is often taken for a checkpoint is none; nil: it may be one.
  private static func unreadable(_ bytes: UnsafeRawBufferPointer) -> String? {
    if bytes.begins(with: "version https://git-lfs") {
      return "only a pointer to a file that git-lfs has not fetched; run `git lfs pull`"
    }
    if bytes.begins(with: "<") { return "a page of the web, not the file; download the file itself" }
    if bytes.begins(with: "\u{1F}") { return "compressed; unpack it first" }
    if bytes.count > 8, bytes[0] == 0x89, bytes[1] == UInt8(ascii: "H") {
      return "in HDF5, as Keras writes it, which is not read; load it there and save it as ONNX"
    }
    if bytes.count > 262, UnsafeRawBufferPointer(rebasing: bytes[257..<262]).begins(with: "ustar") {
      return "in a tar archive; if it is of PyTorch before 0.2, load and save it with a newer one"
    }
    return nil
  }
}
