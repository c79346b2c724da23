/// How much a pickle may build, whatever its length.
package struct PickleLimits: Sendable {
  package var opcodes = 50_000_000
  package var nodes = 250_000
  /// In all lists, dictionaries, the stack and the memo together.
  package var values = 1_000_000

  package init() {}
}

/// What a pickle (Python's format of objects, protocols 0 to 5) would build.
///
/// Nothing in it is run or looked up: classes and functions are names, and what calling them would give is a
/// node that keeps the name, the arguments and the state. Values refer to nodes by their number, so that
/// lists which contain themselves, and values that are used many times, take no more room than the file. Time
/// grows with the bytes alone.
struct Pickle {
  enum Value: Equatable, Sendable {
    case none
    case bool(Bool)
    case int(Int)
    /// A whole number beyond 64 bits: little-endian, with a sign.
    case long([UInt8])
    case float(Double)
    case text(String)
    case bytes([UInt8])
    case node(Int)
  }

  enum Kind: UInt8 {
    case tuple, list, set
    /// `members` holds keys and values in turn.
    case dictionary
    /// `parts` are the names of a module and of what is in it.
    case global
    /// `parts` are what would be called and its arguments; `items`, `members` and `states` what was given to
    /// the result.
    case call
    /// `parts` is the name of an object outside of the pickle.
    case persistent
  }

  struct Node {
    let kind: Kind
    var parts: [Value] = []
    var items: [Value] = []
    var members: [Value] = []
    var states: [Value] = []
  }

  struct Problem: Error { let text: String }

  let nodes: [Node]
  let root: Value
  /// Where the pickle ends in its bytes.
  let end: Int

  /// - Parameter start: where the pickle begins in the bytes.
  /// - Throws: `Problem`
  init(_ bytes: UnsafeRawBufferPointer, from start: Int = 0, limits: PickleLimits = PickleLimits())
    throws(Problem)
  {
    var machine = Machine(bytes: bytes, at: start, limits: limits)
    root = try machine.run()
    (nodes, end) = (machine.nodes, machine.at)
  }
}

/// The stack machine of the format, whose opcodes are those of Python's pickletools.
private struct Machine {
  typealias Value = Pickle.Value
  typealias Problem = Pickle.Problem

  let bytes: UnsafeRawBufferPointer
  var at: Int
  let limits: PickleLimits
  var nodes: [Pickle.Node] = []
  private var stack: [Value] = []
  private var marks: [Int] = []
  private var memo: [Value?] = []
  private var used = 0

  init(bytes: UnsafeRawBufferPointer, at: Int, limits: PickleLimits) {
    (self.bytes, self.at, self.limits) = (bytes, at, limits)
  }

  private func problem(_ text: String) -> Problem { Problem(text: "\(text) at byte \(at) of the pickle") }

  // MARK: Bytes

  private mutating func number<Number: FixedWidthInteger & BitwiseCopyable>(
    _: Number.Type = Number.self
  ) throws(Problem) -> Number {
    guard let number: Number = bytes.littleEndian(at) else { throw problem("cut short") }
    at += MemoryLayout<Number>.size
    return number
  }

  private mutating func take<Length: BinaryInteger>(_ count: Length) throws(Problem) -> UnsafeRawBufferPointer
  {
    guard let count = Int(exactly: count), let part = bytes.part(at, count: count) else {
      throw problem("cut short")
    }
    at += count
    return part
  }

  /// A text up to the end of a line.
  private mutating func line() throws(Problem) -> String {
    let start = at
    while at < bytes.count, bytes[at] != 0x0A { at += 1 }
    guard at < bytes.count else { throw problem("cut short") }
    defer { at += 1 }
    return String(decoding: bytes[start..<at], as: UTF8.self)
  }

  // MARK: Stack

  private mutating func count(_ values: Int) throws(Problem) {
    used += values
    guard used <= limits.values else { throw problem("more than \(limits.values) values") }
  }

  private mutating func push(_ value: Value) throws(Problem) {
    // What is popped makes room.
    guard stack.count + used < limits.values else { throw problem("more than \(limits.values) values") }
    stack.append(value)
  }

  private mutating func push(_ node: Pickle.Node) throws(Problem) {
    guard nodes.count < limits.nodes else { throw problem("more than \(limits.nodes) objects") }
    try count(node.parts.count + node.items.count + node.members.count)
    nodes.append(node)
    try push(.node(nodes.count - 1))
  }

