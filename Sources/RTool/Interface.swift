import CRTool

/// The version of the interface between the host and plugins.
public enum Interface {
  /// The minor version that this library was built with.
  public static let minor = Int(RTOOL_ABI_MINOR)
  /// The lowest minor version in which terms and ascents have all the fields that this library fills in.
  public static let lowest = 2

  static func version(minor: Int) -> UInt32 { UInt32(RTOOL_ABI_MAJOR) << 16 | UInt32(minor) }

  static func text(_ version: UInt32) -> String { "\(version >> 16).\(version & 0xFFFF)" }
}
