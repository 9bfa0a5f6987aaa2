"""How alike the norms of a society are: S_align and S_ind, over any embedding of texts.

As printed in their source the two are one number: with unit vectors n_i, S_align = ||sum n_i|| / N and S_ind, the mean
cosine of distinct pairs, is (N S_align**2 - 1) / (N - 1). Both are reported, and neither is evidence beside the other.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from gamesim.core.arrays import FloatArray
from gamesim.core.errors import MetricError
from gamesim_analysis.stats.results import Measure

NOTE = "S_ind follows from S_align and the number of norms: one measurement, shown in two forms."
_WORD = re.compile(r"\w+(?:['’]\w+)*")


class Embedding(Protocol):
    """Texts to vectors. Scores made with different ``name`` are never compared; the name goes into the manifest."""

    @property
    def name(self) -> str: ...
    def __call__(self, texts: Sequence[str]) -> FloatArray:
        """Shape (texts, dimensions); a row of zeros says that the embedding knows nothing of that text."""
        ...


@dataclass(frozen=True)
class Similarity:
    """Similarity of N norms; None with the reason where fewer than two could be embedded.

    Attributes
    ----------
    align : S_align in [0, 1].  individual : S_ind in [-1/(N-1), 1]
    n : norms compared.  unread : norms without a vector (no word known), left out
    """

    align: Measure
    individual: Measure
    n: int
    unread: int
    embedding: str
    note: str = NOTE


@dataclass(frozen=True)
class TfIdf:
    """Counts of words, weighted down where a word is common in the corpus; nothing to download.

    The weights come from the corpus it was fitted to (all norms of the runs compared), so the name carries the corpus's
    fingerprint: two scores with one name are comparable.
    """

    words: tuple[str, ...]
    weights: tuple[float, ...]
    fingerprint: str

    @classmethod
    def fit(cls, corpus: Iterable[str]) -> TfIdf:
        """Learn words and weights; each weight is 1 + ln((1 + texts)/(1 + texts with the word)).

        Examples
        --------
        >>> TfIdf.fit(["Take two fish", "take ONE fish"]).words
        ('fish', 'one', 'take', 'two')
        """
        texts = [tokens(text) for text in corpus]
        found = Counter(word for text in texts for word in set(text))
        words = tuple(sorted(found))
        weights = tuple(1 + float(np.log((1 + len(texts)) / (1 + found[word]))) for word in words)
        lines = "\n".join(f"{word} {found[word]}" for word in words) + f"\n{len(texts)}"
        return cls(words, weights, hashlib.sha256(lines.encode()).hexdigest()[:8])

    @property
    def name(self) -> str:
        return f"tfidf-{self.fingerprint}"

    def __call__(self, texts: Sequence[str]) -> FloatArray:
        place = {word: i for i, word in enumerate(self.words)}
        out = np.zeros((len(texts), len(self.words)))
        for row, text in enumerate(texts):
            for word, count in Counter(tokens(text)).items():
                if word in place:
                    out[row, place[word]] = count * self.weights[place[word]]
        return out


def tokens(text: str) -> list[str]:
    """Words of a text, case-folded; numbers count as words, punctuation does not.

    Examples
    --------
    >>> tokens("Don't take more than 3.")
    ["don't", 'take', 'more', 'than', '3']
    """
    return _WORD.findall(text.casefold())


def vector_similarity(vectors: ArrayLike, embedding: str = "vectors") -> Similarity:
    """S_align and S_ind of norms given as vectors of shape (N, d); rows of zeros are left out and counted.

    Examples
    --------
    >>> s = vector_similarity([[1, 0], [0, 2]])
    >>> round(s.align.value, 6), abs(round(s.individual.value, 6))
    (0.707107, 0.0)
    """
    v = np.asarray(vectors, dtype=np.float64)
    if v.ndim != 2 or not np.isfinite(v).all():
        raise MetricError(f"vectors must be finite and of shape (norms, dimensions); the shape is {v.shape}.")
    v = v / np.where((largest := np.abs(v).max(axis=1, initial=0.0, keepdims=True)) > 0, largest, 1.0)  # no overflow
    length = np.linalg.norm(v, axis=1)
    read = length > 0
    n, unread = int(read.sum()), int((~read).sum())
    if n < 2:
        why = Measure.null(f"{n} of {len(v)} norms {'has' if n == 1 else 'have'} a vector; two are needed")
        return Similarity(why, why, n, unread, embedding)
    units = v[read] / length[read, None]
    align = min(1.0, float(np.linalg.norm(units.sum(axis=0)) / n))
    return Similarity(Measure(align), Measure((n * align**2 - 1) / (n - 1)), n, unread, embedding)


def norm_similarity(texts: Sequence[str], embedding: Embedding | None = None) -> Similarity:
    """S_align and S_ind of norm texts; without an embedding, ``TfIdf`` fitted to these very texts.

    Examples
    --------
    >>> norm_similarity(["Take two fish.", "take two fish"]).align.value
    1.0
    """
    made = TfIdf.fit(texts) if embedding is None else embedding
    vectors = np.asarray(made(texts), dtype=np.float64)
    if vectors.ndim != 2 or len(vectors) != len(texts):
        raise MetricError(f"embedding '{made.name}' gave shape {vectors.shape} for {len(texts)} texts.")
    return vector_similarity(vectors, made.name)


def same_embedding(scores: Iterable[Similarity]) -> str:
    """The one embedding behind all those scores, or a MetricError: scores of different embeddings cannot be compared."""
    names = sorted({score.embedding for score in scores})
    if len(names) != 1:
        raise MetricError(
            f"scores of {len(names)} embeddings cannot be compared: {', '.join(names) or 'there is none'}."
        )
    return names[0]
