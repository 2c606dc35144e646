import ArgumentParser
import RunAnalysis
import RunReport

struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Writes what runs did into one HTML file that needs no other.")

  @Argument(
    help: ArgumentHelp(
      "Run directories; latest is the highest numbered one in runs.", valueName: "run"))
  var runs: [String]

  @Option(help: "The HTML file (default: report.html, in the directory of a single run).")
  var output: String?

  @Option(help: "The page's title (default: the names of the runs).")
  var title: String?

  func run() throws {
    try Failure.reporting {
      try Failure.requireName("--output", output, of: "a file")
      let archives = try ReadableRuns.map(runs) { $0 }
      let document = ReportDocument(archives: archives, title: title, samples: .embedded)
      guard document.hasResults else {
        throw RunAnalysisError.nothingToShow(
          run: runs.joined(separator: ", "), reason: "nothing was logged or drawn")
      }
      for problem in document.problems { Failure.complain(problem) }
      let path = output ?? (archives.count == 1 ? "\(archives[0].path)/" : "") + "report.html"
      try document.writePage(to: path)
      print(path)
    }
  }
}
