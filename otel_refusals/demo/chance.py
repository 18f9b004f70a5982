"""A vendor that declines a known share of everything: what a measured rate is held against.

python -m otel_refusals.demo.chance 0.15
"""

from __future__ import annotations

import hashlib
import sys
import time

from otel_refusals.demo.endpoint import VendorEndpoint
from otel_refusals.demo.script import ordinary
from otel_refusals.testing import Scenario

_CATEGORIES = ("cyber", "cyber", "cyber", "bio", "reasoning_extraction")


def drawn(share: float, seed: int, model: str, prompt: str) -> Scenario:
    """A decline, with probability `share`, before output or in the middle of it; else an ordinary answer.

    The lot depends on nothing but the arguments: asked again, a model says the same again.
    """
    lot = hashlib.sha256(f"{seed}\0{model}\0{prompt}".encode()).digest()
    if int.from_bytes(lot[:8], "big") / 2**64 >= share:
        return ordinary("task")
    category = _CATEGORIES[lot[9] % len(_CATEGORIES)]
    if lot[8] % 3:
        return Scenario(category=category)
    return Scenario(stage="mid_stream", category=category, text="The first step would be to look at")


class ChanceEndpoint(VendorEndpoint):
    """Declines by lot.

    Args:
        share: The probability of a refusal, or one for each model.
        seed: What the lots depend on.
    """

    def __init__(self, share: float | dict[str, float], seed: int = 0) -> None:
        super().__init__()
        self._share, self._seed = share, seed

    def played(self, prompt: str, model: str) -> Scenario:
        """What is drawn for this prompt and this model."""
        share = self._share.get(model, 0.0) if isinstance(self._share, dict) else self._share
        return drawn(share, self._seed, model, prompt)


def main(share: str = "0.15") -> None:
    """Serve until Ctrl-C."""
    with ChanceEndpoint(float(share)) as vendor:
        print(f"{float(share):.1%} refused at {vendor.url} (anthropic), {vendor.url}/v1 (openai). Ctrl-C stops.")
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main(*sys.argv[1:2])
