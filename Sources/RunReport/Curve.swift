/// A quantity over the buckets of a run, as the document has it; nil where a bucket has no finite
/// value.
struct Curve: Encodable, Sendable {
  /// Over all replicas and steps of a bucket, as `low` and `high`.
  let mean: [Double?]
  let low: [Double?]
  let high: [Double?]
  /// Of each replica, its mean in each bucket.
  let replicas: [[Double?]]
  /// The mean over all steps, not buckets, of the standard deviation between the replicas of a step;
  /// nil where no step has two.
  @OrNull var spread: Double?
}
