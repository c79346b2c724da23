import CRTool

/// The host's resampling without clipping, for planes of the task's own. May be used on any thread.
public struct Resampling: @unchecked Sendable {
  private let table: UnsafePointer<rtool_host>

  fileprivate init(_ table: UnsafePointer<rtool_host>) { self.table = table }

  /// Writes a plane into another of another size. `wraps`: beyond its border it goes on at its other side. What fails is
  /// the end of the run.
  public func resample(
    _ plane: UnsafePointer<Float>, width: Int, height: Int, into new: UnsafeMutablePointer<Float>,
    width newWidth: Int, height newHeight: Int, filter: Host.Filter,
    wraps: Bool = false
  ) {
    func image(_ data: UnsafeMutablePointer<Float>, _ width: Int, _ height: Int) -> rtool_image {
      rtool_image(width: Int32(width), height: Int32(height), channels: 1, stride: Int32(width), data: data)
    }
    var from = image(UnsafeMutablePointer(mutating: plane), width, height)
    var to = image(new, newWidth, newHeight)
    _ = table.pointee.image_resample(table, &from, &to, filter.bits(wraps: wraps))
  }
}

extension Host {
  /// - Throws: `TaskFailure.message` where the host is too old to have it.
  public var resampling: Resampling {
    get throws {
      _ = try later(\.image_resample, since: 3)
      return Resampling(table)
    }
  }
}
