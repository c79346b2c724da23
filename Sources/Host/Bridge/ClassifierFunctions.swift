import CRTool
import Imaging
import RobustRuntime

/// The functions of the host table that ask the classifier.
extension Run {
  func addClassifier(to host: inout rtool_host) {
    host.logits = { host, images, count, out in
      let run = Run.of(host)
      return run.statusOnRunThread {
        guard let images, let out, count > 0 else {
          throw Failure.misuse("logits of no image were asked for")
        }
        let logits = try HostState.of(host).classifier.logits(
          ImageBatch(images, count: Int(count), role: "images"))
        out.update(from: logits, count: logits.count)
      }
    }
    host.features = { host, image, layer, out in
      let run = Run.of(host)
      return run.statusOnRunThread {
        try run.features(HostState.of(host).classifier, image, count: 1, layer, out)
      }
    }
    host.features_batch = { host, images, count, layer, out in
      let run = Run.of(host)
      return run.statusOnRunThread {
        try run.features(HostState.of(host).classifier, images, count: Int(count), layer, out)
      }
    }
    host.gradient = { host, objective, images, count, losses, gradients in
      let run = Run.of(host)
      return run.statusOnRunThread {
        guard let images, count > 0 else { throw Failure.misuse("the gradient of no image was asked for") }
        let batch = try ImageBatch(images, count: Int(count), role: "images")
        let classifier = HostState.of(host).classifier
        let result = try classifier.evaluate(
          run.objective(objective, classifier.facts), at: batch, gradient: gradients != nil)
        losses?.update(from: result.losses, count: result.losses.count)
        guard let gradients, let gradient = result.gradient else { return }
        for index in 0..<batch.count {
          let image = gradients[index]
          guard image.isWellFormed, image.channels == 3, image.width == batch.width,
            image.height == batch.height
          else { throw Failure.misuse("the image for a gradient must have the size of the image evaluated") }
          gradient.interleave(index, into: image)
        }
      }
    }
    host.ascend = { host, objective, ascent, outcome in
      let run = Run.of(host)
      var status = Int32(RTOOL_OK)
      let outer = run.statusOnRunThread {
        status = try run.ascend(HostState.of(host).classifier, objective, ascent, outcome)
      }
      return outer == Int32(RTOOL_OK) ? status : outer
    }
    host.class_weights = { host, index, out in
      let run = Run.of(host)
      return run.statusOnRunThread {
        guard let out, let weights = HostState.of(host).classifier.classWeights(Int(index)) else {
          throw Failure.misuse("weights of the unknown class \(index) were asked for")
        }
        out.update(from: weights, count: weights.count)
      }
    }
    host.class_seed = { host, index, stream, width, height in
      let run = Run.of(host)
      var image: UnsafeMutablePointer<rtool_image>?
      _ = run.statusOnRunThread {
        image = try run.classSeed(
          HostState.of(host).classifier, Int(index), stream: stream, width: Int(width), height: Int(height))
      }
      return image
    }
    host.with_model = { host, text in
      let run = Run.of(host)
      var other: UnsafePointer<rtool_host>?
      _ = run.statusOnRunThread {
        guard let text, let found = run.hosts[String(cString: text)] else {
          throw Failure.misuse("a model was asked for that was not given as a value")
        }
        other = found
      }
      return other
    }
  }

  private func features(
    _ classifier: Classifier, _ images: UnsafePointer<rtool_image>?, count: Int,
    _ layer: UnsafePointer<CChar>?,
    _ out: UnsafeMutablePointer<rtool_tensor>?
  ) throws {
    guard let images, let out, count > 0 else { throw Failure.misuse("features of no image were asked for") }
    let features = try classifier.features(
      ImageBatch(images, count: count, role: "images"), layer: layer.map { String(cString: $0) })
    let values = try copy(features.values)
    for index in 0..<count {
      out[index] = rtool_tensor(
        channels: Int32(features.channels), height: Int32(features.height), width: Int32(features.width),
        data: values + index * features.channels * features.height * features.width)
    }
  }

  private func classSeed(
    _ classifier: Classifier, _ index: Int, stream: UInt64, width: Int, height: Int
  ) throws -> UnsafeMutablePointer<rtool_image> {
    try Self.checkSize(width, height)
    try checkMemory(for: 3 * width * height)
    guard let sample = classifier.seed(ofClass: index, seed: seed, stream: stream) else {
      throw Failure.failed("the model has no seed distribution for class \(index)")
    }
    let planar = ImageBatch(count: 1, height: sample.side, width: sample.side, pixels: sample.pixels)
    let small = try newImages(planar).pointee
    let image = try newImage(small.floatImage().resized(width: width, height: height, kernel: .cubic))
    image.pointee.view.clamp()
    return image
  }
}
