#pragma once

#include <stddef.h>

/// A file of this folder, as the compiler read it.
typedef struct {
  const unsigned char *bytes;
  size_t count;
} ReportPageFile;

/// page.html: the frame, with places in double braces.
extern const ReportPageFile reportPageFrame;

/// style.css.
extern const ReportPageFile reportPageStyle;

/// The scripts, one after the other, in the order in which they need each other.
extern const ReportPageFile reportPageScript;
