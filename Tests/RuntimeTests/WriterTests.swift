import CKernels
import RobustRuntime
import Testing

@Suite struct WriterTests {
  private func read<Result>(_ bytes: [UInt8], _ body: (SafeTensors) throws -> Result) throws -> Result {
    try bytes.withUnsafeBytes { try body(try SafeTensors($0, file: "written")) }
  }

  private func half(_ values: [Float]) -> [UInt16] {
    var halves = [UInt16](repeating: 0, count: values.count)
    rt_to_half(&halves, values, values.count)
    return halves
  }

  @Test func everyHalfSurvives() {
    let halves = (0...UInt16.max).filter { $0 & 0x7C00 != 0x7C00 }
    var floats = [Float](repeating: 0, count: halves.count)
    rt_from_half(&floats, halves, halves.count)
    #expect(half(floats) == halves)
  }

  /// Between two neighbours the middle goes to the even one, and what is beside it to the nearer.
  @Test func halvesAreRoundedToTheNearest() {
    let lower = (0..<UInt16(0x7BFF)).map { $0 }
    var floats = [Float](repeating: 0, count: lower.count + 1)
    rt_from_half(&floats, lower + [0x7BFF], lower.count + 1)
    // Exact: a half has 11 bits, a float 24.
    let middles = lower.indices.map { (floats[$0] + floats[$0 + 1]) / 2 }
    #expect(half(middles) == lower.map { $0 + ($0 & 1) })
    #expect(half(middles.map(\.nextDown)) == lower)
    #expect(half(middles.map(\.nextUp)) == lower.map { $0 + 1 })
    #expect(half(middles.map { -$0 }) == lower.map { ($0 + ($0 & 1)) | 0x8000 })
  }

  @Test func halvesOutOfRangeAreTheGreatest() {
    let values: [Float] = [65504, 65519, 65520, 1e30, .greatestFiniteMagnitude, -1e9, 1e-30, -1e-30, -0.0]
    #expect(half(values) == [0x7BFF, 0x7BFF, 0x7BFF, 0x7BFF, 0x7BFF, 0xFBFF, 0, 0x8000, 0x8000])
  }

  @Test func whatIsWrittenIsRead() throws {
    let metadata = [
      "classes": #"["a \"b\"","c\\d"]"#, "note": "line\nbreak\t\u{1} ü 🐎 \u{7F}", "": "empty",
    ]
    let tensors = [
      NamedTensor(name: "weight", shape: [2, 3], values: [0, 1, -2.5, 1e-7, 70_000, 1 / 3], isHalf: true),
      NamedTensor(name: "scalar", shape: [], values: [.pi]),
      NamedTensor(name: "none", shape: [0, 4], values: []),
      NamedTensor(
        name: "\"quoted\" \\", shape: [3], values: [.leastNonzeroMagnitude, .greatestFiniteMagnitude, -0.0]),
    ]
    let bytes = try SafeTensorsWriter.bytes(tensors, metadata: metadata)
    try read(bytes) { (file) throws in
      #expect(file.metadata == metadata)
      #expect(
        file.tensors.mapValues(\.shape)
          == Dictionary(uniqueKeysWithValues: tensors.map { ($0.name, $0.shape) }))
      for tensor in tensors.dropFirst() { #expect(try file.values(tensor.name) == tensor.values) }
      #expect(try file.values("weight") == [0, 1, -2.5, 0x1p-23, 65504, 0.333251953125])
    }
    #expect(try SafeTensorsWriter.bytes(tensors.reversed(), metadata: metadata) == bytes)
    #expect(bytes.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) } % 8 == 0)
  }

  /// Each float begins at a multiple of 4 bytes, behind halves of an odd number too.
  @Test func floatsAreAligned() throws {
    let tensors = [
      NamedTensor(name: "a", shape: [1], values: [1], isHalf: true),
      NamedTensor(name: "b", shape: [1], values: [2]),
      NamedTensor(name: "c", shape: [3], values: [3, 4, 5], isHalf: true),
    ]
    let bytes = try SafeTensorsWriter.bytes(tensors)
    #expect(bytes.suffix(12) == [0, 0, 0, 64, 0, 60, 0, 66, 0, 68, 0, 69])
    #expect(try read(SafeTensorsWriter.bytes([])) { $0.tensors.isEmpty && $0.metadata.isEmpty })
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity])
  func valuesMustBeFinite(value: Float) {
    for isHalf in [true, false] {
      let tensors = [
        NamedTensor(name: "a", shape: [1], values: [0]),
        NamedTensor(name: "b.weight", shape: [2], values: [1, value], isHalf: isHalf),
      ]
      #expect(
        throws: RuntimeError.notFinite("'b.weight' holds NaN or infinite values, which cannot be written")
      ) { try SafeTensorsWriter.bytes(tensors) }
    }
  }

  @Test(arguments: [
    [NamedTensor(name: "a", shape: [2], values: [1])], [NamedTensor(name: "a", shape: [-1], values: [])],
    [NamedTensor(name: "a", shape: [], values: [])],
    [NamedTensor(name: "a", shape: [.max, .max, 0], values: [])],
    [
      NamedTensor(name: "a", shape: [0], values: []),
      NamedTensor(name: "a", shape: [0], values: [], isHalf: true),
    ],
    [NamedTensor(name: "__metadata__", shape: [0], values: [])],
  ])
  func tensorsThatAreWrong(tensors: [NamedTensor]) {
    let error = #expect(throws: RuntimeError.self) { try SafeTensorsWriter.bytes(tensors) }
    #expect(error?.description.contains("'\(tensors[0].name)'") == true)
  }
}
