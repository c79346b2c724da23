import Glibc

/// The words behind a task's name, and whether they are of one run or of a batch.
struct TaskArguments {
  let parsed: ParsedArguments
  let isBatch: Bool

  init(_ words: [String], of plugin: Plugin) throws {
    let options = plugin.hostOptions + plugin.batchOptions
    let one = Result { try ParsedArguments(words, parameters: plugin.parameters + options) }
    guard let first = plugin.batchedParameter, !plugin.batchOptions.isEmpty else {
      (parsed, isBatch) = (try one.get(), false)
      return
    }
    if let one = try? one.get(), one.request != nil || !Self.asksForBatch(one, plugin) {
      if one.request == nil, let folder = one.texts[first.name]?.first(where: isFolder) {
        throw Failure.failed("\(folder) is a folder; \(BatchPlan.wayOut(plugin))")
      }
      (parsed, isBatch) = (one, false)
      return
    }
    parsed = try ParsedArguments(words, parameters: plugin.parametersOfBatch + options)
    isBatch = parsed.request == nil && Self.asksForBatch(parsed, plugin)
    if !isBatch, parsed.request == nil, parsed.texts[first.name]?.count ?? 0 > 1 {
      do { _ = try one.get() } catch { throw Failure(error).adding("; " + BatchPlan.wayOut(plugin)) }
    }
  }

  private static func asksForBatch(_ parsed: ParsedArguments, _ plugin: Plugin) -> Bool {
    if plugin.batchOptions.contains(where: { parsed.texts[$0.name] != nil }) { return true }
    return parsed.last(HostOption.output.parameter.name).map(NameTemplate.hasField) == true
  }
}

extension Plugin {
  /// The parameter of which a batch has one input for each run: the first image that is opened for the task.
  var batchedParameter: CommandParameter? {
    parameters.first { $0.kind == .image && !$0.flags.contains(.onDemand) }
  }

  /// The parameters as the words of a batch are read: the first image takes all words, and what would come after it
  /// is named, as in `--other FILE`.
  var parametersOfBatch: [CommandParameter] {
    guard let first = parameters.firstIndex(where: { $0.name == batchedParameter?.name }) else {
      return parameters
    }
    return parameters.enumerated().map { index, parameter in
      var parameter = parameter
      if index == first { parameter.flags.insert(.repeated) }
      if index > first { parameter.flags.remove(.positional) }
      return parameter
    }
  }

  /// The parameters whose texts name files and may have fields such as {stem} in a batch.
  var parametersWithTemplates: [CommandParameter] {
    let sideFiles = [HostOption.output, HostOption.sheet, HostOption.frames].map(\.parameter.name)
    return parameters.filter { $0.kind.isFile && $0.name != batchedParameter?.name }
      + hostOptions.filter { sideFiles.contains($0.name) || $0.mask != nil }
  }
}

func isFolder(_ path: String) -> Bool {
  var status = stat()
  return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
}
