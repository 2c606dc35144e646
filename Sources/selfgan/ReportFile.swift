import Report
import RunFiles
import RunReport

extension ReportDocument {
  /// Writes the page that shows the document; the file appears complete or not at all.
  func writePage(to path: String) throws {
    let page = ReportPage.html(document: try json(), isLive: false)
    try OutputFile.writeAtomically(to: path) { (file) throws(RunFileError) in
      try page.withUnsafeBytes { bytes in
        Result { () throws(RunFileError) in try file.write(bytes) }
      }.get()
    }
  }
}
