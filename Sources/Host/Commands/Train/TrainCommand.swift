import Datasets
import RobustRuntime

/// `rtool train`: a robust classifier from folders or archives of photos.
enum TrainCommand {
  static func run(_ values: OptionValues) throws {
    if let state = values[TrainOption.resume] { return try TrainingRun.resume(state, values) }
    if values[TrainOption.finish] { throw Failure.usage("--finish needs --resume STATE") }
    let options = try TrainingOptions(values)
    if values[TrainOption.check] { return try check(options, json: values[TrainOption.json]) }
    guard options.output != nil else { throw Failure.usage("--output FILE is needed: the model to write") }
    try TrainingRun.begin(options, values)
  }

  private static func check(_ options: TrainingOptions, json: Bool) throws {
    _ = configureRuntime(threads: options.threads)
    let (photos, test) = try TrainingData.open(options, tellsProblems: false)
    let parts = try photos.parts(heldOut: options.heldOut)
    let report: DatasetReport
    do throws(DatasetError) {
      report = try DatasetReport(photos, parts, test: test, goesOn: { !Interrupt.isRequested })
    } catch {
      throw error.kind == .interrupted ? Failure.interrupted : error
    }
    try Terminal.print(
      json ? encodedJSON(report) + "\n" : report.lines().joined(separator: "\n") + "\n")
  }
}
