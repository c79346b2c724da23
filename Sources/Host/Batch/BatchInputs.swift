import Glibc

/// The inputs that a command names: by words, which may be folders, and by a list.
struct BatchInputs {
  let plugin: Plugin
  let batched: CommandParameter
  let options: OptionValues

  /// Options that are of a batch as a whole, so that no row can set them.
  private static let ofWhole: Set<String> = [
    HostOption.model.parameter.name, HostOption.modelInfo.parameter.name, HostOption.threads.parameter.name,
    HostOption.precision.parameter.name, HostOption.quiet.parameter.name, HostOption.verbose.parameter.name,
    HostOption.report.parameter.name, HostOption.help.parameter.name,
  ]

  /// What a row of a table can set.
  private var columns: [CommandParameter] {
    (plugin.parameters + plugin.hostOptions).filter { !Self.ofWhole.contains($0.name) }
  }

  /// In the order in which they are named, numbered from 1 on.
  func all() throws -> [BatchInput] {
    var inputs = try (options.texts[batched.name] ?? []).flatMap(named)
    if let list = options[BatchOption.filesFrom] {
      inputs += try InputList(list, batched: batched, parameters: columns).inputs()
    }
    for index in inputs.indices { inputs[index].index = index + 1 }
    guard !inputs.isEmpty else {
      throw options[BatchOption.filesFrom].map { .failed("\($0) names no input") } ?? batched.missing
    }
    if batched.flags.contains(.required), let lacking = inputs.first(where: { $0.path == nil }) {
      throw Failure.usage("\(lacking.title) has no \(batched.name), which \(plugin.name) needs")
    }
    return inputs
  }

  private func named(_ word: String) throws -> [BatchInput] {
    guard word != "-" else {
      throw Failure.usage(
        "standard input (-) cannot be an image of a batch; name files, or a list with --files-from -")
    }
    guard isFolder(word) else { return [BatchInput(named: word)] }
    let isRecursive = options[BatchOption.recursive]
    let found = try FolderWalk(
      folder: word, isRecursive: isRecursive,
      excluded: options[BatchOption.outputFolder].flatMap { FileIdentity($0) }
    ).inputs()
    guard !found.isEmpty else {
      throw Failure.failed(
        "there is no picture in the folder \(word)\(isRecursive ? "" : "; --recursive looks into its subfolders")"
      )
    }
    return found
  }
}
