import Foundation
import Imaging
import Testing

/// Limits of the system, and signals: what cannot be done ends in one line, and leaves nothing behind.
@Suite struct PressureTests {
  let sandbox: Sandbox
  init() throws { sandbox = try Sandbox() }

  /// Runs the program behind `ulimit`s, without dumps of memory.
  private func limited(_ limits: String, _ command: String) throws -> Sandbox.Outcome {
    try sandbox.shell("ulimit -c 0; \(limits); rtool \(command)")
  }

  /// - Parameter files: that are there before.
  private func expectDoneOrOneLine(_ outcome: Sandbox.Outcome, _ what: String, files: [String]) {
    if outcome.status != 0 {
      #expect(outcome.status == 1, "\(what): \(outcome.errors)")
      expectOneLine(outcome.errors)
      for wrong in ["damaged", "not installed", "tell its author", "remove or replace"] {
        #expect(!outcome.errors.contains(wrong), "\(what): \(outcome.errors)")
      }
      #expect(sandbox.files == files, "\(what)")
    }
    unlink(sandbox.path("out.png"))
  }

  @Test(arguments: [
    "classify in.jpg", "inpaint in.jpg --box 60,40,30,30 -o out.png --quiet",
    "generate --class 1 --steps 2 -o out.png --quiet", "plugins",
  ])
  func littleAddressSpaceIsEnoughOrOneLine(_ command: String) throws {
    try sandbox.photo("in.jpg")
    var isDone = false
    for megabytes in stride(from: 100, through: 700, by: 120) {
      let outcome = try limited("ulimit -v \(megabytes << 10)", command)
      expectDoneOrOneLine(outcome, "\(megabytes) MB", files: ["in.jpg"])
      isDone = outcome.status == 0
    }
    #expect(isDone)
  }

  /// Less than the photo takes is allowed in all: what threads have reserved by then differs from run to run.
  @Test func aPhotoThatDoesNotFitIsRefusedBeforeItIsDecoded() throws {
    let large = FloatImage(width: 6000, height: 5000, channels: 1, filledWith: 0.5)
    try ResultImage.fresh(large).write(to: .file(sandbox.path("large.png")))
    let outcome = try limited("ulimit -v 400000", "inpaint large.png --box 0,0,9,9 -o out.png")
    #expect(outcome.status == 1)
    expectOneLine(outcome.errors, contains: "large.png", "6000 x 5000 pixels take 429 MB", "ulimit -v")
  }

  @Test(arguments: [32, 64, 256])
  func aSmallStackIsEnough(_ kilobytes: Int) throws {
    try sandbox.photo("in.jpg")
    let outcome = try limited(
      "ulimit -s \(kilobytes)", "inpaint in.jpg --box 60,40,30,30 --threads 4 -o out.png --quiet")
    #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(outcome.errors)")
  }

  /// Only the superuser is sure that nobody else takes the processes.
  @Test(.enabled(if: getuid() == 0))
  func tooFewProcessesAreEnoughOrOneLine() throws {
    try sandbox.photo("in.jpg")
    chmod(sandbox.folder, 0o777)
    func run(_ count: Int, _ command: String) throws -> Sandbox.Outcome {
      try sandbox.shell(
        """
        ulimit -c 0
        setpriv --reuid 54321 --regid 54321 --clear-groups prlimit --nproc=\(count) -- "\(Program.path)" \(command)
        """)
    }
    // The program may lie where others cannot go.
    guard try run(100, "--version").status == 0 else { return }
    for count in 1...4 {
      let outcome = try run(count, "inpaint in.jpg --box 60,40,30,30 --threads 4 -o out.png --quiet")
      expectDoneOrOneLine(outcome, "\(count) processes", files: ["in.jpg"])
    }
  }

  @Test func aLimitOfFileSizeIsSaidAndLeavesNothing() throws {
    try sandbox.photo("in.png")
    let outcome = try limited("ulimit -f 1", "inpaint in.png --box 60,40,30,30 -o out.png --quiet")
    #expect(outcome.status == 1)
    expectOneLine(outcome.errors, contains: "out.png", "larger than the system allows")
    #expect(sandbox.files == ["in.png"])
  }

  @Test(arguments: ["TERM", "HUP", "QUIT", "XFSZ"])
  func signalsThatEndProgramsLeaveNothing(_ signal: String) throws {
    try sandbox.photo("in.png", width: 300, height: 250)
    let outcome = try sandbox.shell(
      """
      "\(Program.path)" inpaint in.png --box 100,100,100,100 --texture-steps 100000 -o out.png 2>errors & pid=$!
      until grep -q libvips /proc/$pid/maps; do sleep 0.01; done
      sleep 0.3; kill -\(signal) $pid; wait $pid; echo $?
      """)
    #expect(outcome.text == "130\n", "\(outcome.errors)")
    #expect(sandbox.files == ["errors", "in.png"])
    #expect(String(decoding: try sandbox.bytes("errors"), as: UTF8.self) == "rtool inpaint: interrupted\n")
  }

  /// Where input is waited for there is no step at which a task could stop.
  @Test(arguments: [
    "inpaint - --box 1,1,4,4 -o out.png", "inpaint pipe --box 1,1,4,4 -o out.png",
    "inpaint in.png --mask - -o out.png", "classify -", "info -", "replay - -o out.png",
    "compare-models inpaint - --box 1,1,4,4 --models photos,photos --sheet out.png",
  ])
  func waitingForInputEndsAtTheFirstSignal(_ words: String) throws {
    try sandbox.photo("in.png")
    for part in ["", "P6\\n64 64\\n255\\n"] {
      let outcome = try sandbox.shell(
        """
        mkdir -p temporary; rm -f pipe; mkfifo pipe; exec 3<>pipe; printf '\(part)' >&3
        TMPDIR=$PWD/temporary "\(Program.path)" \(words) <pipe >output 2>&1 & pid=$!
        sleep 0.7; kill -INT $pid; wait $pid; echo $?; ls temporary
        """)
      #expect(outcome.text == "130\n", "\(outcome.text) \(outcome.errors)")
      #expect(!sandbox.files.contains("out.png"))
    }
  }

  @Test(arguments: [(1, 20000), (20000, 1), (1, 1)])
  func extremeShapesAreDoneOrRefused(_ width: Int, _ height: Int) throws {
    try sandbox.picture("in.png", width: width, height: height) { x, y, _ in Float((x + y) % 7) / 7 }
    for task in [
      "classify in.png", "refine in.png --steps 1 -o out.png", "inpaint in.png --box 0,0,1,1 -o out.png",
      "sketch in.png --class 3 --side 300 --steps 1 -o out.png",
    ] {
      let outcome = try sandbox.shell("rtool \(task) --quiet")
      unlink(sandbox.path("out.png"))
      guard outcome.status != 0 else { continue }
      expectOneLine(outcome.errors)
      #expect(!outcome.errors.contains("tell its author"), "\(task): \(outcome.errors)")
    }
  }
}
