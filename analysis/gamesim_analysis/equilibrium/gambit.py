"""Gambit as a solver, reached by text through a process of its own that may hang, crash or run out of memory.

The only module that names pygambit. Games cross as .efg or .nfg text with safe labels and exact numbers; answers come back
as lines of JSON, one an equilibrium, in the order of our own sets and strategies. Which features a version has is found by
looking for them, so 16.7 and 17 serve alike. pygambit is GPL-2.0-or-later and optional; nothing of it is copied.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Generator, Iterator
from fractions import Fraction
from math import prod
from typing import Any

import numpy as np

from gamesim.core.behaviour import BehaviourProfile
from gamesim.core.efg_format import write_efg
from gamesim.core.errors import MissingExtraError, SolverCrashError, SolverError, SolverLimitError
from gamesim.core.extensive_form import ExtensiveFormGame
from gamesim.core.nfg_format import exact_payoffs, write_nfg
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.profiles import distribution
from gamesim.core.solution import Limits

from .method import Found, Method, back, fill, is_formal, table_of

TASK = "gamesim_analysis.equilibrium.gambit:Gambit"
ON_TREES = ("lp", "lcp", "logit")  # work on a tree with perfect recall; the others get its table
RATIONAL = ("lp", "lcp", "enummixed")  # exact if asked for
COVERS = {
    "lp": ("one", None), "lcp": ("accessible", False), "enummixed": ("extreme", True), "enumpoly": ("isolated", False),
    "gnm": ("one", False), "ipa": ("one", None), "simpdiv": ("one", None), "logit": ("one", None),
}  # fmt: skip
SUITS = {
    "lp": "two players, constant sum", "lcp": "two players", "enummixed": "two players, up to 24 strategies",
    "enumpoly": "tables up to 64 profiles", "gnm": "tables", "ipa": "tables", "simpdiv": "tables", "logit": "any game",
}  # fmt: skip
SELECTION = {
    "logit": "the limit of the principal branch of logit equilibria",
    "lp": "a vertex, as the program found it",
}


def installed() -> bool:
    """Whether pygambit can be imported; does not import it."""
    try:
        return importlib.util.find_spec("pygambit") is not None
    except (ImportError, ValueError):
        return False


def require() -> None:
    """
    Raises
    ------
    MissingExtraError
        With the line that installs it.
    """
    if not installed():
        raise MissingExtraError.of("this method is Gambit's", "gambit")


# ---- in the child --------------------------------------------------------------------------------------------------------


def work(payload: bytes) -> Iterator[bytes]:
    """Solve one game; a part an equilibrium, then one with ``done``. Runs in the child."""
    import inspect
    import io

    import pygambit

    job = json.loads(payload)
    reader = getattr(pygambit, f"read_{job['form']}")
    game = reader(io.StringIO(job["text"]))
    method = job["method"]
    if job.get("features"):
        yield json.dumps({"done": True, "version": pygambit.__version__, "features": features(pygambit)}).encode()
        return
    solver = getattr(pygambit.nash, f"{method}_solve", None)
    if solver is None:
        raise SolverError(f"this version of Gambit, {pygambit.__version__}, has no {method}.")
    known = inspect.signature(solver).parameters
    given: dict[str, Any] = {key: value for key, value in job["parameters"].items() if key in known}
    subject = game.mixed_strategy_profile(rational=True) if method == "simpdiv" else game
    if "nash_callback" not in known:
        yield from map(_line, answers_of(solver(subject, **given), job["form"], game))
        yield json.dumps({"done": True, "version": pygambit.__version__, "streams": False}).encode()
        return
    told = yield from _streamed(lambda callback: solver(subject, nash_callback=callback, **given), job["form"], game)
    for answer in told:
        yield _line(answer)
    yield json.dumps({"done": True, "version": pygambit.__version__, "streams": True}).encode()


Gambit = work  # the name that messages about the child say


def _line(answer: Any) -> bytes:
    return json.dumps({"equilibrium": answer}).encode()


def answers_of(result: Any, form: str, game: Any) -> list[Any]:
    """Spelled equilibria of a result, which holds one or many of them, as its version has it."""
    many = getattr(result, "equilibria", None)
    if many is None:
        single = getattr(result, "equilibrium", None)
        many = [] if single is None else [single]
    return [spelled(profile, form, game) for profile in many]


def _streamed(solve: Any, form: str, game: Any) -> Generator[bytes, None, list[Any]]:
    """Equilibria as the solver reports them. It runs in a thread and waits in its callback until each has been sent,
    for it holds the interpreter everywhere else."""
    import queue
    import threading

    inbox: queue.Queue[tuple[str, Any]] = queue.Queue()
    sent = threading.Semaphore(0)

    def callback(profile: Any) -> None:
        inbox.put(("equilibrium", spelled(profile, form, game)))
        sent.acquire()

    def run() -> None:
        try:
            inbox.put(("result", answers_of(solve(callback), form, game)))
        except BaseException as error:
            inbox.put(("error", error))

    threading.Thread(target=run, daemon=True).start()
    while True:
        kind, value = inbox.get()
        if kind == "equilibrium":
            yield _line(value)
            sent.release()
        elif kind == "error":
            raise value
        else:
            answers: list[Any] = value
            return answers


def features(pygambit: Any) -> list[str]:
    """What this version offers of what we call."""
    found = [f"nash.{name}_solve" for name in COVERS if hasattr(pygambit.nash, f"{name}_solve")]
    return found + [name for name in ("StrategicGame", "ExtensiveGame", "Game") if hasattr(pygambit, name)]


def spelled(profile: Any, form: str, game: Any) -> list[list[str | None]]:
    """Probabilities as text: of each player's strategies, or of each set of each player."""
    vectors = []
    by_set = form == "efg"
    player_list = list(game.players)
    if player_list and hasattr(player_list[0], "infosets") and not isinstance(player_list[0], str):
        try:  # 16.x: walk the game and ask the profile
            for player in player_list:
                for place in player.infosets if by_set else [player]:
                    vectors.append([_text(profile[a]) for a in (place.actions if by_set else place.strategies)])
            return vectors
        except (TypeError, KeyError, AttributeError):
            vectors = []
    for own in profile:  # 17: the profile walks itself
        if by_set:
            for _, mixed in own:
                vectors.append([_text(p) for _, p in mixed])
        else:
            vectors.append([_text(p) for _, p in own])
    return vectors


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, float):
        return value.hex() if value == value else None
    return str(value)


