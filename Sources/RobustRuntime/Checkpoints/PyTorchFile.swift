/// Tensors in a file that torch.save wrote: a zip archive since 1.6, before that pickles followed by the
/// storages; or in a pickle of numpy arrays.
///
/// Which network of several is read is told by `path`; nothing in the file is run (see `Pickle`).
package struct PyTorchFile: TensorFile {
  package let file: String
  package let format = "PyTorch"
  package let tensors: [String: TensorFacts]
  package let metadata: [String: String] = [:]
  /// Where in the file the tensors were found: "state_dict"; empty: nowhere within anything else.
  package let path: String
  /// Where other networks may be, which are not read: "ema".
  package let others: [String]
  /// The class of the module that was saved as a whole: "torchvision.models.resnet.ResNet".
  package let module: String?
  /// What the file says besides: "epoch", "args.arch".
  package let remarks: [String: String]
  private let found: [String: TorchObjects.Tensor]
  private let bytes: UnsafeRawBufferPointer
  private let owner: LastingBytes?

  /// The first number of files before 1.6.
  private static let magic: [UInt8] = [0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]

  static func begins(_ bytes: UnsafeRawBufferPointer) -> Bool {
    if ZipArchive.begins(bytes) { return true }
    return bytes.count > 2 && bytes[0] == 0x80 && bytes[1] <= 5 && bytes[2] != 0
  }

  /// - Parameter owner: of the bytes; tensors that are stored keep it instead of copying.
  /// - Parameter wanted: the path of the tensors; nil: the likeliest ones.
  /// - Parameter limits: of what the pickles may build.
  /// - Throws: `CheckpointError`
  package init(
    _ bytes: UnsafeRawBufferPointer, file: String, owner: LastingBytes? = nil, path wanted: String? = nil,
    limits: PickleLimits = PickleLimits()
  ) throws {
    do {
      let objects =
        ZipArchive.begins(bytes)
        ? try PyTorchFile.archive(bytes, limits) : try PyTorchFile.legacy(bytes, limits)
      // Tied weights are stored once, and averages of a network may be views; but not more than this.
      let (eightfold, overflow) = bytes.count.multipliedReportingOverflow(by: 8)
      let contents = try TorchContents(objects, mostBytes: overflow ? .max : eightfold + 64 << 20)
      let groups = contents.groups
      guard let chosen = wanted == nil ? groups.first : groups.first(where: { $0.path == wanted }) else {
        let places = groups.prefix(5).map(\.path.quoted).joined(separator: ", ")
        throw TorchObjects.Problem(
          text: wanted.map { "has no tensors at \($0.quoted)\(groups.isEmpty ? "" : ", but at \(places)")" }
            ?? "holds no tensors")
      }
      if let problem = chosen.problem { throw TorchObjects.Problem(text: problem) }
      var found: [String: TorchObjects.Tensor] = [:]
      for (name, tensor) in chosen.tensors { found[name] = tensor }
      self.found = found
      tensors = found.mapValues(\.facts)
      (path, module, remarks) = (chosen.path, chosen.module, contents.facts)
      others = groups.filter {
        $0.path != chosen.path && $0.tensors.count >= max(chosen.tensors.count / 10, 2)
      }
      .map(\.path)
    } catch let problem as ZipArchive.Problem {
      throw CheckpointError(file: file, problem: problem.text)
    } catch let problem as Pickle.Problem {
      throw CheckpointError(file: file, problem: problem.text)
    } catch let problem as TorchObjects.Problem {
      throw CheckpointError(file: file, problem: problem.text)
    }
    (self.file, self.bytes, self.owner) = (file, bytes, owner)
  }

  package func tensor(_ name: String) throws -> StoredTensor {
    guard let tensor = found[name] else { throw refuse("\(name.quoted) is missing") }
    switch tensor.place {
    case .file(let place):
      return StoredTensor(
        type: tensor.type, view: tensor.view, storage: UnsafeRawBufferPointer(rebasing: bytes[place]),
        of: owner)
    case .pickle(let numbers):
      return numbers.withUnsafeBytes {
        StoredTensor(type: tensor.type, view: tensor.view, storage: $0, of: nil)
      }
    }
  }

  /// The records of a zip archive: NAME/data.pkl is the pickle, NAME/data/KEY a storage.
  private static func archive(
    _ bytes: UnsafeRawBufferPointer, _ limits: PickleLimits
  ) throws -> TorchObjects {
    let archive = try ZipArchive(bytes)
    let pickles = archive.records.values.filter { $0.name == "data.pkl" || $0.name.hasSuffix("/data.pkl") }
    guard pickles.count == 1, let record = pickles.first else {
      throw TorchObjects.Problem(
        text: pickles.isEmpty
          ? "a zip archive, but not of PyTorch: it has no data.pkl"
          : "the archive has \(pickles.count) data.pkl")
    }
    let folder = String(record.name.dropLast("data.pkl".count))
    if let order = archive.records[folder + "byteorder"] {
      guard bytes[try archive.place(of: order)].elementsEqual("little".utf8) else {
        throw TorchObjects.Problem(text: "was written on a processor whose numbers begin at the other end")
      }
    }
    let place = try archive.place(of: record)
    let pickle = try Pickle(UnsafeRawBufferPointer(rebasing: bytes[place]), limits: limits)
    return TorchObjects(pickle: pickle) { storage in
      guard let record = archive.records["\(folder)data/\(storage.key)"] else {
        throw TorchObjects.Problem(text: "has no storage: the archive lacks \("data/\(storage.key)".quoted)")
      }
      return try archive.place(of: record)
    }
  }

  /// Pickles of the magic number, the version, the system, the object and the keys of the storages; then each
  /// storage, its number of elements before it. A pickle of something else is taken for the object.
  private static func legacy(_ bytes: UnsafeRawBufferPointer, _ limits: PickleLimits) throws -> TorchObjects {
    let first = try Pickle(bytes, limits: limits)
    var small = limits
    (small.nodes, small.values) = (min(limits.nodes, 1000), min(limits.values, 10_000))
    guard first.root == .long(magic) else {
      return TorchObjects(pickle: first) { _ in
        throw TorchObjects.Problem(
          text: "has its storage in another file: a pickle that torch.save did not write")
      }
    }
    let version = try Pickle(bytes, from: first.end, limits: small)
    guard version.root == .int(1001) else {
      throw TorchObjects.Problem(text: "is of a version of PyTorch's files that is not known")
    }
    let system = try Pickle(bytes, from: version.end, limits: small)
    let object = try Pickle(bytes, from: system.end, limits: limits)
    let keys = try Pickle(bytes, from: object.end, limits: limits)

    func unplaced(_ pickle: Pickle) -> TorchObjects { TorchObjects(pickle: pickle) { _ in 0..<0 } }
    for member in unplaced(system).members(system.root) ?? []
    where member.key == "little_endian" && member.value == .bool(false) {
      throw TorchObjects.Problem(text: "was written on a processor whose numbers begin at the other end")
    }
    // How many bytes a storage has depends on its type, which only the tensors tell.
    let objects = unplaced(object)
    var sizes: [String: Int] = [:]
    for index in object.nodes.indices where object.nodes[index].kind == .persistent {
      guard let storage = try? objects.storage(.node(index)) else { continue }
      sizes[storage.key] = storage.type.size
    }
    var places: [String: Range<Int>] = [:]
    var at = keys.end
    for key in unplaced(keys).items(keys.root) ?? [] {
      guard let key = unplaced(keys).text(key) else {
        throw TorchObjects.Problem(text: "has a storage without a name")
      }
      // The storages that follow one of an unknown type cannot be found.
      guard let size = sizes[key] else { break }
      guard let elements: Int64 = bytes.littleEndian(at), elements >= 0,
        let count = Int(exactly: elements)?.multipliedReportingOverflow(by: size), !count.overflow,
        bytes.part(at + 8, count: count.partialValue) != nil
      else {
        throw TorchObjects.Problem(text: "cut short: the storage \(key.quoted) does not end within the file")
      }
      places[key] = at + 8..<at + 8 + count.partialValue
      at += 8 + count.partialValue
    }
    return TorchObjects(pickle: object) { storage in
      guard let place = places[storage.key] else {
        throw TorchObjects.Problem(text: "has no storage: the file lacks \(storage.key.quoted)")
      }
      return place
    }
  }
}
