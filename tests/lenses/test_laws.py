"""The laws hold of made-up applications, histories, orders of arrival and versions."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.lenses.laws import LAWS, Law


@pytest.mark.parametrize("law", LAWS)
def test_a_law_holds(law: Law) -> None:
    @settings(max_examples=30)
    @given(st.randoms(use_true_random=False))
    def holds(random: Random) -> None:
        law(random)

    holds()
