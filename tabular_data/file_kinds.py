"""What a file is that is not what it should be: mostly a download that went another way."""

from __future__ import annotations

HEAD = 512
"""Bytes from the start of a file that tell its kind."""

_UNPACK = "unpack it and give what is in it"
_ARCHIVES = {
    b"PK\x03\x04": "a ZIP archive",
    b"PK\x05\x06": "an empty ZIP archive",
    b"\x1f\x8b": "a gzip file",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ\x00": "an xz file",
    b"\x28\xb5\x2f\xfd": "a Zstandard file",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!": "a RAR archive",
}
_OTHERS = {
    b"\x93NUMPY": "a NumPy array",
    b"\x89HDF\r\n": "an HDF5 file",
    b"SQLite format 3\x00": "an SQLite database",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"%PDF": "a PDF",
    b"\x7fELF": "a program",
    b"#!": "a program",
    b"ARROW1": "an Arrow file",
    b"PAR1": "a Parquet file",
    **{b"\x80" + bytes([protocol]): "a pickle" for protocol in range(2, 6)},
}


def strange(head: bytes) -> str:
    """What a file is by its first `HEAD` bytes, with what to do; empty where that tells nothing."""
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if not head:
        return "empty; get the file again"
    if head.startswith(b"version https://git-lfs.github.com/spec/"):
        return "a Git LFS pointer, which only names the file; fetch it with `git lfs pull`"
    if text[:9].lower() == b"<!doctype" or text[:5].lower() in (b"<html", b"<head", b"<?xml"):
        return "a web page, not the file behind it; download the file itself"
    if head[257:262] == b"ustar":
        return f"a tar archive; {_UNPACK}"
    for magic, name in _ARCHIVES.items():
        if head.startswith(magic):
            return f"{name}; {_UNPACK}"
    for magic, name in _OTHERS.items():
        if head.startswith(magic):
            return f"{name}; give the file that is asked for"
    if not head.strip(b"\0"):
        return "nothing but zeros; get the file again"
    return ""
