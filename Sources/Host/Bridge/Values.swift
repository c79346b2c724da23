import CRTool
import Imaging
import RobustRuntime

/// The values of a task as the plugin interface has them.
extension Run {
  /// - Parameter images: those that are open, by the places of their parameters.
  func bridged(_ values: [TypedValue], images: [[SourceImage]], of plugin: Plugin) throws
    -> UnsafePointer<rtool_value>
  {
    let bridged = try allocate(rtool_value.self, plugin.slots.count)
    for (slot, content) in plugin.slots.enumerated() {
      let index: Int
      switch content {
      case .parameter(let place): index = place
      case .ascent(let options):
        bridged[slot] = try AscentValues(
          options.map { option, place in
            (option, try place.map { values[$0] } ?? option.value(of: [], given: false) { [] })
          }
        ).bridged(self)
        continue
      }
      let (parameter, value) = (plugin.parameters[index], values[index])
      bridged[slot].given = UInt32(value.given)
      bridged[slot].count = UInt32(value.count)
      if !value.numbers.isEmpty { bridged[slot].numbers = UnsafePointer(try copy(value.numbers)) }
      if !value.texts.isEmpty {
        bridged[slot].texts = UnsafePointer(
          try copy(value.texts.map { try copy($0) as UnsafePointer<CChar>? }))
      }
      guard !images[index].isEmpty else { continue }
      let pointers = try images[index].map { source -> UnsafePointer<rtool_image>? in
        let image =
          try parameter.kind == .mask
          ? newImage(ofMask: source, MaskOptions.edit(of: parameter, plugin.parameters, values))
          : newImage(of: source, withAlpha: parameter.flags.contains(.withAlpha))
        sources[image.pointee.data] = source
        inputs.append((source.name, image.pointee))
        return UnsafePointer(image)
      }
      bridged[slot].images = UnsafePointer(try copy(pointers))
    }
    return UnsafePointer(bridged)
  }
}
