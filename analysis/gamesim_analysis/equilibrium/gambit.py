"""Gambit as a solver, reached by text through a process of its own that may hang, crash or run out of memory.

The only module that names pygambit. Games cross as .efg or .nfg text with safe labels and exact numbers; answers come back
as lines of JSON: ``start`` (version), one ``equilibrium``, ``point`` or ``fit`` each, ``done``. Which features a version
has is found by looking for them, so 16.7 and 17 serve alike. Nothing that comes back is believed: it is certified from the
game. pygambit is GPL-2.0-or-later and optional; nothing of it is copied.
"""

from __future__ import annotations

import importlib.util
import inspect
import json
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from gamesim.core.behaviour import BehaviourProfile
from gamesim.core.efg_format import write_efg
from gamesim.core.errors import MissingExtraError, SolverCrashError, SolverError, SolverLimitError, clean, did_you_mean
from gamesim.core.extensive_form import ExtensiveFormGame
from gamesim.core.nfg_format import exact_payoffs, write_nfg
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.profiles import distribution
from gamesim.core.solution import Limits

from .method import Found, Method, back, fill, is_formal, table_of, two_players
from .rationalise import polish, rational
from .zero_sum_lp import first_difference

PACKAGE = "pygambit"
TASK = "gamesim_analysis.equilibrium.gambit:Gambit"
EITHER = ("Game", "StrategicGame", "ExtensiveGame")  # names of the classes of games, of which a version has some
ON_TREES = ("lp", "lcp", "logit")  # work on a tree with perfect recall; the others get its reduced table
RATIONAL = ("lp", "lcp", "enummixed")  # exact if asked for
OURS = ("game", "start", "prior", "perturbation", "rational", "use_strategic", "nash_callback", "event_callback", "lrsnash_path", "phcpack_path")  # fmt: skip
SMALL = {"lp": 20, "lcp": 50, "enummixed": 8}  # strategies of each up to which exact arithmetic is the default
STARTS = {"simpdiv": True, "liap": False, "hp": False}  # begin at a profile, the centroid; whether it is rational
# What a list holds, and whether it is all of that: ``lcp`` gives one equilibrium of a tree, ``enumpoly`` and ``gnm`` miss
# what is not isolated, and any answer can fail its certificate.
COVERS = {
    "lp": ("one", None), "lcp": ("accessible", False), "enummixed": ("extreme", True), "enumpoly": ("isolated", False),
    "gnm": ("one", False), "ipa": ("one", None), "simpdiv": ("one", None), "logit": ("one", None), "liap": ("one", None),
    "hp": ("one", None),
}  # fmt: skip
SUITS = {
    "lp": "two players, constant sum", "lcp": "two players", "enummixed": "two players, up to 12 strategies each",
    "enumpoly": "tables up to 64 profiles", "gnm": "tables", "ipa": "tables", "simpdiv": "tables", "logit": "any game",
    "liap": "tables", "hp": "tables",
}  # fmt: skip
SELECTION = {
    "logit": "the principal branch of logit equilibria",
    "lp": "a vertex, as the program found it",
    "liap": "a local minimum of the sum of squared gains",
    "hp": "the end of the tracing homotopy from uniform play",
}


def installed() -> bool:
    """Whether Gambit can be imported; does not import it."""
    try:
        return importlib.util.find_spec(PACKAGE) is not None
    except (ImportError, ValueError):
        return False


def require() -> None:
    """
    Raises
    ------
    MissingExtraError
        With the line that installs it and what remains without it.
    """
    if not installed():
        error = MissingExtraError.of("this method is Gambit's", "gambit")
        error.hint = "Without it: --method auto, or one of gamesim list solvers that is not Gambit's."
        raise error


# ---- in the child --------------------------------------------------------------------------------------------------------


def work(payload: bytes) -> Iterator[bytes]:
    """Answer one request, a line a part; runs in the child."""
    import io

    import pygambit

    began = time.process_time()
    job = json.loads(payload)
    yield _line(start={"version": str(getattr(pygambit, "__version__", "unknown")), "streams": streams(pygambit)})
    if job["act"] == "features":
        yield _line(features=features(pygambit))
    else:
        game = getattr(pygambit, f"read_{job['form']}")(io.StringIO(job["text"]))
        yield from _ACTS[job["act"]](pygambit, game, job)
    yield _line(done=True, cpu=time.process_time() - began)


