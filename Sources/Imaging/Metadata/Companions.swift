// Phones put more into a file than its picture: what makes it brighter on screens that can show that, a film, a depth
// map. A result has none of them, since they would show what the picture no longer does; then nothing may announce them.

extension Metadata {
  /// Takes what XMP says of other pictures in the file out of it, and names what is lost.
  mutating func dropCompanions() {
    guard var packet = xmp else { return }
    for (namespace, name) in companions {
      let removed = removingXMP(of: namespace, from: packet)
      packet = removed.packet
      if removed.found, let name { lose(name) }
    }
    for (property, name) in filmProperties where hasXMP(packet, property, of: camera) {
      packet = removingXMP(property, of: camera, from: packet)
      lose(name)
    }
    xmp = packet
  }
}

private let google = "http://ns.google.com/photos/1.0"
private let camera = google + "/camera/"
private let gainMap = "the HDR gain map"

/// Namespaces that say nothing but what accompanies a picture, and that; nil where others say it as well.
private let companions: [(namespace: String, name: String?)] = [
  ("http://ns.adobe.com/hdr-gain-map/1.0/", gainMap),
  ("http://ns.apple.com/HDRGainMap/1.0/", gainMap),
  ("http://ns.apple.com/pixeldatainfo/1.0/", nil),
  (google + "/container/", nil),
  (google + "/container/item/", nil),
  (google + "/depthmap/", "the depth map"),
  (google + "/image/", "the picture before it was edited (GImage)"),
]

private let filmProperties: [(property: String, name: String)] = [
  "MotionPhoto", "MotionPhotoVersion", "MotionPhotoPresentationTimestampUs", "MicroVideo",
  "MicroVideoVersion",
  "MicroVideoOffset", "MicroVideoPresentationTimestampUs",
].map { ($0, "the film of a motion photo") }
