import Foundation
import RunAnalysis
import RunReport
import TestSupport
import Testing

@Suite struct ReportDocumentTests {
  private let scratch: ScratchDirectory

  init() throws { scratch = try ScratchDirectory() }

  private func document(_ runs: RunFixture...) throws -> ReadDocument {
    let archives = try runs.map { try $0.archive() }
    return try ReadDocument(ReportDocument(archives: archives, samples: .embedded).json())
  }

  // MARK: Curves

  @Test func aShortRunIsShownStepByStep() throws {
    let run = try RunFixture(in: scratch)
    try run.writeLosses(steps: [10, 20], replicas: 2) { "\(Double($0) / 100 + Double($1))" }
    let document = try document(run)
    let curve = "runs.0.series.columns.loss_self"
    #expect(document.numbers("runs.0.series.steps") == [10, 20])
    #expect(document.numbers("\(curve).mean") == [0.6, 0.7])
    #expect(document.numbers("\(curve).low") == [0.1, 0.2])
    #expect(document.numbers("\(curve).high") == [1.1, 1.2])
    #expect(document.numbers("\(curve).replicas.0") == [0.1, 0.2])
    #expect(document.numbers("\(curve).replicas.1") == [1.1, 1.2])
  }

  /// 1,600 steps of the losses 1 to 1,600 have pairs of steps as buckets.
  @Test func aLongRunIsShownInBuckets() throws {
    let run = try RunFixture(in: scratch)
    try run.writeLosses(steps: Array(1...1600), replicas: 1) { step, _ in "\(step)" }
    let document = try document(run)
    let curve = "runs.0.series.columns.loss_self"
    #expect(document.numbers("runs.0.series.steps") == (1...800).map { Double(2 * $0) })
    #expect(document.numbers("\(curve).mean") == (1...800).map { Double(2 * $0) - 0.5 })
    #expect(document.numbers("\(curve).low") == (1...800).map { Double(2 * $0 - 1) })
    #expect(document.numbers("\(curve).high") == (1...800).map { Double(2 * $0) })
  }

  @Test(arguments: [
    (replicas: 1, runs: 1, buckets: 800), (8, 1, 800), (16, 1, 400), (64, 1, 200), (1024, 1, 12),
    (2, 4, 800), (16, 8, 200),
  ])
  func manyReplicasGetFewerBuckets(_ row: (replicas: Int, runs: Int, buckets: Int)) throws {
    let archives = try (0..<row.runs).map { index in
      let run = try RunFixture("run\(index)", in: scratch)
      let steps = Array(1...(row.buckets * 5 / 4))
      try run.writeLosses(steps: steps, replicas: row.replicas) { _, _ in "1" }
      return try run.archive()
    }
    let document = try ReadDocument(ReportDocument(archives: archives, samples: .linked).json())
    #expect(document.numbers("runs.0.series.steps")?.count == row.buckets)
  }

  @Test func valuesThatAreNotFiniteAreLeftOut() throws {
    let run = try RunFixture(in: scratch)
    let values = [["nan", "1"], ["inf", ""], ["-3", "-inf"], ["2", "4"]]
    try run.writeLosses(steps: [0, 1, 2, 3], replicas: 2) { values[$0][$1] }
    let document = try document(run)
    let curve = "runs.0.series.columns.loss_self"
    #expect(document.numbers("\(curve).mean") == [1, nil, -3, 3])
    #expect(document.numbers("\(curve).low") == [1, nil, -3, 2])
    #expect(document.numbers("\(curve).replicas.0") == [nil, nil, -3, 2])
    #expect(document.numbers("\(curve).replicas.1") == [1, nil, nil, 4])
  }

  @Test(arguments: [
    (1.0 / 3, 0.33333), (-123_456.7, -123_460.0), (1e-30 / 3, 3.3333e-31), (2e300 / 3, 6.6667e299),
    (0.1, 0.1), (0.0, 0.0), (99_999.6, 100_000.0),
  ])
  func numbersHaveFiveDigits(_ value: Double, _ expected: Double) throws {
    let run = try RunFixture(in: scratch)
    try run.writeLosses(steps: [1], replicas: 1) { _, _ in "\(value)" }
    let document = try document(run)
    #expect(document.numbers("runs.0.series.columns.loss_self.mean") == [expected])
  }

