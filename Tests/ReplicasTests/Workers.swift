import Replicas

/// The error that `body` throws, if it does.
func communicationError(
  _ body: () throws(CommunicationError) -> Void
) -> CommunicationError? {
  do throws(CommunicationError) { try body() } catch { return error }
  return nil
}

/// Participants of a job of one process.
func participants(running runs: [Range<Int>]) -> [CommunicationError.Participant] {
  runs.enumerated().map { CommunicationError.Participant(index: $0, replicas: $1) }
}
