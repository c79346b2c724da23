import Imaging

/// The tasks that come with the program. Their files, where they are beside it, are part of it.
package enum BundledTasks {
  package static let names: Set = [
    "attack", "classify", "compare", "generate", "inpaint", "interpolate", "invert", "mix", "paint", "refine",
    "sketch", "superres", "translate", "visualize",
  ]

  static func contains(_ candidate: PluginSearch.Candidate) -> Bool {
    guard names.contains(candidate.name) else { return false }
    let place = folder(of: candidate.path)
    return place == Installation.programFolder || place == Installation.prefix + "/lib/rtool"
  }
}
