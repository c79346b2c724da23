/// Finds the weights of a network in what a file of PyTorch holds: a dictionary of tensors, a module, or
/// either of them somewhere inside dictionaries.
struct TorchContents {
  /// Tensors that belong together.
  struct Group {
    /// The keys that lead to it: "state_dict", "model.ema"; empty: it is the file itself.
    let path: String
    let tensors: [(name: String, tensor: TorchObjects.Tensor)]
    /// The class of the module that the tensors were in; nil: they lie in a dictionary.
    let module: String?
    /// Why one of them cannot be read.
    let problem: String?
    /// Numbers in all tensors.
    let count: Int
  }

  /// A group as it is being found.
  private struct Tensors {
    var list: [(name: String, tensor: TorchObjects.Tensor)] = []
    var problem: String?
  }

  /// The keys under which weights are looked for, in this order.
  static let keys = [
    "state_dict", "model_state_dict", "model_state", "model", "net_state_dict", "net", "network", "module",
    "classifier", "params", "weights", "model_ema", "ema", "ema_state_dict", "state_dict_ema", "params_ema",
    "last", "best",
  ]

  /// Dictionaries and modules within each other.
  private static let deepest = 64
  /// Values that are looked at, each as often as it is reached: what is shared in many places could be for
  /// ever.
  private static let mostVisits = 2_000_000
  /// What a tensor counts as, and what is looked at for it.
  private static let visitsOfTensor = 20
  private static let mostGroups = 1000
  /// Bytes of a tensor's name.
  private static let longestName = 1000

  let objects: TorchObjects
  /// In the order in which they are preferred.
  private(set) var groups: [Group] = []
  /// Texts and numbers of the dictionaries above and of the arguments they keep: "epoch", "args.arch".
  private(set) var facts: [String: String] = [:]
  private var visits = 0
  /// Bytes that the tensors would take by themselves, which views can make more than the file has.
  private var bytes = 0
  /// Bytes of those arrays that stand in the pickle.
  private var pickled = 0
  private let mostBytes: Int

  /// - Parameter mostBytes: that all tensors may take together.
  /// - Throws: `TorchObjects.Problem`, or what finding the bytes throws.
  init(_ objects: TorchObjects, mostBytes: Int) throws {
    (self.objects, self.mostBytes) = (objects, mostBytes)
    try search(objects.pickle.root, path: [], depth: 0)
  }

  private mutating func visit(_ values: Int) throws {
    visits += values
    guard visits <= Self.mostVisits else {
      throw TorchObjects.Problem(text: "holds more than \(Self.mostVisits) values")
    }
  }

  /// Adds a tensor, if the value is one; else is false.
  private mutating func take(_ value: Pickle.Value, _ name: String, into tensors: inout Tensors) throws
    -> Bool
  {
    try visit(Self.visitsOfTensor)
    guard name.utf8.count <= Self.longestName else {
      throw TorchObjects.Problem(text: "has a tensor whose name begins with \(name.quoted) and is too long")
    }
    do {
      guard let tensor = try objects.tensor(value) else { return false }
      if case .pickle(let numbers) = tensor.place {
        // An array that is written as a text is decoded for each tensor that it makes.
        pickled += numbers.count
        guard pickled <= mostBytes / 8 else { throw Excess() }
      }
      // The count fits, but its product with a size need not.
      let (sum, overflow) = bytes.addingReportingOverflow(min(tensor.view.count, 1 << 56) * tensor.type.size)
      guard !overflow, sum <= mostBytes else {
        throw TorchObjects.Problem(text: "repeats its numbers so often that they would take too much memory")
      }
      bytes = sum
      tensors.list.append((name, tensor))
    } catch let problem as TorchObjects.Problem {
      if tensors.problem == nil { tensors.problem = "\(name.quoted) \(problem.text)" }
    } catch let problem as ZipArchive.Problem {
      if tensors.problem == nil { tensors.problem = "\(name.quoted) cannot be read: \(problem.text)" }
    } catch is Excess {
      throw TorchObjects.Problem(text: "repeats its arrays so often that they would take too much memory")
    }
    return true
  }

  private struct Excess: Error {}

