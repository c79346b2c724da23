import Studio

/// What `rtool studio` and `rtool serve` become.
@main enum RToolStudio {
  static func main() async { await Studio.main(Array(CommandLine.arguments.dropFirst())) }
}
