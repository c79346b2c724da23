import Host

Program.main(Array(CommandLine.arguments.dropFirst()))
