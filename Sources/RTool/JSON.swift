/// A JSON value (RFC 8259) as text, for what a task tells programs. See `Host.wantsJSON`.
public struct JSON: CustomStringConvertible, Sendable {
  public let description: String

  /// A number; what is none becomes null.
  public init(_ number: Double) { description = number.isFinite ? "\(number)" : "null" }
  public init(_ number: Float) { description = number.isFinite ? "\(number)" : "null" }
  public init(_ number: Int) { description = "\(number)" }
  public init(_ truth: Bool) { description = truth ? "true" : "false" }
  public init(_ text: String) { description = JSON.quoted(text) }

  public init(_ values: [JSON]) {
    description = "[" + values.map(\.description).joined(separator: ",") + "]"
  }

  /// An object with its members in this order; those that are nil are left out.
  public init(_ members: KeyValuePairs<String, JSON?>) {
    let members = members.compactMap { name, value in value.map { "\(JSON.quoted(name)):\($0)" } }
    description = "{" + members.joined(separator: ",") + "}"
  }

  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": result += "\\\(scalar)"
      case _ where scalar.value < 0x20 || scalar.value == 0x7f:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
