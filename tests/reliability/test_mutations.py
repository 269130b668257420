"""What is broken is read or refused in words, and nothing in it is ever run."""

from __future__ import annotations

import pickle

import pytest

from tests.reliability.doors import RAN, Evil
from tests.reliability.mutations import trials
from tests.sample import thorough


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")  # torch's, of a foreign checkpoint
@pytest.mark.parametrize("count", [200, *thorough(2_000)])
def test_broken_documents_end_in_no_traceback_and_every_refusal_names_its_place(count: int) -> None:
    seen = trials(count, seed=7)
    assert seen.total() >= count
    for door in ("schedules", "settings", "run folders"):
        assert seen[f"{door}, refused"] > 0, seen
        assert seen[f"{door}, read"] > 0 or count < 2_000, seen  # few of 200 broken ones are whole
    assert RAN == []
    pickle.loads(pickle.dumps(Evil()))
    assert RAN.pop(), "a pickle that is loaded would have been noticed"
