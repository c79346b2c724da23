import RobustRuntime

/// An option or argument of the program's own, with the type of its value. `OptionValues` has the value.
struct Option<Value>: DeclaredOption {
  let parameter: CommandParameter
  /// The value that checked numbers and texts stand for.
  let read: @Sendable (TypedValue) -> Value

  /// - Parameter complete: says what else there is to the parameter.
  fileprivate init(
    _ name: String, _ kind: CommandParameter.Kind, letter: Character?, value: String? = nil,
    flags: CommandParameter.Flags,
    _ help: String, complete: (inout CommandParameter) -> Void = { _ in },
    read: @escaping @Sendable (TypedValue) -> Value
  ) {
    var parameter = CommandParameter(name: name, kind: kind, help: help, flags: flags)
    (parameter.letter, parameter.value) = (letter, value)
    complete(&parameter)
    (self.parameter, self.read) = (parameter, read)
  }
}

/// An option of any type of value.
protocol DeclaredOption: Sendable {
  var parameter: CommandParameter { get }
}

extension [any DeclaredOption] {
  var parameters: [CommandParameter] { map(\.parameter) }

  /// The parameters under a heading of help.
  func grouped(_ heading: String) -> [CommandParameter] {
    parameters.map { parameter in
      var parameter = parameter
      parameter.group = heading
      return parameter
    }
  }
}

extension Option where Value == Bool {
  /// `--name`, and `--no-name` where it is on from the start.
  static func flag(
    _ name: String, letter: Character? = nil, flags: CommandParameter.Flags = [], isOn: Bool = false,
    _ help: String
  ) -> Option {
    Option(name, .bool, letter: letter, flags: flags, help) {
      $0.initial = isOn ? 1 : 0
    } read: {
      $0.numbers[0] != 0
    }
  }
}

extension Option where Value == Int {
  static func int(
    _ name: String, letter: Character? = nil, value: String? = nil, flags: CommandParameter.Flags = [],
    initial: Int = 0, limits: ClosedRange<Int>, _ help: String
  ) -> Option {
    Option(name, .int, letter: letter, value: value, flags: flags, help) {
      $0.initial = Double(initial)
      $0.limits = Double(limits.lowerBound)...Double(limits.upperBound)
    } read: {
      Int($0.numbers[0])
    }
  }
}

extension Option where Value == UInt64 {
  /// The seed of random numbers, which JSON holds exactly.
  static func seed(_ help: String) -> Option {
    Option("seed", .int, letter: "s", flags: [], help) {
      $0.limits = 0...Double(HostOption.largestSeed)
    } read: {
      UInt64($0.numbers[0])
    }
  }
}

extension Option where Value == Int? {
  /// Nil: auto.
  static func int(
    _ name: String, letter: Character? = nil, flags: CommandParameter.Flags = [], limits: ClosedRange<Int>,
    initial: Int = 0, _ help: String
  ) -> Option {
    Option(name, .int, letter: letter, flags: flags.union(.auto), help) {
      $0.initial = Double(initial)
      $0.limits = Double(limits.lowerBound)...Double(limits.upperBound)
    } read: {
      $0.numbers.first.map { Int($0) }
    }
  }
}

extension Option where Value == Double {
  static func real(
    _ name: String, value: String? = nil, initial: Double = 0, limits: ClosedRange<Double>,
    unit: String? = nil, _ help: String
  ) -> Option {
    Option(name, .real, letter: nil, value: value, flags: [], help) {
      ($0.initial, $0.limits, $0.unit) = (initial, limits, unit)
    } read: {
      $0.numbers[0]
    }
  }
}

extension Option where Value == Double? {
  /// Nil: auto.
  static func real(
    _ name: String, value: String? = nil, flags: CommandParameter.Flags = [], limits: ClosedRange<Double>,
    _ help: String
  ) -> Option {
    Option(name, .real, letter: nil, value: value, flags: flags.union(.auto), help) {
      $0.limits = limits
    } read: {
      $0.numbers.first
    }
  }
}

extension Option where Value: RawRepresentable & CaseIterable & Sendable, Value.RawValue == String {
  /// One of the cases, the first where none is said.
  static func choice(_ name: String, flags: CommandParameter.Flags = [], _ help: String) -> Option {
    let cases = Array(Value.allCases)
    return Option(name, .choice, letter: nil, flags: flags, help) {
      $0.choices = cases.map { .init(name: $0.rawValue, help: "") }
    } read: {
      cases[Int($0.numbers[0])]
    }
  }
}

extension Option where Value == Int {
  /// One of several that are known at run time alone, by its place among them.
  static func choice(
    _ name: String, letter: Character?, group: String, among choices: [CommandParameter.Choice],
    _ help: String
  ) -> Option {
    Option(name, .choice, letter: letter, flags: [], help) {
      ($0.choices, $0.group) = (choices, group)
    } read: {
      Int($0.numbers[0])
    }
  }
}

extension Option where Value == String? {
  static func text(
    _ name: String, letter: Character? = nil, value: String? = nil, flags: CommandParameter.Flags = [],
    _ help: String
  ) -> Option {
    Option(name, .text, letter: letter, value: value, flags: flags, help) { $0.texts.last }
  }
}

extension Option where Value == String {
  static func text(_ name: String, value: String, initial: String, _ help: String) -> Option {
    Option(name, .text, letter: nil, value: value, flags: [], help) {
      $0.initialText = initial
    } read: {
      $0.texts.last ?? initial
    }
  }

  /// An argument that has to be given.
  static func argument(
    _ name: String, kind: CommandParameter.Kind = .text, value: String? = nil, _ help: String
  )
    -> Option
  {
    Option(name, kind, letter: nil, value: value, flags: [.positional, .required], help) { $0.texts[0] }
  }
}

extension Option where Value == [String] {
  static func texts(
    _ name: String, value: String? = nil, flags: CommandParameter.Flags = .repeated, _ help: String
  ) -> Option {
    Option(name, .text, letter: nil, value: value, flags: flags, help) { $0.texts }
  }
}
