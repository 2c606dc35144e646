"""Opens report pages in Chromium and says what is wrong with them: run by hand.

    pip install playwright axe-core-python     # and Debian's chromium
    python3 Tests/ReportTests/browse.py report.html ...

A page must load without messages, dialogs or requests; fit 360 and 1440 pixels, light and dark;
satisfy axe-core; and its charts must follow each other's cursor.
"""

import pathlib
import sys

import axe_core_python
from playwright.sync_api import sync_playwright

AXE = next(pathlib.Path(axe_core_python.__file__).parent.rglob("axe.min.js")).read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def faults(browser, path, scheme, width):
    view = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 900})
    found = []
    view.on("console", lambda message: found.append(f"console: {message.text}"))
    view.on("pageerror", lambda error: found.append(f"error: {error}"))
    view.on("dialog", lambda dialog: (found.append("a dialog opened"), dialog.dismiss()))
    view.on("request", lambda request: request.url.startswith(("file:", "data:"))
            or found.append(f"request: {request.url}"))
    view.goto(path.resolve().as_uri())
    view.wait_for_selector("#content section:not([hidden])")
    view.wait_for_timeout(300)
    excess = view.evaluate("document.documentElement.scrollWidth - innerWidth")
    if excess > 0:
        found.append(f"{excess} pixels too wide")
    sliders = view.locator(".pad:visible")
    if sliders.count() > 1:
        sliders.first.focus()
        view.keyboard.press("Home")
        view.wait_for_timeout(100)
        for slider in sliders.all():
            now, first, last = (slider.get_attribute(f"aria-value{name}")
                                for name in ("now", "min", "max"))
            if now == last != first:
                found.append(f"{slider.get_attribute('aria-label')} did not follow the cursor")
    view.evaluate(AXE)
    for violation in view.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)["violations"]:
        found.append(f"axe: {violation['help']}: {violation['nodes'][0]['html'][:150]}")
    view.close()
    return found


with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
    total = 0
    for name in sys.argv[1:]:
        for scheme, width in (("light", 1440), ("dark", 360)):
            for fault in faults(browser, pathlib.Path(name), scheme, width):
                total += 1
                print(f"{name}, {scheme}, {width} pixels: {fault}")
    browser.close()
print(f"{total} faults")
sys.exit(total > 0)
