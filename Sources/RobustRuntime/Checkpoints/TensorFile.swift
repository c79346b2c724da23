import CKernels

/// What is known of a tensor without reading its values.
package struct TensorFacts: Sendable, Equatable {
  package let type: ElementType
  package let shape: [Int]
  /// The product of the shape, which fits.
  package let count: Int

  package init(type: ElementType, shape: [Int], count: Int) {
    (self.type, self.shape, self.count) = (type, shape, count)
  }

  /// The product of a shape; nil: an extent is negative, or the product of those that are not 0 does not fit, so that
  /// no part of the product can overflow.
  package static func count(of shape: [Int]) -> Int? {
    var product = 1
    for extent in shape {
      let (next, overflow) = product.multipliedReportingOverflow(by: max(extent, 1))
      guard extent >= 0, !overflow else { return nil }
      product = next
    }
    return shape.contains(0) ? 0 : product
  }
}

/// The named tensors of a checkpoint, whatever its format.
package protocol TensorFile {
  /// The name of the file, for errors.
  var file: String { get }
  /// "safetensors", "PyTorch", "ONNX"
  var format: String { get }
  var tensors: [String: TensorFacts] { get }
  /// What the file says beside its tensors.
  var metadata: [String: String] { get }
  /// A tensor as it lies in the file. Nothing is known of its values.
  /// - Throws: `CheckpointError` if there is no such tensor.
  func tensor(_ name: String) throws -> StoredTensor
}

extension TensorFile {
  package func shape(_ name: String) -> [Int]? { tensors[name]?.shape }

  /// A tensor all of whose values are finite.
  /// - Throws: `CheckpointError` if there is no such tensor, or if it holds NaN or infinite values.
  package func stored(_ name: String) throws -> StoredTensor {
    let tensor = try tensor(name)
    guard tensor.isFinite() else { throw notFinite(name) }
    return tensor
  }

  /// The values of a tensor, all finite, in row-major order.
  /// - Throws: `CheckpointError` if there is no such tensor, or if it holds NaN or infinite values.
  package func values(_ name: String) throws -> [Float] {
    let tensor = try tensor(name)
    let values = tensor.values(0..<tensor.count)
    guard rt_all_finite(values, values.count) else { throw notFinite(name) }
    return values
  }

  package func refuse(_ problem: String) -> CheckpointError { CheckpointError(file: file, problem: problem) }

  private func notFinite(_ name: String) -> CheckpointError {
    refuse("\(name.quoted) holds NaN or infinite values")
  }
}
