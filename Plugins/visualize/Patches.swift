import RTool

/// The places in photos where something is highest.
struct Patches {
  private let subject: Subject
  private let count: Int
  private let host: Host

  /// Share of the squared gradient that a patch has to hold.
  private static let share = 0.8

  init(_ subject: Subject, _ count: Int, host: Host) {
    (self.subject, self.count, self.host) = (subject, count, host)
  }

  private struct Place {
    let photo: Int
    /// In the layer, and at the working size.
    let column, row, x, y: Int
    let value: Float
  }

  func emit(from photos: [(name: String, image: Image)]) throws {
    guard let name = subject.layer else { throw TaskFailure.message("the model has no layer with positions") }
    let layer = try host.model.layer(named: name)
    let views = try photos.map { try WorkingCopy($0.image, mask: nil, host: host).image }
    var places: [Place] = []
    for (index, view) in views.enumerated() {
      try host.progress(Double(index) / Double(views.count + 1), "photos")
      places += try self.places(in: view, photo: index, layer)
    }
    places.sort { ($0.value, $1.photo) > ($1.value, $0.photo) }
    guard let best = places.first else { return }
    let side = try patchSide(views[best.photo], best, layer)
    for place in apart(places, side) {
      let (name, photo) = photos[place.photo]
      let view = views[place.photo]
      let box = patch(place, side, view, photo)
      let size = host.model.side
      let image = try host.resized(
        host.cropped(photo, to: box), width: size, height: size, filter: box.width > size ? .box : .cubic)
      let text = Text.fixed(Double(place.value), 2)
      host.note(
        "\(subject.name): \(text) at \(box.x + box.width / 2),\(box.y + box.height / 2) of \(Text.printable(name))"
      )
      let file = name.split(separator: "/").last.map(String.init) ?? name
      try host.emit(image, caption: "\(subject.name) \(text), \(file)")
    }
  }

  private func places(in view: Image, photo: Int, _ layer: Model.Layer) throws -> [Place] {
    let map = try host.features(view, layer: layer.name)
    return (0..<map.height * map.width).map { position in
      var value: Float = 0
      for (channel, weight) in subject.weights {
        value += weight * map.data[channel * map.height * map.width + position]
      }
      let (column, row) = (position % map.width, position / map.width)
      return Place(
        photo: photo, column: column, row: row, x: (2 * column + 1) * view.width / (2 * map.width),
        y: (2 * row + 1) * view.height / (2 * map.height), value: value)
    }
  }

  /// The highest, none of which lies in the patch of another.
  private func apart(_ places: [Place], _ side: Int) -> [Place] {
    var chosen: [Place] = []
    for place in places where chosen.count < count {
      let isNear = chosen.contains {
        $0.photo == place.photo && abs($0.x - place.x) < side && abs($0.y - place.y) < side
      }
      if !isNear { chosen.append(place) }
    }
    return chosen
  }

  /// How much of the image the place sees: the side of the square about it with most of the squared gradient.
  private func patchSide(_ view: Image, _ place: Place, _ layer: Model.Layer) throws -> Int {
    let weights = subject.weights
    let term = Term(
      1,
      .custom(layers: [layer.name]) { evaluation in
        let gradient = evaluation.featureGradient(0)
        let position = place.row * gradient.width + place.column
        for (channel, weight) in weights {
          let index = channel * gradient.height * gradient.width + position
          evaluation.loss += Double(weight * evaluation.features(0).data[index])
          gradient.data[index] = weight
        }
      })
    let gradient = try host.gradient([term], at: view).gradient
    // Squared gradient by the distance from the place.
    var rings = [Double](repeating: 0, count: max(view.width, view.height) + 1)
    for y in 0..<view.height {
      for x in 0..<view.width {
        let p = gradient.row(y) + 3 * x
        rings[max(abs(x - place.x), abs(y - place.y))] += Double(p[0] * p[0] + p[1] * p[1] + p[2] * p[2])
      }
    }
    let total = rings.reduce(0, +)
    var sum = 0.0
    var radius = 0
    while radius < rings.count - 1 {
      sum += rings[radius]
      if sum >= Self.share * total { break }
      radius += 1
    }
    return min(max(2 * radius + 1, 2 * layer.reduction), min(view.width, view.height))
  }

  /// The square about a place in the photo itself, moved so that it lies in it.
  private func patch(_ place: Place, _ side: Int, _ view: Image, _ photo: Image) -> Box {
    let scale = Double(min(photo.width, photo.height)) / Double(min(view.width, view.height))
    let length = min(max(Int(Double(side) * scale), 1), min(photo.width, photo.height))
    let x = place.x * photo.width / view.width - length / 2
    let y = place.y * photo.height / view.height - length / 2
    return Box(
      x: min(max(x, 0), photo.width - length), y: min(max(y, 0), photo.height - length), width: length,
      height: length)
  }
}
