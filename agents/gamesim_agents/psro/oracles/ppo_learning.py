"""Weighted PPO: play against every opponent of the mixture, weigh, take gradient steps; torch does nothing but gradients."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import Generator

from gamesim.core.arrays import AnyArray, FloatArray
from gamesim.core.policy import AgentSpec
from gamesim.core.solving import Opponents
from gamesim.envs.base import SeatView

from ..network_policy import Layers, chances, drawn, inputs, layers, masked, scaled, written
from .learning import Learner, Rounds
from .ppo import Ppo, actions_of
from .screening import Mixture
from .sitting import Decide, Played, play

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)
HUGE = 1e6  # a scale at which no input is cut
NEVER = -1e9  # logit of what may not be played


@dataclass(frozen=True)
class Learning(Learner):
    """The oracle; see ``ppo``."""

    config: Ppo

    def learned(self, subject: Any, player: int, opponents: Opponents, risk: Any, rng: Generator) -> AgentSpec:
        """The network, as data. Networks are small: one thread is fastest, and gives the same bytes on any machine's cores."""
        import torch

        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            return self._learned(subject, player, opponents, risk, rng)
        finally:
            torch.set_num_threads(threads)

    def _learned(self, subject: Any, player: int, opponents: Opponents, risk: Any, rng: Generator) -> AgentSpec:
        import torch

        config = self.config
        mixture = Mixture(subject, player, opponents, risk, rng, episodes=config.episodes)
        risk, s, rounds = mixture.risk, mixture.chances, Rounds(mixture, config.episodes)
        actions = actions_of(subject)
        assert actions is not None
        first = subject.batched(2).reset(np.arange(2)).observation
        keys = tuple(sorted(first))
        probe = _probe(mixture, keys, rng, actions[player])
        shift, scale = probe.mean(axis=0), np.where(probe.std(axis=0) > 1e-9, probe.std(axis=0), 1.0)
        sizes = (probe.shape[1], *config.hidden, actions[player])
        actor, critic = _network(sizes, rng), _network((*sizes[:-1], 1), rng)
        values: FloatArray | None = None
        begun = self._begun(mixture, keys, sizes)
        if begun is not None:
            shift, scale = np.array(begun.params["shift"]), np.array(begun.params["scale"])
            actor = _learning(layers(begun.params["weights"], sizes))
            values = np.array([g.mean() for g in mixture.returns(begun)])
        optimiser = torch.optim.Adam([*_flat(actor), *_flat(critic)], lr=config.rate)
        weights, negative, y = np.ones(len(s)), 0.0, 0.0
        for number in range(config.batches):
            left = 1.0 - number / config.batches
            for group in optimiser.param_groups:
                group["lr"] = config.rate * left
            games, means = rounds.play(_deciding(_numbers(actor), shift, scale, keys), rng)
            values = means if values is None else values + config.memory * (means - values)
            if number % config.refresh == 0:
                weights = np.asarray(risk.weights(values, s))
                negative = float(s[weights < 0].sum())
                if config.clip_min is not None:
                    weights = np.maximum(weights, config.clip_min)
                y = float(s @ values)
            if mixture.inside:
                rewards = [_whole(played.reward, mixture.inside, y) for played in games]
            else:
                rewards = [w * played.reward for w, played in zip(weights, games, strict=True)]
            self._improve(actor, critic, optimiser, games, rewards, rounds.share, left)
        if negative > 0:
            log.info("weights below zero on %.1f %% of the opponents", 100 * negative)
        text = written(_numbers(actor))
        params = {"keys": list(keys), "sizes": list(sizes), "shift": shift.tolist(), "scale": scale.tolist(), "weights": text}  # fmt: skip
        return AgentSpec("network", params)

    def _begun(self, mixture: Mixture, keys: Sequence[str], sizes: Sequence[int]) -> AgentSpec | None:
        """The network of the own pool to begin at: of those that read and choose alike, the one that is worth most."""
        form = {"keys": list(keys), "sizes": list(sizes)}
        known = [spec for spec in mixture.own if spec.kind == "network" and {k: list(spec.params[k]) for k in form} == form]  # fmt: skip
        return mixture.best(known) if known and self.config.warm_start else None

    def _improve(
        self, actor: Any, critic: Any, optimiser: Any, games: Sequence[Played], rewards: Sequence[FloatArray],
        share: FloatArray, left: float,
    ) -> None:  # fmt: skip
        """A few passes over a round's decisions."""
        import torch

        config = self.config
        d = len(actor[0][0])
        seen, action, old, advantage, target, count = [], [], [], [], [], []
        for played, reward, c in zip(games, rewards, share, strict=True):
            with torch.no_grad():
                value = _forward(critic, torch.as_tensor(played.seen[..., :d], dtype=torch.float32))[..., 0].numpy().astype(np.float64)  # fmt: skip
            a = _advantages(reward, value * played.acted, config.smoothing)
            on = played.acted
            target.append((a + value)[on])
            # Centred by opponent, so that who is met does not look like what was done. One scale for all: a scale for each
            # would undo the weights, and move the answer.
            advantage.append(a[on] - a[on].mean())
            seen.append(played.seen[on])
            action.append(played.action[on])
            old.append(played.chance[on])
            count.append(np.full(int(on.sum()), c))
        w = np.concatenate(count)
        adv = np.concatenate(advantage)
        spread = np.sqrt(np.average(adv**2, weights=w))
        goal = np.concatenate(target)
        tensors = [
            torch.as_tensor(part, dtype=torch.float32)
            for part in (np.concatenate(seen), np.log(np.concatenate(old)), adv / max(spread, 1e-8), goal, w)
        ]
        sight, before, gains, goals, counts = tensors
        x, barred = sight[:, :d], NEVER * (1.0 - sight[:, d:])
        chosen = torch.as_tensor(np.concatenate(action))
        size = max(float(goal.std()), 1e-8)
        for _ in range(config.epochs):
            logits = torch.log_softmax(_forward(actor, x) + barred, dim=-1)
            now = logits.gather(1, chosen[:, None])[:, 0]
            ratio = torch.exp(now - before)
            held = torch.clamp(ratio, 1 - config.clip, 1 + config.clip)
            surrogate = torch.minimum(ratio * gains, held * gains)
            variety = -(torch.exp(logits) * logits).sum(dim=-1)
            missed = ((_forward(critic, x)[:, 0] - goals) / size) ** 2
            loss = (counts * (-surrogate - config.entropy * left * variety + 0.5 * missed)).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()


