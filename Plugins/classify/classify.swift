import CRTool
import RTool

private let images = Parameter<[String]>.photoSeries("image", "the photos to look at")
let countOfClasses = Parameter<Int>.integer(
  "top", letter: "n", initial: 5, in: 1...100_000,
  "how many of the likeliest classes to tell; with --json all, unless this is given")
private let crop = Parameter<Bool>.flag(
  "crop", "look at the square in the middle alone, not at the whole photo")

let manifest = Manifest(
  name: "classify", version: "1.0.0", summary: "Tell what the model sees in photos",
  description: """
    Prints the likeliest classes of each photo with their probabilities, and the entropy of all probabilities: 0 bits \
    where the model is certain, log2 of the number of classes where it knows nothing.

    A photo is seen whole, reduced so that its shorter side is the model's. Of many photos each is told as soon as it has \
    been seen, with --json on a line of its own as {"result": ...}; one that cannot be read is named, the others are \
    done, and the exit code is 1.
    """,
  examples: [
    ("photo.jpg", "Tell the five likeliest classes"),
    ("*.jpg --top 1", "Tell the likeliest class of many photos"),
    ("photo.jpg --json", "Tell all classes, for programs"),
    ("*.jpg --json | jq -r '.result.file, .result.classes[0]'", "Tell them to a program one by one"),
  ],
  parameters: [images, countOfClasses, crop], needs: 4, lacks: [.images, .ascents])

@c(rtool_plugin)
public func plugin(_ hostABI: UInt32) -> UnsafePointer<rtool_manifest>? {
  manifest.published(running: classify)
}

private func classify(_ host: Host, _ values: Values) throws {
  let photos = values.series(images)
  let report = ClassReport(host, values, names: photos.names)
  var isFirst = true
  for (index, name) in photos.names.enumerated() {
    try host.progress(Double(index) / Double(photos.count))
    let seen = try photos.withPhoto(index, side: host.model.side) {
      try host.prediction(view(of: $0, values, host))
    }
    guard let prediction = seen else { continue }
    if photos.count == 1 {
      try host.emit(
        text: host.wantsJSON
          ? "\(JSON([report.json(name, prediction)]))\n" : report.text(name, prediction, isFirst: true))
    } else {
      try host.emit(
        part: host.wantsJSON
          ? report.json(name, prediction).description : report.text(name, prediction, isFirst: isFirst))
    }
    isFirst = false
  }
}

/// The photo as the model sees it.
private func view(of photo: Image, _ values: Values, _ host: Host) throws -> Image {
  let side = min(photo.width, photo.height)
  let middle = Box(
    x: (photo.width - side) / 2, y: (photo.height - side) / 2, width: side, height: side)
  let seen = values[crop] ? try host.cropped(photo, to: middle) : photo
  return try WorkingCopy(seen, mask: nil, host: host).image
}
