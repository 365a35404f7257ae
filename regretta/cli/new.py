"""The command that starts something of one's own from a template."""

from __future__ import annotations

import keyword
from pathlib import Path
from string import Template

import click

from regretta.cli.arguments import PATH, InOrder, command, json_option
from regretta.cli.output import print_json, tell
from regretta.tabular_data.errors import UserError

_TEMPLATES = Path(__file__).with_name("templates")


@command("optimizer")
@click.argument("name", metavar="NAME")
@click.option("--out", metavar="DIR", type=PATH, default=Path(), help="Where (default: here).")
@json_option
def optimizer(name: str, out: Path, as_json: bool) -> int:
    """Write NAME.py, an optimizer that runs, and test_NAME.py, its test.

    Change ask and tell to your search; README's "An optimizer of your own" says more.
    """
    from regretta.optimizers.registry import available

    if not name.isidentifier() or keyword.iskeyword(name) or not name.isascii():
        raise UserError(
            f"{name!r} cannot name a Python file and an optimizer; take letters, digits and _,"
            " such as my_search"
        )
    if name in available():
        raise UserError(f"there is an optimizer {name!r} already; take another name")
    words = [word for word in name.split("_") if word]
    values = {
        "name": name,
        "title": " ".join(words).capitalize() or name,
        "cls": "".join(word[0].upper() + word[1:] for word in words) or "Search",
    }
    files = {
        out / f"{name}.py": "optimizer.txt",
        out / f"test_{name}.py": "test_optimizer.txt",
    }
    for path in files:
        if path.exists():
            raise UserError(f"{path} is there already; remove it, or take another name or --out")
    for path, template in files.items():
        text = Template((_TEMPLATES / template).read_text(encoding="utf-8"))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.substitute(values), encoding="utf-8")
        except OSError as error:
            raise UserError(f"{path}: cannot be written ({error.strerror})") from None
    plugin, test = files
    if as_json:
        print_json({"name": name, "plugin": plugin, "test": test})
        return 0
    for path in files:
        tell(str(path))
    tell(f"next: regretta run quick --plugin {plugin} --out results/{name}")
    return 0


@click.group("new", cls=InOrder, commands=[optimizer])
def new() -> None:
    """Start an optimizer of one's own from a template that runs."""