  /// The noise scale is the quotient of the means, so that one negative signal does no harm.
  @Test func theNoiseScaleIsAQuotientOfMeans() throws {
    let run = try RunFixture(in: scratch)
    // 40 steps, so that two neighbours on either side count.
    let rows = (1...40).map { "\($0),0,1,0.5,2,\($0 % 2 == 0 ? "-1" : "4"),6\n" }
    try run.write(
      "step,replica,gradient_norm,cosine,averaged_norm,signal,noise\n" + rows.joined(),
      as: "gradients.csv")
    let document = try document(run)
    // Around step 20 lie two signals of 4 and three of −1; around 21 the other way round.
    #expect(document.numbers("runs.0.gradients.noiseScale")?[19] == 6)
    #expect(document.numbers("runs.0.gradients.noiseScale")?[20] == 3)
    #expect(document.numbers("runs.0.gradients.averagedNorm")?[0] == 2)
    #expect(document.numbers("runs.0.gradients.columns.cosine.mean")?[39] == 0.5)
  }

  @Test func batchNormsAreApart() throws {
    let run = try RunFixture(in: scratch)
    try run.write(
      """
      step,replica,layer,pass,mean_distance,variance_distance
      1,0,generator/batch_norm_0,,0.25,1
      1,0,discriminator/batch_norm_0,real,0.5,2
      1,1,generator/batch_norm_0,,0.75,3
      1,1,discriminator/batch_norm_0,real,1.5,4

      """, as: "batch_norm.csv")
    let document = try document(run)
    #expect(
      document["runs.0.batchNorm.layers.1.name"] as? String == "discriminator/batch_norm_0, real")
    #expect(document.numbers("runs.0.batchNorm.layers.0.mean.mean") == [0.5])
    #expect(document.numbers("runs.0.batchNorm.layers.1.variance.replicas.1") == [4])
  }

  // MARK: Whatever a run lacks

  @Test func everyKeyIsThereEvenWhereThereIsNothing() throws {
    let run = try RunFixture(in: scratch)
    try run.write("", as: "metrics.jsonl")
    let document = try document(run)
    for key in [
      "totalSteps", "configuration", "series", "gradients", "batchNorm", "speed", "reals",
    ] {
      #expect(document["runs.0.\(key)"] is NSNull, "\(key)")
    }
    #expect(document["comparison"] is NSNull)
    #expect(document.texts("runs.0.problems").contains { $0.hasPrefix("shards.csv: ") })
    #expect(try !ReportDocument(archives: [run.archive()], samples: .embedded).hasResults)
  }

  // MARK: Pictures

  @Test func sixtySamplesAreChosenEvenly() throws {
    let run = try RunFixture(in: scratch)
    try run.write("", as: "metrics.jsonl")
    for step in 1...200 {
      try run.write(
        RunFixture.picture(UInt8(step)), as: "samples/step-\(String(format: "%06d", step)).png")
    }
    let document = try document(run)
    let samples = try #require(document["runs.0.samples"] as? [[String: Any]])
    let steps = samples.compactMap { $0["step"] as? Int }
    #expect(steps.count == 60)
    #expect(steps.first == 1)
    #expect(steps.last == 200)
    #expect(zip(steps, steps.dropFirst()).allSatisfy { (3...4).contains($1 - $0) })
    let prefix = "data:image/png;base64,"
    let last = try #require(samples.last?["image"] as? String)
    #expect(last.hasPrefix(prefix))
    #expect(
      Data(base64Encoded: String(last.dropFirst(prefix.count))).map { Array($0) }
        == RunFixture.picture(200))
    let linked = try ReadDocument(
      ReportDocument(archives: [run.archive()], samples: .linked).json())
    #expect(linked["runs.0.samples.59.image"] as? String == "samples/step-000200.png")
  }

  @Test func whatIsNoPictureIsAProblem() throws {
    let run = try RunFixture(in: scratch)
    try run.write("<script>", as: "samples/step-000001.png")
    try run.write(
      RunFixture.picture(0) + [UInt8](repeating: 0, count: 1 << 20), as: "samples/step-000002.png")
    try run.write(RunFixture.picture(3), as: "samples/step-000003.png")
    try run.write(RunFixture.picture(4).dropLast(3) + [], as: "samples/step-000004.png")
    mkfifo(run.path + "/reals.png", 0o600)
    try run.write("", as: "metrics.jsonl")
    let document = try document(run)
    #expect((document["runs.0.samples"] as? [Any])?.count == 1)
    #expect(document["runs.0.samples.0.step"] as? Int == 3)
    #expect(document["runs.0.reals"] is NSNull)
    #expect(
      document.texts("runs.0.problems").filter { $0.contains(".png") } == [
        "samples/step-000001.png: is no PNG file; it is not shown",
        "samples/step-000002.png: is larger than 1024 KiB; it is not shown",
        "samples/step-000004.png: is cut off; it is not shown",
        "reals.png: cannot be read; it is not shown",
      ])
  }

  // MARK: The machine

  @Test func theMachineIsShownAsItIs() throws {
    let run = try RunFixture(in: scratch)
    try run.write(#"{"processor": "A \"B\"", "cores": 2, "turbo": true}"#, as: "machine.json")
    try run.write("", as: "metrics.jsonl")
    let document = try document(run)
    #expect(
      document["runs.0.machine"] as? [[String]]
        == [["cores", "2"], ["processor", "A \"B\""], ["turbo", "true"]])
  }

  @Test(arguments: ["", "{", "[1]", #"{"a": {"b": 1}}"#, #"{"a": null}"#])
  func aDamagedMachineIsAProblem(_ text: String) throws {
    let run = try RunFixture(in: scratch)
    try run.write(text, as: "machine.json")
    try run.write("", as: "metrics.jsonl")
    let document = try document(run)
    #expect(document["runs.0.machine"] as? [[String]] == [])
    #expect(
      document.texts("runs.0.problems").contains(
        "machine.json: is no JSON object of texts and numbers; the machine is not shown"))
  }

  // MARK: Tables and comparisons

  /// Their squares are no numbers any more.
  @Test(arguments: ["1e155", "-1e300", "1.7e308"])
  func enormousNumbersAreShown(_ number: String) throws {
    let run = try RunFixture(in: scratch)
    try run.writeLosses(steps: Array(1...9), replicas: 2) { step, replica in
      step == 5 && replica == 1 ? number : "0.\(step + replica)"
    }
    let document = try document(run)
    #expect((document["runs.0.tables"] as? [Any])?.isEmpty == false)
  }

  @Test func aReplicaThatStandsApartIsMarked() throws {
    let run = try RunFixture(in: scratch)
    try run.writeLosses(steps: Array(1...40), replicas: 8) { step, replica in
      "\(Double((step * 7 + replica * 3) % 11) / 100 + Double(replica) / 1000 + (replica == 5 ? 1 : 0))"
    }
    let document = try document(run)
    #expect(document["runs.0.tables.0.title"] as? String == "What each replica did")
    let mark = try #require(document["runs.0.tables.0.marks.0"] as? [Any])
    #expect(mark[0] as? Int == 5)
    #expect(mark[1] as? Int == 1)
    #expect(mark[2] as? String == "high")
    #expect(document["runs.0.tables.1.rows.0.1"] as? String == "much; replica 5 stands apart")
    #expect((document["runs.0.tables"] as? [Any])?.count == 3)
  }

  @Test func severalRunsAreCompared() throws {
    let runs = try ["a", "b"].map { try RunFixture($0, in: scratch) }
    let settings = ["replicas: 2\nreduction: fast\n", "replicas: 4\nreduction: ordered\n"]
    for (run, (settings, loss)) in zip(runs, zip(settings, [0.25, 0.5])) {
      try run.write("steps: 8\n" + settings, as: "config.yaml")
      try run.writeLosses(steps: Array(1...8), replicas: 2) { step, replica in
        "\(loss + (step > 6 ? 1 : 0) + Double(replica) / 4)"
      }
    }
    let document = try document(runs[0], runs[1])
    #expect(
      document.texts("comparison.headline") == [
        "The configurations differ in replicas (2, 4), reduction (fast, ordered).",
        "Self loss, mean of the last quarter: 1.375 (a) to 1.625 (b).",
        "Self loss between the replicas of a step, standard deviation: 0.1768 in all runs.",
      ])
    #expect(document.numbers("comparison.tables.0.rows.1") == [nil, 2, 8, 1.625])
    #expect(document["comparison.tables.2.rows.0"] as? [String] == ["replicas", "2", "4"])
    #expect(
      document["comparison.tables.2.rows.1"] as? [String] == ["reduction", "fast", "ordered"])
    #expect(document.numbers("comparison.charts.0.series.0.mean") == [1.375, 1.625])
  }

  /// Its values stand under its own name.
  @Test func aRunOfUnknownConfigurationKeepsItsColumn() throws {
    let runs = try ["a", "b", "c"].map { try RunFixture($0, in: scratch) }
    for (run, replicas) in zip(runs, [nil, 2, 4]) {
      if let replicas { try run.write("replicas: \(replicas)\n", as: "config.yaml") }
      try run.writeLosses(steps: [1, 2], replicas: 2) { _, _ in "1" }
    }
    let document = try document(runs[0], runs[1], runs[2])
    #expect(
      document.texts("comparison.headline").first
        == "The configurations differ in replicas (unknown, 2, 4). Not known is that of a.")
    #expect(
      document["comparison.tables.2.rows.0"] as? [String] == ["replicas", "unknown", "2", "4"])
  }

  /// Between the replicas of a step, also where a point of the curve is the mean of many steps.
  @Test func theSpreadIsThatOfSteps() throws {
    let run = try RunFixture(in: scratch)
    try run.writeLosses(steps: Array(1...4000), replicas: 2) { step, replica in
      // 0 and 1, or 1 and 0: no replica is above the other in the mean.
      "\((step + replica) % 2)"
    }
    let document = try document(run)
    #expect(document.numbers("runs.0.series.steps")?.count == 800)
    #expect(document["runs.0.series.columns.loss_self.spread"] as? Double == 0.70711)
  }

  @Test func aComparisonOfOnesOwnTakesTheirPlace() throws {
    let run = try RunFixture(in: scratch)
    try run.writeLosses(steps: [1], replicas: 1) { _, _ in "1" }
    let comparison = Comparison(
      headline: ["Nothing changes."],
      tables: [
        ReportTable(
          title: "T", columns: [.init("a")], rows: [[.number(.nan)]],
          marks: [.init(row: 0, column: 0, .low)])
      ],
      charts: [
        .init(
          title: "C", x: ["1"], xLabel: "x", yLabel: "y",
          series: [.init(name: "s", mean: [.infinity], low: [nil], high: [1])])
      ])
    let document = try ReadDocument(
      ReportDocument(
        archives: [run.archive()], title: "</script>", comparison: comparison, samples: .embedded
      ).json())
    #expect(document["title"] as? String == "</script>")
    #expect(document.texts("comparison.headline") == ["Nothing changes."])
    #expect(document["comparison.tables.0.rows.0.0"] is NSNull)
    #expect(document["comparison.tables.0.note"] is NSNull)
    #expect(document.numbers("comparison.charts.0.series.0.mean") == [nil])
    #expect(document.numbers("comparison.charts.0.series.0.high") == [1])
  }

  @Test func runsOfOneNameAreToldApartByTheirPaths() throws {
    let runs = try ["x/run", "y/run"].map { try RunFixture($0, in: scratch) }
    for run in runs { try run.writeLosses(steps: [1, 2], replicas: 1) { _, _ in "1" } }
    let document = try document(runs[0], runs[1])
    #expect(document["runs.0.name"] as? String == runs[0].path)
  }
}
