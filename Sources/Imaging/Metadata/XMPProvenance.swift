// A history of how an image was made, as the property rtool:history of its XMP packet.

private let namespace = "https://rtool.dev/ns/1.0/"
private let property = "history"

/// The provenance in an XMP packet, or nil.
package func readProvenance(_ packet: [UInt8]) -> String? { xmpText(packet, property, of: namespace) }

/// An XMP packet with the given provenance in place of any it has; the rest is kept. A packet that
/// cannot be understood is replaced, as is nil.
package func xmp(_ packet: [UInt8]?, with provenance: String) -> [UInt8] {
  let start = "<rdf:Description rdf:about=\"\" xmlns:rdf=\"\(rdfNamespace)\" xmlns:rtool=\"\(namespace)\">"
  let description =
    "\(start)<rtool:\(property)>\(escapedXML(provenance))</rtool:\(property)></rdf:Description>"
  guard let packet else { return addingXMP(description, to: nil) }
  var cleared = removingXMP(property, of: namespace, from: packet)
  // Descriptions that hold nothing but the declaration of the namespace.
  for _ in 0..<mostRemovals {
    guard let range = cleared.first(of: start + "</rdf:Description>") else { break }
    cleared.removeSubrange(range)
  }
  return addingXMP(description, to: hasXMP(cleared, property, of: namespace) ? nil : cleared)
}
