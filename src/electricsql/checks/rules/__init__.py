"""The rules, one file each. Adding one is adding a file; see `checks/rule.py`."""
