/// Reads tensors, dictionaries and modules out of a pickle of PyTorch. What the pickle would call is
/// recognised by its name alone; whatever is not named here stays what it is: an object without meaning,
/// whose state can be walked.
struct TorchObjects {
  /// A tensor whose bytes are found, and fit.
  struct Tensor {
    let type: ElementType
    let view: StridedView
    let place: Place

    var facts: TensorFacts { TensorFacts(type: type, shape: view.shape, count: view.count) }
  }

  enum Place {
    /// The bytes of the storage in the file.
    case file(Range<Int>)
    /// Bytes that stand in the pickle.
    case pickle([UInt8])
  }

  /// What a pickle says of a storage.
  struct Storage {
    let type: ElementType
    let key: String
    /// Elements.
    let count: Int
    /// The first element within the storage of the key.
    let offset: Int
  }

  struct Problem: Error { let text: String }

  let pickle: Pickle
  /// Where the bytes of a storage lie.
  let locate: (Storage) throws -> Range<Int>

  // MARK: Plain values

  func node(_ value: Pickle.Value) -> Pickle.Node? {
    if case .node(let index) = value { pickle.nodes[index] } else { nil }
  }

  /// A text that may be a name.
  func text(_ value: Pickle.Value) -> String? {
    switch value {
    case .text(let text): text.utf8.count <= Self.longestText ? text : nil
    case .bytes(let bytes):
      bytes.count <= Self.longestText ? String(validating: bytes, as: UTF8.self) : nil
    default: nil
    }
  }

  /// So that what is asked for often is not worth a long time.
  private static let longestText = 500

  /// The values that a value and its state hold.
  func size(_ value: Pickle.Value) -> Int {
    guard let node = node(value) else { return 1 }
    func own(_ node: Pickle.Node?) -> Int { node.map { 1 + $0.items.count + $0.members.count } ?? 1 }
    var size = own(node)
    for state in node.states {
      let inner = self.node(state)
      size += own(inner)
      if let inner, inner.kind == .tuple { for part in inner.items { size += own(self.node(part)) } }
    }
    if node.kind == .call, let arguments = self.node(node.parts[1]) {
      for argument in arguments.items { size += own(self.node(argument)) }
    }
    return size
  }

  func int(_ value: Pickle.Value) -> Int? { if case .int(let number) = value { number } else { nil } }

  /// The items of a tuple or list, or of what was made of one (torch.Size).
  func items(_ value: Pickle.Value) -> [Pickle.Value]? {
    guard let node = node(value) else { return nil }
    switch node.kind {
    case .tuple, .list, .set: return node.items
    case .call:
      if !node.items.isEmpty { return node.items }
      guard let arguments = self.node(node.parts[1]), arguments.kind == .tuple, arguments.items.count == 1,
        let argument = self.node(arguments.items[0]), argument.kind == .tuple || argument.kind == .list
      else { return nil }
      return argument.items
    default: return nil
    }
  }

  func naturals(_ value: Pickle.Value) -> [Int]? {
    guard let items = items(value), items.count <= 64 else { return nil }
    var numbers: [Int] = []
    for item in items {
      guard let number = int(item), number >= 0 else { return nil }
      numbers.append(number)
    }
    return numbers
  }

  /// "torch._utils._rebuild_tensor_v2": the name of a class or function.
  func name(_ value: Pickle.Value) -> String? {
    guard let node = node(value) else { return nil }
    // Before 1.6 classes of modules are named together with their source.
    if node.kind == .persistent, let parts = items(node.parts[0]), parts.count > 1,
      text(parts[0]) == "module", self.node(parts[1])?.kind == .global
    {
      return name(parts[1])
    }
    guard node.kind == .global, let module = text(node.parts[0]),
      let name = text(node.parts[1])
    else { return nil }
    return "\(module).\(name)"
  }

  /// The name of what would be called, and its arguments.
  func call(_ value: Pickle.Value) -> (name: String, arguments: [Pickle.Value])? {
    guard let node = node(value), node.kind == .call, let name = name(node.parts[0]) else { return nil }
    let arguments = self.node(node.parts[1])
    return (name, arguments?.kind == .tuple ? arguments!.items : [])
  }