Gambit = work  # the name that messages about the child say


def _line(**said: Any) -> bytes:
    return json.dumps(said).encode()


def _solve(pygambit: Any, game: Any, job: Mapping[str, Any]) -> Iterator[bytes]:
    method, form = job["method"], job["form"]
    solver = _offered(pygambit.nash, f"{method}_solve")
    given = {"rational": job["rational"]} if job.get("rational") is not None else {}
    for key in job["parameters"]:
        if not takes(solver, key) or key in OURS:
            known = [name for name in inspect.signature(solver).parameters if name not in OURS]
            raise SolverError(f"Gambit's {method} has no parameter '{clean(key, 40)}'.", hint=did_you_mean(key, known) or f"Parameters: {', '.join(known) or 'none'}.")  # fmt: skip
    given |= job["parameters"]
    subject = game
    if method in STARTS:
        subject = game.mixed_strategy_profile(rational=True) if STARTS[method] else game.mixed_strategy_profile()
    if not takes(solver, "nash_callback"):
        answers = answers_of(solver(subject, **given), form, game)
    else:
        answers = yield from _streamed(lambda callback: solver(subject, nash_callback=callback, **given), form, game)
    for answer in answers:
        yield _line(equilibrium=answer)


def _branch(pygambit: Any, game: Any, job: Mapping[str, Any]) -> Iterator[bytes]:
    """Logit equilibria along the principal branch, or at the values of lambda that were asked for."""
    asked = job["parameters"].get("lam")
    if asked is None:
        points = _offered(pygambit.qre, "logit_solve_branch")(game)
    else:
        points = _offered(pygambit.qre, "logit_solve_lambda")(game, lam=asked)
    for point in points if isinstance(points, (list, tuple)) else [points]:
        if job["form"] == "efg":  # a row of numbers: 16.7 makes no profile of it, and 17 gives the same row
            play = [[_text(number) for number in point]]
        else:
            play = spelled(point.profile, job["form"], game)
        yield _line(point={"lam": float(point.lam), "play": play})


def _estimate(pygambit: Any, game: Any, job: Mapping[str, Any]) -> Iterator[bytes]:
    """The logit equilibrium on the principal branch under which counts of play are likeliest."""
    estimator, given = _offered(pygambit.qre, "logit_estimate"), job["parameters"]
    profile = game.mixed_behavior_profile if job["form"] == "efg" else game.mixed_strategy_profile
    found = estimator(profile(data=given["counts"]), use_empirical=given["empirical"])
    play = spelled(found.profile, job["form"], game)
    yield _line(fit={"lam": float(found.lam), "log_likelihood": float(found.log_like), "play": play})


_ACTS: dict[str, Callable[[Any, Any, Mapping[str, Any]], Iterator[bytes]]] = {
    "solve": _solve,
    "branch": _branch,
    "estimate": _estimate,
}


def _offered(place: Any, name: str) -> Any:
    found = getattr(place, name, None)
    if found is None:
        raise SolverError(f"this version of Gambit has no {name}.", hint="See gamesim doctor for what it has.")
    return found


def takes(function: Any, parameter: str) -> bool:
    try:
        return parameter in inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False


def streams(pygambit: Any) -> bool:
    """Whether this version tells of equilibria as it finds them."""
    return takes(getattr(pygambit.nash, "enummixed_solve", None), "nash_callback")


def features(pygambit: Any) -> dict[str, bool]:
    """What this version offers of what is called here."""
    nash, qre = pygambit.nash, getattr(pygambit, "qre", None)
    found = {name: hasattr(pygambit, name) for name in ("read_efg", "read_nfg", *EITHER)}  # fmt: skip
    found |= {f"{name}_solve": hasattr(nash, f"{name}_solve") for name in COVERS}
    found |= {name: hasattr(qre, name) for name in ("logit_solve_branch", "logit_solve_lambda", "logit_estimate")}
    found["nash_callback"] = streams(pygambit)
    found["max_rectangles"] = takes(getattr(nash, "enumpoly_solve", None), "max_rectangles")
    return found


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
            yield _line(equilibrium=value)
            sent.release()
        elif kind == "error":
            raise value
        else:
            answers: list[Any] = value
            return answers


