import Glibc
import RobustRuntime
import Testing

/// Files that are wrong, or mean harm.
@Suite struct TorchDamageTests {
  private func open(_ bytes: [UInt8], limits: PickleLimits = PickleLimits()) throws -> PyTorchFile {
    try bytes.withUnsafeBytes { try PyTorchFile($0, file: "file", limits: limits) }
  }

  /// The values of the tensor "w".
  private func values(_ bytes: [UInt8]) throws -> [Float] {
    try bytes.withUnsafeBytes { try PyTorchFile($0, file: "file").values("w") }
  }

  /// Why a file is refused; nil: it is not.
  private func problem(_ bytes: [UInt8], limits: PickleLimits = PickleLimits()) throws -> String? {
    do {
      _ = try open(bytes, limits: limits)
      return nil
    } catch let error as CheckpointError {
      #expect(error.file == "file" && !error.problem.isEmpty && !error.description.contains("\n"))
      return error.problem
    }
  }

  private func expect(
    _ bytes: [UInt8], _ wanted: String, limits: PickleLimits = PickleLimits(),
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let problem = try problem(bytes, limits: limits)
    #expect(
      problem?.contains(wanted) == true, "it says: \(problem ?? "nothing")", sourceLocation: sourceLocation)
  }

  /// A network's only tensor beside another value.
  private func file(_ value: [UInt8], key: String = "fact") -> [UInt8] {
    let tensor = Pickled.tensor([2], count: 2)
    return Zip(of: Pickled.dictionary([("w", tensor), (key, value)]), storages: ["0": [3, 4]]).bytes
  }

  // MARK: Pickles

  /// All ways to write a plain value.
  @Test(arguments: [
    ("I7\n", "7"), ("I01\n", "true"), ("I00\n", "false"), ("L-12L\n", "-12"), ("L5\n", "5"),
    ("L99999999999999999999L\n", "99999999999999999999"), ("I99999999999999999999\n", "99999999999999999999"),
    ("F0.5\n", "0.5"), ("S'a\\n\\'\\x41\\q\\\\'\n", "a\n'A\\q\\"), ("S\"b\\t\\r\"\n", "b\t\r"),
    ("S'\\xZ'\n", "\\xZ"),
    ("V\\u00e4\\U0001F600\\z\n", "ä😀\\z"), ("V\\uD800\n", "\\uD800"), ("K\u{9}", "9"), ("M\u{1}\u{2}", "513"),
    ("J\u{1}\0\0\0", "1"), ("\u{8C}\u{1}x", "x"), ("U\u{1}y", "y"), ("T\u{1}\0\0\0z", "z"),
  ])
  func plainValues(_ value: String, _ expected: String) throws {
    // Characters below 256 stand for bytes, others for UTF-8.
    var bytes: [UInt8] = []
    for scalar in value.unicodeScalars {
      if let byte = UInt8(exactly: scalar.value) { bytes.append(byte) }
    }
    #expect(try open(file(bytes)).remarks["fact"] == expected)
  }

  @Test func binaryValues() throws {
    let half: [UInt8] = [0x47, 0x3F, 0xE0, 0, 0, 0, 0, 0, 0]
    for (value, expected) in [
      (half, "0.5"), ([0x88], "true"), ([0x89], "false"), ([0x8A, 0], "0"), ([0x8A, 1, 0xFF], "-1"),
      ([0x8A, 2, 0, 1], "256"), ([0x8B, 1, 0, 0, 0, 5], "5"), ([0x8D, 1, 0, 0, 0, 0, 0, 0, 0, 0x61], "a"),
      ([0x4B, 1, 0x32, 0x30], "1"), ([0x4B, 1, 0x28, 0x4B, 2, 0x31], "1"), ([0x28, 0x30, 0x4B, 3], "3"),
    ] as [([UInt8], String)] {
      #expect(try open(file(value)).remarks["fact"] == expected)
    }
    // What is neither a text nor a number is no fact.
    for value in [
      [0x4E], [0x42, 1, 0, 0, 0, 0x61], [0x43, 1, 0x61], [0x8E, 1, 0, 0, 0, 0, 0, 0, 0, 0x61],
      [0x96, 1, 0, 0, 0, 0, 0, 0, 0, 0x61], [0x8A, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9], [0x55, 1, 0xFF], [0x8F],
      [0x8F, 0x28, 0x4B, 1, 0x90], [0x28, 0x4B, 1, 0x91], [0x5D, 0x4B, 1, 0x61], [0x29], [0x4B, 1, 0x85],
      [0x4B, 1, 0x4B, 2, 0x4B, 3, 0x87], [0x28, 0x64], [0x7D, 0x4B, 1, 0x4B, 2, 0x73], [0x82, 1],
      [0x83, 1, 0],
      [0x84, 1, 0, 0, 0], [0x5D, 0x51], Array("Pname\n".utf8), [0x95, 1, 0, 0, 0, 0, 0, 0, 0, 0x4E],
    ] as [[UInt8]] {
      let opened = try open(file(value))
      #expect(opened.remarks["fact"] == nil && opened.tensors.count == 1)
    }
  }

  /// Whatever would be called is not, and what it is given is kept.
  @Test func nothingIsCalled() throws {
    let arguments = Array("(".utf8) + Pickled.text("touch /tmp/called") + Array("t".utf8)
    for (module, name) in [
      ("os", "system"), ("builtins", "eval"), ("subprocess", "Popen"), ("posix", "system"),
    ] {
      let callee = Pickled.global(module, name)
      for call in [
        callee + arguments + Array("R".utf8), callee + arguments + [0x81], callee + arguments + [0x7D, 0x92],
        Array("(".utf8) + Pickled.text("touch") + Array("i\(module)\n\(name)\n".utf8),
        Array("(".utf8) + callee + Pickled.text("touch") + Array("o".utf8),
        Pickled.text(module) + Pickled.text(name) + [0x93] + arguments + Array("R".utf8),
        callee + arguments + Array("R".utf8) + Pickled.dictionary([("x", Pickled.int(1))]) + Array("b".utf8),
        callee + Pickled.dictionary([("x", Pickled.int(1))]) + Array("b".utf8),
        callee + arguments + Array("R".utf8) + Pickled.int(1) + Array("a".utf8),
        callee + arguments + Array("R(".utf8) + Pickled.int(1) + [0x90],
      ] {
        #expect(try values(file(call)) == [3, 4])
      }
    }
    #expect(access("/tmp/called", F_OK) != 0)
  }

  @Test(arguments: [
    ("", "cut short"), (".", "empty stack"), ("K", "cut short"), ("Kx", "cut short"),
    ("NN.", "left on the stack"),
    ("(N.", "left on the stack"), ("a.", "empty stack"), ("N", "cut short"), ("t.", "a mark is missing"),
    ("NNa.", "cannot take it"), ("(NNd.", "holds no tensors"), ("(NNNd.", "a key has no value"),
    ("NNNs.", "cannot take it"), ("N(NNu.", "cannot take it"), ("NNb.", "cannot take it"),
    ("N(Ne.", "cannot take it"), ("h\0.", "nothing was remembered"), ("gx\n.", "nothing was remembered"),
    ("g-1\n.", "nothing was remembered"), ("Np-1\n.", "a memo of -1"), ("p0\n.", "nothing to remember"),
    ("Np99999999\n.", "a memo of"), ("Nr\u{10}\0\0\0h\u{3}.", "nothing was remembered"),
    ("cos\n", "cut short"),
    ("Iseven", "cut short"), ("Fseven\n.", "no number"), ("Sseven\n.", "without quotes"),
    ("X\u{9}\0\0\0a.", "cut short"),
    ("\u{8D}\u{7F}\u{7F}\u{7F}\u{7F}\u{7F}\u{7F}\u{7F}\u{7F}a.", "cut short"),
    ("\u{8B}\u{FF}\u{FF}\u{FF}\u{FF}.", "cut short"),
    ("T\u{FF}\u{FF}\u{FF}\u{FF}.", "cut short"), ("\u{95}\u{7F}\0\0\0\0\0\0\u{1}.", "cut short"),
    ("(o.", "a class is missing"),
    ("\u{80}\u{9}.", "protocol 9"), ("\u{97}.", "the unknown operation 0x97"),
    ("\0.", "the unknown operation 0x0"),
    ("\u{FF}.", "the unknown operation 0xff"), ("N.", "holds no tensors"), ("].", "holds no tensors"),
    ("2.", "empty stack"), ("0.", "empty stack"), ("1.", "a mark is missing"),
  ])
  func picklesThatAreWrong(_ text: String, _ wanted: String) throws {
    let bytes = text.unicodeScalars.map { UInt8($0.value) }
    try expect(Zip(bytes).bytes, wanted)
  }

  /// Lists that contain themselves, and dictionaries and modules that do.
  @Test func loops() throws {
    let list: [UInt8] = [0x5D, 0x71, 0, 0x68, 0, 0x61]
    try expect(Zip(of: list).bytes, "holds no tensors")
    try expect(Zip(of: [0x7D, 0x71, 0] + Pickled.text("model") + [0x68, 0, 0x73]).bytes, "holds no tensors")
    let module = Pickled.call("torch.nn", "Module") + [0x71, 0]
    let loop = Pickled.dictionary([("_modules", Pickled.dictionary([("a", [0x68, 0])]))]) + Array("b".utf8)
    try expect(Zip(of: module + loop).bytes, "modules within each other")
    let tuple: [UInt8] = [0x5D, 0x71, 0] + [0x68, 0, 0x85, 0x61]
    try expect(Zip(of: tuple).bytes, "holds no tensors")
    // A parameter of itself.
    let parameter = Pickled.global("torch._utils", "_rebuild_parameter")
    let itself: [UInt8] = [0x5D, 0x71, 0] + parameter + [0x68, 0, 0x85, 0x52, 0x61]
    try expect(Zip(of: itself).bytes, "holds no tensors")
  }

  /// Lists of lists of lists: each twice in the next, which makes 2^40 of them.
  @Test func doublings() throws {
    var bytes: [UInt8] = Pickled.dictionary([("w", Pickled.tensor([1], count: 1))]) + [0x71, 0]
    for _ in 0..<40 { bytes += [0x30, 0x68, 0, 0x68, 0, 0x86, 0x71, 0] }
    try expect(Zip(of: bytes, storages: ["0": [1]]).bytes, "holds no tensors")
    var module =
      Pickled.call("torch.nn", "Module")
      + Pickled.dictionary([
        ("_parameters", Pickled.dictionary([("w", Pickled.tensor([1], count: 1))]))
      ]) + Array("b".utf8) + [0x71, 0]
    for _ in 0..<40 {
      module += [0x30] + Pickled.call("torch.nn", "Module")
      module += Pickled.dictionary([("_modules", Pickled.dictionary([("a", [0x68, 0]), ("b", [0x68, 0])]))])
      module += Array("b".utf8) + [0x71, 0]
    }
    let problem = try problem(Zip(of: module, storages: ["0": [1]]).bytes)
    #expect(problem != nil, "\(problem ?? "")")
  }

  /// What is small in the file, but is reached again and again.
  @Test func repetitions() throws {
    let tensor = Pickled.dictionary([("w", Pickled.tensor([1], count: 1))])
    func file(_ value: [UInt8], _ repeated: [UInt8]) -> [UInt8] {
      let members = (0..<900).map { ("k\($0)", repeated) }
      let many = Pickled.dictionary(members + [("w", tensor)])
      return Zip([0x80, 2] + value + [0x71, 0, 0x30] + many + Array(".".utf8), storages: ["0": [1]]).bytes
    }
    // A dictionary of ten thousand, nine hundred times.
    let wide = Pickled.dictionary((0..<10_000).map { ("k\($0)", [0x4E]) })
    try expect(file(wide, [0x68, 0]), "more than 2000000 values")
    // An array of a million bytes that is written as a text, nine hundred times.
    let text = Pickled.text(String(repeating: "x", count: 1_000_000))
    let type =
      Pickled.call("numpy", "dtype", Pickled.text("u1"))
      + Pickled.tuple(Pickled.int(3), Pickled.text("|")) + Array("b".utf8)
    let shape = Pickled.tuple(Pickled.int(1_000_000))
    let state = Pickled.tuple(
      Pickled.int(1), shape, type, [0x89],
      Pickled.call("_codecs", "encode", [0x68, 0], Pickled.text("latin1")))
    let array = Pickled.call("numpy.core.multiarray", "_reconstruct") + state + Array("b".utf8)
    try expect(file(text, array), "too much memory")
    // A name of a million bytes, and one that is put together from long ones.
    let name = String(repeating: "n", count: 1_000_000)
    try expect(Zip(of: Pickled.dictionary([(name, Pickled.tensor([1], count: 1))])).bytes, "holds no tensors")
    var module = Pickled.call("torch.nn", "Module") + Pickled.dictionary([("_parameters", tensor)]) + [0x62]
    for _ in 0..<10 {
      let inner = Pickled.dictionary([(String(name.prefix(400)), module)])
      module = Pickled.call("torch.nn", "Module") + Pickled.dictionary([("_modules", inner)]) + [0x62]
    }
    try expect(Zip(of: module, storages: ["0": [1]]).bytes, "is too long")
  }

  @Test func limits() throws {
    var limits = PickleLimits()
    let file = file(Pickled.int(1))
    (limits.opcodes, limits.nodes, limits.values) = (50, 100, 100)
    #expect(try problem(file, limits: limits) == nil)
    limits.opcodes = 10
    try expect(file, "more than 10 operations", limits: limits)
    (limits.opcodes, limits.nodes) = (50, 3)
    try expect(file, "more than 3 objects", limits: limits)
    (limits.nodes, limits.values) = (100, 8)
    try expect(file, "more than 8 values", limits: limits)
    limits = PickleLimits()
    limits.values = 20
    for opcode: UInt8 in [0x4E, 0x28] {
      try expect(Zip([UInt8](repeating: opcode, count: 30)).bytes, "more than 20", limits: limits)
    }
    try expect(Zip([0x4E] + [UInt8](repeating: 0x94, count: 30)).bytes, "a memo of 20", limits: limits)
    try expect(Zip([0x4E] + [UInt8](repeating: 0x32, count: 30)).bytes, "more than 20", limits: limits)
    limits.nodes = 20
    try expect(Zip([UInt8](repeating: 0x5D, count: 30)).bytes, "more than 20", limits: limits)
  }

  // MARK: Tensors

  @Test func tensorsThatLie() throws {
    func refused(
      _ tensor: [UInt8], _ wanted: String, count: Int = 4, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
      let storages = ["0": [Float](repeating: 1, count: count)]
      try expect(
        Zip(of: Pickled.dictionary([("w", tensor)]), storages: storages).bytes, wanted,
        sourceLocation: sourceLocation)
    }
    try refused(Pickled.tensor([5], count: 4), "lead out of its 4 numbers")
    try refused(Pickled.tensor([4], offset: 1, count: 4), "lead out of")
    try refused(Pickled.tensor([4], offset: -1, count: 4), "lead out of")
    try refused(Pickled.tensor([4], offset: .max, count: 4), "lead out of")
    try refused(Pickled.tensor([2, 2], strides: [3, 1], count: 4), "lead out of")
    try refused(Pickled.tensor([2, 2], strides: [.max, 1], count: 4), "lead out of")
    try refused(Pickled.tensor([.max, .max], strides: [0, 0], count: 4), "lead out of")
    try refused(Pickled.tensor([2, 2], strides: [1], count: 4), "lead out of")
    try refused(Pickled.tensor([-1], strides: [1], count: 4), "not described as one")
    try refused(Pickled.tensor([1], strides: [-1], count: 4), "not described as one")
    try refused(Pickled.tensor([4], count: 5), "cut short")
    try refused(Pickled.tensor([4], count: -1), "not described as one")
    try refused(Pickled.tensor([4], count: .max), "not described as one")
    try refused(Pickled.tensor([4], count: 1 << 55), "cut short")
    try refused(Pickled.tensor([4], key: "1", count: 4), "the archive lacks 'data/1'")
    try refused(Pickled.tensor([4], key: "../data.pkl", count: 4), "the archive lacks")
    try refused(Pickled.tensor([4], type: "ComplexFloatStorage", count: 4), "type that is not known")
    try refused(Pickled.tensor([4], type: "DoubleStorage", count: 4), "cut short")
    try refused(Pickled.tensor([1 << 40], strides: [0], count: 4), "too much memory")
    try refused(Pickled.tensor([1 << 20, 1 << 20], strides: [0, 0], count: 4), "too much memory")
    try refused(Pickled.tensor([1 << 62], strides: [0], count: 4), "too much memory")
    try refused(Pickled.call("torch._utils", "_rebuild_tensor_v2"), "not described as one")
    try refused(Pickled.call("torch._utils", "_rebuild_qtensor"), "of a kind that is not known")
    try refused(
      Pickled.call(
        "torch._utils", "_rebuild_tensor_v3", Pickled.storage("UntypedStorage", key: "0", count: 16),
        Pickled.int(0), Pickled.list([]), Pickled.list([]), [0x89], [0x4E], [0x4E]), "without a type")
    try refused(
      Pickled.call(
        "torch._utils", "_rebuild_tensor_v3", Pickled.storage("UntypedStorage", key: "0", count: 16),
        Pickled.int(0), Pickled.list([]), Pickled.list([]), [0x89], [0x4E],
        Pickled.global("torch", "complex64")),
      "type that is not known (torch.complex64)")
    try refused(
      Pickled.call(
        "torch._tensor", "_rebuild_from_type_v2", Pickled.global("a", "b"), [0x4E], Pickled.list([])),
      "holds no tensors")
    // Nothing, but with extents whose product overflows.
    try refused(Pickled.tensor([0, 1 << 40, 1 << 40], strides: [0, 1 << 40, 1], count: 4), "lead out of")
    try refused(Pickled.tensor([1 << 40, 1 << 40, 0], strides: [0, 0, 0], count: 4), "lead out of")
    // Many that each fit, but not together.
    let many = (0..<50).map { ("w\($0)", Pickled.tensor([1 << 20], strides: [0], count: 4)) }
    try expect(Zip(of: Pickled.dictionary(many), storages: ["0": [1, 2, 3, 4]]).bytes, "too much memory")
  }

  @Test func valuesMustBeFinite() throws {
    for bad in [Float.nan, .infinity, -.infinity] {
      let dictionary = Pickled.dictionary([("w", Pickled.tensor([2, 2], strides: [1, 2], count: 4))])
      let file = Zip(of: dictionary, storages: ["0": [1, 2, bad, 4]]).bytes
      file.withUnsafeBytes { bytes in
        for read in [
          { _ = try $0.values("w") }, { _ = try $0.stored("w") },
        ] as [(PyTorchFile) throws -> Void] {
          let error = #expect(throws: CheckpointError.self) { try read(try PyTorchFile(bytes, file: "file")) }
          #expect(error?.problem == "'w' holds NaN or infinite values")
        }
        let error = #expect(throws: CheckpointError.self) { try PyTorchFile(bytes, file: "file").values("v") }
        #expect(error?.problem == "'v' is missing")
      }
    }
  }

  // MARK: Archives

  private var small: Zip {
    Zip(of: Pickled.dictionary([("w", Pickled.tensor([2], count: 2))]), storages: ["0": [3, 4]])
  }

  @Test func archives() throws {
    var zip = small
    #expect(try values(zip.bytes) == [3, 4])
    zip.isLong = true
    #expect(try values(zip.bytes) == [3, 4])
    zip.comment = Array("PK\u{5}\u{6}".utf8) + [UInt8](repeating: 0, count: 30)
    #expect(try values(zip.bytes) == [3, 4])
    zip.records.append(("a/byteorder", Array("little".utf8)))
    zip.records.append(("a/.data/serialization_id", Array("123".utf8)))
    #expect(try values(zip.bytes) == [3, 4])
    zip.records[2].bytes = Array("big".utf8)
    try expect(zip.bytes, "begin at the other end")
    // A pickle that stands at the top.
    zip = small
    zip.records = [("data.pkl", zip.records[0].bytes), ("data/0", zip.records[1].bytes)]
    #expect(try values(zip.bytes) == [3, 4])
  }

  @Test func archivesThatLie() throws {
    var zip = small
    zip.records.append(zip.records[0])
    try expect(zip.bytes, "'a/data.pkl' stands twice")
    zip = small
    zip.records.append(("b/data.pkl", []))
    try expect(zip.bytes, "2 data.pkl")
    zip = small
    zip.records[0].name = "a/other"
    try expect(zip.bytes, "no data.pkl")
    for name in ["../x", "/x", "a/../../x", "a\\x", "", "a\0"] {
      zip = small
      zip.records.append((name, []))
      try expect(zip.bytes, "leads out of it")
    }
    zip = small
    zip.method = 8
    try expect(zip.bytes, "'a/data.pkl' is compressed")
    (zip.method, zip.flags) = (0, 1)
    try expect(zip.bytes, "encrypted")
    for isLong in [false, true] {
      zip = small
      zip.isLong = isLong
      for lie in [{ $0 + 1000 }, { _ in 0xFFFF_FFF0 }, { _ in .max - 3 }] as [(UInt64) -> UInt64] {
        zip.size = lie
        try expect(zip.bytes, "does not lie where")
        zip.size = { $0 }
        zip.place = lie
        try expect(zip.bytes, "does not lie where")
        zip.place = { $0 }
      }
      zip.place = { $0 + 1 }
      try expect(zip.bytes, "does not lie where")
    }
    // The fields of zip64 are announced, but are not there.
    zip = small
    zip.size = { _ in 0xFFFF_FFFF }
    try expect(zip.bytes, "lacks its zip64 sizes")

    let good = small.bytes
    let end = good.count - 22
    func changed(_ at: Int, _ bytes: [UInt8]) -> [UInt8] {
      var copy = good
      copy.replaceSubrange(at..<at + bytes.count, with: bytes)
      return copy
    }
    try expect(changed(end + 4, [1, 0]), "several parts")
    try expect(changed(end + 10, [0xFF, 0x0F]), "cannot have 4095 records")
    try expect(changed(end + 10, [0xFF, 0xFF]), "zip64 record is not where")
    try expect(changed(end + 16, [0xFF, 0xFF, 0xFF, 0x7F]), "does not lie within the file")
    try expect(changed(end + 12, [0xFF, 0xFF, 0, 0]), "does not lie within the file")
    try expect(changed(end + 16, [0, 0, 0, 0]), "directory is damaged")
    try expect(changed(end, [0]), "no directory at its end")
    try expect(changed(end + 20, [1, 0]), "no directory at its end")
  }

  // MARK: Before the archives

  @Test func filesFromBeforeTheArchives() throws {
    let dictionary = Pickled.dictionary([("w", Pickled.tensor([2], key: "k", count: 3))])
    let file = legacyFile(dictionary, storages: [("k", [3, 4, 5])])
    #expect(try values(file) == [3, 4])
    // A storage that is part of another.
    let view = Pickled.tuple(Pickled.text("v"), Pickled.int(1), Pickled.int(2))
    let part =
      Pickled.tuple(
        Pickled.text("storage"), Pickled.global("torch", "FloatStorage"), Pickled.text("k"),
        Pickled.text("cpu"),
        Pickled.int(3), view) + Array("Q".utf8)
    let tensor = Pickled.call(
      "torch._utils", "_rebuild_tensor", part, Pickled.int(0), Pickled.list([Pickled.int(2)]),
      Pickled.list([Pickled.int(1)]))
    #expect(
      try values(legacyFile(Pickled.dictionary([("w", tensor)]), storages: [("k", [3, 4, 5])])) == [
        4, 5,
      ])

    // A module whose class is named together with its source.
    let callee =
      Pickled.tuple(
        Pickled.text("module"), Pickled.global("nets", "Net"), Pickled.text("nets.py"),
        Pickled.text("import os"))
      + Array("Q".utf8)
    let parameter = Pickled.call(
      "torch._utils", "_rebuild_parameter", Pickled.tensor([2], key: "k", count: 3), [0x88],
      Pickled.call("collections", "OrderedDict"))
    let module =
      callee + Array(")R".utf8)
      + Pickled.dictionary([("_parameters", Pickled.dictionary([("w", parameter)])), ("_modules", [0x7D])])
      + Array("b".utf8)
    let opened = try open(legacyFile(module, storages: [("k", [3, 4, 5])]))
    #expect(opened.module == "nets.Net" && opened.tensors.count == 1)

    try expect(legacyFile(dictionary, storages: [("k", [3, 4, 5])], order: 0x89), "begin at the other end")
    try expect(legacyFile(dictionary, storages: []), "the file lacks 'k'")
    try expect(legacyFile(dictionary, storages: [("x", []), ("k", [3, 4, 5])]), "the file lacks 'k'")
    try expect(legacyFile(dictionary, storages: [("k", [3])]), "cut short")
    for length in stride(from: 3, to: file.count, by: 1) {
      #expect(try problem(Array(file.prefix(length))) != nil, "cut to \(length)")
    }
    for lie: Int64 in [-1, 1000, .max, .min, 1 << 61] {
      var copy = file
      copy.replaceSubrange(copy.count - 20..<copy.count - 12, with: littleEndian(lie))
      try expect(copy, "does not end within the file")
    }
    try expect([0x80, 2] + Array("K\u{1}.".utf8), "holds no tensors")
    try expect(Pickled.pickle(dictionary), "a pickle that torch.save did not write")
    let magic: [UInt8] = [0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]
    try expect(Pickled.pickle(magic) + Pickled.pickle(Pickled.int(1002)), "version of PyTorch's files")
    let keys = Pickled.pickle(magic) + Pickled.pickle(Pickled.int(1001)) + Pickled.pickle([0x7D])
    try expect(keys + Pickled.pickle(dictionary) + Pickled.pickle(Pickled.list([[0x4E]])), "without a name")
  }

  // MARK: All of a file

  static let files = [
    "state.pt", "legacy.pt", "module.pt", "dill-robustness.pt", "arrays.pt", "dtypes.pt", "views.pt",
  ]

  private func bytes(_ name: String) throws -> [UInt8] {
    try CheckpointFile.withBytes(of: TorchTests.path("2.15", name)) { Array($0) }
  }

  /// Reads all that can be read of a file, as a program would.
  private func readAll(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { bytes in
      guard let file = try? TensorFiles.clean(bytes, file: "file") else { return }
      for (name, facts) in file.tensors {
        guard facts.count < 1 << 24, let values = try? file.values(name) else { continue }
        let product = facts.shape.reduce(1, *)
        #expect(values.count == facts.count && product == facts.count)
      }
      _ = try? Classifier(bytes: bytes, name: "file")
    }
  }

  @Test(arguments: files) func cutFiles(_ name: String) throws {
    let whole = try bytes(name)
    #expect(try problem(whole) == nil)
    let step = max(whole.count / 400, 1)
    for length in stride(from: 0, to: whole.count, by: step) {
      #expect(try problem(Array(whole.prefix(length))) != nil, "cut to \(length)")
    }
    readAll(whole + [0])
  }

  /// Whatever a file says, it is read or refused. Half of the files are damaged inside of records, so that
  /// the archive is still valid. RTOOL_DAMAGED_FILES: how many; else 3,000.
  @Test func damagedFiles() throws {
    let count = getenv("RTOOL_DAMAGED_FILES").flatMap { Int(String(cString: $0)) } ?? 3000
    let files = try Self.files.map { (name: $0, bytes: try bytes($0), pickle: try pickle(of: $0)) }
    for round in 0..<count {
      let file = files[round % files.count]
      var bytes = file.bytes
      let random = words("damage \(round)", count: 24)
      let range = round / files.count % 2 == 0 ? file.pickle : bytes.indices
      for change in 0...Int(random[0] % 6) {
        let (word, kind) = (random[2 * change + 1], random[2 * change + 2] % 8)
        let at = range.lowerBound + Int(word >> 16) % range.count
        switch kind {
        case 0, 1, 2: bytes[at] = UInt8(truncatingIfNeeded: word)
        case 3: bytes[at] ^= 1 << UInt8(word % 8)
        // Numbers are likeliest to be believed.
        case 4:
          for index in at..<min(at + 4, range.upperBound) { bytes[index] = 0xFF }
        case 5:
          for index in at..<min(at + 8, range.upperBound) { bytes[index] = index == at + 7 ? 0x7F : 0xFF }
        // Operations that build and call.
        case 6: bytes[at] = Array("(.0123NIJKLMRSTUVX]abcdeghijlopqrstu}\u{28}QP".utf8)[Int(word % 40)]
        default:
          let from = range.lowerBound + Int(word >> 32) % range.count
          let length = min(Int(word % 32), range.upperBound - max(at, from))
          for index in 0..<max(length, 0) { bytes[at + index] = bytes[from + index] }
        }
      }
      readAll(bytes)
    }
  }

  /// Where the pickle of a file lies.
  private func pickle(of name: String) throws -> Range<Int> {
    let bytes = try bytes(name)
    guard
      let start = (0..<bytes.count - 40).first(where: {
        bytes[$0] == 0x80 && bytes[$0 + 1] <= 5 && bytes[$0 + 2] != 0
      })
    else { return bytes.indices }
    let marker = Array("PK\u{7}\u{8}".utf8)
    let end = (start..<bytes.count - 4).first { Array(bytes[$0..<$0 + 4]) == marker } ?? bytes.count
    return start..<end
  }
}