def _whole(reward: FloatArray, aversion: float, y: float) -> FloatArray:
    """Rewards whose sum is ``G - a G^2 + 2 a y G``, paid at the end."""
    g = reward.sum(axis=0)
    found = np.zeros_like(reward)
    found[-1] = g - aversion * g**2 + 2 * aversion * y * g
    return found


def _advantages(reward: FloatArray, value: FloatArray, smoothing: float) -> FloatArray:
    """Generalised advantages without discount, (T, B)."""
    found = np.zeros_like(reward)
    ahead = np.zeros(reward.shape[1])
    following = np.zeros(reward.shape[1])
    for t in range(len(reward) - 1, -1, -1):
        ahead = reward[t] + following - value[t] + smoothing * ahead
        found[t], following = ahead, value[t]
    return found


def _deciding(parts: Layers, shift: FloatArray, scale: FloatArray, keys: Sequence[str]) -> Decide:
    """Who draws an action with the network's chances; what is kept of the sight are inputs, then which actions there were."""

    def decide(observation: SeatView, u: FloatArray) -> tuple[AnyArray, AnyArray, FloatArray]:
        x = scaled(inputs(observation, keys)[:, 0], shift, scale)
        x = np.broadcast_to(x, (len(u), x.shape[-1]))
        p, mask = masked(chances(x, parts), observation)
        action = drawn(p, u)
        seen = np.concatenate([x, mask], axis=-1)
        return seen, action, np.take_along_axis(p, action.astype(np.int64)[:, None], axis=1)[:, 0]

    return decide


def _probe(mixture: Mixture, keys: Sequence[str], rng: Generator, k: int) -> FloatArray:
    """What a player who does anything sees, (rows, d); it sets the scale of inputs."""
    d = inputs(
        SeatView(mixture.subject.batched(2).reset(np.arange(2)).observation, np.array([mixture.player])), keys
    ).shape[-1]
    even: Layers = ((np.zeros((d, k)), np.zeros(k)),)
    found = []
    for profile in mixture.profiles[:8]:
        decide = _deciding(even, np.zeros(d), np.full(d, HUGE), keys)
        played = play(mixture.subject, mixture.player, profile, rng.integers(0, 2**53, 16), decide)
        found.append(played.seen[played.acted][:, :d] * HUGE)
    return np.concatenate(found)


def _network(sizes: Sequence[int], rng: Generator) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Layers with orthogonal beginnings; the last is small, so that play begins nearly even."""
    import torch

    found = []
    for number, (a, b) in enumerate(pairwise(sizes)):
        q = np.linalg.qr(rng.standard_normal((max(a, b), min(a, b))))[0]
        matrix = (q if a >= b else q.T) * (0.01 if number == len(sizes) - 2 else 1.0)
        found.append(
            (torch.tensor(matrix, dtype=torch.float32, requires_grad=True), torch.zeros(b, requires_grad=True))
        )
    return found


def _learning(parts: Layers) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Layers that gradients go on from."""
    import torch

    return [
        (torch.tensor(m, dtype=torch.float32, requires_grad=True), torch.tensor(b, dtype=torch.float32, requires_grad=True))
        for m, b in parts
    ]  # fmt: skip


def _flat(parts: Any) -> list[Any]:
    return [tensor for layer in parts for tensor in layer]


def _forward(parts: Any, x: Any) -> Any:
    import torch

    for number, (matrix, bias) in enumerate(parts):
        x = x @ matrix + bias
        if number < len(parts) - 1:
            x = torch.tanh(x)
    return x


def _numbers(parts: Any) -> Layers:
    return tuple((m.detach().numpy().astype(np.float64), b.detach().numpy().astype(np.float64)) for m, b in parts)
