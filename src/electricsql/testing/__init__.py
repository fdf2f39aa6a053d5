"""What tests are made of: a checker of histories, a simulated world, contracts for stores; and many
devices in one test, for apps (`Together`). Nothing in the product imports it."""

from electricsql.testing.together import Together

__all__ = ["Together"]
