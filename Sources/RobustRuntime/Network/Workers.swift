/// Sets how many threads compute, all classifiers together. The results do not depend on it.
public func configure(threads: Int) { fatalError() }
