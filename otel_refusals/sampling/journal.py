"""What a sample has asked and what was answered, in an append-only file: no answer is paid for twice.

The law of this module: a line is on the disk before what it says is acted upon. That a request is about to be sent is
written before it is sent, and an answer before it counts. A request that was sent, and of which nothing more is known,
is in doubt: the process was killed while the vendor worked on it. It holds ids and figures, and no content.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from otel_refusals.sampling.case import Case, case_from

if TYPE_CHECKING:
    from typing_extensions import Self

_FORMAT = 1
_BEGINS = b'{"journal"'

Key = tuple[str, str]
"""The id of a prompt and the model that it is put to."""


class JournalError(Exception):
    """A journal that cannot be used. The message names the file and what is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What must not change from one run on a journal to the next, because it changes the answers.

    Args:
        vendor: Whose SDK asks.
        models: The model, and the one that it is compared with.
        prompts: The fingerprint of the prompts.
        seed: By which prompts are chosen.
        stream: Whether answers are streamed.
        max_tokens: The most that one answer may have.
        base_url: Who is asked, None for the vendor itself.
    """

    vendor: str
    models: tuple[str, ...]
    prompts: str
    seed: int
    stream: bool
    max_tokens: int
    base_url: str | None


class Journal:
    """A journal in use, locked against other processes. Make one with `open_journal`.

    `answered` has the cases by key. `doubtful` has the keys that were sent and never answered, with what is held back
    of the budget for each.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.answered: dict[Key, Case] = {}
        self.doubtful: dict[Key, int] = {}
        self._descriptor = descriptor

    def asking(self, key: Key, reserve: int) -> None:
        """Note that a request is about to be sent, for which `reserve` tokens are held back."""
        self._write({"asking": list(key), "reserve": reserve})

    def answer(self, case: Case) -> None:
        """Note an answer. It is on the disk when this returns."""
        self._write({"answer": case.as_json()})
        self.answered[case.id, case.model] = case

    def failed(self, key: Key, error: str) -> None:
        """Note that a request was not answered, so that it may be asked again."""
        self._write({"failed": list(key), "error": error})

    def begin(self, settings: Settings) -> None:
        """Write the first line."""
        self._write({"journal": _FORMAT, "settings": asdict(settings)})

    def replay(self, line: bytes) -> None:
        """Take in one line but the first.

        Raises:
            ValueError: for a line that no journal has.
        """
        wire = json.loads(line)
        if not isinstance(wire, dict):
            raise ValueError("is no object")  # noqa: TRY004 - of a file, not of a call
        if "asking" in wire:
            self.doubtful[_key(wire["asking"])] = int(wire["reserve"])
        elif "answer" in wire:
            case = case_from(wire["answer"])
            self.answered[case.id, case.model] = case
            self.doubtful.pop((case.id, case.model), None)
        elif "failed" in wire:
            self.doubtful.pop(_key(wire["failed"]), None)
        else:
            raise ValueError("is neither asking, answer nor failed")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    def _write(self, line: dict[str, Any]) -> None:
        data = json.dumps(line).encode() + b"\n"
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
            os.fsync(self._descriptor)
        except OSError as error:
            raise JournalError(f"{self.path}: {error.strerror}; what is in it can be resumed") from None


def open_journal(path: Path, settings: Settings) -> Journal:
    """The journal of that path, begun where there is none, else read and ready to go on.

    A last line that was cut off, by a kill or a full disk, is removed: nothing was acted upon because of it.

    Raises:
        JournalError: for one that another process uses, that was made with other settings, or that is no journal.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError as error:
        raise JournalError(f"{path}: {(error.strerror or type(error).__name__).lower()}") from None
    journal = Journal(path, descriptor)
    try:
        _lock(journal)
        body = path.read_bytes()
        whole = body[: body.rfind(b"\n") + 1]
        if not whole and not body.startswith(_BEGINS[: len(body)]):
            raise _none(path)
        first, *rest = whole.splitlines() or [b""]
        if first:
            _check(path, first, settings)
        for number, line in enumerate(rest, 2):
            try:
                journal.replay(line)
            except (ValueError, KeyError, TypeError) as error:
                raise JournalError(f"{path}, line {number}: is no line of a journal: {error}") from None
        os.ftruncate(descriptor, len(whole))
        if not first:
            journal.begin(settings)
            _sync_directory(path.parent)
    except BaseException:
        os.close(descriptor)
        raise
    return journal


def _key(wire: object) -> Key:
    if not isinstance(wire, list) or len(wire) != 2 or not all(isinstance(part, str) for part in wire):
        raise ValueError("names no prompt and model")
    return wire[0], wire[1]


def _check(path: Path, first: bytes, settings: Settings) -> None:
    try:
        wire = json.loads(first)
        version, made_with = wire["journal"], wire["settings"]
    except (ValueError, KeyError, TypeError):
        raise _none(path) from None
    if version != _FORMAT:
        raise JournalError(f"{path}: is a journal of version {version}, and this release reads version {_FORMAT}")
    wanted = json.loads(json.dumps(asdict(settings)))
    differing = [name for name in wanted if made_with.get(name) != wanted[name]]
    if differing:
        told = "; ".join(_told(name, made_with.get(name), wanted[name]) for name in differing)
        raise JournalError(
            f"{path}: was made with other settings: {told}. Use those again, or name another file with --out"
        )


def _none(path: Path) -> JournalError:
    return JournalError(f"{path}: is no journal of otel-refusals sample; name another file with --out")


def _told(name: str, before: object, now: object) -> str:
    if name == "prompts":
        return "other prompts"
    return f"{name} was {json.dumps(before)} and is {json.dumps(now)}"


def _lock(journal: Journal) -> None:
    """Two processes on one journal would ask everything twice. Where the system has no such locks, there is none."""
    try:
        import fcntl
    except ModuleNotFoundError:  # Windows
        return
    try:
        fcntl.flock(journal._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise JournalError(f"{journal.path}: another process is asking with this journal") from None


def _sync_directory(directory: Path) -> None:
    """A new file is on the disk once its directory is; some systems cannot say."""
    with contextlib.suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
