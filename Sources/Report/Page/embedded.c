#include "CReportPage.h"

// #embed is C23, which clang has from 19 on. SwiftPM's own embedding makes an array literal, which
// took 28 s to compile for 80 kB; this takes no time.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char frame[] = {
#embed "page.html"
};

static const unsigned char style[] = {
#embed "style.css"
};

static const unsigned char script[] = {
#embed "elements.js"
  ,
#embed "data.js"
  ,
#embed "tables.js"
  ,
#embed "chart.js"
  ,
#embed "timechart.js"
  ,
#embed "linechart.js"
  ,
#embed "stackchart.js"
  ,
#embed "heatmap.js"
  ,
#embed "ternary.js"
  ,
#embed "comparison.js"
  ,
#embed "readout.js"
  ,
#embed "section.js"
  ,
#embed "replicas.js"
  ,
#embed "batchnorm.js"
  ,
#embed "samples.js"
  ,
#embed "run.js"
  ,
#embed "page.js"
  ,
#embed "live.js"
  ,
#embed "start.js"
};

const ReportPageFile reportPageFrame = {frame, sizeof frame};
const ReportPageFile reportPageStyle = {style, sizeof style};
const ReportPageFile reportPageScript = {script, sizeof script};
