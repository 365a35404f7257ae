"""The command line: ``regretta COMMAND``.

Exit codes: 0 fine, 2 usage or bad input, 1 anything else.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence

import click
from click.shell_completion import shell_complete

import regretta
from regretta.cli import figures, folders, lists, new, suites, tables
from regretta.cli.arguments import InOrder, Session
from regretta.cli.output import say
from regretta.tabular_data.errors import UserError
from regretta.tabular_data.text import described

COMMANDS = (
    suites.run,
    folders.status,
    folders.merge,
    folders.compact,
    suites.report,
    folders.export,
    figures.figures,
    tables.table,
    new.new,
    lists.optimizers,
    lists.tables,
    lists.suites,
    lists.protocols,
)
"""Every command; a new one is a function and a line here."""

_COMPLETE = "_REGRETTA_COMPLETE"


@click.group(cls=InOrder, commands=COMMANDS)
@click.version_option(regretta.__version__, prog_name="regretta", message="%(prog)s %(version)s")
def _regretta() -> None:
    """Compare neural architecture search algorithms on tabular benchmarks."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; its help says which Python call does the same."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if _COMPLETE in os.environ:
        return shell_complete(_regretta, {}, "regretta", _COMPLETE, os.environ[_COMPLETE])
    session = Session()
    try:
        with _regretta.make_context("regretta", given or ["--help"], obj=session) as context:
            code: int = _regretta.invoke(context)
        sys.stdout.flush()
        return code
    except click.exceptions.Exit as done:
        return done.exit_code if given else 2
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message())
        return 2
    except click.ClickException as error:
        return _failed(session, f"{error.format_message()}{_help_hint(error)}", 2)
    except UserError as error:
        return _failed(session, str(error), 2)
    except KeyboardInterrupt:
        return _failed(
            session, "interrupted; finished runs are kept, run the same command to go on", 1
        )
    except BrokenPipeError:
        # The reader of our output has gone; nothing is left to say, and Python must not say it
        # at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except MemoryError:
        return _failed(session, "there is not enough memory for this", 2)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _failed(session, f"{where}{error.strerror or error}", 2)
    except Exception as error:
        return _failed(session, f"unexpected {described(error)} (--debug shows the traceback)", 1)


def _help_hint(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    return f" (see {context.command_path} --help)" if context else ""


def _failed(session: Session, message: str, code: int) -> int:
    if session.debug:
        traceback.print_exc()
    say(message)
    return code
