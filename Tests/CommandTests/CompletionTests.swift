import Testing

@Suite struct CompletionTests {
  private let sandbox: Sandbox
  init() throws { sandbox = try Sandbox() }

  private func candidates(_ words: String...) throws -> [String] {
    let outcome = try sandbox.run(Program.path, ["complete"] + words)
    #expect(outcome.status == 0 && outcome.errors.isEmpty)
    return outcome.text.split(separator: "\n").map { String($0.prefix { $0 != "\t" }) }
  }

  @Test func tasksAndCommandsAreOffered() throws {
    #expect(try candidates("inp") == ["inpaint"])
    #expect(try candidates("").contains("models"))
  }

  @Test func optionsAndTheirValuesAreOffered() throws {
    #expect(
      try candidates("inpaint", "in.jpg", "--mask-").sorted() == [
        "--mask-alpha", "--mask-colour", "--mask-feather", "--mask-grow", "--mask-invert", "--mask-label",
        "--mask-preview",
      ])
    #expect(try candidates("inpaint", "in.jpg", "--preset", "") == ["balanced", "fast", "paper"])
    #expect(try candidates("inpaint", "in.jpg", "--class", "mo") == ["monkey", "motorbike", "mountain"])
    #expect(try candidates("inpaint", "in.jpg", "-c", "gl") == ["glacier"])
    // Files are the shell's own business.
    #expect(try candidates("inpaint", "in.jpg", "--mask", "").isEmpty)
    #expect(try candidates("inpaint", "").isEmpty)
    #expect(try candidates("nothing-of-that-name", "--").isEmpty)
  }

  /// The script as a shell uses it.
  @Test func bashCompletes() throws {
    let line = """
      source <(rtool completions bash); COMP_WORDS=('\(Program.path)' inpaint in.jpg --sta); COMP_CWORD=3; _rtool
      printf '%s\\n' "${COMPREPLY[@]}"
      """
    let outcome = try sandbox.shell(line)
    #expect(outcome.text == "--start\n", "\(outcome.errors)")
  }

  @Test func unknownShellsAreRefused() throws {
    let outcome = try sandbox.rtool("completions", "tcsh")
    #expect(outcome.status == 2)
    expectOneLine(outcome.errors, contains: "bash", "zsh", "fish")
  }
}
