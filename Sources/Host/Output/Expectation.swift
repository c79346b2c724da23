import Glibc
import Imaging
import RobustRuntime

/// What a task says of a result before the work.
struct Expectation {
  /// What it will be laid over.
  let over: SourceImage?
  let width, height: Int
  /// Bytes that the task will hold at most, besides its values; 0: not told.
  let memory: Int
  /// Seconds that the work will take; 0: not told.
  let seconds: Double

  /// More bytes or seconds than these are told.
  private static let (muchMemory, muchTime) = (2 << 30, 300.0)

  private var pixels: Int { width.multipliedReportingOverflow(by: height).overflow ? .max : width * height }

  /// Bytes that the task and the host hold at once: the photo in the result's size, if that is another, the result, its
  /// file, and what the task tells or else its result in floats.
  private var allMemory: Double {
    let bytes = over.map { ($0.colourChannels + ($0.hasAlpha ? 1 : 0)) * $0.bitDepth / 8 } ?? 3
    let floats = 3 * MemoryLayout<Float>.stride
    let ofTask = memory > 0 ? Double(memory) : Double(floats) * Double(pixels)
    let isOfThatSize = over.map { ($0.width, $0.height) == (width, height) } ?? true
    return ofTask + (isOfThatSize ? 2 : 3) * Double(bytes) * Double(pixels)
  }

  /// What the run and its result take at least.
  var bytes: Int { Int(min(allMemory, 0x1p60)) }

  /// Throws where less memory is allowed.
  func check(against available: AvailableMemory) throws {
    guard allMemory > Double(available.bytes) else { return }
    throw Failure.noMemory(
      "the result of \(size) takes about \(Int(allMemory) >> 20) MB of memory, and \(available.bytes >> 20) MB are left; "
        + "raise the limit (\(available.limit)) or make it smaller")
  }

  /// What it takes, in words.
  private var cost: String {
    let memory = "about \(Self.gigabytes(allMemory)) of memory"
    return seconds > 0 ? "\(memory) and \(Self.duration(seconds))" : memory
  }

  private var size: String {
    "\(width)x\(height) pixels (\(numberText((Double(pixels) / 1e6).rounded())) megapixels)"
  }

  /// Throws where the result is larger than what `limits` allow or than what this machine can hold.
  /// - Parameter frames: of this size, all of which become one file.
  /// - Returns: what it takes, where that is much and worth telling.
  func check(_ limits: Limits, frames: Int = 1) throws -> String? {
    if frames > 1, pixels > limits.maxPixels / frames {
      let needed = Int((Double(pixels) * Double(frames) / 1e6).rounded(.up))
      throw Failure.failed(
        "the result would have \(frames) frames of \(size), more than the limit of "
          + "\(limits.maxPixels / 1_000_000) for all; raise the limit with --max-pixels \(needed), or make it smaller"
      )
    }
    if pixels > limits.maxPixels {
      let needed = Int((Double(pixels) / 1e6).rounded(.up))
      let price = memory > 0 ? ", and take \(cost)" : ""
      throw Failure.failed(
        "the result would have \(size), more than the limit of \(limits.maxPixels / 1_000_000)\(price); "
          + "raise the limit with --max-pixels \(needed), or make it smaller")
    }
    let here = Double(sysconf(Int32(_SC_PHYS_PAGES))) * Double(sysconf(Int32(_SC_PAGESIZE)))
    if memory > 0, allMemory > here {
      throw Failure.failed(
        "the result would have \(size) and take \(cost), and this machine has \(Self.gigabytes(here)); "
          + "make it smaller")
    }
    guard memory > 0, allMemory > Double(Self.muchMemory) || seconds > Self.muchTime else { return nil }
    return "the result has \(size) and takes \(cost)"
  }

  private static func gigabytes(_ bytes: Double) -> String {
    let gigabytes = bytes / Double(1 << 30)
    return "\(numberText(gigabytes < 10 ? (gigabytes * 10).rounded() / 10 : gigabytes.rounded())) GB"
  }

  private static func duration(_ seconds: Double) -> String {
    let minutes = seconds / 60
    if minutes < 2 { return "\(numberText(seconds.rounded(.up))) seconds" }
    return minutes < 120
      ? "\(numberText(minutes.rounded())) minutes" : "\(numberText((minutes / 60).rounded())) hours"
  }
}