# ---- in the parent -------------------------------------------------------------------------------------------------------


def ask(
    form: str, text: str, method: str, limits: Limits, parameters: dict[str, Any], task: str = TASK
) -> tuple[list[list[list[str | None]]], dict[str, Any], SolverError | None]:
    """What a child answers: equilibria in the order they came, its last words, and how it failed if it did."""
    from gamesim.run.isolate import isolated
    from gamesim.run.limits import ProcessLimits

    payload = json.dumps({"form": form, "text": text, "method": method, "parameters": parameters}).encode()
    process = ProcessLimits(wall=limits.seconds, cpu=max(1, int(limits.cpu_seconds + 0.999)), memory=limits.memory)
    found: list[list[list[str | None]]] = []
    last: dict[str, Any] = {}
    try:
        for part in isolated(task, payload, limits=process, preload="pygambit"):
            try:
                line = json.loads(part)
                if "equilibrium" in line:
                    if line["equilibrium"] not in found:
                        found.append(line["equilibrium"])
                elif line.get("done"):
                    last = line
            except (ValueError, TypeError, AttributeError):
                raise SolverCrashError("Gambit's process answered what is no line of JSON.") from None
            if len(found) >= limits.equilibria:
                last = {**last, "stopped": "count"}
                break
    except (SolverCrashError, SolverLimitError) as error:
        return found, last, error
    return found, last, None


def _run_as(method: str) -> Any:
    def run(game: Any, *, concept: str, limits: Limits, exact: bool | None = None, **parameters: Any) -> Found:
        require()
        on_tree = method in ON_TREES and isinstance(game, ExtensiveFormGame) and game.perfect_recall
        table = None if on_tree else table_of(game, limits)
        text = write_efg(game, safe_labels=True) if table is None else write_nfg(crossing(table), safe_labels=True)
        size = sum(game.sequence_count(i) for i in range(game.n)) if table is None else sum(table.shape)
        exactly = (size <= 40 if exact is None else exact) and method in RATIONAL
        given = {**({"rational": exactly} if method in RATIONAL else {}), **parameters}
        answers, last, error = ask("nfg" if table is not None else "efg", text, method, limits, given)
        notes: list[str] = []
        stopped: Any = last.get("stopped")
        if error is not None:
            if not answers:
                raise error
            stopped = (
                "crash" if isinstance(error, SolverCrashError) else "memory" if "memory" in str(error) else "seconds"
            )
            notes.append(f"{error} What was found before is listed.")
        covers, complete = COVERS[method]
        plays = [_behaviour(game, answer, notes) for answer in answers] if table is None else back(game, [_mixed(a) for a in answers])  # fmt: skip
        if table is None:
            plays = [fill(game, play) for play in plays]
        if method == "lcp" and table is None:
            covers, complete = "one", None
        return Found(
            plays,
            covers=covers,
            complete=False if stopped else complete,
            selection=SELECTION.get(method, ""),
            notes=notes,
            stopped=stopped,
            versions={"pygambit": str(last["version"])} if "version" in last else {},
        )

    return run


