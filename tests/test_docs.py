"""The documentation: every page is reached, every link leads somewhere, the site builds."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

import regretta

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "benchmarks" / "README.md",
    *sorted(path for path in DOCS.glob("*.md") if path.name != "reference.md"),
]


def links(page: Path) -> list[str]:
    """Targets of a page's links and pictures, those in code left out."""
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return re.findall(r"\]\(([^)\s]+)\)", text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_to_a_file(page: Path) -> None:
    wrong = [
        link
        for link in links(page)
        if "://" not in link
        and not link.startswith("#")
        and not (page.parent / link.partition("#")[0]).exists()
        and Path(link).name != "reference.md"  # made by `make docs`
    ]
    assert not wrong


def test_the_index_leads_to_every_page() -> None:
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    tree = "\n".join(re.findall(r"```\{toctree\}(.*?)```", index, re.DOTALL)).split()
    pages = {path.stem for path in DOCS.glob("*.md")} - {"index", "reference"}
    assert pages - set(tree) == set()


class _Page(HTMLParser):
    """What a page loads, links to and can be linked to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.linked: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {key: value or "" for key, value in attrs}
        self.anchors.add(found.get("id", ""))
        if tag == "a":
            self.linked.append(found.get("href", ""))
        elif tag in ("img", "script"):
            self.loaded.append(found.get("src", ""))
        elif tag == "link" and "stylesheet" in found.get("rel", ""):
            self.loaded.append(found.get("href", ""))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("sphinx", reason="the site is made with the dependency group docs")
    out = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "html", str(DOCS), str(out)],
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr
    return out


@pytest.mark.slow
def test_the_site_has_every_page_and_every_public_name(site: Path) -> None:
    for page in DOCS.glob("*.md"):
        assert (site / f"{page.stem}.html").exists()
    reference = (site / "reference.html").read_text(encoding="utf-8")
    assert [name for name in regretta.__all__ if f'id="regretta.{name}"' not in reference] == []


@pytest.mark.slow
def test_the_site_loads_nothing_from_elsewhere_and_its_links_lead_somewhere(site: Path) -> None:
    pages = {path.name: _Page(path) for path in site.glob("*.html")}
    for name, page in pages.items():
        assert [one for one in page.loaded if "//" in one] == [], name
        for link in page.linked:
            if "://" in link or link.startswith(("mailto:", "..")):
                continue  # elsewhere; files outside docs/ are only in the repository
            target, _, anchor = link.partition("#")
            assert not target or (site / target).exists(), f"{name}: {link}"
            if anchor and (target or name) in pages:
                assert anchor in pages[target or name].anchors, f"{name}: {link}"