  private mutating func pop() throws(Problem) -> Value {
    guard stack.count > marks.last ?? 0, let value = stack.popLast() else {
      throw problem("something is taken from an empty stack")
    }
    return value
  }

  /// What lies above the last mark, which is taken away.
  private mutating func popMark() throws(Problem) -> [Value] {
    guard let mark = marks.popLast() else { throw problem("a mark is missing") }
    let values = Array(stack[mark...])
    stack.removeLast(values.count)
    return values
  }

  /// The node on top of the stack, which stays there.
  private func top(_ kinds: Pickle.Kind...) throws(Problem) -> Int {
    guard stack.count > marks.last ?? 0, case .node(let index)? = stack.last,
      kinds.contains(nodes[index].kind)
    else { throw problem("something is given to what cannot take it") }
    return index
  }

  private mutating func append(_ values: [Value], to kinds: Pickle.Kind...) throws(Problem) {
    guard stack.count > marks.last ?? 0, case .node(let index)? = stack.last,
      kinds.contains(nodes[index].kind)
    else { throw problem("something is added to what cannot take it") }
    try count(values.count)
    nodes[index].items.append(contentsOf: values)
  }

  private mutating func setMembers(_ values: [Value]) throws(Problem) {
    guard values.count % 2 == 0 else { throw problem("a key has no value") }
    let index = try top(.dictionary, .call)
    try count(values.count)
    nodes[index].members.append(contentsOf: values)
  }

  private mutating func remember(_ index: Int) throws(Problem) {
    guard stack.count > marks.last ?? 0, let value = stack.last else { throw problem("nothing to remember") }
    guard index >= 0, index < limits.values else { throw problem("a memo of \(index)") }
    if index >= memo.count {
      let missing = index + 1 - memo.count
      try count(missing)
      memo.append(contentsOf: repeatElement(nil, count: missing))
    }
    memo[index] = value
  }

  private mutating func recall(_ index: Int) throws(Problem) {
    guard memo.indices.contains(index), let value = memo[index] else {
      throw problem("nothing was remembered as \(index)")
    }
    try push(value)
  }

  private mutating func call(_ callee: Value, _ arguments: Value) throws(Problem) {
    try push(Pickle.Node(kind: .call, parts: [callee, arguments]))
  }

  private mutating func tuple(of count: Int) throws(Problem) {
    var items: [Value] = []
    for _ in 0..<count { items.append(try pop()) }
    try push(Pickle.Node(kind: .tuple, items: items.reversed()))
  }

  // MARK: Opcodes

