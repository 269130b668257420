from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.schedule.paths import apart, covers, prefixes

PATHS = st.lists(st.sampled_from("ab"), min_size=1, max_size=4).map(".".join)


def test_the_prefixes_of_a_path_go_from_the_outermost_to_itself():
    assert prefixes("layer4.0.bn1") == ["layer4", "layer4.0", "layer4.0.bn1"]


def test_a_path_covers_itself_and_its_parts_and_not_what_only_begins_alike():
    assert covers("layer1", "layer1")
    assert covers("layer1", "layer1.0.weight")
    assert not covers("layer1.0", "layer1")
    assert not covers("layer1", "layer10.weight")


@given(PATHS, PATHS)
def test_a_path_covers_what_it_is_a_prefix_of(path: str, inner: str):
    assert covers(path, inner) == (path in prefixes(inner))


@given(st.lists(PATHS), st.lists(PATHS))
def test_paths_stand_apart_of_which_none_covers_the_other(paths: list[str], others: list[str]):
    assert apart(paths, others) == [
        path
        for path in paths
        if not any(covers(path, other) or covers(other, path) for other in others)
    ]
