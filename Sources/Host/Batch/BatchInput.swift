import Imaging

/// One of the inputs of a batch.
struct BatchInput: Sendable {
  /// The file of the task's first image; nil: a row of a table that has none.
  let path: String?
  /// What {dir} stands for: of a file that was found in a folder, where it is within that; else the folder as it was
  /// written. "." where there is none.
  let directory: String
  /// Whether it was found in a folder.
  var isFound = false
  /// From 1 on.
  var index = 0
  /// What the row of a table says of parameters and options.
  var row: [String: [String]] = [:]

  /// An image that was named.
  init(named path: String, row: [String: [String]] = [:]) {
    (self.path, directory, self.row) = (path, folder(of: path), row)
  }

  /// An image that was found in a folder.
  /// - Parameter within: its path from there on.
  init(found path: String, within: String) {
    (self.path, directory, isFound) = (path, folder(of: within), true)
  }

  /// A row without an image.
  init(row: [String: [String]]) { (path, directory, self.row) = (nil, ".", row) }

  /// As messages and reports call it.
  var title: String { path ?? "row \(index)" }
}
