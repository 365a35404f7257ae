"""The original tables of NAS-Bench-201: the ``.pth`` files v1_0 and v1_1, read without PyTorch.

Dong and Yang, ICLR 2020 (D-X-Y/NAS-Bench-201). ``torch.save`` writes either pickles one after
another (a magic number, a version, system information, then the object) or, since 1.6, a ZIP
archive whose ``data.pkl`` is the object. Tensors lie outside of the object and are never read: no
value of the table is one.
"""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

from regretta.tabular_data.sources.base import FileFormat, Progress, SourceError, open_source
from regretta.tabular_data.sources.nasbench201.runs import Runs
from regretta.tabular_data.sources.nasbench201.stream import Unpacked, read_all, table_of
from regretta.tabular_data.sources.pickles import Readable, Take, read_pickles
from regretta.tabular_data.sources.stand_ins import STAND_INS, StandIns
from regretta.tabular_data.table import Table

SCHEDULES = ("full", "less")
_ARCHIVE, _PICKLE = b"PK\3\4", b"\x80\x02"
_LEGACY_HEADER = 3
"""Pickles before the object in the format without an archive; the first is `_MAGIC`."""
_MAGIC = 0x1950A86A20F9469CFC6C
_LONGEST_END = 22 + (1 << 16)
_LARGEST_DIRECTORY = 1 << 23
"""Bytes of an archive's list of entries at most."""


def _nothing(*_: Any) -> None:
    """Stands in for a tensor."""


_TENSORS: StandIns = {
    **STAND_INS,
    ("torch._utils", "_rebuild_tensor"): _nothing,
    ("torch._utils", "_rebuild_tensor_v2"): _nothing,
    **{
        ("torch", f"{kind}Storage"): _nothing
        for kind in ("Float", "Double", "Half", "Long", "Int", "Byte", "Bool")
    },
}


def import_table(
    source: str | Path,
    name: str | None = None,
    progress: Progress | None = None,
    *,
    dataset: str = "cifar10",
    partial: bool = False,
    mid_schedule: bool = False,
) -> Table:
    """The table of one data set of ``NAS-Bench-201-v1_0-e61699.pth`` or
    ``NAS-Bench-201-v1_1-096897.pth``.

    Parameters
    ----------
    source
        The file.
    name
        The table's name; ``nasbench201-`` and the data set where None.
    progress
        Told the bytes read and their number.
    dataset
        ``cifar10``, ``cifar100`` or ``imagenet16-120``.
    partial
        Allow missing architectures; a search meets them as invalid.
    mid_schedule
        Have budgets of 1 and 4 epochs too: where the 12-epoch runs stood then, as NATS-Bench's own
        comparison asks for.

    Raises
    ------
    SourceError
        If the file is missing, damaged, asks for code to run, lacks architectures or has a value
        out of range.
    """
    return table_of(
        _read,
        source,
        "NAS-Bench-201 (Dong and Yang, ICLR 2020)",
        "nasbench201",
        name or f"nasbench201-{dataset}",
        progress,
        dataset=dataset,
        partial=partial,
        mid_schedule=mid_schedule,
    )


FORMAT = FileFormat(
    "nasbench201",
    "NAS-Bench-201-v1_0-e61699.pth or NAS-Bench-201-v1_1-096897.pth",
    import_table,
    lambda head: head.startswith(_PICKLE) or (head.startswith(_ARCHIVE) and b"/data.pkl" in head),
)


def _read(source: Path, runs: Runs, progress: Progress | None, partial: bool) -> None:
    where = str(source)
    size = source.stat().st_size
    with open_source(source, "file of NAS-Bench-201, .pth", _ARCHIVE, _PICKLE) as file:
        archive = file.read(len(_ARCHIVE)) == _ARCHIVE
        file.seek(0)
        if not archive:
            stream = Unpacked(file, file, where, progress, size)
            read_all(stream, where, runs, SCHEDULES, _TENSORS, _read_legacy)
            return
        _check_directory(file, size, where)
        try:
            with zipfile.ZipFile(file) as entries, entries.open(_object(entries, where)) as data:
                stream = Unpacked(file, data, where, progress, size)
                read_all(stream, where, runs, SCHEDULES, _TENSORS)
        except SourceError:
            raise
        except (
            zipfile.BadZipFile,
            ValueError,
            NotImplementedError,
            RuntimeError,
            EOFError,
            struct.error,
        ) as error:
            raise SourceError(
                f"{where} is no whole archive of torch.save ({' '.join(str(error).split()):.80})"
            ) from None


def _read_legacy(file: Readable, where: str, stand_ins: StandIns, take: Take) -> Any:
    """The object that ``torch.save`` wrote after its header; what follows is tensors."""
    pickles = read_pickles(file, where, stand_ins, take)
    magic = next(pickles)
    if magic != _MAGIC:
        raise SourceError(f"{where} is a pickle, but none that torch.save wrote")
    for _ in range(_LEGACY_HEADER - 1):
        next(pickles)
    return next(pickles)


def _check_directory(file: BinaryIO, size: int, where: str) -> None:
    """Refuse an archive whose list of entries is longer than the entries are worth."""
    file.seek(max(0, size - _LONGEST_END))
    end = file.read()
    at = end.rfind(b"PK\5\6")
    length = int.from_bytes(end[at + 12 : at + 16], "little") if at >= 0 else 0
    if length > _LARGEST_DIRECTORY:
        raise SourceError(f"{where} is refused: its list of entries has {length:,} bytes")
    file.seek(0)


def _object(entries: zipfile.ZipFile, where: str) -> zipfile.ZipInfo:
    """The entry of an archive that is the object."""
    found = [entry for entry in entries.infolist() if entry.filename.endswith("/data.pkl")]
    if len(found) != 1:
        raise SourceError(
            f"{where} is no archive of torch.save: it has no data.pkl; if it is another"
            " archive, unpack it and give what is in it"
        )
    if found[0].compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise SourceError(f"{where}: its data.pkl is packed as torch.save packs none")
    return found[0]
