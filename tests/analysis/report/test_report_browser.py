"""In a real browser: no script but the page's own runs, nothing is asked of anybody, nobody is sent elsewhere."""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from gamesim_analysis.report import build

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--virtual-time-budget=3000",
)  # fmt: skip

pytestmark = [pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed"), pytest.mark.slow]


@pytest.fixture
def listener() -> Any:
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


def hostile(address: str) -> list[str]:
    do = "document.title='PWNED';document.documentElement.dataset.pwned=1"
    return [
        f"<script>{do}</script>", f"<img src={address}/i onerror=\"{do}\">", f'"><svg onload="{do}">', f"<iframe src={address}/f></iframe>",
        f"<meta http-equiv=refresh content='0;url={address}/m'>", f"<link rel=stylesheet href={address}/l>", f"<style>@import url({address}/s)</style>",
        f"<base href={address}/>", f"<object data={address}/o>", f"</script><script src={address}/j></script>", f"<details open ontoggle=\"{do}\">",
        f"<form action={address}/q><input autofocus onfocus=\"{do}\">",
    ]  # fmt: skip


def opened(page: Path, home: Path) -> str:
    assert CHROMIUM is not None
    done = subprocess.run(
        [CHROMIUM, *FLAGS, f"--user-data-dir={home}", "--dump-dom", page.as_uri()], capture_output=True, text=True, timeout=120, check=False
    )  # fmt: skip
    assert "<html" in done.stdout, done.stderr[-500:]
    return done.stdout


@pytest.mark.parametrize("guarded", [True, False], ids=["policy", "escaping-alone"])
def test_hostile_text_does_nothing(guarded: bool, listener: Any, make_record: Any, play: Any, tmp_path: Path) -> None:
    address, calls = listener
    names = hostile(address)
    steps, outcomes = play.society(episodes=3, rounds=5, agents=names[:6], members=names[6:9])
    scenario = play.scenario(name=names[0], description=names[1], provenance=names[4])
    record = make_record("run", scenario, [({"environment.growth.rate": v}, steps, outcomes) for v in names[9:12]])
    page = build(record, tmp_path / "r.html")
    if not guarded:
        text = page.read_text("utf-8")
        page.write_text(re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text), "utf-8")
    dom = opened(page, tmp_path / "home")
    assert calls == []
    assert "data-pwned" not in dom
    assert "gamesim report</title>" in dom
    assert dom.count("<section") >= 8
    assert not re.findall(r"<(img|iframe|object|form|input|base|link)\b", dom)


def test_the_page_does_not_need_its_script(make_record: Any, play: Any, tmp_path: Path) -> None:
    record = make_record("run", play.scenario(), [({}, *play.society(episodes=3, rounds=5))])
    page = build(record, tmp_path / "r.html")
    with_script = opened(page, tmp_path / "home")
    page.write_text(re.sub(r"<script>.*?</script>", "", page.read_text("utf-8"), flags=re.S), "utf-8")
    without = opened(page, tmp_path / "home2")

    def plain(dom: str) -> str:
        return re.sub(r' aria-current="true"|<script>.*?</script>', "", dom, flags=re.S).strip()

    assert plain(with_script).split() == plain(without).split()
