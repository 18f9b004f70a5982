"""LiteLLM, whose own requests and those that it has the openai SDK make are seen alike."""
