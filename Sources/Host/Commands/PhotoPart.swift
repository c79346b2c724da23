import Datasets
import RobustRuntime

/// Some photos of a set, with their classes as a model counts them.
struct PhotoPart {
  let photos: PhotoSet
  /// The indices of the photos in the set, ascending.
  let indices: [Int]
  /// The class of each of these photos.
  let labels: [Int]

  init(_ photos: PhotoSet, _ indices: [Int], labels: (Int) -> Int) {
    (self.photos, self.indices, self.labels) = (photos, indices, indices.map(labels))
  }

  private init(_ photos: PhotoSet, _ indices: [Int], _ labels: [Int]) {
    (self.photos, self.indices, self.labels) = (photos, indices, labels)
  }

  var count: Int { indices.count }

  /// CLASS/NAME of each.
  var names: [String] { indices.map(photos.name) }

  /// At most so many photos: of each class in turn, in an order by a hash of their names, so that neighbours
  /// in a folder, which are often alike, are not chosen together.
  func limited(to limit: Int) -> PhotoPart {
    guard count > limit else { return self }
    let groups = Dictionary(grouping: indices.indices) { labels[$0] }.sorted { $0.key < $1.key }.map {
      group in
      group.value.map { (order: Philox(seed: nameHash(photos.name(indices[$0]))).words(0), place: $0) }
        .sorted { ($0.order.x, $0.order.y, $0.place) < ($1.order.x, $1.order.y, $1.place) }.map(\.place)
    }
    var chosen: [Int] = []
    var round = 0
    while chosen.count < limit {
      for group in groups where round < group.count && chosen.count < limit { chosen.append(group[round]) }
      round += 1
    }
    chosen.sort()
    return PhotoPart(photos, chosen.map { indices[$0] }, chosen.map { labels[$0] })
  }

  /// As attacks see them, at one size; random starts are told apart by the photos' names.
  func images(side: Int) -> LabelledImages {
    LabelledImages(
      count: count, label: { labels[$0] }, identifier: { nameHash(photos.name(indices[$0])) },
      read: { place, out in
        photos.withPhoto(indices[place]) { Augmentation.plain($0, size: side, out: out) }
      })
  }
}

extension PhotoSet {
  /// The parts as training and evaluation have them: photos that look the same are in the same part.
  /// - Throws: `Failure.interrupted`
  func parts(heldOut share: Double) throws -> PhotoSplit {
    do throws(DatasetError) {
      return split(heldOut: share, together: try nearCopies { !Interrupt.isRequested })
    } catch {
      throw error.kind == .interrupted ? Failure.interrupted : Failure(error)
    }
  }
}

/// FNV-1a of 64 bits, a number for a name. (Fowler, Noll and Vo.)
private func nameHash(_ name: String) -> UInt64 {
  name.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
}
