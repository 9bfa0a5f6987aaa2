"""Named streams: what a name promises, and that nobody's numbers depend on who else is there."""

from __future__ import annotations

import subprocess
import sys
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gamesim.core.seeds import CHUNK, Seeds

paths = st.lists(st.one_of(st.integers(0, 2**40), st.text(max_size=8)), min_size=1, max_size=4)


@settings(deadline=None)
@given(st.integers(0, 2**70), paths, paths)
def test_a_stream_is_its_name(root: int, one: list[int | str], other: list[int | str]) -> None:
    seeds = Seeds(root)
    draws = [Seeds(root).stream(*one).random(4).tolist(), seeds.stream(*one).random(4).tolist()]
    assert draws[0] == draws[1]
    blocks = [Seeds(root).block(*one, shape=(3,)).tolist(), seeds.block(*one, shape=(3,)).tolist()]
    assert blocks[0] == blocks[1]
    if one != other:
        assert seeds.stream(*other).random(4).tolist() != draws[0]
        assert seeds.block(*other, shape=(3,)).tolist() != blocks[0]


def test_numbers_and_words_are_different_names() -> None:
    seeds = Seeds(1)
    names = [("a", 1), ("a", "1"), ("a1",), ("a", 1, ""), ("a,1",), ('a","1',)]
    assert len({seeds.stream(*name).integers(2**62) for name in names}) == len(names)


def test_roots_differ() -> None:
    assert len({Seeds(root).stream("a").integers(2**62) for root in range(200)}) == 200
    assert len({float(Seeds(root).block("a", shape=(1,))[0]) for root in range(200)}) == 200


def test_an_added_agent_leaves_the_others_numbers_alone() -> None:
    small, large = (Seeds(3).block("policy", 1, "chunk", 0, shape=(n, CHUNK, 1)) for n in (4, 5))
    assert np.array_equal(small, large[:4])
    normal, more = (Seeds(3).normals("growth", shape=(n, CHUNK)) for n in (4, 5))
    assert np.array_equal(normal, more[:4])


def test_blocks_do_not_depend_on_what_was_drawn_before() -> None:
    seeds = Seeds(9)
    first = seeds.block("a", shape=(5,))
    seeds.normals("b", shape=(7,))
    seeds.block("c", shape=(1,))
    assert np.array_equal(seeds.block("a", shape=(5,)), first)


def test_blocks_are_the_same_in_every_thread_and_process() -> None:
    here = Seeds(9).block("a", shape=(5,)).tolist()
    found: list[list[float]] = []
    threads = [
        threading.Thread(target=lambda: found.append(Seeds(9).block("a", shape=(5,)).tolist())) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    code = "from gamesim.core.seeds import Seeds; print(Seeds(9).block('a', shape=(5,)).tolist())"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found == [here] * 4
    assert other.strip() == str(here)


def test_known_numbers_have_not_moved() -> None:
    """Records of earlier versions replay only while these hold."""
    assert Seeds(7).stream("agent", "player_3").integers(2**32, size=3).tolist() == KNOWN_STREAM
    assert Seeds(7).block("a", 1, shape=(2,)).tolist() == KNOWN_BLOCK
    assert Seeds(7).episode(0) == KNOWN_EPISODE


KNOWN_STREAM = [172091943, 629389580, 3620999290]
KNOWN_BLOCK = [0.599944933676716, 0.626796416884059]
KNOWN_EPISODE = 2520215446435603


def test_uniforms_are_uniform_and_uncorrelated_between_names() -> None:
    seeds = Seeds(2)
    blocks = np.stack([seeds.block("x", i, shape=(2000,)) for i in range(20)])
    assert blocks.min() >= 0
    assert blocks.max() < 1
    assert abs(blocks.mean() - 0.5) < 0.01
    assert abs(blocks.var() - 1 / 12) < 0.002
    correlation = np.corrcoef(blocks) - np.eye(20)
    assert np.abs(correlation).max() < 0.1
    firsts = np.array([float(seeds.block("y", i, shape=(1,))[0]) for i in range(4000)])
    assert abs(firsts.mean() - 0.5) < 0.02  # first draws of neighbouring names are spread as well


def test_episode_seeds_fit_a_double_and_differ() -> None:
    seeds = [Seeds(5).episode(r) for r in range(2000)]
    assert len(set(seeds)) == 2000
    assert min(seeds) >= 0
    assert max(seeds) < 2**53
    assert max(seeds) > 2**52


def test_a_negative_root_is_refused() -> None:
    with pytest.raises(ValueError, match="whole number"):
        Seeds(-1)
