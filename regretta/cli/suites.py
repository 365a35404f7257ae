"""Commands on a suite: run and report."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from regretta.cli import completion
from regretta.cli.arguments import PATH, command, json_option, plugin_option
from regretta.cli.failures import failure_lines, failures_of
from regretta.cli.output import print_json, say, say_damaged, tell
from regretta.cli.progress import Progress
from regretta.cli.summary import as_values, summary
from regretta.tabular_data.names import check_path

if TYPE_CHECKING:
    from regretta.harness.executors import Dask, JobQueue
    from regretta.harness.spec import SuiteSpec


@command("run")
@click.argument(
    "names", metavar="SUITE", nargs=-1, required=True, shell_complete=completion.suites_and_files
)
@click.option(
    "--out",
    metavar="DIR",
    type=PATH,
    help="Folder of the results (default: results/SUITE, or the folder that SUITE is).",
)
@click.option("--runs", metavar="N", type=int, help="Runs of every optimizer on every table.")
@click.option(
    "--optimizer",
    "optimizers",
    metavar="NAME",
    multiple=True,
    shell_complete=completion.optimizers,
    help="Only this one (again for several).",
)
@click.option(
    "--against",
    is_flag=True,
    help="Compare the plugins' optimizers with those named (the suite is quick unless named too).",
)
@click.option("--label", metavar="LABEL", help="Another label for the one optimizer that runs.")
@click.option(
    "--table",
    metavar="NAME",
    shell_complete=completion.tables,
    help="Only this one of the suite's tables, with its time limit; or another table instead.",
)
@click.option(
    "--time-limit",
    metavar="S",
    type=float,
    help="Simulated seconds, instead of the suite's limits.",
)
@click.option(
    "--evaluations",
    metavar="N",
    type=int,
    help="Evaluations after which a search ends, instead of the suite's limits; with --time-limit,"
    " whichever comes first.",
)
@click.option(
    "--run-time-limit",
    metavar="S",
    type=float,
    help="Real seconds after which a run is ended and has failed (default: none).",
)
@click.option("--workers", metavar="N", type=int, help="Processes (default: one a core).")
@click.option(
    "--simulated-workers",
    metavar="W",
    type=int,
    help="Workers on which each search itself evaluates side by side.",
)
@click.option("--scheduler", metavar="ADDRESS", help="Run on the Dask cluster of tcp://HOST:PORT.")
@click.option(
    "--cluster",
    metavar="KIND",
    shell_complete=completion.clusters,
    help="Run on jobs of slurm, pbs, sge, …; see [cluster] in docs/clusters.md.",
)
@click.option(
    "--trace/--no-trace",
    default=None,
    help="Keep every evaluation of the runs that are done, or not (default: as the suite says).",
)
@click.option(
    "--part",
    metavar="K/N",
    help="Only the K-th of N parts, one for each of N machines; merge makes one folder of theirs.",
)
@click.option("--only-failed", is_flag=True, help="Only try those runs again that have failed.")
@click.option(
    "--redo-changed",
    is_flag=True,
    help="Do the runs of optimizers again whose code has changed since.",
)
@click.option("--seed", metavar="N", type=int, help="Seed instead of the suite's.")
@plugin_option
@click.option("--no-report", is_flag=True, help="Leave report and figures for later.")
@json_option
def run(
    names: tuple[str, ...],
    out: Path | None,
    runs: int | None,
    optimizers: tuple[str, ...],
    against: bool,
    label: str | None,
    table: str | None,
    time_limit: float | None,
    evaluations: int | None,
    run_time_limit: float | None,
    workers: int | None,
    simulated_workers: int | None,
    scheduler: str | None,
    cluster: str | None,
    trace: bool | None,
    part: str | None,
    only_failed: bool,
    redo_changed: bool,
    seed: int | None,
    plugins: tuple[Path, ...],
    no_report: bool,
    as_json: bool,
) -> int:
    """Run a suite: what is there already stays, the rest is done.

    SUITE is a built-in name (see `regretta suites`), a .toml file, or a folder of results, which
    is gone on with or, with another --out, done anew. With --against, names of optimizers follow:
    regretta run --plugin mine.py --against random_search smac. In Python: regretta.run_suite, then
    regretta.write_report.
    """
    from joblib import cpu_count

    from regretta.experiments.catalog import find_suite, results_folder
    from regretta.experiments.gpu_hours import gpu_hours
    from regretta.harness.campaign import run_suite
    from regretta.harness.store.results import load_suite
    from regretta.harness.store.status import suite_status
    from regretta.optimizers.registry import plugin_optimizers

    if scheduler and cluster:
        raise click.UsageError("--scheduler and --cluster exclude each other")
    files = tuple(path.resolve() for path in plugins)
    own = [cls.name for _, cls in plugin_optimizers(files)]
    suite, rivals = _named(names, own) if against else (_one(names), ())
    if against:
        optimizers = (*optimizers, *own, *rivals)
    spec = find_suite(suite).changed(
        runs=runs,
        optimizers=optimizers,
        label=label,
        table=table,
        time_limit=time_limit,
        evaluations=evaluations,
        run_time_limit=run_time_limit,
        seed=seed,
        simulated_workers=simulated_workers,
        trace=trace,
        plugins=files,
        plugin_optimizers=own,
    )
    folder = out or results_folder(Path(suite)) or Path("results") / spec.name
    if hours := gpu_hours(spec):
        say(hours)
    started = time.monotonic()
    with Progress(spec.name) as progress:
        outcome = run_suite(
            spec,
            folder,
            workers=cpu_count() if workers is None else workers,
            progress=progress.update,
            executor=_executor(scheduler, cluster, spec),
            only_failed=only_failed,
            redo_changed=redo_changed,
            announce=progress.say,
            part=_part(part) if part else (1, 1),
        )
    for line in outcome.set_aside:
        say(line)
    seconds = time.monotonic() - started
    if not as_json:
        tell(f"{outcome.done} runs in {folder}, {outcome.new} of them new ({seconds:.1f} s)")
        for note in outcome.notes:
            tell(f"note: {note}")
    for line in failure_lines(folder, outcome.failures):
        say(line)
    rows = suite_status(folder).rows
    if not as_json:
        for line in summary(rows, outcome.processor_seconds):
            tell(line)
    page: Path | None = None
    damaged: tuple[str, ...] = ()
    if outcome.done and not no_report:
        from regretta.plots.report import write_report

        suite_now = load_suite(folder)
        page, damaged = write_report(suite_now), suite_now.damaged
    if as_json:
        print_json(
            {
                "name": spec.name,
                "folder": folder,
                "done": outcome.done,
                "planned": outcome.planned,
                "new": outcome.new,
                "seconds": seconds,
                "rows": as_values(rows, outcome.processor_seconds),
                "failures": failures_of(folder, outcome.failures),
                "notes": outcome.notes,
                "set_aside": outcome.set_aside,
                "damaged": damaged,
                "report": page,
            }
        )
    elif page is not None:
        tell(str(page))
    say_damaged(damaged)
    if outcome.failures:
        say(f"{len(outcome.failures)} runs failed; the same command tries them again")
        return 1
    return 0


def _part(text: str) -> tuple[int, int]:
    """Which part, and of how many."""
    which, slash, parts = text.partition("/")
    if not (slash and all(n.isascii() and n.isdigit() and len(n) < 10 for n in (which, parts))):
        raise click.UsageError(f"--part is one of so many, such as 2/3; got {text!r:.40}")
    return int(which), int(parts)


def _one(names: tuple[str, ...]) -> str:
    """The suite, where nothing else may be named."""
    if len(names) > 1:
        raise click.UsageError(
            f"one suite at a time, got {' and '.join(map(repr, names))}; optimizers to compare a"
            " plugin with follow --against"
        )
    return names[0]


def _named(names: tuple[str, ...], own: list[str]) -> tuple[str, tuple[str, ...]]:
    """The suite that was named, ``quick`` if none was, and the optimizers."""
    from regretta.experiments.catalog import built_in_suites
    from regretta.optimizers.registry import available, get_optimizer

    if not own:
        raise click.UsageError("--against compares a plugin with others; name its file: --plugin")
    known = available()
    rivals = tuple(name for name in names if name in known)
    suites = [name for name in names if name not in known]
    for name in suites:
        if name not in built_in_suites() and not Path(name).exists():
            get_optimizer(name)  # says which names there are
    if not rivals:
        raise click.UsageError("--against needs the name of an optimizer; see regretta optimizers")
    return _one(tuple(suites) or ("quick",)), rivals


def _executor(
    scheduler: str | None, cluster: str | None, spec: SuiteSpec
) -> Dask | JobQueue | None:
    from regretta.harness.executors import Dask, JobQueue

    if scheduler:
        return Dask(scheduler)
    return JobQueue(cluster, spec.cluster) if cluster else None


@command("report")
@click.argument("folders", metavar="DIR...", nargs=-1, required=True, type=PATH)
@click.option(
    "--methods", metavar="LABEL,…", help="Only these, in this order (labels with commas between)."
)
@click.option("--order", metavar="ORDER", help="suite (default), or result: the best first.")
@click.option(
    "--width",
    metavar="W",
    help="As wide as neurips, iclr, icml, acl, cvpr or ieee has it, or so many inches.",
)
@click.option("--format", "formats", metavar="F,…", help="Of figures: png, pdf, svg (png,pdf).")
@click.option("--statistic", metavar="S", help="Of curves: mean (default), median or iqm.")
@click.option("--band", metavar="B", help="Around curves: ci (default), iqr or sd.")
@click.option(
    "--with",
    "others",
    metavar="[TABLE=]FILE",
    multiple=True,
    help="Trajectories of other people's code beside the runs: docs/elsewhere.md (again for more).",
)
@click.option("--axis", metavar="A", help="Of curves: seconds, evaluations, cells or epochs.")
@click.option("--out", metavar="DIR2", type=PATH, help="Where to write (default: the first DIR).")
@json_option
def report(
    folders: tuple[Path, ...],
    methods: str | None,
    order: str | None,
    width: str | None,
    formats: str | None,
    statistic: str | None,
    band: str | None,
    others: tuple[str, ...],
    axis: str | None,
    out: Path | None,
    as_json: bool,
) -> int:
    """Write report.html, figures, tables and methods.txt (.tex) of a suite's folder.

    Several folders are of one suite under different seeds, all their runs in one report.

    In Python: regretta.write_report, with a regretta.plots.look.Look, of what
    regretta.with_trajectories gives of load_suite and read_trajectories; of several folders,
    regretta.pool_seeds.
    """
    from regretta.harness.elsewhere.joining import with_trajectories
    from regretta.harness.elsewhere.trajectories import read_trajectories
    from regretta.harness.store.pooling import pool_seeds
    from regretta.harness.store.results import load_suite
    from regretta.plots.look import Look, labels_of
    from regretta.plots.report import write_report

    suites = [load_suite(folder) for folder in folders]
    own = pool_seeds(suites)
    suite = with_trajectories(own, [read_trajectories(*_claimed(other)) for other in others])
    asked = {
        "methods": (*labels_of(own, methods), *suite.foreign) if methods else None,
        "order": order,
        "formats": tuple(formats.split(",")) if formats else None,
        "statistic": statistic,
        "band": band,
        "axis": axis,
    }
    look = Look(**{key: value for key, value in asked.items() if value is not None})  # type: ignore[arg-type]
    page = write_report(suite, out, look.wide_as(width) if width else look)
    if as_json:
        failures = [entry for one in suites for entry in failures_of(one.folder, one.failures)]
        seeds = [one.identity.seed for one in suites]
        told = {"report": page, "seeds": seeds, "failures": failures, "damaged": suite.damaged}
        print_json(told | {"elsewhere": suite.elsewhere})
    else:
        tell(str(page))
        for origin in suite.elsewhere:
            for note in origin.notes:
                tell(f"note: {origin.file}: {note}")
    return say_damaged(suite.damaged)


def _claimed(text: str) -> tuple[Path, str]:
    """The file of trajectories that an argument means, and the table that it names for them."""
    table, equals, path = text.partition("=")
    if not equals or check_path(text, "it").exists():
        return check_path(text, "it"), ""
    return check_path(path, "it"), table
