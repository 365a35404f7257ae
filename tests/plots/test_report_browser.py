"""The report in a browser: every picture shows, nothing overflows, the console stays silent."""

import base64
import json
import re
import shutil
import subprocess
from urllib.parse import unquote

import pytest

BROWSER = shutil.which("chromium")
FLAGS = (
    *(
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-sync",
    ),
    *("--disable-background-networking", "--disable-component-update", "--hide-scrollbars"),
    *("--virtual-time-budget=5000", "--enable-logging=stderr", "--v=0", "--window-size=1500,1000"),
)

# Measured inside a frame of the width asked for: a headless window is never narrower than 500
# pixels.
MEASURE = """
<script>
onload = () => {
  const frame = document.createElement("iframe");
  frame.style.cssText = "border:0;height:900px;width:WIDTHpx";
  frame.onload = () => {
    const page = frame.contentDocument, root = page.documentElement;
    const scrolls = element => element.closest(".scroll");
    const outside = [...page.body.querySelectorAll("*")].filter(
      element => !scrolls(element) && element.getBoundingClientRect().right > root.clientWidth + 1);
    const result = {
      width: root.clientWidth, scroll: root.scrollWidth,
      outside: outside.map(element => element.outerHTML.slice(0, 200)),
      shown: [...page.images].map(
        image => image.complete && image.naturalWidth > 0 && image.clientWidth > 0),
      chosen: [...page.images].map(image => image.naturalWidth),
    };
    document.title = "measured " + btoa(encodeURIComponent(JSON.stringify(result)));
  };
  frame.srcdoc = PAGE;
  document.body.append(frame);
};
</script>
"""


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="no chromium on this machine")
@pytest.mark.parametrize("width", [380, 1400])
def test_report_in_a_browser(report, tmp_path, width):
    page = json.dumps(report.read_text()).replace("</", "<\\/")
    outer = tmp_path / "outer.html"
    script = MEASURE.replace("WIDTH", str(width)).replace("PAGE", page)
    outer.write_text(
        f'<!DOCTYPE html><meta charset="utf-8"><link rel="icon" href="data:,"><body>{script}</body>'
    )
    command = [
        BROWSER,
        *FLAGS,
        f"--user-data-dir={tmp_path / 'profile'}",
        "--dump-dom",
        outer.as_uri(),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found = re.search(r"<title>measured ([A-Za-z0-9+/=]+)</title>", done.stdout)
    assert found, "the page did not load"
    result = json.loads(unquote(base64.b64decode(found[1]).decode()))
    assert result["width"] == width
    assert result["scroll"] <= width, result["outside"]
    assert result["outside"] == []
    assert len(result["shown"]) == report.read_text().count("<img ") > 0
    assert all(result["shown"])
    assert all(
        (pixels < 1000) == (width == 380) for pixels in result["chosen"]
    )  # phones get the narrow pictures
    assert "CONSOLE" not in done.stderr, done.stderr
