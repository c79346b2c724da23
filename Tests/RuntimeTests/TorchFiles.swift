/// Parts of pickles, put together by hand.
enum Pickled {
  static func text(_ text: String) -> [UInt8] {
    [UInt8(ascii: "X")] + littleEndian(UInt32(text.utf8.count)) + Array(text.utf8)
  }

  static func int(_ number: Int) -> [UInt8] {
    [0x8A, 8] + littleEndian(Int64(number))
  }

  static func global(_ module: String, _ name: String) -> [UInt8] { Array("c\(module)\n\(name)\n".utf8) }

  static func tuple(_ parts: [UInt8]...) -> [UInt8] { mark(parts, "t") }

  static func list(_ parts: [[UInt8]]) -> [UInt8] { mark(parts, "l") }

  static func dictionary(_ members: [(String, [UInt8])]) -> [UInt8] {
    Array("}".utf8) + mark(members.map { text($0.0) + $0.1 }, "u")
  }

  static func call(_ module: String, _ name: String, _ parts: [UInt8]...) -> [UInt8] {
    global(module, name) + mark(parts, "t") + Array("R".utf8)
  }

  private static func mark(_ parts: [[UInt8]], _ end: String) -> [UInt8] {
    Array("(".utf8) + parts.joined() + Array(end.utf8)
  }

  static func storage(_ type: String, key: String, count: Int) -> [UInt8] {
    tuple(text("storage"), global("torch", type), text(key), text("cuda:0"), int(count)) + Array("Q".utf8)
  }

  static func tensor(
    _ shape: [Int], strides: [Int]? = nil, offset: Int = 0, type: String = "FloatStorage", key: String = "0",
    count: Int
  ) -> [UInt8] {
    var plain: [Int] = []
    for axis in shape.indices { plain.append(shape[(axis + 1)...].reduce(1, &*)) }
    return call(
      "torch._utils", "_rebuild_tensor_v2", storage(type, key: key, count: count), int(offset),
      list(shape.map(int)), list((strides ?? plain).map(int)), [0x89],
      call("collections", "OrderedDict"))
  }

  /// A whole pickle.
  static func pickle(_ value: [UInt8]) -> [UInt8] { [0x80, 2] + value + Array(".".utf8) }
}

func littleEndian<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
  withUnsafeBytes(of: number.littleEndian) { [UInt8]($0) }
}

/// An archive of records, which lie in it as they are.
struct Zip {
  var records: [(name: String, bytes: [UInt8])]
  var method: UInt16 = 0
  var flags: UInt16 = 0
  /// Whether sizes and offsets stand in the fields of zip64.
  var isLong = false
  var comment: [UInt8] = []
  /// What the directory says of the sizes and places, where it lies.
  var size: (UInt64) -> UInt64 = { $0 }
  var place: (UInt64) -> UInt64 = { $0 }

  var bytes: [UInt8] {
    var (bytes, directory): ([UInt8], [UInt8]) = ([], [])
    for (name, data) in records {
      let (at, count) = (place(UInt64(bytes.count)), size(UInt64(data.count)))
      let names = Array(name.utf8)
      func short(_ number: UInt64) -> [UInt8] {
        littleEndian(isLong ? .max : UInt32(truncatingIfNeeded: number))
      }
      let long = littleEndian(count) + littleEndian(count) + littleEndian(at)
      let extra =
        isLong
        ? littleEndian(UInt16(9)) + littleEndian(UInt16(0)) + littleEndian(UInt16(1))
          + littleEndian(UInt16(24)) + long : []
      let common = littleEndian(flags) + littleEndian(method) + [UInt8](repeating: 0, count: 8)
      bytes +=
        littleEndian(UInt32(0x0403_4B50)) + littleEndian(UInt16(20)) + common + short(count) + short(count)
      bytes += littleEndian(UInt16(names.count)) + littleEndian(UInt16(0)) + names + data
      directory += littleEndian(UInt32(0x0201_4B50)) + littleEndian(UInt32(20)) + common
      directory += short(count) + short(count) + littleEndian(UInt16(names.count))
      directory +=
        littleEndian(UInt16(extra.count)) + [UInt8](repeating: 0, count: 10) + short(at) + names + extra
    }
    let start = UInt64(bytes.count)
    bytes += directory
    if isLong {
      let end = UInt64(bytes.count)
      bytes += littleEndian(UInt32(0x0606_4B50)) + littleEndian(UInt64(44)) + [UInt8](repeating: 0, count: 12)
      bytes += littleEndian(UInt64(records.count)) + littleEndian(UInt64(records.count))
      bytes += littleEndian(UInt64(directory.count)) + littleEndian(start)
      bytes += littleEndian(UInt32(0x0706_4B50)) + littleEndian(UInt32(0)) + littleEndian(end)
      bytes += littleEndian(UInt32(1))
    }
    bytes += littleEndian(UInt32(0x0605_4B50)) + littleEndian(UInt32(0))
    let count: UInt16 = isLong ? .max : UInt16(records.count)
    bytes += littleEndian(count) + littleEndian(count)
    bytes += littleEndian(isLong ? UInt32.max : UInt32(directory.count))
    bytes += littleEndian(isLong ? UInt32.max : UInt32(start)) + littleEndian(UInt16(comment.count)) + comment
    return bytes
  }

  /// A file of PyTorch.
  init(_ pickle: [UInt8], storages: [String: [Float]] = [:]) {
    records = [("a/data.pkl", pickle)]
    for (key, values) in storages.sorted(by: { $0.key < $1.key }) {
      records.append(("a/data/\(key)", values.withUnsafeBytes { [UInt8]($0) }))
    }
  }

  /// A file of PyTorch that holds a value.
  init(of value: [UInt8], storages: [String: [Float]] = [:]) {
    self.init(Pickled.pickle(value), storages: storages)
  }
}

/// A file from before the archives.
func legacyFile(_ value: [UInt8], storages: [(key: String, values: [Float])], order: UInt8 = 0x88) -> [UInt8]
{
  let magic: [UInt8] = [0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]
  var bytes = Pickled.pickle(magic) + Pickled.pickle(Pickled.int(1001))
  bytes += Pickled.pickle(Pickled.dictionary([("little_endian", [order])])) + Pickled.pickle(value)
  bytes += Pickled.pickle(Pickled.list(storages.map { Pickled.text($0.key) }))
  for storage in storages {
    bytes += littleEndian(Int64(storage.values.count)) + storage.values.withUnsafeBytes { [UInt8]($0) }
  }
  return bytes
}
