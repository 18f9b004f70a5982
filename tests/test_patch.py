"""The patch engine: vendors are patched when the application imports them, and whatever is wrong, their import
succeeds.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from types import ModuleType
from typing import Any

import pytest
import wrapt

from otel_refusals import failure, patch
from otel_refusals.patch import Patches
from otel_refusals.vendor import Chokepoint, Vendor


def silent(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    """A wrapper that does nothing."""
    return wrapped(*args, **kwargs)


def vendor_of(*chokepoints: Chokepoint, requires: str = "no-such-distribution >= 1") -> Vendor:
    """A vendor that is only chokepoints."""
    return Vendor("acme", requires, ("acme",), lambda _: "acme", chokepoints, ())


@pytest.fixture
def acme(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """An imported SDK module with one class."""
    module = ModuleType("acme_sdk")
    exec("class Client:\n    def request(self):\n        return 'answer'\n", vars(module))
    monkeypatch.setitem(sys.modules, "acme_sdk", module)
    return module


def test_an_imported_vendor_is_patched_at_once(acme: Any) -> None:
    """And restored to the very same function."""
    original = vars(acme.Client)["request"]
    patches = Patches(vendor_of(Chokepoint("acme_sdk", "Client.request", "call")), lambda point: silent)
    patches.apply()
    assert original is not vars(acme.Client)["request"]
    assert "answer" == acme.Client().request()
    patches.remove()

    assert original is vars(acme.Client)["request"]


def test_another_package_is_left_alone_until_the_vendors_own_is_imported(acme: Any) -> None:
    """A gateway's SDK may be seen inside the one that it calls, which is nobody's concern where the gateway is not."""
    original = vars(acme.Client)["request"]
    points = (Chokepoint("gateway_sdk_of_nobody", "call", "call"), Chokepoint("acme_sdk", "Client.request", "call"))
    patches = Patches(vendor_of(*points), lambda point: silent)
    patches.apply()

    assert original is vars(acme.Client)["request"]
    patches.remove()


@pytest.mark.parametrize("ours_first", [True, False], ids=["ours first", "theirs first"])
def test_the_wrapper_of_others_on_a_subclass_does_not_lead_past_ours(acme: Any, ours_first: bool) -> None:
    """It holds the method that the subclass inherited, ours or not; both are called, and both come off."""
    calls: list[str] = []

    def noting(name: str) -> Any:
        def wrapper(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
            calls.append(name)
            return wrapped(*args, **kwargs)

        return wrapper

    original = vars(acme.Client)["request"]
    acme.Special = type("Special", (acme.Client,), {})
    patches = Patches(vendor_of(Chokepoint("acme_sdk", "Client.request", "call")), lambda point: noting("ours"))
    steps = [patches.apply, lambda: wrapt.wrap_function_wrapper(acme, "Special.request", noting("theirs"))]
    for step in steps if ours_first else reversed(steps):
        step()

    assert "answer" == acme.Special().request()
    assert ["theirs", "ours"] == calls
    patches.remove()
    assert original is vars(acme.Special)["request"].__wrapped__
    assert "answer" == acme.Special().request()
    assert ["theirs", "ours", "theirs"] == calls


@pytest.mark.parametrize("off_first", [True, False], ids=["before ours is on", "while ours is on"])
def test_what_others_restore_on_a_subclass_does_not_lead_past_ours(acme: Any, off_first: bool) -> None:
    """They put there, as its own, what it had inherited: the original, or ours, which they found in its place."""
    calls: list[str] = []

    def ours(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        calls.append("ours")
        return wrapped(*args, **kwargs)

    original = vars(acme.Client)["request"]
    acme.Special = type("Special", (acme.Client,), {})
    patches = Patches(vendor_of(Chokepoint("acme_sdk", "Client.request", "call")), lambda point: ours)
    if not off_first:
        patches.apply()
    acme.Special.request = acme.Special.request
    for _ in range(2):
        patches.apply()
        assert "answer" == acme.Special().request()
        patches.remove()
        assert original is vars(acme.Special)["request"]
        assert "answer" == acme.Special().request()

    assert ["ours", "ours"] == calls


def test_ours_that_others_put_back_when_it_was_off_is_replaced(acme: Any) -> None:
    """They found it on the class, and restore what they found after ours went: then it does nothing, until the next."""
    calls: list[str] = []

    def ours(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        calls.append("ours")
        return wrapped(*args, **kwargs)

    acme.Special = type("Special", (acme.Client,), {})
    vendor = vendor_of(Chokepoint("acme_sdk", "Client.request", "call"))
    first, second = Patches(vendor, lambda point: ours), Patches(vendor, lambda point: ours)
    first.apply()
    found = acme.Special.request
    first.remove()
    acme.Special.request = found
    assert ("answer", []) == (acme.Special().request(), calls)

    second.apply()
    assert ("answer", ["ours"]) == (acme.Special().request(), calls)
    second.remove()
    assert ("answer", ["ours"]) == (acme.Special().request(), calls)


def test_a_function_of_others_on_a_subclass_does_not_lead_past_ours(acme: Any) -> None:
    """It closes over what it found there before ours came; Logfire's does. Twice, as ours may come again."""
    calls: list[str] = []

    def ours(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        calls.append(f"ours, of {type(instance).__name__}{args}")
        return wrapped(*args, **kwargs)

    acme.Special = type("Special", (acme.Client,), {})
    found = acme.Special.request

    def theirs(*args: Any) -> Any:
        return found(*args)

    acme.Special.request = theirs
    for _ in range(2):
        patches = Patches(vendor_of(Chokepoint("acme_sdk", "Client.request", "call")), lambda point: ours)
        patches.apply()
        assert "answer" == acme.Special().request()
        patches.remove()
        assert "answer" == acme.Special().request()

    assert ["ours, of Special()"] * 2 == calls


def test_a_vendor_of_an_unknown_shape_is_skipped_and_says_so(acme: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A chokepoint that is not there."""
    patches = Patches(vendor_of(Chokepoint("acme_sdk", "Client.dispatch", "call")), lambda point: silent)
    with caplog.at_level(logging.WARNING, "otel_refusals"):
        patches.apply()

    assert "acme is not instrumented: acme_sdk.Client.dispatch is not there" in caplog.text
    assert "answer" == acme.Client().request()


def test_a_class_that_is_not_there_is_skipped_too(acme: Any) -> None:
    """The owner of the chokepoint is missing."""
    patches = Patches(vendor_of(Chokepoint("acme_sdk", "Server.request", "call")), lambda point: silent)
    patches.apply()

    assert "acme_sdk.Server.request is not there" == patches.skipped


def test_a_chokepoint_of_later_versions_may_be_absent(acme: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Its absence in an older SDK is no fault."""
    point = Chokepoint("acme_sdk", "finish_span", "native_span", since="9.9")
    patches = Patches(vendor_of(point), lambda point: silent)
    with caplog.at_level(logging.WARNING, "otel_refusals"):
        patches.apply()

    assert ("", "") == (patches.skipped, caplog.text)


def test_a_version_outside_the_supported_range_is_skipped_and_says_so(
    acme: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """With the installed version and the supported ones."""
    vendor = vendor_of(Chokepoint("acme_sdk", "Client.request", "call"), requires="pytest < 1")
    patches = Patches(vendor, lambda point: silent)
    with caplog.at_level(logging.WARNING, "otel_refusals"):
        patches.apply()

    assert f"pytest {pytest.__version__} is installed, pytest < 1 is supported" in caplog.text
    assert "answer" == acme.Client().request()


def test_an_engine_that_fails_does_not_fail_the_import(acme: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our bug is not the application's."""
    monkeypatch.setattr(failure, "raise_failures", False)

    def broken(point: Chokepoint) -> Any:
        raise ZeroDivisionError

    patches = Patches(vendor_of(Chokepoint("acme_sdk", "Client.request", "call")), broken)
    patches.apply()

    assert "ZeroDivisionError" in patches.skipped


def _run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.strip()


def test_importing_us_imports_no_vendor_and_no_opentelemetry_sdk() -> None:
    """In a user's service we must be light."""
    code = (
        "import sys, otel_refusals\n"
        "heavy = {'anthropic', 'openai', 'pydantic', 'httpx', 'httpx2', 'click', 'rich', 'packaging'}\n"
        "print(sorted(heavy & set(sys.modules)), [name for name in sys.modules if 'opentelemetry.sdk' in name])"
    )

    assert "[] []" == _run(code)


def test_a_vendor_imported_after_us_is_patched_then() -> None:
    """`instrument()` imports nothing; the application's import does."""
    code = (
        "import sys, otel_refusals\n"
        "otel_refusals.instrument()\n"
        "before = 'anthropic' in sys.modules\n"
        "import anthropic\n"
        "print(before, type(vars(anthropic._base_client.SyncAPIClient)['request']).__name__)\n"
        "otel_refusals.uninstrument()\n"
        "print(type(vars(anthropic._base_client.SyncAPIClient)['request']).__name__)"
    )

    assert "False FunctionWrapper\nfunction" == _run(code)


def test_a_vendor_imported_after_uninstrument_is_left_alone() -> None:
    """The import hook stays, and does nothing."""
    code = (
        "import otel_refusals\n"
        "otel_refusals.instrument()\n"
        "otel_refusals.uninstrument()\n"
        "import openai\n"
        "print(type(vars(openai._base_client.SyncAPIClient)['request']).__name__)"
    )

    assert "function" == _run(code)


def test_a_vendor_that_is_never_imported_collects_no_hooks() -> None:
    """However often it is instrumented, as tests do it once each: one hook, and nothing that it holds."""
    name = "sdk_that_nobody_imports"
    for _ in range(20):
        patches = Patches(vendor_of(Chokepoint(name, "Client.request", "call")), lambda point: silent)
        patches.apply()
        patches.remove()

    assert 1 == len(wrapt.importer._post_import_hooks[name])
    assert [] == patch._waiting[name]


def test_an_import_that_is_under_way_when_the_patches_come_off_leaves_the_original(acme: Any) -> None:
    """One thread has imported the vendor and patches it while another uninstruments."""
    original = vars(acme.Client)["request"]
    patching, go_on = threading.Event(), threading.Event()

    def wrapper_for(_: Chokepoint) -> Any:
        patching.set()
        go_on.wait(10)
        return silent

    patches = Patches(vendor_of(Chokepoint("acme_sdk", "Client.request", "call")), wrapper_for)
    importing = threading.Thread(target=patches.apply)
    importing.start()
    assert patching.wait(10)
    removing = threading.Thread(target=patches.remove)
    removing.start()
    removing.join(0.1)
    go_on.set()
    for thread in (importing, removing):
        thread.join()

    assert original is vars(acme.Client)["request"]