def spelled(profile: Any, form: str, game: Any) -> list[list[str | None]]:
    """Probabilities as text: of each player's strategies, or of each set of each player; None where undefined."""
    by_set = form == "efg"
    vectors: list[list[str | None]] = []
    for player in game.players:
        if not hasattr(type(player), "strategies"):  # asked of the class: on a table the property itself raises
            break
        for place in player.infosets if by_set else [player]:  # the game is walked, the profile asked
            vectors.append([_text(profile[a]) for a in (place.actions if by_set else place.strategies)])
    if vectors:
        return vectors
    for own in profile:  # the profile walks itself
        if by_set:
            vectors += [[_text(p) for _, p in mixed] for _, mixed in own]
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


@dataclass
class Reply:
    """What a child said before it ended.

    Attributes
    ----------
    lines : what was asked for, in order and each once.
    stopped : ``count`` where enough had come; else as the error says.
    cpu_seconds : of the child.
    """

    lines: list[Any] = field(default_factory=list)
    version: str = ""
    streams: bool = True
    stopped: Any = None
    cpu_seconds: float = 0.0
    error: SolverError | None = None

    @property
    def versions(self) -> dict[str, str]:
        return {PACKAGE: self.version} if self.version else {}


def ask(kind: str, job: Mapping[str, Any], limits: Limits) -> Reply:
    """Hand a job to a child and collect its lines of a kind (``equilibrium``, ``point``, ``fit``, ``features``)."""
    from gamesim.run.isolate import isolated
    from gamesim.run.limits import ProcessLimits

    process = ProcessLimits(wall=limits.seconds, cpu=max(1, int(limits.cpu_seconds + 0.999)), memory=limits.memory)
    reply = Reply()
    seen: set[bytes] = set()
    try:
        for part in isolated(TASK, json.dumps(job).encode(), limits=process, preload=PACKAGE):
            if part in seen:
                continue
            seen.add(part)
            _hear(reply, kind, part)
            if len(reply.lines) >= limits.equilibria:
                reply.stopped = "count"
                break
    except SolverError as error:
        reply.error = error
        reply.stopped = error.limit if isinstance(error, SolverLimitError) else "crash"
        reply.cpu_seconds = error.cpu_seconds
        if isinstance(error, (SolverCrashError, SolverLimitError)):
            kept = len(reply.lines)
            error.hint = f"{kept} answer{'s were' if kept > 1 else ' was'} kept." if kept else "Nothing was kept."
            if not reply.streams:
                error.hint += " This version of Gambit gives no partial answers."
    return reply


def _hear(reply: Reply, kind: str, part: bytes) -> None:
    try:
        line = json.loads(part)
        if kind in line:
            reply.lines.append(line[kind])
        elif "start" in line:
            reply.version, reply.streams = str(line["start"]["version"]), bool(line["start"]["streams"])
        elif "done" in line:
            reply.cpu_seconds = float(line["cpu"])
    except (ValueError, TypeError, AttributeError, KeyError):
        raise SolverCrashError("Gambit's process answered what is no line of JSON.") from None


def features_found(limits: Limits | None = None) -> tuple[str, dict[str, bool]]:
    """The installed version and which of the features that gamesim uses it has, looked up in a child.

    Raises
    ------
    MissingExtraError, SolverError
    """
    require()
    reply = ask("features", {"act": "features"}, limits or Limits(seconds=30))
    if reply.error is not None or not reply.lines:
        raise reply.error or SolverCrashError("Gambit's process did not say what it has.")
    return reply.version, reply.lines[0]


@dataclass(frozen=True, eq=False)
class Point:
    """A logit equilibrium of Gambit's: lambda in units of 1/payoff, and play of the game."""

    rationality: float
    play: Any


