"""The scripts beside a report: the library's from its package, and our own."""

import subprocess
import sys

import pytest

from regretta.plots.interactive.library import FOLDER, LIBRARY, OWN, library, write_scripts
from regretta.plots.report import ReportError, write_report

needs_plotly = pytest.mark.skipif(library() is None, reason="plotly is not installed")


@pytest.fixture
def unpainted(monkeypatch):
    monkeypatch.setattr("regretta.plots.report_sections.save", lambda *_: b"png")


@needs_plotly
def test_the_library_is_plotly_js_and_its_package_is_not_imported():
    code = (
        "import sys; from regretta.plots.interactive.library import library;"
        " print(library().open(encoding='utf-8').read(100), 'plotly' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert "plotly.js v" in done
    assert done.strip().endswith("False")


def test_scripts_are_written_once(tmp_path):
    source = tmp_path / "source.js"
    source.write_text("library")
    write_scripts(tmp_path, source)
    written = {path: path.stat() for path in (tmp_path / FOLDER).iterdir()}
    assert {path.name for path in written} == {LIBRARY, *OWN}
    write_scripts(tmp_path, source)
    assert all(path.stat().st_ino == old.st_ino for path, old in written.items())
    (tmp_path / FOLDER / LIBRARY).write_text("libr")  # truncated
    write_scripts(tmp_path, source)
    # nothing is added to the library but a comment
    hint, rest = (tmp_path / FOLDER / LIBRARY).read_text().split("\n", 1)
    assert hint.startswith("//")
    assert rest == "library"


def test_without_the_library_a_report_has_pictures_only(
    unpainted, monkeypatch, tmp_path, suite_of, run_of
):
    monkeypatch.setattr("regretta.plots.interactive.explorer.library", lambda: None)
    page = write_report(suite_of(tmp_path, {"toy": {"bohb": [run_of()]}}))
    assert "<script" not in page.read_text()
    assert not (tmp_path / FOLDER).exists()


@needs_plotly
def test_a_link_in_the_place_of_the_scripts_is_refused(unpainted, tmp_path, suite_of, run_of):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / FOLDER).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ReportError, match="cannot be written"):
        write_report(suite_of(tmp_path, {"toy": {"bohb": [run_of()]}}))
    assert not list((tmp_path / "elsewhere").iterdir())
