"""S_align and S_ind: the identity between them, the built-in embedding, and what may not be compared."""

from __future__ import annotations

import numpy as np
import pytest
from gamesim_analysis.commons.similarity import TfIdf, norm_similarity, same_embedding, tokens, vector_similarity
from hypothesis import given
from hypothesis import strategies as st

from gamesim.core.errors import MetricError


@given(st.integers(2, 40), st.integers(1, 12), st.integers(0, 10_000))
def test_both_are_one_number(n, d, seed):
    v = np.random.default_rng(seed).normal(size=(n, d))
    units = v / np.linalg.norm(v, axis=1, keepdims=True)
    found = vector_similarity(v)
    align = np.linalg.norm(units.sum(axis=0)) / n
    cosines = units @ units.T
    pairwise = (cosines.sum() - n) / (n * (n - 1))
    assert found.align.value == pytest.approx(align, abs=1e-12)
    assert found.individual.value == pytest.approx((n * align**2 - 1) / (n - 1), abs=1e-12)
    assert found.individual.value == pytest.approx(pairwise, abs=1e-12)
    assert "one measurement" in found.note


@given(st.integers(2, 10), st.floats(1e-200, 1e200), st.integers(0, 10_000))
def test_length_and_order_do_not_matter(n, scale, seed):
    rng = np.random.default_rng(seed)
    v, order = rng.normal(size=(n, 4)), rng.permutation(n)
    assert vector_similarity(v[order] * scale).align.value == pytest.approx(vector_similarity(v).align.value, abs=1e-9)


def test_extremes():
    assert vector_similarity(np.eye(4)).individual.value == pytest.approx(0, abs=1e-12)
    assert vector_similarity(np.eye(4)).align.value == pytest.approx(0.5)
    opposed = vector_similarity([[1.0], [-1.0]])
    assert (opposed.align.value, opposed.individual.value) == (0.0, -1.0)


def test_texts():
    same = norm_similarity(["Take two fish.", "take TWO fish", "Take two, fish!"])
    assert same.align.value == pytest.approx(1)
    assert same.individual.value == pytest.approx(1)
    unlike = norm_similarity(["take two fish", "leave half alone"])
    assert unlike.individual.value == pytest.approx(0, abs=1e-12)
    near = norm_similarity(["take at most two fish", "take at most three fish", "never punish anybody"])
    assert 0 < near.individual.value < 1


def test_a_common_word_weighs_less_than_a_rare_one():
    model = TfIdf.fit(["fish two", "fish three", "fish four"])
    weight = dict(zip(model.words, model.weights, strict=True))
    assert weight["fish"] == 1.0
    assert weight["two"] == pytest.approx(1 + np.log(4 / 2))
    assert model(["fish fish two"]).tolist() == [[2.0, 0.0, 0.0, weight["two"]]]


def test_texts_without_words_are_left_out_and_counted():
    found = norm_similarity(["take two", "?!", "take two"])
    assert (found.n, found.unread, found.align.value) == (2, 1, pytest.approx(1))
    alone = norm_similarity(["take two", ""])
    assert alone.align.value is None
    assert alone.align.reason == "1 of 2 norms has a vector; two are needed"
    assert norm_similarity([]).individual.value is None


def test_words_of_other_scripts():
    assert tokens("Prends DEUX poissons, pas d'avantage") == ["prends", "deux", "poissons", "pas", "d'avantage"]
    assert tokens("每人两条鱼") == ["每人两条鱼"]
    assert tokens("Straße") == ["strasse"]


def test_a_strangers_embedding_and_no_comparison_across_embeddings():
    class Length:
        name = "length"

        def __call__(self, texts):
            return np.array([[len(text), 1.0] for text in texts])

    texts = ["aa", "bbb", "cccc"]
    own, builtin = norm_similarity(texts, Length()), norm_similarity(texts)
    assert own.embedding == "length"
    assert builtin.embedding.startswith("tfidf-")
    assert same_embedding([own, own]) == "length"
    with pytest.raises(MetricError, match="scores of 2 embeddings cannot be compared"):
        same_embedding([own, builtin])
    assert TfIdf.fit(texts).name == TfIdf.fit(reversed(texts)).name
    assert TfIdf.fit(texts).name != TfIdf.fit([*texts, "dd"]).name


def test_a_broken_embedding_is_named():
    class Broken:
        name = "broken"

        def __call__(self, texts):
            return np.ones((1, 3))

    with pytest.raises(MetricError, match="embedding 'broken' gave shape"):
        norm_similarity(["a", "b"], Broken())
    with pytest.raises(MetricError, match="finite"):
        vector_similarity([[1.0, np.nan], [1.0, 2.0]])