def qre_points(game: Any, rationalities: Sequence[float] | None = None, limits: Limits | None = None) -> list[Point]:
    """Gambit's points of the principal logit branch, of a table or, in its agent form, of a tree with perfect recall.

    Parameters
    ----------
    rationalities : where on the branch; by default the points that Gambit's continuation visits.

    Raises
    ------
    MissingExtraError, SolverError, SolverCrashError, SolverLimitError
    """
    require()
    text, form, table = _crossed(game, isinstance(game, ExtensiveFormGame) and game.perfect_recall, limits or Limits())
    given = {} if rationalities is None else {"lam": [float(lam) for lam in rationalities]}
    reply = ask("point", {"act": "branch", "form": form, "text": text, "parameters": given}, limits or Limits())
    if reply.error is not None:
        raise reply.error
    points = []
    for line in reply.lines:
        play = line["play"]
        if table is None:
            row = iter(play[0])
            play = [[next(row) for _ in game.sets[h].actions] for own in game.sets_of for h in own]
        points.append(Point(float(line["lam"]), _play(game, table, play, [], sharpen=False)))
    return points


def logit_estimate(
    game: Any, counts: Sequence[Any], limits: Limits | None = None, *, empirical: bool = False
) -> tuple[float, float]:
    """Gambit's maximum-likelihood lambda for counts of actions, and its log-likelihood.

    Parameters
    ----------
    counts : one vector a player, or an information set of a tree with perfect recall (in the order of ``game.sets``).
    empirical : fit replies to the others' observed frequencies instead: another and in general biased estimator.

    Raises
    ------
    MissingExtraError, SolverError, SolverCrashError, SolverLimitError
    """
    require()
    tree = isinstance(game, ExtensiveFormGame)
    text, form, _ = _crossed(game, tree, limits or Limits())
    told: Any = [[float(c) for c in own] for own in counts]
    given = {"counts": [[told[h] for h in own] for own in game.sets_of] if tree else told, "empirical": empirical}
    reply = ask("fit", {"act": "estimate", "form": form, "text": text, "parameters": given}, limits or Limits())
    if reply.error is not None or not reply.lines:
        raise reply.error or SolverCrashError("Gambit's process did not answer.")
    return float(reply.lines[0]["lam"]), float(reply.lines[0]["log_likelihood"])


def _crossed(game: Any, as_tree: bool, limits: Limits) -> tuple[str, str, NormalFormGame | None]:
    """The text that crosses, its form, and the table that it holds unless it is a tree."""
    if as_tree:
        return write_efg(game, safe_labels=True), "efg", None
    table = table_of(game, limits)
    return write_nfg(crossing(table), safe_labels=True), "nfg", table


def crossing(table: NormalFormGame) -> NormalFormGame:
    """A float table as exact decimals; one that is constant-sum within rounding crosses as exactly constant-sum."""
    if table.exact is not None:
        return table
    payoffs = exact_payoffs(table)
    if table.n == 2 and table.is_constant_sum:
        payoffs[1] = Fraction(f"{table.payoffs[:, 0, 0].sum():.15g}") - payoffs[0]
    return NormalFormGame(payoffs, table.actions, table.players, name=table.name)


def _run_as(method: str) -> Any:
    def run(game: Any, *, concept: str, limits: Limits, exact: bool | None = None, **parameters: Any) -> Found:
        require()
        on_tree = method in ON_TREES and isinstance(game, ExtensiveFormGame) and game.perfect_recall
        text, form, table = _crossed(game, on_tree, limits)
        exactly = method in RATIONAL and (_small(method, game, table) if exact is None else exact)
        job: dict[str, Any] = {"act": "solve", "form": form, "text": text, "method": method, "parameters": parameters}
        job["rational"] = exactly if method in RATIONAL else None
        reply = ask("equilibrium", job, limits)
        notes: list[str] = []
        if reply.error is not None:
            if not reply.lines:
                raise reply.error
            notes.append(str(reply.error))
        elif not reply.lines:
            notes.append(f"Gambit's {method} ended without an equilibrium.")
        if not _memory_limited():
            notes.append("Memory of Gambit's process is not limited on this system.")
        plays = [_play(game, table, line, notes) for line in reply.lines]
        covers, complete = ("one", None) if method == "lcp" and table is None else COVERS[method]
        return Found(
            plays,
            covers=covers,
            complete=False if reply.stopped else complete,
            selection=SELECTION.get(method, ""),
            notes=notes,
            stopped=reply.stopped,
            versions=reply.versions,
            cpu_seconds=reply.cpu_seconds,
        )

    return run


