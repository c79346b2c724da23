// Programs for microscopes describe all pages of a TIFF file in the description of the first.

/// What remains of a description when a picture is alone, or has another size; nil: nothing.
/// - Parameter isResized: whether lengths in pixels have changed.
func descriptionOfOnePage(_ text: String, isResized: Bool) -> String? {
  if text.hasPrefix("ImageJ=") {
    var gone = ["images", "channels", "slices", "frames", "hyperstack", "mode", "loop", "finterval", "fps"]
    if isResized { gone += ["unit", "yunit", "zunit", "spacing", "xorigin", "yorigin", "zorigin"] }
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).filter { line in
      !gone.contains { line.hasPrefix($0 + "=") }
    }
    return lines.joined(separator: "\n")
  }
  let start = text.prefix(4096)
  let isOfPages = text.hasPrefix("{\"shape\"") || start.contains("<OME ") || start.contains("<OME>")
  return isOfPages ? nil : text
}
