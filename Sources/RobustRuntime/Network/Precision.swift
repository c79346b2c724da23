import CKernels
import Synchronization

/// How precise the products of convolutions are.
public enum Precision: String, Sendable, CaseIterable {
  /// Errors of about a millionth of logits, and of a few hundred-thousandths of gradients at most.
  case float32
  /// Weights and what they are multiplied with are rounded to bfloat16 (8 bits), and products added in float32:
  /// errors of a few thousandths, or in training, where Winograd's algorithm uses bfloat16 too, of a few hundredths
  /// of single sums. Layers that gain nothing by it, and the images, stay as they are.
  case bfloat16

  /// Whether this processor has units for it: AMX, or AVX-512 with bfloat16.
  public var isOffered: Bool { self == .float32 || rt_available_unit() != RT_UNIT_NONE }

  private static let rounds = Atomic(false)
  static var current: Precision { rounds.load(ordering: .relaxed) ? .bfloat16 : .float32 }

  fileprivate static func set(_ precision: Precision) {
    rounds.store(precision == .bfloat16, ordering: .relaxed)
  }
}

/// Sets the precision of all that is planned from now on: call it before the first image is evaluated.
/// - Precondition: it is offered.
public func configure(precision: Precision) {
  precondition(precision.isOffered)
  Precision.set(precision)
}
