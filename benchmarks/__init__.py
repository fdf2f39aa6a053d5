"""What electricsql costs, as ratios to doing the same without it: `python -m benchmarks`.

Both sides of a ratio are measured in the same run, in turns, with the same settings, so that a slow
machine or a busy minute slows both. docs/benchmarks.md says what is behind each number.
"""
