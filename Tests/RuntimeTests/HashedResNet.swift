import RobustRuntime

/// A safetensors file, right or wrong.
func safeTensors(header: String, data: [UInt8]) -> [UInt8] {
  withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { [UInt8]($0) } + [UInt8](header.utf8) + data
}

/// A residual network with the hashed weights of Golden/make_golden.py.
struct HashedResNet {
  var blocks: [Int]
  var widths: [Int]
  var bottleneck = false
  var stem = 7
  var stemStride = 2
  var shortcut = "downsample"
  var head = "fc"
  var groups = 1
  var classes = 10
  /// What the scales of the normalisations are multiplied with.
  var scaleOfNorms = 1.0
  /// Names of tensors that no such network has.
  var others: [String] = []

  var bytes: [UInt8] {
    var tensors: [NamedTensor] = []
    func add(_ name: String, _ shape: [Int], _ values: [Float]) {
      tensors.append(NamedTensor(name: name, shape: shape, values: values))
    }
    func add(_ name: String, _ shape: [Int]) {
      let u = uniform(name, shape.reduce(1, *)).map(Double.init)
      if shape.count > 1 {
        let scale = (6 / Double(shape.dropFirst().reduce(1, *))).squareRoot()
        add(name, shape, u.map { Float((2 * $0 - 1) * scale) })
      } else if name.hasSuffix("running_var") || name.hasSuffix(".weight") {
        let scale = name.hasSuffix(".weight") ? scaleOfNorms : 1
        add(name, shape, u.map { Float(scale * (0.5 + 0.5 * $0)) })
      } else {
        add(name, shape, u.map { Float(0.2 * ($0 - 0.5)) })
      }
    }
    func convolution(_ name: String, _ norm: String, _ out: Int, _ ins: Int, _ size: Int) {
      add("\(name).weight", [out, ins, size, size])
      for part in ["weight", "bias", "running_mean", "running_var"] { add("\(norm).\(part)", [out]) }
    }

    add("mean", [1, 3, 1, 1], [0.485, 0.456, 0.406])
    add("std", [1, 3, 1, 1], [0.229, 0.224, 0.225])
    var channels = bottleneck && stem == 7 ? 64 : widths[0]
    convolution("conv1", "bn1", channels, 3, stem)
    for (s, (count, width)) in zip(blocks, widths).enumerated() {
      for b in 0..<count {
        let name = "layer\(s + 1).\(b)"
        let out = bottleneck ? 4 * width : width
        if bottleneck {
          convolution("\(name).conv1", "\(name).bn1", width, channels, 1)
          convolution("\(name).conv2", "\(name).bn2", width, width / groups, 3)
          convolution("\(name).conv3", "\(name).bn3", out, width, 1)
        } else {
          convolution("\(name).conv1", "\(name).bn1", width, channels, 3)
          convolution("\(name).conv2", "\(name).bn2", width, width, 3)
        }
        if channels != out || (s > 0 && b == 0) {
          convolution("\(name).\(shortcut).0", "\(name).\(shortcut).1", out, channels, 1)
        }
        channels = out
      }
    }
    add("\(head).weight", [classes, channels])
    add("\(head).bias", [classes])
    for name in others { add(name, [3]) }
    return try! SafeTensorsWriter.bytes(tensors, metadata: ["stem_stride": String(stemStride)])
  }

  func classifier() throws -> Classifier {
    try bytes.withUnsafeBytes { try Classifier(bytes: $0, name: "hashed") }
  }
}
