import Report
import RunFiles
import RunReport

extension ReportDocument {
  /// Writes the page that shows the document; the file appears complete or not at all.
  func writePage(to path: String) throws {
    try OutputFile.write(ReportPage.html(document: try json(), isLive: false), to: path)
  }
}
