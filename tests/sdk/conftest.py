"""Each further vendor's tests lie in a folder of their own, and are left to the environments that have its SDK."""

from __future__ import annotations

from importlib.util import find_spec

<<<<<<< HEAD
collect_ignore = [
    name for name in ("aiobotocore", "botocore", "cohere", "litellm", "mistralai") if find_spec(name) is None
]
=======
_VENDORS = ("aiobotocore", "botocore", "cohere", "litellm", "mistralai")

collect_ignore = [name for name in _VENDORS if find_spec(name) is None]
>>>>>>> w/litellm
if find_spec("google") is None or find_spec("google.genai") is None:
    collect_ignore.append("google_genai")
