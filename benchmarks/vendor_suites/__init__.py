"""The vendors' own test suites, plain and instrumented: whatever passes plain has to pass instrumented."""
