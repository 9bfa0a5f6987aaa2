"""The leaderboard's page: hostile text stays text, nothing runs, nothing is asked of anybody, and it stays small."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest
from gamesim_analysis.bench.anchors import Anchor, Scale
from gamesim_analysis.bench.board import Cell, statistics
from gamesim_analysis.bench.files import as_json
from gamesim_analysis.bench.leaderboard import Failure, Leaderboard, Row
from gamesim_analysis.bench.page import page
from gamesim_analysis.bench.results import Ends
from gamesim_analysis.metrics.model_calls import cost_columns
from gamesim_analysis.metrics.model_journal import Rates
from gamesim_analysis.stats.survival import kaplan_meier

from gamesim.core.seeds import Seeds

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DO = "document.title='PWNED';document.documentElement.dataset.pwned=1"


def hostile(address: str) -> list[str]:
    return [
        f"<script>{DO}</script>", f"<img src={address}/i onerror=\"{DO}\">", f'"><svg onload="{DO}">', f"</title><script src={address}/j></script>",
        f"<meta http-equiv=refresh content='0;url={address}/m'>", f"<style>@import url({address}/s)</style>", "=cmd|' /C calc'!A0",
        f"<base href={address}/>", f"<iframe src={address}/f></iframe>", "{{7*7}}", "\x1b[31mred\x00", f"<link rel=stylesheet href={address}/l>",
        f"<details open ontoggle=\"{DO}\">", "@SUM(A1)",
    ]  # fmt: skip


def made(players: list[str], scenarios: list[str], texts: list[str], seeds: int = 10) -> Leaderboard:
    """A board of made-up scores with lifetimes, answers and failures under these names."""
    rng = Seeds(1).stream("board")
    table: dict[str, dict[str, Cell]] = {}
    curves: dict[str, dict[str, object]] = {scenario: {} for scenario in scenarios}
    for p, player in enumerate(players):
        table[player] = {}
        for scenario in scenarios:
            times = np.minimum(50, np.ceil(rng.exponential(12 + 6 * p, size=seeds)))
            lives = (times.tolist(), (times < 50).tolist())
            table[player][scenario] = Cell({0: dict(enumerate((times / 50).tolist()))}, lives)
            curves[scenario][player] = kaplan_meier(*lives)
    found = statistics(table, players[1:], resamples=300)
    call = {"source": "network", "attempts": 1, "reply": {"text": "x"}, "latency_s": 1.0, "queue_s": 0.1}
    costs = cost_columns([{**call, "cost": {"money": 10**7, "currency": "USD", "input": 100, "output": 20}}])
    rates = {p: Rates({"ok": 95, "repaired": 2, "malformed": 3}) for p in players} | {players[0]: Rates({"empty": 100})}
    rows = tuple(
        Row(s.player, s, rates[s.player], costs, len(scenarios) * seeds, None, None if s.rank else "100% empty", "")
        for s in found.standings
    )
    ends = {
        s: Ends(
            Scale("survival_time", "T_s", Anchor("rule:greedy", rule="greedy"), Anchor("horizon", 50.0), True),
            0.0,
            50.0,
        )
        for s in scenarios
    }
    failures = tuple(
        Failure(players[0], outcome, scenarios[0], "effort", (text * 600)[:600])
        for outcome in ("empty", "malformed", "illegal")
        for text in texts[:5]
    )
    return Leaderboard(
        players[-1], rows, found, ends, curves, failures=failures, notes=(f"{players[0]} failed",), seeds=seeds
    )  # type: ignore[arg-type]


def attributes(text: str) -> set[str]:
    """Names of all attributes, as a parser of HTML sees them."""
    found: set[str] = set()

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.update(name for name, _ in attrs)

    Reader().feed(text)
    return found


def test_text_stays_text() -> None:
    names = hostile("http://127.0.0.1:9")
    text = page(made(names[:7], names[7:13], names, seeds=4))
    assert "<script" not in text
    assert re.search(r'Content-Security-Policy" content="default-src &#39;none&#39;; style-src', text)
    assert "script-src" not in text
    body = re.sub(r"<style>.*?</style>", "", text, flags=re.S)
    elements = set(re.findall(r"<([a-zA-Z][^\s/>]*)", body))
    assert not elements & {"script", "img", "iframe", "object", "link", "base", "form", "input", "embed", "style"}
    assert len(re.findall(r"<meta [^>]*http-equiv", body)) == 1
    assert not [name for name in attributes(text) if name.startswith("on") or name in ("srcdoc", "formaction")]
    seen = unescape(re.sub(r"<[^>]*>", "\0", body))
    assert "<img src=" in seen
    assert "{{7*7}}" in seen
    assert "\x1b" not in text
    assert "\x00" not in text


def test_cells_that_a_spreadsheet_would_run_are_disarmed(tmp_path: Path) -> None:
    names = ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "plain"]
    board = made(names, ["s", "t"], names, seeds=4)
    board.write(tmp_path)
    rows = list(csv.DictReader((tmp_path / "leaderboard.csv").read_text().splitlines()))
    found = {row["player"] for row in rows}
    assert found == {"'=cmd|' /C calc'!A0", "'+1+1", "'-2+3", "'@SUM(A1)", "plain"}
    assert '"player": "=cmd' in as_json(board)


def test_seven_models_on_six_scenarios_fit_in_a_megabyte() -> None:
    names = [f"a-model-of-some-length-{i}" for i in range(7)]
    text = page(made(names, [f"commons/scenario_{i}" for i in range(6)], ["I cannot answer this. "] * 5))
    assert len(text.encode()) < 1_000_000
    assert all(name in text for name in names)
    for word in ("Kaplan-Meier", "Levene", "Not ranked", "100% empty", "Analysis of variance", "log-rank", "†"):
        assert word in text
    assert text.index("Not ranked") > text.index("Ranked")


@pytest.fixture
def listener() -> Iterator[tuple[str, list[str]]]:
    """A server that nobody should call, and the calls it got."""
    calls: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            calls.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", calls
    server.shutdown()
    thread.join()


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
def test_a_browser_runs_nothing_and_asks_nobody(tmp_path: Path, listener: tuple[str, list[str]]) -> None:
    address, calls = listener
    names = hostile(address)
    file = tmp_path / "leaderboard.html"
    file.write_text(page(made(names[:7], names[7:13], names, seeds=4)))
    assert CHROMIUM is not None
    flags = (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--virtual-time-budget=3000",
    )
    done = subprocess.run(
        [CHROMIUM, *flags, f"--user-data-dir={tmp_path / 'home'}", "--dump-dom", file.as_uri()],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert "data-pwned" not in done.stdout
    assert "<title>PWNED" not in done.stdout
    assert "How this was measured" in done.stdout
    assert calls == []
