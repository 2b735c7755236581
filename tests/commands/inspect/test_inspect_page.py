"""The page at work in a browser: parts open by click and by key, nothing is fetched, no error is logged."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from inarch.commands.inspect.drawing.html import to_html
from inarch.commands.inspect.picture import BROWSERS
from traces import traced

BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
NEEDED = pytest.mark.skipif(BROWSER is None, reason=f"none of {', '.join(BROWSERS)} is on the path")
WALK = """
<script>
const told = [];
const parts = () => [...document.querySelectorAll("section.part")];
const shown = () => parts().filter((each) => !each.hidden).map((each) => each.id);
const say = (step) => told.push([step, shown(), document.getElementById("way").textContent,
  document.getElementById("anatomy").className, document.getElementById("size").textContent]);
const press = (key) => dispatchKey(document.activeElement || document.body, key);
const dispatchKey = (at, key) => at.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true, cancelable: true}));
const settled = () => new Promise((done) => setTimeout(done, 60));
const click = (at) => at.dispatchEvent(new MouseEvent("click", {bubbles: true, cancelable: true}));
(async () => {
  say("opened");
  click(document.querySelector('section:not([hidden]) a[aria-label="stage stage4"]')); await settled(); say("stage");
  click(document.querySelector('section:not([hidden]) a[aria-label="block 4b"]')); await settled(); say("block");
  press("ArrowRight"); await settled(); say("right");
  press("Escape"); await settled(); say("out");
  press("+"); say("larger"); press("0"); say("as before");
  const colour = document.getElementById("colour");
  colour.value = "parameters"; colour.dispatchEvent(new Event("change")); say("coloured");
  const box = document.querySelector("section:not([hidden]) .box");
  box.dispatchEvent(new PointerEvent("pointerover", {bubbles: true}));
  told.push(["tip", document.getElementById("tip").textContent]);
  const loaded = performance.getEntriesByType("resource").map((each) => each.name);
  const fills = new Set([...document.querySelectorAll(".box > .layer")].map((each) => getComputedStyle(each).fill));
  const result = document.createElement("pre");
  result.id = "told";
  result.textContent = JSON.stringify({told, loaded, fills: fills.size, wide: document.documentElement.scrollWidth});
  document.body.append(result);
})();
</script>
"""


def walked(page: str, folder: Path, *, width: int = 1000) -> tuple[dict[str, Any], str]:
    """What the page told of its walk, and what the browser logged."""
    place = folder / "page.html"
    place.write_text(page.replace("</body>", f"{WALK}</body>"), "utf-8")
    command = [
        str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}/profile",
        "--enable-logging=stderr", f"--window-size={width},900", "--virtual-time-budget=5000", "--dump-dom",
        place.as_uri(),
    ]  # fmt: skip
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found = re.search(r'<pre id="told">(.*?)</pre>', ended.stdout, re.DOTALL)
    assert found, ended.stderr[-2000:]
    return json.loads(found[1].replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&")), ended.stderr


@NEEDED
def test_parts_open_by_click_and_by_key(tmp_path: Path) -> None:
    """From the whole net to a stage, a block, the next block, and out again; one part at a time."""
    told, log = walked(to_html(traced("googlenet")), tmp_path)
    steps = {step: rest for step, *rest in told["told"]}
    assert steps["opened"][0] == ["part-"]
    assert steps["stage"][0] == ["part-stage4"]
    assert steps["block"][0] == ["part-4b"]
    assert steps["block"][1] == "Overview › stage4 › 4b"
    assert steps["right"][0] == ["part-4c"]
    assert steps["out"][0] == ["part-stage4"]
    assert (steps["larger"][3], steps["as before"][3]) == ("125 %", "100 %")
    assert steps["coloured"][2] == "anatomy by-parameters"
    assert "pool3" in steps["tip"][0]
    assert "receptive field" in steps["tip"][0]
    assert told["fills"] > 3
    assert told["loaded"] == []
    assert "CONSOLE" not in log


@NEEDED
def test_a_narrow_window_scrolls_the_drawing_and_not_the_page(tmp_path: Path) -> None:
    """500 pixels, the narrowest that a headless window can be."""
    told, _ = walked(to_html(traced("googlenet")), tmp_path, width=500)
    assert told["wide"] <= 500