  mutating func run() throws(Problem) -> Value {
    var left = limits.opcodes
    while true {
      left -= 1
      guard left >= 0 else { throw problem("more than \(limits.opcodes) operations") }
      let opcode: UInt8 = try number()
      switch opcode {
      case UInt8(ascii: "."):
        let value = try pop()
        guard stack.isEmpty, marks.isEmpty else { throw problem("something is left on the stack") }
        return value
      case 0x80:  // PROTO
        let version: UInt8 = try number()
        guard version <= 5 else { throw problem("protocol \(version), where 5 is the last that is known,") }
      case 0x95: _ = try frame()
      case UInt8(ascii: "("): try mark()
      case UInt8(ascii: "0"): if marks.last == stack.count { marks.removeLast() } else { _ = try pop() }
      case UInt8(ascii: "1"): _ = try popMark()
      case UInt8(ascii: "2"):
        let value = try pop()
        try push(value)
        try push(value)
      case UInt8(ascii: "N"): try push(.none)
      case 0x88: try push(.bool(true))
      case 0x89: try push(.bool(false))
      case UInt8(ascii: "I"), UInt8(ascii: "L"), UInt8(ascii: "F"), UInt8(ascii: "S"), UInt8(ascii: "V"):
        try push(try textual(opcode))
      case UInt8(ascii: "J"): try push(.int(Int(try number(Int32.self))))
      case UInt8(ascii: "K"): try push(.int(Int(try number(UInt8.self))))
      case UInt8(ascii: "M"): try push(.int(Int(try number(UInt16.self))))
      case 0x8A: try push(long(try take(try number(UInt8.self))))
      case 0x8B: try push(long(try take(try number(Int32.self))))
      case UInt8(ascii: "G"): try push(.float(Double(bitPattern: try number(UInt64.self).byteSwapped)))
      case UInt8(ascii: "X"): try push(text(try take(try number(UInt32.self))))
      case 0x8C: try push(text(try take(try number(UInt8.self))))
      case 0x8D: try push(text(try take(try number(UInt64.self))))
      // Texts of Python 2, which may be bytes.
      case UInt8(ascii: "T"): try push(textOrBytes(try take(try number(Int32.self))))
      case UInt8(ascii: "U"): try push(textOrBytes(try take(try number(UInt8.self))))
      case UInt8(ascii: "B"): try push(.bytes(Array(try take(try number(UInt32.self)))))
      case UInt8(ascii: "C"): try push(.bytes(Array(try take(try number(UInt8.self)))))
      case 0x8E, 0x96: try push(.bytes(Array(try take(try number(UInt64.self)))))
      case UInt8(ascii: "]"): try push(Pickle.Node(kind: .list))
      case UInt8(ascii: "l"): try push(Pickle.Node(kind: .list, items: try popMark()))
      case UInt8(ascii: "a"): try append([try pop()], to: .list, .call)
      case UInt8(ascii: "e"): try append(try popMark(), to: .list, .call)
      case UInt8(ascii: ")"): try push(Pickle.Node(kind: .tuple))
      case UInt8(ascii: "t"): try push(Pickle.Node(kind: .tuple, items: try popMark()))
      case 0x85, 0x86, 0x87: try tuple(of: Int(opcode) - 0x84)
      case 0x8F: try push(Pickle.Node(kind: .set))
      case 0x90: try append(try popMark(), to: .set, .call)
      case 0x91: try push(Pickle.Node(kind: .set, items: try popMark()))
      case UInt8(ascii: "}"): try push(Pickle.Node(kind: .dictionary))
      case UInt8(ascii: "d"):
        let members = try popMark()
        try push(Pickle.Node(kind: .dictionary))
        try setMembers(members)
      case UInt8(ascii: "s"):
        let value = try pop()
        try setMembers([try pop(), value])
      case UInt8(ascii: "u"): try setMembers(try popMark())
      case UInt8(ascii: "p"): try remember(Int(try line()) ?? -1)
      case UInt8(ascii: "q"): try remember(Int(try number(UInt8.self)))
      case UInt8(ascii: "r"): try remember(Int(try number(UInt32.self)))
      case 0x94: try remember(memo.count)
      case UInt8(ascii: "g"): try recall(Int(try line()) ?? -1)
      case UInt8(ascii: "h"): try recall(Int(try number(UInt8.self)))
      case UInt8(ascii: "j"): try recall(Int(try number(UInt32.self)))
      default: try object(opcode)
      }
    }
  }

  /// What names classes and functions, and would call them.
  private mutating func object(_ opcode: UInt8) throws(Problem) {
    switch opcode {
    case UInt8(ascii: "c"): try global(.text(try line()), .text(try line()))
    case 0x93:  // STACK_GLOBAL
      let name = try pop()
      try global(try pop(), name)
    // Numbers that a registry of the program that wrote the file stands behind.
    case 0x82: try global(.text("copyreg"), .int(Int(try number(UInt8.self))))
    case 0x83: try global(.text("copyreg"), .int(Int(try number(UInt16.self))))
    case 0x84: try global(.text("copyreg"), .int(Int(try number(UInt32.self))))
    case UInt8(ascii: "R"), 0x81:  // REDUCE, NEWOBJ
      let arguments = try pop()
      try call(try pop(), arguments)
    case 0x92:  // NEWOBJ_EX, whose named arguments nothing here needs
      _ = try pop()
      let arguments = try pop()
      try call(try pop(), arguments)
    case UInt8(ascii: "i"):  // INST
      let (module, name) = (try line(), try line())
      let arguments = try popMark()
      try global(.text(module), .text(name))
      try push(Pickle.Node(kind: .tuple, items: arguments))
      let tuple = try pop()
      try call(try pop(), tuple)
    case UInt8(ascii: "o"):  // OBJ
      let values = try popMark()
      guard let callee = values.first else { throw problem("a class is missing") }
      try push(Pickle.Node(kind: .tuple, items: Array(values.dropFirst())))
      try call(callee, try pop())
    case UInt8(ascii: "b"):  // BUILD
      let state = try pop()
      let index = try top(.call, .global)
      try count(1)
      nodes[index].states.append(state)
    case UInt8(ascii: "P"): try push(Pickle.Node(kind: .persistent, parts: [.text(try line())]))
    case UInt8(ascii: "Q"): try push(Pickle.Node(kind: .persistent, parts: [try pop()]))
    default:
      at -= 1
      throw problem("the unknown operation 0x\(String(opcode, radix: 16))")
    }
  }

