import CKernels

/// The processor's units that computations use. Others round otherwise, so that results differ in their last bits.
public enum VectorUnits {
  /// "amx", "avx512bf16", "avx512", "avx2" or "baseline" on x86-64; "plain" elsewhere.
  public static let name: String = {
    if rt_available_unit() == RT_UNIT_AMX { return "amx" }
    var count = 0
    let best = String(cString: rt_micro_kernel_variants(&count)[0].name)
    return ["x86-64-v4": "avx512", "x86-64-v3": "avx2", "x86-64": "baseline"][best] ?? best
  }()
}
