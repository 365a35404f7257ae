"""Reading pickles without running them: a small machine that knows plain data and nothing else.

Published tables come as pickles, and a pickle is a program. This machine knows the opcodes that
build containers, strings and numbers. A global is only ever a key into a table of stand-ins, so
nothing is imported and nothing but those stand-ins is called. It reads in pieces and can hand over
and forget parts of a large object while the rest is still to come, which `pickle` cannot: its memo
keeps everything to the end.

A few bytes of a pickle can ask for any amount of memory or time, so all that it may build between
two such parts is bounded; and its keys are texts and numbers, whose hash ends.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from typing import Any, Protocol

from regretta.tabular_data.sources.base import SourceError
from regretta.tabular_data.sources.stand_ins import STAND_INS, DType, StandIns, check_keys

CHUNK = 1 << 18
MAX_STRING = 1 << 16
"""Longest string or byte string accepted; longer ones only come from damage."""
MAX_PART = 1 << 22
"""Bytes of a pickle at most between two parts that are handed over; published ones have 330 kB."""
MAX_OBJECTS = 400_000
"""Containers at most within such a part, each byte that a call makes counted as one."""
MAX_STACK = 200_000
"""Values on the stack, and values remembered to be used again, at most."""
MAX_NESTING = 1000
"""Values begun and not ended at most."""
_LONGEST = 260
"""Bytes that an opcode of the inner loop and its argument take at most."""
_CONTAINERS = (dict, list, set, tuple)
_NUMBERS = (float, int, bytes)


class Readable(Protocol):
    """What a pickle is read from."""

    def read(self, count: int, /) -> bytes: ...


Take = Callable[[dict[Any, Any]], bool]


def loads(data: bytes, where: str) -> Any:
    """The object of a pickle without any global, by the standard library: fast, for data of a known
    checksum.

    Raises
    ------
    SourceError
        If the pickle asks for a global or an object outside of it.
    """

    class Closed(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            raise _refused(where, module, name)

    return Closed(BytesIO(data)).load()


def read_pickles(
    file: Readable,
    where: str,
    stand_ins: StandIns = STAND_INS,
    take: Take | None = None,
) -> Iterator[Any]:
    """The objects of successive pickles (protocols 2 to 5) of containers, strings and numbers.

    Parameters
    ----------
    file
        Read in pieces, and perhaps beyond the last pickle asked for.
    where
        What it is and where it came from, for messages.
    stand_ins
        ``(module, name)`` of each global that may occur → what is called in its place.
    take
        Called with every dictionary each time that entries were put in. Returns whether it took
        what it wanted and emptied the dictionary: what was built since the last time is then
        forgotten, so that a collection larger than memory can be read entry by entry.

    Yields
    ------
    object
        An object outside of the pickle (a persistent id, as ``torch.save`` writes for tensors) is
        None.

    Raises
    ------
    SourceError
        If the pickle asks for another global, builds more than plain data can be, or cannot be
        read; with the byte near which that is.
    OSError
        If the file cannot be read.
    """
    machine = _Machine(file, where, stand_ins, take)
    while True:
        yield machine.do(machine.run)


def read_pickle(
    file: Readable, where: str, stand_ins: StandIns = STAND_INS, take: Take | None = None
) -> Any:
    """The object of one pickle that a file ends with; the rest as for `read_pickles`."""
    machine = _Machine(file, where, stand_ins, take)
    found = machine.do(machine.run)
    machine.do(machine.end)
    return found


def _refused(where: str, module: str, name: str) -> SourceError:
    return SourceError(
        f"{where} is refused: its pickle asks for {module:.60}.{name:.60}, which plain data does"
        " not need"
    )


class _Machine:
    """A stack, a memo and the bytes that come next."""

    def __init__(
        self,
        file: Readable,
        where: str,
        stand_ins: StandIns,
        take: Take | None,
    ) -> None:
        self._file, self._where, self._stand_ins, self._take_entries = file, where, stand_ins, take
        self._data, self._at, self._passed = b"", 0, 0
        self._at_end = False

    @property
    def position(self) -> int:
        """Byte of the source that is read next."""
        return self._passed + self._at

    def do(self, step: Callable[[], Any]) -> Any:
        """Do something; whatever goes wrong is one line, but for what the system refuses."""
        try:
            return step()
        except SourceError:
            raise
        except MemoryError:
            raise SourceError(f"{self._where}: there is not enough memory to read it") from None
        except Exception as error:  # a stack or memo that does not fit raises nearly anything
            if isinstance(error, OSError) and error.errno is not None:
                raise
            reason = " ".join(str(error).split()) or type(error).__name__
            raise SourceError(
                f"{self._where} is damaged: its pickle stops near byte {self.position}"
                f" ({reason:.80})"
            ) from None

    def end(self) -> None:
        """Refuse what follows the pickle. At its end a compressed source compares its checksum."""
        ahead = len(self._data) - self._at - (_LONGEST if self._at_end else 0)
        if ahead > 0 or (not self._at_end and self._file.read(CHUNK)):
            raise SourceError(
                f"{self._where} goes on after the end of its pickle at byte {self.position}"
            )

    def run(self) -> Any:
        """Execute opcodes up to STOP."""
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._recent: dict[int, Any] = {}
        self._kept: dict[int, Any] = {}
        self._strings: set[str] = set()
        self._memoized = self._objects = 0
        self._begun = self.position
        stack, marks, memo = self._stack, self._marks, self._recent
        double = struct.Struct(">d").unpack_from
        data, at, limit = self._data, self._at, 0
        while True:
            if at >= limit:
                self._at = at
                self._fill(_LONGEST)
                data, at, limit = self._data, self._at, len(self._data) - _LONGEST + 1
            op = data[at]
            at += 1
            # The frequent ones first: learning curves are millions of numbers and their keys.
            if op == 0x47:  # BINFLOAT
                stack.append(double(data, at)[0])
                at += 8
            elif op == 0x94:  # MEMOIZE
                memo[self._memoized] = stack[-1]
                self._memoized += 1
            elif op == 0x8C:  # SHORT_BINUNICODE
                end = at + 1 + data[at]
                stack.append(str(data[at + 1 : end], "utf-8"))
                at = end
            elif op == 0x4B:  # BININT1
                stack.append(data[at])
                at += 1
            elif op == 0x71:  # BINPUT
                memo[data[at]] = stack[-1]
                at += 1
            elif op == 0x72:  # LONG_BINPUT
                memo[int.from_bytes(data[at : at + 4], "little")] = stack[-1]
                at += 4
            elif op == 0x28:  # MARK
                marks.append(len(stack))
            elif op == 0x2E:  # STOP
                self._at = at
                (value,) = stack
                return value
            else:
                self._at = at
                action = _ACTIONS.get(op)
                if action is None:
                    past = op == 0 and self._at_end
                    raise ValueError(
                        "it ends too early"
                        if past
                        else f"opcode {op:#04x} is not one of plain data"
                    )
                action(self)
                data, at, limit = self._data, self._at, len(self._data) - _LONGEST + 1

    # -- bytes -------------------------------------------------------------------------------

    def _fill(self, count: int) -> None:
        """Have `count` bytes ahead; zeros, which are no opcode, follow the end of the source."""
        self._check_bounds()
        pieces, ahead = [self._data[self._at :]], len(self._data) - self._at
        self._passed += self._at
        while ahead < count:
            if self._at_end:
                raise ValueError("it ends too early")
            piece = self._file.read(CHUNK)
            if not piece:
                self._at_end = True
                piece = bytes(_LONGEST)
            pieces.append(piece)
            ahead += len(piece)
        self._data, self._at = b"".join(pieces), 0

    def _bytes(self, count: int) -> bytes:
        if count > MAX_STRING:
            raise ValueError(f"a string of {count} bytes is longer than any in plain data")
        if len(self._data) - self._at < count:
            self._fill(count)
        self._at += count
        return self._data[self._at - count : self._at]

    def _number(self, count: int) -> int:
        return int.from_bytes(self._bytes(count), "little")

    def _line(self) -> str:
        end = self._data.find(b"\n", self._at, self._at + _LONGEST)
        if end < 0:
            raise ValueError("the name of a global has no end")
        return self._bytes(end + 1 - self._at)[:-1].decode()

    def _check_bounds(self) -> None:
        """Refuse what plain data cannot be. It is looked at now and then, which costs nothing."""
        remembered = max(len(self._stack), len(self._recent), len(self._kept))
        if (
            self.position - self._begun > MAX_PART
            or self._objects > MAX_OBJECTS
            or remembered > MAX_STACK
            or len(self._marks) > MAX_NESTING
        ):
            raise SourceError(
                f"{self._where} is refused: near byte {self.position} its pickle builds more than"
                " any published table has in one piece"
            )

    # -- stack -------------------------------------------------------------------------------

    def _push(self, value: Any) -> None:
        self._stack.append(value)

    def _push_new(self, value: Any) -> None:
        """Push a container."""
        self._objects += 1
        self._stack.append(value)

    def _pop_marked(self) -> list[Any]:
        start = self._marks.pop()
        items = self._stack[start:]
        del self._stack[start:]
        return items

    def _tuple(self, count: int) -> None:
        items = tuple(self._stack[len(self._stack) - count :]) if count else ()
        if len(items) != count:
            raise ValueError("the stack is too short")
        del self._stack[len(self._stack) - count :]
        self._push_new(items)

    def _extend(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if type(target) is not list:
            raise ValueError("it appends to what is no list")
        target += items

    def _add(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if type(target) is not set:
            raise ValueError("it adds to what is no set")
        check_keys(items)
        target.update(items)

    def _set(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if type(target) is not dict:
            raise ValueError("it puts entries into what is no dictionary")
        keys = items[::2]
        check_keys(keys)
        target.update(zip(keys, items[1::2], strict=True))
        if self._take_entries is not None and self._take_entries(target):
            self._forget()

    def _forget(self) -> None:
        """Drop what was memoized since the last time, but for what later parts may refer to.

        That is anything of the first part; later texts that are new, and what stands for a global
        or a dtype. Numbers stay with their part.
        """
        for key, value in self._recent.items():
            if isinstance(value, str):
                new = value not in self._strings
            elif isinstance(value, bytes) and len(value) <= 1:  # of which Python has one each
                new = True
            else:
                new = not isinstance(value, (*_CONTAINERS, *_NUMBERS))
            if new or not self._strings:
                self._kept[key] = value
        self._strings.update(value for value in self._recent.values() if isinstance(value, str))
        self._recent.clear()
        self._objects, self._begun = 0, self.position

    def _get(self, key: int) -> None:
        self._push(self._recent[key] if key in self._recent else self._kept[key])

    # -- globals -----------------------------------------------------------------------------

    def _global(self, module: str, name: str) -> None:
        if (module, name) not in self._stand_ins:
            raise _refused(self._where, module, name)
        self._push(self._stand_ins[module, name])

    def _stack_global(self) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        if type(name) is not str or type(module) is not str:
            raise ValueError("it asks for a global by what is no name")
        self._global(module, name)

    def _reduce(self) -> None:
        arguments, function = self._stack.pop(), self._stack.pop()
        if (
            not callable(function) or type(arguments) is not tuple
        ):  # only stand-ins are callable here
            raise ValueError("it calls what is no function")
        made = function(*arguments)
        # A few bytes can call for a copy of much.
        self._objects += len(made) if isinstance(made, str | bytes | set) else 1
        self._check_bounds()
        self._push(made)

    def _build(self) -> None:
        state = self._stack.pop()
        if not isinstance(self._stack[-1], DType):
            raise ValueError("it sets the state of plain data")
        self._stack[-1].set_state(state)


def _decoded(size: int) -> Callable[[_Machine], None]:
    return lambda m: m._push(m._bytes(m._number(size)).decode())


def _raw(size: int) -> Callable[[_Machine], None]:
    return lambda m: m._push(m._bytes(m._number(size)))


def _constant(value: object) -> Callable[[_Machine], None]:
    return lambda m: m._push(value)


def _empty(kind: Callable[[], Any]) -> Callable[[_Machine], None]:
    return lambda m: m._push_new(kind())


_ACTIONS: Mapping[int, Callable[[_Machine], None]] = {
    ord(code): action
    for code, action in {
        "\x80": lambda m: m._bytes(1),  # PROTO
        "\x95": lambda m: m._bytes(8),  # FRAME
        "N": _constant(None),
        "\x88": _constant(True),
        "\x89": _constant(False),
        "J": lambda m: m._push(struct.unpack("<i", m._bytes(4))[0]),  # BININT
        "M": lambda m: m._push(m._number(2)),  # BININT2
        "\x8a": lambda m: m._push(
            int.from_bytes(m._bytes(m._number(1)), "little", signed=True)
        ),  # LONG1
        "X": _decoded(4),  # BINUNICODE
        "\x8d": _decoded(8),  # BINUNICODE8
        "C": _raw(1),  # SHORT_BINBYTES
        "B": _raw(4),  # BINBYTES
        "\x8e": _raw(8),  # BINBYTES8
        "}": _empty(dict),
        "]": _empty(list),
        "\x8f": _empty(set),
        ")": _constant(()),
        "\x85": lambda m: m._tuple(1),
        "\x86": lambda m: m._tuple(2),
        "\x87": lambda m: m._tuple(3),
        "t": lambda m: m._push_new(tuple(m._pop_marked())),  # TUPLE
        "a": lambda m: m._extend([m._stack.pop()]),  # APPEND
        "e": lambda m: m._extend(m._pop_marked()),  # APPENDS
        "\x90": lambda m: m._add(m._pop_marked()),  # ADDITEMS
        "s": lambda m: m._set([m._stack.pop(-2), m._stack.pop()]),  # SETITEM
        "u": lambda m: m._set(m._pop_marked()),  # SETITEMS
        "0": lambda m: m._stack.pop(),  # POP
        "h": lambda m: m._get(m._number(1)),  # BINGET
        "j": lambda m: m._get(m._number(4)),  # LONG_BINGET
        "c": lambda m: m._global(m._line(), m._line()),  # GLOBAL
        "\x93": _Machine._stack_global,
        "R": _Machine._reduce,
        "b": _Machine._build,
        "Q": lambda m: m._stack.__setitem__(-1, None),  # BINPERSID
    }.items()
}