def _small(method: str, game: Any, table: NormalFormGame | None) -> bool:
    """Whether exact arithmetic is quick enough to be the default."""
    if table is None:
        most: int = sum(game.sequence_count(i) for i in range(game.n))
        return most <= (200 if method == "lp" else 60)
    return max(table.shape) <= SMALL[method]


def _memory_limited() -> bool:
    import sys

    return importlib.util.find_spec("resource") is not None and sys.platform != "darwin"


def _play(
    game: Any,
    table: NormalFormGame | None,
    line: Sequence[Sequence[str | None]],
    notes: list[str],
    sharpen: bool = True,
) -> Any:
    """A line as play of the game; near equilibria are sharpened and floats made exact where that can be proved."""
    if table is None:
        play = fill(game, _behaviour(game, line, notes))
        return rational(game, play) if sharpen else play
    profile = tuple(_vector(vector) for vector in line)
    if sharpen and not all(vector.dtype == object for vector in profile):
        profile = rational(table, polish(table, profile))
    return back(game, [profile])[0]


def _number(text: str | None) -> Any:
    return float.fromhex(text) if text is not None and "x" in text else Fraction(text or 0)


def _vector(vector: Sequence[str | None], notes: list[str] | None = None) -> Any:
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


def _behaviour(game: ExtensiveFormGame, line: Sequence[Sequence[str | None]], notes: list[str]) -> BehaviourProfile:
    """Player by player, set by set; what Gambit leaves undefined off the path becomes the first action, marked."""
    order = [h for own in game.sets_of for h in own]
    vectors: list[Any] = [None] * len(order)
    filled = set()
    for h, vector in zip(order, line, strict=True):
        if any(p is None for p in vector) or not any(_number(p) for p in vector):
            filled.add(h)
            vectors[h] = distribution([int(a == 0) for a in range(len(vector))], "open")
        else:
            vectors[h] = _vector(vector, notes)
    return BehaviourProfile(tuple(vectors), frozenset(filled))


def _check_as(method: str) -> Any:
    def check(game: Any, concept: str) -> str:
        reason = two_players(game) if method in ("lp", "lcp", "enummixed") else is_formal(game)
        if reason or method != "lp":
            return reason
        table = game if isinstance(game, ExtensiveFormGame) else game.to_normal_form()
        return "" if table.is_constant_sum else f"the game is not constant-sum: {first_difference(table)}"

    return check


def _logit(
    game: Any,
    *,
    concept: str,
    limits: Limits,
    exact: bool | None = None,
    rationality: float | None = None,
    **parameters: Any,
) -> Found:
    """The end of the branch, or for ``qre`` the equilibrium of one rationality."""
    if concept != "qre":
        found: Found = _run_as("logit")(game, concept=concept, limits=limits, exact=exact, **parameters)
        return found
    if rationality is None:
        raise SolverError("Gambit answers for one rationality.", hint="Give it, or take logit_branch.")
    (point,) = qre_points(game, [rationality], limits)
    return Found([point.play], selection=SELECTION["logit"], of_concept={"rationality": rationality})


def _method(name: str, description: str) -> Method:
    concepts = frozenset({"nash", *{"lp": ["value"], "logit": ["qre"]}.get(name, [])})
    covers, complete = COVERS[name]
    told = "yes" if complete else "no"
    return Method(name, concepts, description, _check_as(name), _logit if name == "logit" else _run_as(name), suits=SUITS[name], covers=covers, complete=told)  # fmt: skip


lp = _method("lp", "Gambit: a two-player constant-sum game by linear programming.")
lcp = _method("lcp", "Gambit: Lemke's method for two players, on tables and trees.")
enummixed = _method("enummixed", "Gambit: all extreme equilibria of a two-player game.")
enumpoly = _method("enumpoly", "Gambit: isolated equilibria of n players by polynomial equations.")
gnm = _method("gnm", "Gambit: the global Newton method.")
ipa = _method("ipa", "Gambit: iterated polymatrix approximation.")
simpdiv = _method("simpdiv", "Gambit: simplicial subdivision.")
logit = _method("logit", "Gambit: the limit of the principal logit branch.")
liap = _method("liap", "Gambit: a minimum of the sum of squared gains; a last resort, approximate.")
hp = _method("hp", "Gambit: the tracing homotopy from uniform play (version 17 and later).")