def crossing(table: NormalFormGame) -> NormalFormGame:
    """A float table as exact decimals; one that is constant-sum within rounding crosses as exactly constant-sum."""
    if table.exact is not None:
        return table
    payoffs = exact_payoffs(table)
    if table.n == 2 and table.is_constant_sum:
        payoffs[1] = Fraction(f"{table.payoffs[:, 0, 0].sum():.15g}") - payoffs[0]
    return NormalFormGame(payoffs, table.actions, table.players, name=table.name)


def _mixed(answer: list[list[str | None]]) -> tuple[Any, ...]:
    return tuple(_vector(vector) for vector in answer)


def _number(text: str | None) -> Any:
    return float.fromhex(text) if text is not None and "x" in text else Fraction(text or 0)


def _vector(vector: list[str | None], notes: list[str] | None = None) -> Any:
    """Probabilities as they came; sequence-form answers of Gambit need not sum to one where play never comes."""
    if any(p is None for p in vector):
        raise SolverCrashError("Gambit gave a strategy without a probability.")
    numbers = [max(_number(p), 0) for p in vector]
    total = sum(numbers)
    if abs(total - 1) > 1e-6:
        if notes is None or not total:
            raise SolverCrashError(f"Gambit gave a strategy that sums to {float(total):g}.")
        notes.append("Gambit left probabilities that do not sum to one where play never comes; they were scaled.")
    if any(isinstance(p, float) for p in numbers):
        floats = np.array([float(p) for p in numbers])
        return distribution(floats / floats.sum(), "Gambit's answer")
    return distribution([p / total for p in numbers], "Gambit's answer")


def _behaviour(game: ExtensiveFormGame, answer: list[list[str | None]], notes: list[str]) -> BehaviourProfile:
    """Player by player, set by set; what Gambit leaves undefined off the path becomes the first action, marked."""
    order = [h for own in game.sets_of for h in own]
    vectors: list[Any] = [None] * len(order)
    filled = set()
    for h, vector in zip(order, answer, strict=True):
        if any(p is None for p in vector) or not any(_number(p) for p in vector):
            filled.add(h)
            vectors[h] = distribution([int(a == 0) for a in range(len(vector))], "open")
        else:
            vectors[h] = _vector(vector, notes)
    return BehaviourProfile(tuple(vectors), frozenset(filled))


def _check_as(method: str) -> Any:
    def check(game: Any, concept: str) -> str:
        reason = is_formal(game)
        if reason:
            return reason
        n = len(game.players)
        if method in ("lp", "lcp", "enummixed") and n != 2:
            return f"the game has {n} players, not two"
        if method == "lp":
            table = game if isinstance(game, ExtensiveFormGame) else game.to_normal_form()
            if not table.is_constant_sum:
                return "the game is not constant-sum"
        if method == "enumpoly" and not isinstance(game, ExtensiveFormGame) and prod(game.shape) > 4096:
            return "too many strategies"
        return ""

    return check


def _method(name: str, description: str) -> Method:
    concepts = frozenset({"nash", "value"} if name == "lp" else {"nash"})
    covers, complete = COVERS[name]
    told = "yes" if complete else "no"
    return Method(name, concepts, description, _check_as(name), _run_as(name), suits=SUITS[name], covers=covers, complete=told)  # fmt: skip


lp = _method("lp", "Gambit: a two-player constant-sum game by linear programming.")
lcp = _method("lcp", "Gambit: Lemke's method for two players, on tables and trees.")
enummixed = _method("enummixed", "Gambit: all extreme equilibria of a two-player game.")
enumpoly = _method("enumpoly", "Gambit: isolated equilibria of n players by polynomial equations.")
gnm = _method("gnm", "Gambit: the global Newton method.")
ipa = _method("ipa", "Gambit: iterated polymatrix approximation.")
simpdiv = _method("simpdiv", "Gambit: simplicial subdivision.")
logit = _method("logit", "Gambit: the limit of the principal logit branch.")