  /// Keys that are texts or numbers, with their values, in their order; nil: no dictionary, nor anything like
  /// one.
  func members(_ value: Pickle.Value) -> [(key: String, value: Pickle.Value)]? {
    guard let node = node(value) else { return nil }
    var members = node.members
    switch node.kind {
    case .dictionary: break
    case .list, .tuple:
      // Longer ones are records of a course.
      guard node.items.count <= 1000 else { return nil }
      return node.items.enumerated().map { (String($0.offset), $0.element) }
    case .call:
      // Python 2 gives an ordered dictionary its pairs as an argument.
      if members.isEmpty, let call = call(value), call.name == "collections.OrderedDict",
        let pairs = call.arguments.first.flatMap(items)
      {
        for pair in pairs {
          guard let pair = items(pair), pair.count == 2 else { return nil }
          members += pair
        }
      }
      guard !members.isEmpty || node.states.isEmpty else { return nil }
    default: return nil
    }
    var order: [String] = []
    var values: [String: Pickle.Value] = [:]
    for index in stride(from: 0, to: members.count - 1, by: 2) {
      guard let key = text(members[index]) ?? int(members[index]).map(String.init) else { continue }
      if values.updateValue(members[index + 1], forKey: key) == nil { order.append(key) }
    }
    return order.map { ($0, values[$0]!) }
  }

  /// The attributes of an object.
  func state(_ value: Pickle.Value) -> [String: Pickle.Value]? {
    guard let node = node(value), node.kind == .call else { return nil }
    var attributes: [String: Pickle.Value] = [:]
    for state in node.states {
      // A pair is of the dictionary and the slots.
      let parts = self.node(state)?.kind == .tuple ? items(state)! : [state]
      for part in parts where self.node(part)?.kind != .tuple && self.node(part)?.kind != .list {
        for member in members(part) ?? [] { attributes[member.key] = member.value }
      }
    }
    return attributes
  }

  // MARK: Tensors

  /// A tensor; nil: the value is none.
  /// - Throws: `Problem` if it is one that cannot be read, or what `locate` throws.
  func tensor(_ value: Pickle.Value) throws -> Tensor? {
    var value = value
    // What wraps a tensor: parameters, and tensors with attributes.
    for _ in 0..<8 {
      guard let call = call(value) else { return nil }
      switch call.name {
      case "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state",
        "torch.nn.parameter.Parameter", "torch.nn.parameter.Buffer":
        guard let inner = call.arguments.first else { return nil }
        value = inner
      case "torch._tensor._rebuild_from_type_v2":
        guard call.arguments.count >= 3, let inner = items(call.arguments[2]) else { return nil }
        return try rebuilt(name(call.arguments[0]) ?? "", inner)
      default: return try rebuilt(call.name, call.arguments, of: value)
      }
    }
    return nil
  }

  private func rebuilt(
    _ name: String, _ arguments: [Pickle.Value], of value: Pickle.Value? = nil
  ) throws -> Tensor? {
    switch name {
    case "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor_v3":
      guard arguments.count >= 4, var storage = try storage(arguments[0]), let offset = int(arguments[1]),
        let shape = naturals(arguments[2]), let strides = naturals(arguments[3])
      else { throw Problem(text: "is a tensor that is not described as one") }
      if name.hasSuffix("_v3") {
        guard arguments.count >= 7, let type = try type(arguments[6]) else {
          throw Problem(text: "is a tensor without a type")
        }
        storage = Storage(
          type: type, key: storage.key, count: storage.count * storage.type.size / type.size,
          offset: storage.offset * storage.type.size / type.size)
      }
      return try tensor(storage, shape, strides, offset: offset)
    case "numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct":
      return try value.flatMap(array)
    case "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar":
      guard arguments.count == 2, let bytes = bytes(arguments[1]) else { return nil }
      return array(type: arguments[0], shape: [], isFortran: false, bytes)
    case _ where name.hasPrefix("torch._utils._rebuild_") || name.hasPrefix("torch._tensor._rebuild_"):
      throw Problem(text: "is of a kind that is not known (\(name))")
    default: return nil
    }
  }

  private func tensor(_ storage: Storage, _ shape: [Int], _ strides: [Int], offset: Int) throws -> Tensor {
    let place = try locate(storage)
    guard storage.offset >= 0, storage.count >= 0,
      place.count / storage.type.size - storage.count >= storage.offset
    else { throw Problem(text: "has a storage that is cut short") }
    guard let view = StridedView(shape: shape, strides: strides, offset: offset, storage: storage.count)
    else {
      throw Problem(
        text:
          "has the shape \(shape) with the strides \(strides), which lead out of its \(storage.count) numbers"
      )
    }
    let first = place.lowerBound + storage.offset * storage.type.size
    return Tensor(
      type: storage.type, view: view, place: .file(first..<first + storage.count * storage.type.size))
  }

