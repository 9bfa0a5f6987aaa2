"""Canonical JSON: equal values give equal bytes, and what JSON cannot hold is refused."""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from gamesim.core.canonical import canonical, digest, jsonable, plain
from gamesim.core.config import Config

values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53) + 1, 2**53 - 1), st.floats(-1e15, 1e15), st.text(st.characters(exclude_categories=["Cs"]))),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)),
    max_leaves=12,
)  # fmt: skip


def reversed_keys(value: object) -> object:
    if isinstance(value, dict):
        return {key: reversed_keys(value[key]) for key in reversed(list(value))}
    return [reversed_keys(item) for item in value] if isinstance(value, list) else value


@given(values)
def test_order_of_keys_does_not_matter_and_values_come_back(value: object) -> None:
    assert canonical(value) == canonical(reversed_keys(value))
    assert json.loads(canonical(value)) == value


numbers = st.one_of(
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(-1, 1),
    st.sampled_from([-0.0, 1e-4, 1e15, 2.0**53]),
)
texts = st.text(st.characters(exclude_categories=["Cs"]))


@given(
    st.recursive(
        st.one_of(numbers, texts, st.booleans(), st.none()),
        lambda i: st.one_of(st.lists(i), st.dictionaries(texts, i)),
        max_leaves=8,
    )
)
def test_the_bytes_are_those_of_the_standard(value: object) -> None:
    """Whichever encoder writes them."""
    assert canonical(value) == rfc8785.dumps(plain(value))


def test_numpy_and_tuples_are_what_they_hold() -> None:
    assert canonical({"a": np.float64(1.0), "b": (1, 2), "c": np.arange(2), "d": np.bool_(True)}) == canonical(
        {"a": 1.0, "b": [1, 2], "c": [0, 1], "d": True}
    )
    assert canonical({3, 1, 2}) == b"[1,2,3]"

    class Keys(Config):
        rate: float = 0.5

    assert canonical(Keys()) == b'{"rate":0.5}'


def test_whole_and_real_numbers_of_one_value_hash_alike() -> None:
    assert digest({"a": 1}) == digest({"a": 1.0})


def test_large_integers_keep_all_their_digits() -> None:
    assert canonical([2**53 - 1]) == b"[9007199254740991]"
    assert canonical([2**60]) == b'["1152921504606846976"]'


@pytest.mark.parametrize("value", [float("nan"), float("inf"), np.array([np.nan])])
def test_what_json_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises(ValueError):
        canonical(value)


@pytest.mark.parametrize("value", [object(), Fraction(1, 2), b"bytes", 1j])
def test_types_without_a_json_form_are_refused(value: object) -> None:
    with pytest.raises(TypeError):
        plain(value)


def test_records_write_nan_as_null() -> None:
    assert jsonable({"a": np.array([1.0, np.nan, np.inf])}) == {"a": [1.0, None, "inf"]}


def test_digest_is_sha256_of_the_bytes() -> None:
    import hashlib

    assert digest({"b": 1, "a": 2}) == hashlib.sha256(b'{"a":2,"b":1}').hexdigest()
