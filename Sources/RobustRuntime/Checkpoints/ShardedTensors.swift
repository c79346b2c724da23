/// Tensors in several safetensors files of one folder, which an index (model.safetensors.index.json)
/// distributes.
package struct ShardedTensors: TensorFile {
  package let file: String
  package let format = "safetensors"
  package let tensors: [String: TensorFacts]
  package let metadata: [String: String]
  private let shards: [String: SafeTensors]
  /// The name of each tensor's shard.
  private let places: [String: String]
  private static let most = 1000

  static func begins(_ bytes: UnsafeRawBufferPointer) -> Bool { bytes.begins(with: "{") }

  /// - Parameter file: the path of the index.
  /// - Parameter open: maps a shard, whose path it is given.
  /// - Throws: `CheckpointError`
  package init(
    _ bytes: UnsafeRawBufferPointer, file: String,
    open: (String) throws -> LastingBytes = { try CheckpointFile.map($0) }
  ) throws {
    func refuse(_ problem: String) -> CheckpointError { CheckpointError(file: file, problem: problem) }
    guard bytes.count <= SafeTensors.longestHeader else {
      throw refuse("has \(bytes.count) bytes, too many for an index")
    }
    let index: JSONValue
    do {
      index = try JSONValue(bytes)
    } catch let error as JSONValue.SyntaxError {
      throw refuse("is not JSON: \(error.problem) at byte \(error.offset)")
    }
    guard let weights = index.object?.first(where: { $0.name == "weight_map" })?.value.object else {
      throw refuse("a JSON file, but no index of safetensors: it has no weight_map")
    }
    let folder = file.lastIndex(of: "/").map { String(file[...$0]) } ?? ""
    var shards: [String: SafeTensors] = [:]
    var (places, tensors): ([String: String], [String: TensorFacts]) = ([:], [:])
    var metadata: [String: String] = [:]
    for member in weights {
      guard let shard = member.value.string else { throw refuse("\(member.name.quoted) has no file") }
      guard !shard.isEmpty, !shard.contains("/"), !shard.contains("\0"), shard != ".", shard != ".." else {
        throw refuse("\(member.name.quoted) lies in \(shard.quoted), which is not in the folder of the index")
      }
      if shards[shard] == nil {
        guard shards.count < Self.most else { throw refuse("has more than \(Self.most) files") }
        let owner = try open(folder + shard)
        let opened = try SafeTensors(owner.bytes, file: folder + shard, owner: owner)
        shards[shard] = opened
        metadata.merge(opened.metadata) { own, _ in own }
      }
      guard let facts = shards[shard]?.tensors[member.name] else {
        throw refuse("\(member.name.quoted) is not in \(shard.quoted)")
      }
      (places[member.name], tensors[member.name]) = (shard, facts)
    }
    (self.file, self.shards, self.places) = (file, shards, places)
    (self.tensors, self.metadata) = (tensors, metadata)
  }

  package func tensor(_ name: String) throws -> StoredTensor {
    guard let shard = places[name].flatMap({ shards[$0] }) else { throw refuse("\(name.quoted) is missing") }
    return try shard.tensor(name)
  }
}
