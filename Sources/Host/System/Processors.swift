import Glibc
import RobustRuntime

/// The processors that this process is given.
enum Processors {
  /// The number of those on which it may run, and no more than Slurm gives to a task: where Slurm binds nothing, all of a
  /// machine's can be seen.
  static var count: Int {
    let given = slurm("SLURM_CPUS_PER_TASK") ?? slurm("SLURM_CPUS_ON_NODE") ?? .max
    return max(1, min(allowed, given))
  }

  /// Whether this process is part of a job of Slurm's.
  static var isSlurmJob: Bool { getenv("SLURM_JOB_ID") != nil }

  /// As many as the kernel's mask of this process has, which is written in hexadecimal (ffff,00ff0000) and may have
  /// processors that are not there.
  private static var allowed: Int {
    let mask = SystemFile.field("Cpus_allowed:", of: "/proc/self/status") ?? ""
    let count = mask.compactMap(\.hexDigitValue).reduce(0) { $0 + $1.nonzeroBitCount }
    let online = Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    return count > 0 ? min(count, online) : online
  }

  private static func slurm(_ name: String) -> Int? {
    getenv(name).flatMap { Int(String(cString: $0)) }.flatMap { $0 > 0 ? $0 : nil }
  }
}
