import CKernels

/// A function of the caller's, called once for each image.
final class CustomTerm: TermEvaluator {
  private let weight: Double
  private let layers: [Int]
  private let logits: Int
  private let function: (inout CustomEvaluation) throws -> Void
  // What the function sees and fills in, of one image. The gradients follow the values.
  private let logitBuffer: Buffer
  private let featureBuffers: [Buffer]
  private let imageGradient: Buffer

  init(
    weight: Double, layers: [Int], logits: Int, shapes: [Shape], classCount: Int, pixels: Int,
    function: @escaping (inout CustomEvaluation) throws -> Void
  ) {
    (self.weight, self.layers, self.logits, self.function) = (weight, layers, logits, function)
    logitBuffer = Buffer(2 * classCount)
    featureBuffers = shapes.map { Buffer(2 * $0.channels * $0.height * $0.width) }
    imageGradient = Buffer(pixels)
  }

  var values: [Int] { [logits] + layers }

  func evaluate(_ point: borrowing Point, _ losses: inout [Double]) throws {
    let size = 3 * point.seenHeight * point.seenWidth
    for n in point.images {
      let pixels = UnsafeBufferPointer(start: point.seen + n * size, count: size)
      rt_fill(imageGradient.base, 0, imageGradient.count)
      let logitPlanes = point.layer(logits)
      load(logitPlanes, image: n, logitBuffer)
      var features: [CustomEvaluation.Feature] = []
      for (layer, buffer) in zip(layers, featureBuffers) {
        let planes = point.layer(layer)
        load(planes, image: n, buffer)
        features.append(
          CustomEvaluation.Feature(
            channels: planes.shape.channels, height: planes.shape.height, width: planes.shape.width,
            values: UnsafeBufferPointer(buffer.lower), gradient: buffer.upper))
      }
      var evaluation = CustomEvaluation(
        index: n, step: point.step, height: point.seenHeight, width: point.seenWidth, image: pixels,
        logits: UnsafeBufferPointer(logitBuffer.lower), features: features, loss: 0,
        imageGradient: UnsafeMutableBufferPointer(start: imageGradient.base, count: imageGradient.count),
        logitGradient: logitBuffer.upper)
      try function(&evaluation)

      losses[n] += weight * evaluation.loss
      guard let gradient = point.seenGradient else { continue }
      rt_add_scaled(gradient + n * size, imageGradient.base, Float(weight), imageGradient.count)
      store(logitPlanes, image: n, logitBuffer)
      for (layer, buffer) in zip(layers, featureBuffers) {
        store(point.layer(layer), image: n, buffer)
      }
    }
  }

  /// Copies an image's values, and clears the gradient.
  private func load(_ planes: Planes, image: Int, _ buffer: Buffer) {
    let (area, place) = (planes.area, planes.start(ofImage: image))
    for c in 0..<planes.shape.channels {
      rt_copy(buffer.base + c * area, planes.values + c * planes.plane + place, area)
    }
    rt_fill(buffer.base + buffer.count / 2, 0, buffer.count / 2)
  }

  private func store(_ planes: Planes, image: Int, _ buffer: Buffer) {
    guard let gradient = planes.gradient else { return }
    let (area, place) = (planes.area, planes.start(ofImage: image))
    for c in 0..<planes.shape.channels {
      rt_add_scaled(
        gradient + c * planes.plane + place, buffer.base + buffer.count / 2 + c * area, Float(weight),
        area)
    }
  }
}

/// Floats at a place that does not change.
final class Buffer {
  let base: UnsafeMutablePointer<Float>
  let count: Int

  init(_ count: Int) {
    self.count = count
    base = .allocate(capacity: max(count, 1))
    base.initialize(repeating: 0, count: count)
  }

  deinit { base.deallocate() }

  var lower: UnsafeMutableBufferPointer<Float> { UnsafeMutableBufferPointer(start: base, count: count / 2) }
  var upper: UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(start: base + count / 2, count: count - count / 2)
  }
}
