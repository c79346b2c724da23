import WorkerProtocol

extension TaskDescription {
  init(_ plugin: Plugin) {
    // Of many photos that a task opens itself, one is enough, unless it can do without any.
    let image = plugin.parameters.first {
      $0.kind == .image && (!$0.flags.contains(.onDemand) || $0.flags.contains(.required))
    }
    self.init(
      name: plugin.name, version: plugin.version, summary: plugin.summary, description: plugin.description,
      isBundled: BundledTasks.contains(.init(name: plugin.name, path: plugin.path)),
      imageParameter: image?.name, needsImage: image?.flags.contains(.required) == true,
      makesImage: !plugin.flags.contains(.textAlone), hasAscent: !plugin.flags.contains(.noAscent),
      presets: plugin.presets.map { .init(name: $0.name, help: $0.help, settings: $0.settings) },
      examples: plugin.examples.map { .init(arguments: $0.arguments, help: $0.help) },
      parameters: plugin.parameters.map { ParameterDescription($0, isHost: false) }
        + plugin.hostOptions.map { ParameterDescription($0, isHost: true) })
  }
}

extension ParameterDescription {
  init(_ parameter: CommandParameter, isHost: Bool) {
    self.init(
      name: parameter.name, kind: parameter.kind == .classes ? "class" : "\(parameter.kind)",
      help: parameter.help, isHost: isHost)
    (group, unit, mask) = (parameter.group, parameter.unit, parameter.mask)
    initial = parameter.initialDescription ?? (parameter.kind == .bool ? "off" : nil)
    (min, max) = (parameter.limits?.lowerBound, parameter.limits?.upperBound)
    (softMin, softMax) = (parameter.softLimits?.lowerBound, parameter.softLimits?.upperBound)
    choices = parameter.choices.map { .init(name: $0.name, help: $0.help) }
    let names: [(CommandParameter.Flags, String)] = [
      (.required, "required"), (.positional, "positional"), (.repeated, "repeated"), (.advanced, "advanced"),
      (.auto, "auto"), (.none, "none"), (.logarithmic, "logarithmic"), (.onDemand, "on-demand"),
    ]
    flags = names.filter { parameter.flags.contains($0.0) }.map(\.1)
  }
}