  /// Adds the groups in a value, the preferred ones first.
  private mutating func search(_ value: Pickle.Value, path: [String], depth: Int) throws {
    try visit(objects.size(value))
    guard depth < 8 else { return }
    let name = path.joined(separator: ".")
    if let state = objects.state(value), isModule(state, value) {
      var tensors = Tensors()
      try collect(state, prefix: "", into: &tensors, depth: 0)
      add(tensors, name, module: objects.node(value).flatMap { objects.name($0.parts[0]) })
      return
    }
    // Objects of other kinds have attributes, of which one may be a network.
    let attributes = objects.state(value)?.sorted { $0.key < $1.key }.map { (key: $0.key, value: $0.value) }
    guard let members = objects.members(value) ?? attributes, !members.isEmpty else { return }
    try keepFacts(members, path: path)
    var (inner, own): ([(key: String, value: Pickle.Value)], Tensors) = ([], Tensors())
    for member in members where objects.node(member.value) != nil {
      if try !take(member.value, member.key, into: &own) { inner.append(member) }
    }
    // Numbers beside the weights, such as the best accuracy, are tensors without extents.
    let isState = own.problem != nil || own.list.contains { !$0.tensor.view.shape.isEmpty }
    let preferred = inner.filter { Self.keys.contains($0.key) }
      .sorted { Self.keys.firstIndex(of: $0.key)! < Self.keys.firstIndex(of: $1.key)! }
    for member in preferred { try search(member.value, path: path + [member.key], depth: depth + 1) }
    if isState { add(own, name, module: nil) }
    let first = groups.count
    for member in inner where !Self.keys.contains(member.key) {
      try search(member.value, path: path + [member.key], depth: depth + 1)
    }
    // Of those without a name that says anything the largest is likeliest to be a network.
    let others = groups[first...].enumerated()
      .sorted { ($1.element.count, $0.offset) < ($0.element.count, $1.offset) }.map(\.element)
    groups.replaceSubrange(first..., with: others)
  }

  private mutating func add(_ tensors: Tensors, _ path: String, module: String?) {
    guard !tensors.list.isEmpty || tensors.problem != nil, groups.count < Self.mostGroups else { return }
    groups.append(
      Group(
        path: path, tensors: tensors.list, module: module, problem: tensors.problem,
        count: tensors.list.reduce(0) { $0 + $1.tensor.view.count }))
  }

  // MARK: Modules

  /// Modules have `_modules`; those of TorchScript are named by it and keep all in one dictionary.
  private func isModule(_ state: [String: Pickle.Value], _ value: Pickle.Value) -> Bool {
    if state["_modules"] != nil || state["_parameters"] != nil { return true }
    let name = objects.node(value).flatMap { objects.name($0.parts[0]) }
    return name?.hasPrefix("__torch__") ?? false
  }

  /// Adds the tensors of a module and of those in it, as `state_dict()` would name them.
  private mutating func collect(
    _ state: [String: Pickle.Value], prefix: String, into tensors: inout Tensors, depth: Int
  ) throws {
    guard depth < Self.deepest else {
      throw TorchObjects.Problem(text: "has more than \(Self.deepest) modules within each other")
    }
    let isScript = state["_modules"] == nil && state["_parameters"] == nil
    let hidden = Set(
      state["_non_persistent_buffers_set"].flatMap(objects.items)?.compactMap(objects.text) ?? [])
    var parts: [(key: String, value: Pickle.Value)] = []
    if isScript {
      parts = state.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    } else {
      for kind in ["_parameters", "_buffers"] {
        parts += state[kind].flatMap(objects.members) ?? []
      }
      parts = parts.filter { !hidden.contains($0.key) }
    }
    try visit(parts.count)
    for part in parts { _ = try take(part.value, prefix + part.key, into: &tensors) }
    let modules = isScript ? parts : state["_modules"].flatMap(objects.members) ?? []
    for module in modules {
      try visit(objects.size(module.value))
      guard let inner = objects.state(module.value), !isScript || isModule(inner, module.value) else {
        continue
      }
      try collect(inner, prefix: "\(prefix)\(module.key).", into: &tensors, depth: depth + 1)
    }
  }

  // MARK: Facts

  private static let mostFacts = 200

  private mutating func keepFacts(
    _ members: [(key: String, value: Pickle.Value)], path: [String]
  ) throws {
    guard path.count < 3 else { return }
    for member in members where facts.count < Self.mostFacts && member.key.utf8.count <= 100 {
      let key = (path + [member.key]).joined(separator: ".")
      if let text = plain(member.value) {
        facts[key] = text
        continue
      }
      try visit(objects.size(member.value))
      if let attributes = objects.state(member.value), attributes["_modules"] == nil {
        for (name, value) in attributes.sorted(by: { $0.key < $1.key }) where facts.count < Self.mostFacts {
          facts["\(key).\(name)"] = plain(value)
        }
      }
    }
  }

  private func plain(_ value: Pickle.Value) -> String? {
    switch value {
    case .bool(let value): "\(value)"
    case .int(let value): "\(value)"
    case .float(let value): "\(value)"
    case .text(let value): value.utf8.count <= 200 ? value : nil
    default: nil
    }
  }
}
