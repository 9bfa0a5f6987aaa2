"""``gamesim bench text2game``: how well a model turns descriptions into games."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import UsageError
from .interpret import Wanted, confirm, estimated, replays_alone
from .output import Output

if TYPE_CHECKING:
    from gamesim_analysis.text2game.bench import Attempt, BenchResult
    from gamesim_analysis.text2game.dataset import Dataset

ATTEMPTS = 5


def bench_text2game(
    out: Output, wanted: Wanted, data: str, attempts: int | None, folder: str | None, estimate: bool
) -> Mapping[str, Any]:
    """Translate every game of a set several times and score what comes; the same bench goes on where it was stopped."""
    from gamesim_analysis.text2game.dataset import load_dataset
    from gamesim_analysis.text2game.opening import broker_for, description, open_record, read_record
    from gamesim_analysis.text2game.saving import put
    from gamesim_analysis.text2game.translate import check_settings

    if wanted.replay is not None:
        replays_alone(out, wanted)
        source = Path(wanted.replay)
        alias, config, settings, told = read_record(source, "bench.json")
        dataset, made = load_dataset(told["data"]), int(told["attempts"])
        broker = open_record(source, alias, config)
        place = Path(folder) if folder else None
    else:
        if wanted.model is None:
            raise UsageError("which model?", where="gamesim bench text2game", hint="--model openai/<id>, --model local, or --replay DIR.")  # fmt: skip
        dataset, made, settings = load_dataset(data), attempts or ATTEMPTS, wanted.settings
        texts = [entry.text for entry in dataset.values()]
        if estimate:
            return estimated(out, texts, wanted, made)
        alias, config = wanted.named()
        check_settings(settings, config.params.temperature)
        confirm(out, texts, wanted, made)
        told = {**description(alias, config, settings, "\0".join([*dataset, *texts])), "data": data, "attempts": made}
        place = _place(out, folder, told, dataset)
        put(place / "bench.json", json.dumps({**told, "status": "begun"}, ensure_ascii=False, indent=1) + "\n")
        broker = broker_for(alias, config, place, limits=wanted.limits)

    done: list[str] = []

    def hear(attempt: Attempt) -> None:
        done.append(attempt.game)
        if out.progress != "none":
            out.note(f"{len(done)}/{made * len(dataset)} {attempt.game}: {attempt.status}, {attempt.level}")

    async def work() -> BenchResult:
        from gamesim_analysis.text2game.bench import bench

        from gamesim.run.models.preflight import preflight

        try:
            if wanted.replay is None and not wanted.no_preflight:
                await preflight(broker)
            return await bench(dataset, broker, alias, settings, attempts=made, on_attempt=hear)
        finally:
            await broker.aclose()

    from gamesim.run.aside import turned

    found = turned(work)
    result = found.as_dict()
    if place is not None:
        known = {key: told[key] for key in ("identity", "model", "settings", "data", "attempts")}
        put(
            place / "bench.json", json.dumps({**known, "status": "done", **result}, ensure_ascii=False, indent=1) + "\n"
        )
        out.note(f"wrote {place / 'bench.json'}")
    _say(out, found)
    return result


def _place(out: Output, folder: str | None, told: Mapping[str, Any], dataset: Dataset) -> Path:
    """Where the bench writes.

    Raises
    ------
    ScenarioError
        If another bench is there.
    """
    from gamesim.core.errors import ScenarioError, clean
    from gamesim.run.store import default_store

    store = Path(out.store) if out.store else default_store()
    place = Path(folder) if folder else store / "bench" / f"text2game-{dataset.folder.name}-{told['identity'][:8]}"
    before = place / "bench.json"
    if before.is_file():
        try:
            known = json.loads(before.read_text("utf-8")).get("identity")
        except (OSError, ValueError, AttributeError):
            known = None
        if known != told["identity"]:
            raise ScenarioError("another bench was run there.", where=clean(place, 200), hint="Name another --out.")
    return place


def _say(out: Output, found: BenchResult) -> None:
    from gamesim_analysis.text2game.bench import PUBLISHED, SOURCE

    from gamesim.core.errors import clean

    made = len(found.games[0].attempts)
    rows = []
    for game in found.games:
        best = [attempt.level for attempt in game.attempts]
        levels = ", ".join(f"{level} {best.count(level)}" for level in dict.fromkeys(best))
        failed = next((a.difference for a in game.attempts if not a.passed and a.difference), "")
        spent = [attempt.spent for attempt in game.attempts]
        rows.append([
            game.name, f"{game.passed}/{made}", levels, sum(a.repaired for a in game.attempts), sum(s.calls for s in spent),
            sum(s.tokens_in + s.tokens_out for s in spent), _money(spent), failed,
        ])  # fmt: skip
    out.table(["game", "passed", "levels", "sent back", "calls", "tokens", "cost", "first difference"], rows, right=("sent back", "calls", "tokens"))  # fmt: skip
    out.say()
    out.table(["tag", "games", "pass@1"], [[tag, n, f"{value:.3f}"] for tag, (n, value) in found.by_tag().items()])
    calibration = found.calibration()
    if len(calibration) > 1 or found.settings.samples > 1:
        out.say()
        rows = [[f"{key:.2f}", n, f"{share:.3f}"] for key, (n, share) in calibration.items()]
        out.table(["confidence", "accepted", "passed"], rows)
    out.say()
    for k in sorted({1, min(5, made), made}):
        interval = found.interval(k)
        ends = "" if interval.low is None or interval.high is None else f" [{interval.low:.3f}, {interval.high:.3f}]"
        out.say(f"pass@{k} {found.pass_at(k):.3f}{ends}   {len(found.games)} games, {made} attempts each; interval: games drawn again")  # fmt: skip
    out.say(f"levels: {', '.join(f'{level} {n}' for level, n in found.levels().items() if n)}")
    out.say(f"{clean(found.model, 80)}; {clean(found.settings, 300)}")
    out.say(found.caveat)
    out.say()
    out.say(f"Published, {SOURCE}:")
    out.table(
        ["setting", "model", "pass@1", "imperfect", "perfect", "solved once in 5"],
        [[s, m, f"{(i + p) / 90:.3f}", f"{i}/55", f"{p}/35", "" if n is None else f"{n}/18"] for s, m, i, p, n in PUBLISHED],
        right=("pass@1", "imperfect", "perfect"), keep=2,
    )  # fmt: skip


def _money(spent: list[Any]) -> str:
    total = [one.money for one in spent]
    if any(money is None for money in total):
        return "unknown"
    money = sum(total)
    return f"{money / 1e9:.4f} {next((s.currency for s in spent if s.currency), '')}".strip() if money else "0"
