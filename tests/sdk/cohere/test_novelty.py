"""We hear of a new value before any user does: what the installed cohere lists has a reading."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args, get_origin

import pytest
from cohere import types

from otel_refusals.vendors._cohere_chat import CANCELLED, FINISH_REASONS, TOXIC


def literals(annotation: Any) -> Iterator[str]:
    """The strings of every `Literal` inside an annotation."""
    for argument in get_args(annotation) if get_origin(annotation) is not None else ():
        if isinstance(argument, str):
            yield argument
        else:
            yield from literals(argument)


@pytest.mark.parametrize("name", ["ChatFinishReason", "ChatStreamEndEventFinishReason", "FinishReason"])
def test_every_finish_reason_has_a_reading(name: str) -> None:
    """Of chat v2, of the end of a stream of v1, and of chat v1 and generate."""
    listed = set(literals(getattr(types, name)))

    assert listed
    assert set() == listed - set(FINISH_REASONS) - {TOXIC, CANCELLED}
