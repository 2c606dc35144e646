/// Messages between the first processes of the hosts, which are prepared once and then sent again
/// and again, without waiting.
package protocol HostLink: AnyObject, Sendable {
  /// - Parameters:
  ///   - tag: the same at both ends; messages of one tag arrive in their order.
  func sending(
    _ values: UnsafeBufferPointer<Float>, to host: Int, tag: Int
  ) throws(CommunicationError) -> any Transfer
  func receiving(
    into values: UnsafeMutableBufferPointer<Float>, from host: Int, tag: Int
  ) throws(CommunicationError) -> any Transfer

  /// Throws what another host ended the job with, if one did.
  func check() throws(CommunicationError)
  /// Tells the other hosts why the job ends.
  func report(_ sentence: String)
}

/// A prepared message.
package protocol Transfer: AnyObject {
  /// Begins to send or receive it once more.
  func start() throws(CommunicationError)
  /// Whether it is through; true until the first start.
  func isComplete() throws(CommunicationError) -> Bool
}
