import RobustRuntime

/// The hash that Golden/make_golden.py computes as well.
func words(_ name: String, count: Int) -> [UInt64] {
  let start = name.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
  return (1...max(count, 1)).prefix(count).map { i in
    var z = start &+ UInt64(i) &* 0x9E37_79B9_7F4A_7C15
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// Multiples of 2⁻²⁴ in [0, 1).
func uniform(_ name: String, _ count: Int) -> [Float] {
  words(name, count: count).map { Float($0 >> 40) * 0x1p-24 }
}

func image(_ name: String, _ count: Int, _ height: Int, _ width: Int) -> ImageBatch {
  ImageBatch(count: count, height: height, width: width, pixels: uniform(name, count * 3 * height * width))
}

func region(_ name: String, _ count: Int, _ height: Int, _ width: Int) -> Region {
  Region(count: count, height: height, width: width, values: uniform(name, count * height * width))
}

/// ‖a − b‖ / ‖b‖
func relativeError<A: Collection, B: Collection>(_ a: A, _ b: B) -> Double
where A.Element: BinaryFloatingPoint, B.Element: BinaryFloatingPoint {
  precondition(a.count == b.count)
  var (difference, norm) = (0.0, 0.0)
  for (a, b) in zip(a, b) {
    difference += (Double(a) - Double(b)) * (Double(a) - Double(b))
    norm += Double(b) * Double(b)
  }
  return (difference / max(norm, 1e-300)).squareRoot()
}

/// The folder of this package.
let packageFolder = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }

/// The default model, loaded once.
let photos = try! Classifier(contentsOf: packageFolder + "/Models/photos.safetensors")

/// What PyTorch computed.
struct Golden {
  private let tensors: [String: [Float]]

  init(_ name: String) throws {
    let path = packageFolder + "/Tests/RuntimeTests/Golden/\(name).safetensors"
    tensors = try CheckpointFile.withBytes(of: path) { bytes in
      let file = try SafeTensors(bytes, file: path)
      return try file.tensors.reduce(into: [:]) { $0[$1.key] = try file.values($1.key) }
    }
  }

  subscript(_ key: String) -> [Float] { tensors[key]! }

  /// The greater of the errors of the stored values and of the norm.
  func error(_ key: String, _ values: [Float]) -> Double {
    let own = words("samples", count: self[key].count).map { values[Int($0 % UInt64(values.count))] }
    let norm = values.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
    return max(relativeError(own, self[key]), relativeError([norm], self[key + ".norm"]))
  }
}
