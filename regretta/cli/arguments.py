"""What a command is made of, and the arguments that several commands share.

A command is one function, decorated here and named in `regretta.cli.COMMANDS`. Its docstring is its
help. Heavy libraries are imported inside the function, so that ``--help`` answers at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click

from regretta.cli.completion import Complete
from regretta.tabular_data.names import check_path


class _Path(click.Path):
    """A path that the system takes for one."""

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Path:
        return check_path(Path(value), (param and param.name) or "it")


PATH = _Path()

folder_argument = click.argument("folder", metavar="DIR", type=PATH)
"""A folder that ``regretta run`` made."""


def names_argument(complete: Complete) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Names of what is to be listed, all where there are none."""
    return click.argument("names", metavar="[NAME]...", nargs=-1, shell_complete=complete)


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")

plugin_option = click.option(
    "--plugin",
    "plugins",
    metavar="FILE",
    type=PATH,
    multiple=True,
    help="Python file with an optimizer (again for several).",
)


@dataclass
class Session:
    """One call of the command line."""

    debug: bool = False


class InOrder(click.Group):
    """A group whose help lists the commands in the order in which they were given."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


def command(name: str) -> Callable[[Callable[..., int]], click.Command]:
    """Make a command of a function that returns its exit code."""

    def decorate(action: Callable[..., int]) -> click.Command:
        made = click.command(name)(action)
        made.params.append(
            click.Option(
                ["--debug"],
                is_flag=True,
                is_eager=True,
                expose_value=False,
                callback=_debug,
                help="Show the traceback of an error.",
            )
        )
        return made

    return decorate


def _debug(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        context.ensure_object(Session).debug = True
