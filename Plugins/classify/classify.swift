import CRTool
import Glibc
import RTool

private let images = Parameter<[Image]>.images("image", "the photos to look at")
private let top = Parameter<Int>.integer(
  "top", letter: "n", initial: 5, in: 1...100_000,
  "tell so many of the likeliest classes; with --json all, unless this is given")
private let crop = Parameter<Bool>.flag(
  "crop", "look at the square in the middle alone, not at the whole photo")

let manifest = Manifest(
  name: "classify", version: "1.0.0", summary: "Tell what the model sees in photos",
  description: """
    Prints the likeliest classes of each photo with their probabilities, and the entropy of all probabilities: 0 bits \
    where the model is certain, log2 of the number of classes where it knows nothing.

    A photo is seen whole, reduced so that its shorter side is the model's.
    """,
  examples: [
    ("photo.jpg", "Tell the five likeliest classes"),
    ("*.jpg --top 1", "Tell the likeliest class of many photos"),
    ("photo.jpg --json", "Tell all classes, for programs"),
  ],
  parameters: [images, top, crop], needs: 3)

@c(rtool_plugin)
public func plugin(_ hostABI: UInt32) -> UnsafePointer<rtool_manifest>? {
  manifest.published(running: classify)
}

private func classify(_ host: Host, _ values: Values) throws {
  let photos = values[images]
  var predictions: [Prediction] = []
  for (index, photo) in photos.enumerated() {
    try host.progress(Double(index) / Double(photos.count))
    predictions.append(try host.prediction(view(of: photo, values, host)))
  }
  let results = Array(zip(values.names(images), predictions))
  try host.emit(text: host.wantsJSON ? json(results, host, values) : text(results, host, values))
}

/// The photo as the model sees it.
private func view(of photo: Image, _ values: Values, _ host: Host) throws -> Image {
  let side = min(photo.width, photo.height)
  let middle = Box(
    x: (photo.width - side) / 2, y: (photo.height - side) / 2, width: side, height: side)
  let seen = values[crop] ? try host.cropped(photo, to: middle) : photo
  return try WorkingCopy(seen, mask: nil, host: host).image
}

private func json(_ results: [(name: String, Prediction)], _ host: Host, _ values: Values) -> String {
  let names = host.model.classes
  let count = values.isGiven(top) ? values[top] : names.count
  let objects = results.map { name, prediction in
    let classes = prediction.ranking.prefix(count)
    return JSON([
      "file": JSON(name),
      "classes": JSON(classes.map { JSON(names[$0]) }),
      "probabilities": JSON(classes.map { JSON(prediction.probabilities[$0]) }),
      "logits": JSON(classes.map { JSON(prediction.logits[$0]) }),
      "entropy": JSON(prediction.entropy),
      "entropyUnit": JSON("bit"),
    ])
  }
  return "\(JSON(objects))\n"
}

private func text(_ results: [(name: String, Prediction)], _ host: Host, _ values: Values) -> String {
  let names = host.model.classes
  if values[top] == 1 {
    let rows = results.map { name, prediction in
      [
        Text.printable(name), Text.percent(prediction.probabilities[prediction.best]),
        Text.printable(names[prediction.best]), entropy(prediction),
      ]
    }
    return Text.table(rows, right: [1])
  }
  let blocks = results.map { name, prediction in
    let rows = prediction.ranking.prefix(values[top]).map {
      [Text.percent(prediction.probabilities[$0]), Text.printable(names[$0])]
    }
    return "\(Text.printable(name)): \(entropy(prediction))\n" + Text.table(rows, right: [0], indent: 2)
  }
  return blocks.joined(separator: "\n")
}

private func entropy(_ prediction: Prediction) -> String {
  let most = log2(Double(prediction.logits.count))
  return "\(Text.fixed(prediction.entropy, 2)) of \(Text.fixed(most, 2)) bits of entropy"
}
