"""What a shell offers for an argument: the names there are, looked up when it asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import click
from click.shell_completion import CompletionItem

Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def offering(
    names: Callable[[click.Context], Mapping[str, str] | Iterable[str]], places: str = ""
) -> Complete:
    """What click asks of an argument.

    Parameters
    ----------
    names
        The names, perhaps with a line about each, which zsh and fish show.
    places
        ``"file"`` or ``"dir"`` where such are taken as well.
    """

    def complete(
        context: click.Context, parameter: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        try:
            known = names(context)
            about = known if isinstance(known, Mapping) else dict.fromkeys(known, "")
        except Exception:  # a shell that asks has no place for what is wrong; the command says it
            about = {}
        found = [
            CompletionItem(name, help=line or None)
            for name, line in about.items()
            if name.startswith(incomplete)
        ]
        # Before the names: bash forgets what it was offered before files.
        return [CompletionItem(incomplete, type=places), *found] if places else found

    return complete


def _suites(context: click.Context) -> dict[str, str]:
    from regretta.experiments.catalog import built_in_suites

    found = dict.fromkeys(built_in_suites(), "suite")
    if context.params.get("against"):
        found |= _optimizers(context)
    return found


def _tables(context: click.Context) -> dict[str, str]:
    from regretta.tabular_data.catalog import entries

    return {entry.name: entry.origin for entry in entries()}


def _optimizers(context: click.Context) -> dict[str, str]:
    from regretta.optimizers.registry import available

    return dict(available())


def _protocols(context: click.Context) -> list[str]:
    from regretta.harness.protocols import PROTOCOLS

    return list(PROTOCOLS)


def _clusters(context: click.Context) -> list[str]:
    from regretta.harness.executors.dask import JOB_QUEUES

    return list(JOB_QUEUES)


def _export_formats(context: click.Context) -> tuple[str, ...]:
    from regretta.harness.store.export import FORMATS

    return FORMATS


def _file_formats(context: click.Context) -> list[str]:
    from regretta.tabular_data.sources.registry import FORMATS

    return [form.name for form in FORMATS]


suites_and_files = offering(_suites, "file")
suites = offering(_suites)
tables = offering(_tables, "dir")
optimizers = offering(_optimizers)
protocols = offering(_protocols)
clusters = offering(_clusters)
export_formats = offering(_export_formats)
file_formats = offering(_file_formats)
files = offering(lambda context: (), "file")
