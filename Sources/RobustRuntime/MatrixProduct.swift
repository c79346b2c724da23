import Glibc

/// Matrix products by OpenBLAS.
///
/// The library is loaded when it is first needed: it takes its time, and its threads spin for a tenth of a second,
/// beside the first steps of every program that has it linked.
struct MatrixProduct: Sendable {
  private typealias Multiply =
    @convention(c) (
      _ order: Int32, _ left: Int32, _ right: Int32, _ rows: Int32, _ columns: Int32, _ depth: Int32, Float,
      UnsafePointer<Float>, _ leftStride: Int32, UnsafePointer<Float>, _ rightStride: Int32, Float,
      UnsafeMutablePointer<Float>, _ stride: Int32
    ) -> Void
  private typealias SetThreads = @convention(c) (Int32) -> Void

  private let multiply: Multiply
  private let setThreads: SetThreads

  private static let library = "libopenblas.so.0"

  private static let result: Result<MatrixProduct, RuntimeError> = {
    guard let handle = dlopen(library, RTLD_NOW | RTLD_LOCAL) else {
      let error = LoaderError()
      if error.lacksMemory { return .failure(.outOfMemory(bytes: 64 << 20)) }
      if !error.isMissing { return .failure(.unavailable("OpenBLAS cannot be loaded: \(error.text)")) }
      return .failure(.unavailable("OpenBLAS is not installed (\(library)): install libopenblas0"))
    }
    guard let multiply = dlsym(handle, "cblas_sgemm"),
      let setThreads = dlsym(handle, "openblas_set_num_threads")
    else { return .failure(.unavailable("\(library) is no OpenBLAS: install libopenblas0")) }
    let product = MatrixProduct(
      multiply: unsafeBitCast(multiply, to: Multiply.self),
      setThreads: unsafeBitCast(setThreads, to: SetThreads.self))
    product.setThreads(1)
    return .success(product)
  }()

  /// - Throws: `RuntimeError.unavailable` if the library is not there, `RuntimeError.outOfMemory`.
  static func loaded() throws(RuntimeError) -> MatrixProduct { try result.get() }

  /// out ← scale · left · right + kept · out, with rows of so many floats.
  func callAsFunction(
    rows: Int, columns: Int, depth: Int, scale: Float = 1, left: UnsafePointer<Float>, leftStride: Int,
    transposesLeft: Bool = false, right: UnsafePointer<Float>, rightStride: Int,
    transposesRight: Bool = false,
    kept: Float = 0, to out: UnsafeMutablePointer<Float>, stride: Int
  ) {
    // As CBLAS numbers them.
    let (rowMajor, plain, transposed): (Int32, Int32, Int32) = (101, 111, 112)
    multiply(
      rowMajor, transposesLeft ? transposed : plain, transposesRight ? transposed : plain, Int32(rows),
      Int32(columns),
      Int32(depth), scale, left, Int32(leftStride), right, Int32(rightStride), kept, out, Int32(stride))
  }
}
