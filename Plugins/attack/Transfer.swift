import RTool

/// What another model makes of a change that was found against the first one.
struct Transfer {
  let model: String
  let classes: [String]
  let before, after: Prediction
  /// Whether the change has its intended effect on this model too; classes are matched by name.
  let isFooled: Bool

  /// - Parameters:
  ///   - goal: the class that it is to take the image for; nil: any other.
  ///   - host: that of the other model, which sees both images at its own size.
  init(of image: Image, from start: Image, to goal: String?, asking host: Host) throws {
    func prediction(_ image: Image) throws -> Prediction {
      try host.prediction(WorkingCopy(image, mask: nil, host: host).image)
    }
    (model, classes) = (host.model.name, host.model.classes)
    (before, after) = (try prediction(start), try prediction(image))
    isFooled = if let goal { classes[after.best] == goal } else { after.best != before.best }
  }

  func report(_ host: Host) {
    let (from, into) = (classes[before.best], classes[after.best])
    host.record("transfer-model", model)
    host.record("transfer-from", from)
    host.record("transfer-to", into)
    host.record("transfer", isFooled ? "fooled" : "not fooled")
    host.note(
      Text.printable(
        "\(model) \(isFooled ? "is fooled as well" : "is not fooled"): "
          + "\(from) (\(Text.percent(before.probabilities[before.best]))) before, "
          + "\(into) (\(Text.percent(after.probabilities[after.best]))) after"))
  }

  var json: JSON {
    JSON([
      "model": JSON(model), "from": seen(before, classes), "to": seen(after, classes),
      "fooled": JSON(isFooled),
    ])
  }
}