  /// A storage: ("storage", class, key, location, elements), and before 1.6 which part of another it is.
  /// - Throws: `Problem` if its type is not known.
  func storage(_ value: Pickle.Value) throws -> Storage? {
    guard let node = node(value), node.kind == .persistent, let parts = items(node.parts[0]),
      parts.count >= 5, text(parts[0]) == "storage", let name = name(parts[1]),
      let key = text(parts[2]) ?? int(parts[2]).map(String.init), let count = int(parts[4]), count >= 0,
      count < 1 << 56
    else { return nil }
    let type = try storageType(name)
    guard parts.count > 5, let view = items(parts[5]) else {
      return Storage(type: type, key: key, count: count, offset: 0)
    }
    guard view.count == 3, let offset = int(view[1]), let size = int(view[2]), offset >= 0, size >= 0,
      offset <= count, size <= count - offset
    else { return nil }
    return Storage(type: type, key: key, count: size, offset: offset)
  }

  private func storageType(_ name: String) throws -> ElementType {
    let types: [Substring: ElementType] = [
      "DoubleStorage": .double, "FloatStorage": .float, "HalfStorage": .half, "BFloat16Storage": .bfloat,
      "LongStorage": .int64, "IntStorage": .int32, "ShortStorage": .int16, "CharStorage": .int8,
      "ByteStorage": .uint8, "BoolStorage": .bool, "UntypedStorage": .uint8, "_UntypedStorage": .uint8,
    ]
    guard let type = types[name.split(separator: ".").last ?? ""] else {
      throw Problem(text: "has numbers of a type that is not known (\(name))")
    }
    return type
  }

  private func type(_ value: Pickle.Value) throws -> ElementType? {
    guard let name = name(value) else { return nil }
    let types: [String: ElementType] = [
      "torch.float64": .double, "torch.float32": .float, "torch.float16": .half, "torch.bfloat16": .bfloat,
      "torch.float8_e4m3fn": .float8e4m3, "torch.float8_e4m3fnuz": .float8e4m3fnuz,
      "torch.float8_e5m2": .float8e5m2, "torch.float8_e5m2fnuz": .float8e5m2fnuz,
      "torch.int64": .int64, "torch.int32": .int32, "torch.int16": .int16, "torch.int8": .int8,
      "torch.uint64": .uint64, "torch.uint32": .uint32, "torch.uint16": .uint16, "torch.uint8": .uint8,
      "torch.bool": .bool,
    ]
    guard let type = types[name] else {
      throw Problem(text: "has numbers of a type that is not known (\(name))")
    }
    return type
  }

  // MARK: Arrays of numpy

  /// An array from its state: version, shape, type, whether columns come first, bytes.
  private func array(_ value: Pickle.Value) throws -> Tensor? {
    guard let state = node(value)?.states.last.flatMap(items), state.count == 5,
      let shape = naturals(state[1]), let bytes = bytes(state[4])
    else { return nil }
    return array(type: state[2], shape: shape, isFortran: state[3] == .bool(true), bytes)
  }

  /// Nil: the type is none of numbers, or the bytes do not fit the shape.
  private func array(type: Pickle.Value, shape: [Int], isFortran: Bool, _ bytes: [UInt8]) -> Tensor? {
    guard let call = call(type), call.name == "numpy.dtype", let code = call.arguments.first.flatMap(text),
      let state = node(type)?.states.last.flatMap(items), state.count > 1
    else { return nil }
    let types: [String: ElementType] = [
      "f8": .double, "f4": .float, "f2": .half, "i8": .int64, "i4": .int32, "i2": .int16, "i1": .int8,
      "u8": .uint64, "u4": .uint32, "u2": .uint16, "u1": .uint8, "b1": .bool,
    ]
    guard let type = types[code], text(state[1]) != ">" else { return nil }
    var strides = [Int](repeating: 1, count: shape.count)
    var step = 1
    for axis in isFortran ? Array(shape.indices) : shape.indices.reversed() {
      strides[axis] = step
      let (product, overflow) = step.multipliedReportingOverflow(by: max(shape[axis], 1))
      guard !overflow else { return nil }
      step = product
    }
    let count = bytes.count / type.size
    guard let view = StridedView(shape: shape, strides: strides, offset: 0, storage: count),
      view.count == count
    else { return nil }
    return Tensor(type: type, view: view, place: .pickle(bytes))
  }

  /// Bytes, which protocols before 3 write as a text of as many characters.
  private func bytes(_ value: Pickle.Value) -> [UInt8]? {
    switch value {
    case .bytes(let bytes): return bytes
    case .text(let text): return Array(text.utf8)
    default:
      guard let call = call(value), call.name == "_codecs.encode", call.arguments.count == 2,
        case .text(let text) = call.arguments[0]
      else { return nil }
      var bytes: [UInt8] = []
      for scalar in text.unicodeScalars {
        guard let byte = UInt8(exactly: scalar.value) else { return nil }
        bytes.append(byte)
      }
      return bytes
    }
  }
}