  private mutating func global(_ module: Value, _ name: Value) throws(Problem) {
    try push(Pickle.Node(kind: .global, parts: [module, name]))
  }

  private mutating func mark() throws(Problem) {
    guard marks.count < limits.values else { throw problem("more than \(limits.values) marks") }
    marks.append(stack.count)
  }

  /// A frame is only a hint for reading ahead.
  private mutating func frame() throws(Problem) -> Int {
    let length: UInt64 = try number()
    guard length <= UInt64(bytes.count - at) else { throw problem("cut short") }
    return Int(length)
  }

  /// Numbers and texts as protocol 0 writes them.
  private mutating func textual(_ opcode: UInt8) throws(Problem) -> Value {
    let line = try line()
    switch opcode {
    case UInt8(ascii: "I"):
      if line == "00" || line == "01" { return .bool(line == "01") }
      return Int(line).map(Value.int) ?? .text(line)
    case UInt8(ascii: "L"):
      let digits = line.hasSuffix("L") ? String(line.dropLast()) : line
      return Int(digits).map(Value.int) ?? .text(digits)
    case UInt8(ascii: "F"):
      guard let value = Double(line) else { throw problem("\(line.quoted), which is no number,") }
      return .float(value)
    case UInt8(ascii: "S"):
      guard line.utf8.count >= 2, let quote = line.utf8.first, quote == 0x27 || quote == 0x22,
        line.utf8.last == quote
      else { throw problem("a text without quotes") }
      return textOrBytes(unescaped(Array(line.utf8)[...].dropFirst().dropLast(), wide: false))
    default:
      return text(unescaped(Array(line.utf8)[...], wide: true))
    }
  }

  /// Takes the escapes of a Python text away; those that are not known stay.
  /// - Parameter wide: whether \u and \U stand for characters.
  private func unescaped(_ text: ArraySlice<UInt8>, wide: Bool) -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = text
    func code(_ digits: Int) -> UInt32? {
      guard rest.count >= digits, rest.prefix(digits).allSatisfy({ $0 != UInt8(ascii: "+") }) else {
        return nil
      }
      return UInt32(String(decoding: rest.prefix(digits), as: UTF8.self), radix: 16)
    }
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "\\"), let next = rest.first else {
        bytes.append(byte)
        continue
      }
      rest.removeFirst()
      switch next {
      case UInt8(ascii: "n") where !wide: bytes.append(0x0A)
      case UInt8(ascii: "r") where !wide: bytes.append(0x0D)
      case UInt8(ascii: "t") where !wide: bytes.append(0x09)
      case UInt8(ascii: "\\") where !wide, UInt8(ascii: "'") where !wide, UInt8(ascii: "\"") where !wide:
        bytes.append(next)
      case UInt8(ascii: "x") where !wide:
        guard let value = code(2) else { fallthrough }
        bytes.append(UInt8(value))
        rest = rest.dropFirst(2)
      case UInt8(ascii: "u") where wide, UInt8(ascii: "U") where wide:
        let digits = next == UInt8(ascii: "u") ? 4 : 8
        guard let value = code(digits), let scalar = Unicode.Scalar(value) else { fallthrough }
        bytes.append(contentsOf: String(Character(scalar)).utf8)
        rest = rest.dropFirst(digits)
      default: bytes.append(contentsOf: [byte, next])
      }
    }
    return bytes
  }

  private func text<Bytes: Collection<UInt8>>(_ bytes: Bytes) -> Value {
    .text(String(decoding: bytes, as: UTF8.self))
  }

  private func textOrBytes<Bytes: Collection<UInt8>>(_ bytes: Bytes) -> Value {
    String(validating: bytes, as: UTF8.self).map(Value.text) ?? .bytes(Array(bytes))
  }

  private func long(_ bytes: UnsafeRawBufferPointer) -> Value {
    guard bytes.count <= 8 else { return .long(Array(bytes)) }
    var value: UInt64 = bytes.last.map { $0 & 0x80 != 0 } == true ? .max : 0
    for byte in bytes.reversed() { value = value << 8 | UInt64(byte) }
    return .int(Int(Int64(bitPattern: value)))
  }
}
