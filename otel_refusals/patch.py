"""Puts wrappers on chokepoints and takes them off again. The only importer of wrapt.

The law of this module: a vendor is patched when the application imports it and never imported from here; whatever is
wrong with a vendor, its import succeeds; a wrapper that cannot be taken off, because somebody wrapped it, keeps
still.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from threading import RLock
from types import ModuleType
from typing import Any

import wrapt

from otel_refusals.failure import swallow
from otel_refusals.vendor import Chokepoint, Vendor

log = logging.getLogger("otel_refusals")

Wrapper = Callable[[Callable[..., Any], Any, tuple[Any, ...], dict[str, Any]], Any]

_lock = RLock()
"""One thread's import of a vendor may meet another's `remove`."""

_waiting: dict[str, list[tuple[Patches, Callable[[ModuleType], None]]]] = {}
"""What is to be done when a module is imported. wrapt never forgets a hook, so it gets one per module."""


@dataclass(slots=True)
class _Applied:
    point: Chokepoint
    owner: Any
    name: str
    handle: Any


class _Switch(list[bool]):
    """Whether wrappers are on: while it holds something.

    wrapt asks before every call of one. Of a list it does so in C, where a function would be one more call.
    """


@dataclass(slots=True)
class Patches:
    """The wrappers of one vendor.

    Args:
        vendor: Whose chokepoints.
        wrapper_for: The wrapper for each of them.
    """

    vendor: Vendor
    wrapper_for: Callable[[Chokepoint], Wrapper]
    skipped: str = ""
    _switch: _Switch = field(default_factory=_Switch)
    _applied: list[_Applied] = field(default_factory=list)

    def apply(self) -> None:
        """Patch what is imported, and whatever will be when the application imports it."""
        self._switch[:] = [True]
        own = self.vendor.chokepoints[0].module.partition(".")[0]
        for module in dict.fromkeys(point.module for point in self.vendor.chokepoints):
            if module.partition(".")[0] == own:
                self._when_imported(module, self._patch_module)
            else:  # of another package, which is no concern of ours until the vendor's own is used
                self._when_imported(own, partial(self._patch_later, module))

    @property
    def active(self) -> bool:
        """Whether the vendor is patched, or will be when it is imported."""
        return bool(self._switch)

    @property
    def applied(self) -> tuple[Chokepoint, ...]:
        """The chokepoints that are wrapped now."""
        return tuple(patch.point for patch in self._applied)

    def remove(self) -> None:
        """Restore the originals, under or over the wrappers of others."""
        with _lock:
            self._switch.clear()
            for module, waiting in _waiting.items():
                _waiting[module] = [(patches, work) for patches, work in waiting if patches is not self]
            while self._applied:
                patch = self._applied.pop()
                for owner in (patch.owner, *_subclasses(patch.owner)):
                    _unwrap(owner, patch.name, patch.handle)

    def _when_imported(self, module: str, work: Callable[[ModuleType], None]) -> None:
        if module in sys.modules:
            work(sys.modules[module])
            return
        with _lock:
            known = module in _waiting
            _waiting.setdefault(module, []).append((self, work))
        if not known:
            wrapt.register_post_import_hook(_imported, module)

    def _patch_later(self, module: str, _: ModuleType) -> None:
        self._when_imported(module, self._patch_module)

    def _patch_module(self, module: ModuleType) -> None:
        # An exception from here would fail the application's import of the vendor.
        try:
            self.skipped = self._unsupported()
            with _lock:
                for point in self.vendor.chokepoints if self.active and not self.skipped else ():
                    if point.module == module.__name__:
                        self._wrap(module, point)
        except Exception as error:
            self.skipped = f"{type(error).__name__}: {error}"
            swallow(error, f"Patches({self.vendor.name})", self.vendor.name)
        if self.skipped and self.active:
            log.warning("%s is not instrumented: %s", self.vendor.name, self.skipped)

    def _wrap(self, module: ModuleType, point: Chokepoint) -> None:
        owner_path, _, name = point.name.rpartition(".")
        owner: Any = module
        for part in filter(None, owner_path.split(".")):
            owner = getattr(owner, part, None)
        original = vars(owner).get(name) if owner is not None else None
        if original is None:
            if not point.since:
                self.skipped = f"{point.module}.{point.name} is not there"
            return
        # A package may have taken over the function of a module of its own, which is wrapped already.
        handle = next((patch.handle for patch in self._applied if patch.handle is original), None)
        if handle is None:
            switch: Any = self._switch
            handle = wrapt.FunctionWrapper(original, self.wrapper_for(point), enabled=switch)
        setattr(owner, name, handle)
        for cls in _subclasses(owner):
            held: Any = vars(cls).get(name)
            if _leads_past(held, original):
                setattr(cls, name, handle)  # others put that there, who took it for what was theirs to restore
            else:
                _slip_under(held, original, handle)
                _slip_into(held, original, handle.__get__(None, cls))
        self._applied.append(_Applied(point, owner, name, handle))

    def _unsupported(self) -> str:
        """Why the installed version cannot be instrumented; empty if it can."""
        from packaging.requirements import Requirement  # only when a vendor is there: it is slow to import

        requirement = Requirement(self.vendor.requires)
        try:
            installed = version(requirement.name)
        except PackageNotFoundError:
            return ""  # vendored or on the path without metadata: its shape will tell
        if requirement.specifier.contains(installed, prereleases=True):
            return ""
        return f"{requirement.name} {installed} is installed, {self.vendor.requires} is supported"


def _imported(module: ModuleType) -> None:
    with _lock:
        waiting = _waiting.pop(module.__name__, [])
    for _, work in waiting:
        work(module)


def _subclasses(owner: Any) -> Iterator[type]:
    found: list[type] = type.__subclasses__(owner) if isinstance(owner, type) else []
    for cls in found:
        yield cls
        yield from _subclasses(cls)


def _slip_under(outer: Any, original: Any, handle: Any) -> None:
    """Put `handle` where `original` is, inside the wrappers that others have put on a subclass before.

    Such a wrapper holds the method that the subclass inherited then, and would lead past ours for good.
    """
    while isinstance(outer, wrapt.FunctionWrapper):
        inner: Any = outer.__wrapped__
        if inner is original:
            outer.__wrapped__ = handle
            return
        outer = inner


def _slip_into(outer: Any, original: Any, handle: Any) -> None:
    """The same where the wrapper is a function that closes over what it found."""
    for cell in getattr(outer, "__closure__", None) or ():
        with suppress(ValueError):  # of a variable that has no value
            if _leads_past(cell.cell_contents, original):
                cell.cell_contents = handle


def _leads_past(held: Any, original: Any) -> bool:
    """Whether this is the original, or a wrapper of ours around it that is switched off for good."""
    switch = getattr(held, "_self_enabled", None)
    return held is original or (isinstance(switch, _Switch) and not switch and held.__wrapped__ is original)


def _unwrap(owner: Any, name: str, handle: Any) -> None:
    """Take `handle` out of the chain of wrappers at `owner.name`.

    A wrapper of wrapt's can be told of its new inside; one that closed over ours cannot: there ours stays, and is off.
    """
    outer: Any = vars(owner).get(name)
    if _is(outer, handle):
        setattr(owner, name, handle.__wrapped__)
        return
    while isinstance(outer, wrapt.FunctionWrapper):
        inner: Any = outer.__wrapped__
        if _is(inner, handle):
            outer.__wrapped__ = handle.__wrapped__
            return
        outer = inner


def _is(wrapper: Any, handle: Any) -> bool:
    """Whether `wrapper` is `handle`, or what is read of it from a class: others put that back when they restore."""
    return wrapper is handle or getattr(wrapper, "_self_parent", None) is handle
