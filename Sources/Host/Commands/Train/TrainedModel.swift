import Imaging
import RobustRuntime

/// What a run leaves behind: the model's file.
struct TrainedModel {
  let options: TrainingOptions
  let position: TrainingPosition
  let model: TrainableModel
  let training, selection, report: PhotoPart
  /// On the report part; nil: it has no photos.
  let figures: RobustEvaluation.Counts?
  /// Of the attack in the figures; nil: none.
  let evaluatedEps: Double?

  func write() throws {
    var tensors = model.tensors(.best)
    if options.seedRank > 0 { tensors += try seeds() }
    let bytes = try SafeTensorsWriter.bytes(tensors, metadata: metadata)
    try Output.file(options.output!).write(bytes)
  }

  var metadata: [String: String] {
    let trainer = options.trainer
    let isRobust = trainer.attack.steps > 0 && options.eps > 0
    var facts = model.architectureMetadata
    facts["size"] = "\(options.side)"
    facts["constraint"] = isRobust ? trainer.attack.norm.rawValue : "none"
    facts["eps"] = isRobust ? rounded(position.eps, 4) : "0"
    facts["attack_steps"] = "\(position.attackSteps)"
    facts["epochs"] = rounded(Double(position.photosSeen) / Double(training.indices.count), 1)
    facts["trained_by"] =
      "rtool \(Installation.version)" + (position.initialModel.map { ", from weights of \($0)" } ?? "")
    if let figures {
      facts["clean_accuracy"] = rounded(figures.cleanAccuracy, 4)
      facts["evaluated_images"] = "\(figures.images)"
      if let evaluatedEps {
        facts["robust_accuracy"] = rounded(figures.robustAccuracy(), 4)
        facts["evaluated_eps"] = rounded(evaluatedEps, 4)
        facts["evaluated_attack"] = "PGD, 20 steps, 5 restarts"
      }
    }
    return facts
  }

  /// Photos of a class that its seeds are made of, at most.
  private static let mostPhotos = 1500

  /// Seed distributions at a quarter of the side.
  private func seeds() throws -> [NamedTensor] {
    let side = max(options.side / 4, 1)
    let estimation = SeedEstimation(
      side: side, rank: options.seedRank, mostComponents: options.seedMixtures, seed: options.seed)
    let stride = 3 * side * side
    let mixtures = try position.classes.indices.map { label in
      let places = training.indices.indices.filter { training.labels[$0] == label }.prefix(Self.mostPhotos)
      var pixels = [Float](repeating: 0, count: places.count * stride)
      pixels.withUnsafeMutableBufferPointer { buffer in
        for (k, place) in places.enumerated() {
          training.photos.withPhoto(training.indices[place]) {
            Augmentation.plain($0, size: side, out: buffer.baseAddress! + k * stride)
          }
        }
      }
      return try pixels.withUnsafeBufferPointer { try estimation.mixture(ofClass: label, photos: $0) }
    }
    return estimation.tensors(mixtures)
  }

  /// For people, when all is done.
  var summary: String {
    var text = "\(options.output!): "
    guard let figures else { return text + "no photos were held out, so it was not measured" }
    text += "\(percent(figures.cleanAccuracy)) of \(figures.images) held-out photos"
    if let evaluatedEps {
      text += ", \(percent(figures.robustAccuracy())) under PGD of 20 steps with 5 restarts at eps \(numberText(evaluatedEps))"
    }
    return text
  }
}
