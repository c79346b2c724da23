import Glibc

/// A look at a dynamic library before it is loaded: the system's loader maps what the headers promise, and a
/// truncated file would end the program.
enum LibraryFile {
  /// What is wrong with the file, in words that begin in lower case; nil: nothing that can be seen.
  static func fault(at path: String) -> String? {
    guard let file = fopen(path, "rb") else {
      return "it cannot be read: \(String(cString: strerror(errno)))"
    }
    defer { fclose(file) }
    var status = stat()
    guard fstat(fileno(file), &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      return "it is not a file"
    }
    let size = UInt64(status.st_size)

    var header = Elf64_Ehdr()
    guard fread(&header, MemoryLayout<Elf64_Ehdr>.size, 1, file) == 1,
      withUnsafeBytes(
        of: header.e_ident, { $0.prefix(5).elementsEqual([0x7F, 0x45, 0x4C, 0x46, UInt8(ELFCLASS64)]) })
    else { return "it cannot be loaded: it is no dynamic library" }
    guard Int(header.e_phentsize) == MemoryLayout<Elf64_Phdr>.size else {
      return "it cannot be loaded: its header is damaged"
    }
    for index in 0..<UInt64(header.e_phnum) {
      var segment = Elf64_Phdr()
      let (offset, overflow) = header.e_phoff.addingReportingOverflow(index * UInt64(header.e_phentsize))
      guard !overflow, offset <= size, fseek(file, Int(offset), SEEK_SET) == 0,
        fread(&segment, MemoryLayout<Elf64_Phdr>.size, 1, file) == 1
      else { return "it cannot be loaded: it is truncated" }
      let (end, endOverflow) = segment.p_offset.addingReportingOverflow(segment.p_filesz)
      if segment.p_type == PT_LOAD, endOverflow || end > size {
        return "it cannot be loaded: it is truncated"
      }
    }
    return nil
  }
}
