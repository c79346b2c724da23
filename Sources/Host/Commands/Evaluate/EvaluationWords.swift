/// The words of the command line, told apart: what has the name of a known model, or ends as models' files do, is
/// a model; everything else is data. A folder that has a model's name is written with a slash, as ./photos.
struct EvaluationWords {
  let models: [ModelSearch.Source]
  let data: [String]

  /// - Parameter named: of --models.
  /// - Throws: `Failure` if something is neither a model nor there, or there are no data.
  init(_ words: [String], named: String?) throws {
    let names = Set(ModelSearch.candidates().map(\.name))
    func isModel(_ word: String) -> Bool { names.contains(word) || ModelSearch.isFile(word) }
    let others = (named ?? "").split(separator: ",").map(String.init)
    let models = words.filter(isModel) + others
    data = words.filter { !isModel($0) }
    for word in data where !fileExists(word) {
      throw Failure.failed(
        "\(quoted(word)) is neither a model nor a file or folder of photos\(Suggestion.text(word, in: Array(names)))"
      )
    }
    guard !data.isEmpty else {
      let example = words.first.map { "; a folder with the name of a model is written ./\($0)" } ?? ""
      throw Failure.usage(
        "DATA is missing: folders of class folders, archives of CLASS/NAME, or lists\(example)")
    }
    self.models = try models.isEmpty ? [ModelSearch.find(nil)] : models.map { try ModelSearch.find($0) }
  }
}
