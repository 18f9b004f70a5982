"""A slice of the fuzzing, the same cases each time; `make fuzz` goes on from here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fuzz import __main__ as command
from tests.fuzz.targets import TARGETS

_SEED = 1


@pytest.mark.filterwarnings("ignore::UserWarning")  # of the SDKs, which say so of values that they do not know
@pytest.mark.parametrize("target", TARGETS)
def test_a_slice_of_the_fuzzing_finds_nothing(target: str) -> None:
    """A few hundred wires for each reader and decoder; of the SDKs' calls, which take much longer, twenty."""
    for case in range(2 if target.startswith("sdk.") else 200):
        command.play(target, _SEED, case)


def test_a_run_goes_on_where_the_last_one_stopped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By the seed and the number of the case; what an earlier run found is told again."""
    state = tmp_path / "state.json"
    done = {"seconds": 60.0, "cases": 7, "findings": {"somewhere": 3}}
    state.write_text(json.dumps({"5": {"sockets": done}}))

    arguments = ["--seed", "5", "--state", str(state), "sockets"]
    assert 1 == command.main(["--minutes", "1", *arguments])
    assert "7 cases   1 findings" in capsys.readouterr().out
    command.main(["--minutes", "1.001", *arguments])
    assert 7 < json.loads(state.read_text())["5"]["sockets"]["cases"]


def test_one_case_can_be_played_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """And shows what it raises."""

    def broken(_: object) -> None:
        raise ArithmeticError

    monkeypatch.setitem(TARGETS, "sockets", broken)
    with pytest.raises(ArithmeticError):
        command.main(["--case", "3", "sockets"])
