/// Finds the model that a step was done with, by its hash.
enum RecordedModel {
  /// What `--model` takes for it.
  static func argument(for model: Provenance.Model) throws -> String {
    guard model.info == nil else {
      throw Failure.failed(
        "the model \(quoted(model.name)) was described with --model-info, whose file is not recorded; "
          + "make one file of both with `rtool convert`, and run the task with that")
    }
    let candidates = ModelSearch.candidates()
    let likely = candidates.filter { $0.name == model.name }
    for (name, source) in likely + candidates.filter({ $0.name != model.name }) {
      guard (try? ModelSearch.digest(source)) == model.sha256 else { continue }
      switch source {
      case .embedded: return name
      case .file(let path, _): return path
      }
    }
    let text = likely.isEmpty ? "is not here" : "is another one here"
    throw Failure.failed(
      "the model \(quoted(model.name)) \(text), and no other has the recorded hash; "
        + "put its file into a folder that RTOOL_MODELS names"
    )
  }
}
