"""Commands on a suite's folder: status, merge, compact, export."""

from __future__ import annotations

from pathlib import Path

import click

from regretta.cli import completion
from regretta.cli.arguments import PATH, command, folder_argument, json_option
from regretta.cli.failures import failure_lines, failures_of
from regretta.cli.output import print_json, say_damaged, tell
from regretta.cli.summary import as_values, summary


@command("status")
@folder_argument
@json_option
def status(folder: Path, as_json: bool) -> int:
    """Say what is done, failed, missing and damaged in a suite's folder.

    In Python: regretta.harness.store.status.suite_status.
    """
    from regretta.harness.store.status import suite_status

    found = suite_status(folder)
    if as_json:
        print_json(
            {
                "name": found.name,
                "folder": folder,
                "running": found.running,
                "done": found.done,
                "planned": found.planned,
                "seconds_left": found.seconds_left,
                "rows": as_values(found.rows),
                "failures": failures_of(folder, found.failures),
                "damaged": found.damaged,
            }
        )
        return say_damaged(found.damaged)
    state = {True: "running", False: "not running", None: "perhaps running"}[found.running]
    left = (
        "" if found.seconds_left is None else f", about {found.seconds_left / 60:.1f} minutes left"
    )
    tell(f"{found.name}: {found.done} of {found.planned} runs done, {state}{left}")
    for line in summary(found.rows):
        tell(line)
    for line in found.ended_early:
        tell(f"note: {line}")
    if 0 < found.traced < found.done:
        tell(f"note: {found.traced:,} of {found.done:,} finished runs have a trace")
    for line in failure_lines(folder, found.failures):
        tell(line)
    return say_damaged(found.damaged)


@command("merge")
@click.argument("out", metavar="OUT", type=PATH)
@click.argument("folders", metavar="DIR...", nargs=-1, required=True, type=PATH)
@json_option
def merge(out: Path, folders: tuple[Path, ...], as_json: bool) -> int:
    """Put the runs of several folders of one suite into one folder, OUT.

    Every DIR is a folder of results, and is read only; OUT is new, or a folder of the same suite.
    In Python: regretta.merge_folders.
    """
    from regretta.harness.store.merge import merge_folders

    done = merge_folders(out, folders)
    if as_json:
        print_json(done)
        return 0
    twice = f"; {done.twice} of several folders count once" if done.twice else ""
    failed = f"; {done.failed} have failed" if done.failed else ""
    tell(f"{done.runs} runs in {done.folder}, {done.new} of them new{twice}{failed}")
    for note in done.notes:
        tell(f"note: {note}")
    return 0


@command("compact")
@folder_argument
@json_option
def compact(folder: Path, as_json: bool) -> int:
    """Put a suite's finished runs into one file a method.

    In Python: regretta.harness.store.files.compact.
    """
    from regretta.harness.store.files import compact as compact_suite

    done = compact_suite(folder)
    if as_json:
        about = {"folder": folder, "runs": done.runs, "damaged": done.skipped}
        print_json({**about, "files_before": done.files_before, "files_after": done.files_after})
        return say_damaged(done.skipped)
    tell(
        f"{done.runs} runs of {folder} are in {done.files_after} files now; there were"
        f" {done.files_before}"
    )
    return say_damaged(done.skipped)


@command("export")
@folder_argument
@click.option(
    "--format",
    "form",
    metavar="FORMAT",
    default="nas_benchmarks",
    shell_complete=completion.export_formats,
    help="nas_benchmarks (default), csv or parquet.",
)
@click.option("--out", metavar="DIR2", type=PATH, required=True, help="Where to write.")
@json_option
def export(folder: Path, form: str, out: Path, as_json: bool) -> int:
    """Write a suite's runs in the format of others.

    In Python: regretta.export_suite of regretta.load_suite.
    """
    from regretta.harness.store.export import export_suite
    from regretta.harness.store.frames import Untraced
    from regretta.harness.store.results import load_suite

    suite = load_suite(folder)
    untraced = Untraced()
    written = export_suite(suite, out, form, untraced)
    damaged = [*suite.damaged, *untraced.damaged]
    without = [
        {"table": table, "label": label}
        for table in suite.tables
        for label in suite.labels
        if not suite.runs[table][label]
    ]
    if as_json:
        about = {"folder": out, "format": form, "files": written, "without_runs": without}
        print_json({**about, "without_trace": len(untraced.missing), "damaged": damaged})
        return say_damaged(damaged)
    tell(f"{len(written)} files in {out}")
    for one in without:
        tell(f"note: {one['label']} on {one['table']} has no finished run")
    if untraced.missing:
        tell(f"note: {untraced.lines()[0]}")
    return say_damaged(damaged)
