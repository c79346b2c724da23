import Studio

await Studio.main(Array(CommandLine.arguments.dropFirst()))
