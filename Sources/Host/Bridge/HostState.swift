import CRTool
import RobustRuntime

/// What the `state` of a table of functions points to: the run, and the model that the functions of this table ask.
final class HostState {
  unowned let run: Run
  let classifier: Classifier
  private(set) lazy var featureNames = FeatureNames(classifier)

  init(_ run: Run, _ classifier: Classifier) { (self.run, self.classifier) = (run, classifier) }

  static func of(_ host: UnsafePointer<rtool_host>?) -> HostState {
    Unmanaged<HostState>.fromOpaque(host!.pointee.state).takeUnretainedValue()
  }
}

extension Run {
  static func of(_ host: UnsafePointer<rtool_host>?) -> Run { HostState.of(host).run }
}
