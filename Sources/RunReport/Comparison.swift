/// What several runs show together. The properties are the document's keys.
package struct Comparison: Encodable, Sendable {
  /// Means with ranges over a few named places, such as runs or numbers of replicas.
  package struct Chart: Encodable, Sendable {
    /// One line: a value and its range at each place of `x`.
    package struct Series: Encodable, Sendable {
      package var name: String
      package var mean: [Double?]
      package var low: [Double?]
      package var high: [Double?]

      /// Numbers get five significant digits; those that are not finite become nil.
      package init(name: String, mean: [Double?], low: [Double?], high: [Double?]) {
        self.name = name
        self.mean = mean.map { rounded($0) }
        self.low = low.map { rounded($0) }
        self.high = high.map { rounded($0) }
      }
    }

    package var title: String
    package var x: [String]
    package var xLabel: String
    package var yLabel: String
    package var series: [Series]
    @OrNull package var note: String?

    package init(
      title: String, x: [String], xLabel: String, yLabel: String, series: [Series],
      note: String? = nil
    ) {
      (self.title, self.x, self.xLabel, self.yLabel) = (title, x, xLabel, yLabel)
      (self.series, self.note) = (series, note)
    }
  }

  /// Sentences: the finding first.
  package var headline: [String]
  package var tables: [ReportTable]
  package var charts: [Chart]

  package init(headline: [String], tables: [ReportTable] = [], charts: [Chart] = []) {
    (self.headline, self.tables, self.charts) = (headline, tables, charts)
  }
}
