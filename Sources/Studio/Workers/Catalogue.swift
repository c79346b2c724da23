import WorkerProtocol

/// The tasks, models and features that there are, asked for once.
actor Catalogue {
  private let viewer: WorkerPool
  private let hostOptions: Set<String>
  private var found: [TaskDescription]?
  private var knownModels: [ModelDescription]?
  private var knownFeatures: [NamedThing]?

  /// - Parameter hostOptions: those of the host's options that requests may set.
  init(viewer: WorkerPool, hostOptions: Set<String> = CommandWords.hostOptions) {
    (self.viewer, self.hostOptions) = (viewer, hostOptions)
  }

  func tasks() async throws -> [TaskDescription] {
    if let found { return found }
    guard case .tasks(let tasks) = try await ask(.tasks) else { throw WorkerPool.confusion }
    let listed = tasks.sorted { $0.name < $1.name }.map(offered)
    found = listed
    return listed
  }

  /// A task without those of the host's options that no request may set.
  private func offered(_ task: TaskDescription) -> TaskDescription {
    var task = task
    task.parameters.removeAll { $0.isHost && !hostOptions.contains($0.name) }
    return task
  }

  func task(_ name: String) async throws -> TaskDescription {
    guard let task = try await tasks().first(where: { $0.name == name }) else {
      throw StudioError(.notFound, "there is no task \(name.prefix(60))")
    }
    return task
  }

  func models() async throws -> [ModelDescription] {
    if let knownModels { return knownModels }
    guard case .models(let models) = try await ask(.models) else { throw WorkerPool.confusion }
    knownModels = models
    return models
  }

  func features() async throws -> [NamedThing] {
    if let knownFeatures { return knownFeatures }
    guard case .names(let names) = try await ask(.features) else { throw WorkerPool.confusion }
    knownFeatures = names
    return names
  }

  private func ask(_ request: WorkerRequest) async throws -> WorkerEvent {
    try await viewer.withWorker { try await $0.answer(to: request) }
  }
}
