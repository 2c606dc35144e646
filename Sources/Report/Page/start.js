const page = new Page();
prepareTheme(() => page.update(page.report));
page.update(JSON.parse(source.textContent));
if (isLive) new LiveDocument((report) => page.update(report)).follow();
