import RTool

/// Looks once in each photo, one after the other, and then shows the places where each subject is highest.
func emitPatches(of subjects: [Subject], _ count: Int, from photos: PhotoSeries, _ host: Host) throws {
  var searches = try subjects.map { try Patches($0, count, host: host) }
  for index in photos.names.indices {
    try host.progress(Double(index) / Double(photos.count + 1), "photos")
    try photos.withPhoto(index, side: host.model.side) { photo in
      let view = try WorkingCopy(photo, mask: nil, host: host).image
      var maps: [String: Features] = [:]
      for search in searches.indices {
        let layer = searches[search].layerName
        let map = try maps[layer] ?? host.features(view, layer: layer)
        maps[layer] = map
        searches[search].look(at: map, of: view, photo: index)
      }
    }
  }
  for search in searches { try search.emit(from: photos) }
}

/// The places in photos where something is highest.
struct Patches {
  private let subject: Subject
  private let layer: Model.Layer
  private let count: Int
  private let host: Host
  /// The places of the photos that have a higher one than all but `count` of them: of no other can one be chosen.
  private var photos: [[Place]] = []

  /// Share of the squared gradient that a patch has to hold.
  private static let share = 0.8

  init(_ subject: Subject, _ count: Int, host: Host) throws {
    guard let name = subject.layer else { throw TaskFailure.message("the model has no layer with positions") }
    layer = try host.model.layer(named: name)
    (self.subject, self.count, self.host) = (subject, count, host)
  }

  var layerName: String { layer.name }

  private struct Place {
    let photo: Int
    /// In the layer, and at the working size.
    let column, row, x, y: Int
    let value: Float
  }

  /// Looks in a photo, of which this is what is seen and its features at the layer.
  mutating func look(at map: Features, of view: Image, photo: Int) {
    let places = (0..<map.height * map.width).map { position in
      var value: Float = 0
      for (channel, weight) in subject.weights {
        value += weight * map.data[channel * map.height * map.width + position]
      }
      let (column, row) = (position % map.width, position / map.width)
      return Place(
        photo: photo, column: column, row: row, x: (2 * column + 1) * view.width / (2 * map.width),
        y: (2 * row + 1) * view.height / (2 * map.height), value: value)
    }
    photos.append(places.sorted { $0.value > $1.value })
    if photos.count > count {
      // The first of those that are equally high stays.
      photos.sort { ($0[0].value, $1[0].photo) > ($1[0].value, $0[0].photo) }
      photos.removeLast()
    }
  }

  func emit(from series: PhotoSeries) throws {
    let places = photos.joined().sorted { ($0.value, $1.photo) > ($1.value, $0.photo) }
    guard let best = places.first else { return }
    let side = try series.withPhoto(best.photo, side: host.model.side) { photo in
      try patchSide(WorkingCopy(photo, mask: nil, host: host).image, best)
    }
    guard let side else { return }
    for place in apart(places, side) {
      let name = series.names[place.photo]
      try series.withPhoto(place.photo) { photo in
        let view = try WorkingCopy(photo, mask: nil, host: host).image
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
  private func patchSide(_ view: Image, _ place: Place) throws -> Int {
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
