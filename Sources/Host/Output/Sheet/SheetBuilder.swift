import Glibc
import Imaging

/// Gathers what a contact sheet shows while the runs go on.
struct SheetBuilder {
  private let input: SourceImage?
  private var results: [ContactSheet.Picture] = []
  private var recorder: Recorder?
  private var provenance: Provenance?

  init(input: SourceImage?) { self.input = input }

  /// Keeps small copies of what a run made.
  mutating func add(_ run: Run, _ step: Provenance.Step) throws {
    let isSeries = run.part.count > 1
    let count = run.emitted.count * run.part.count
    let side = count == 1 ? ContactSheet.longestSide : ContactSheet.cellSide(pictures: count)
    for emission in run.emitted {
      let number = run.emitted.count > 1 ? "\(results.count + 1)" : "result"
      results.append(
        ContactSheet.Picture(
          image: try emission.result.thumbnail(longestSide: side),
          caption: emission.caption ?? emission.name ?? (isSeries ? "seed \(run.seed)" : number)))
    }
    recorder = run.recorder
    provenance = provenance ?? run.emitted.first.map { Provenance(of: $0.source ?? input, step) }
  }

  /// The sheet and how what is on it was made; nil: there is nothing to show.
  func draw(_ settings: RunSettings) throws -> (image: FloatImage, provenance: Provenance)? {
    guard var provenance, !results.isEmpty else { return nil }
    if !TextLine.isSupported && !settings.isQuiet {
      Terminal.warn("the libvips of this machine cannot draw text: the sheet has no captions")
    }
    // The seed in the step is the first one's.
    if settings.count > 1 {
      let last = settings.seed + UInt64(settings.count - 1)
      provenance.steps[provenance.steps.count - 1].facts["sheet"] = "seeds \(settings.seed) to \(last)"
    }
    if results.count > 1 { return (try ContactSheet.grid(of: results).drawn(), provenance) }
    var pictures: [ContactSheet.Picture] = []
    if let input {
      pictures.append(
        ContactSheet.Picture(
          image: try input.thumbnail(longestSide: ContactSheet.longestSide), caption: "input"))
    }
    let sheet = ContactSheet.strip(
      of: pictures + stages + results, plot: recorder.flatMap { LossPlot($0.points) })
    return (try sheet.drawn(), provenance)
  }

  /// The start of the first ascent and up to four iterates on the way, closer at first, when most happens.
  private var stages: [ContactSheet.Picture] {
    guard let frames = recorder?.frames, let first = frames.first else { return [] }
    let alike = frames.filter { ($0.width, $0.height) == (first.width, first.height) }
    var chosen = [0]
    for stage in 1...4 {
      let index = Int((Double(alike.count - 1) * pow(Double(stage) / 5, 1.5)).rounded())
      if index > chosen.last!, index < alike.count - 1 { chosen.append(index) }
    }
    return chosen.map {
      ContactSheet.Picture(
        image: alike[$0].image, caption: $0 == 0 ? "start" : "step \(alike[$0].step)")
    }
  }
}
