"""Bytes and CPU of a report of 64 units, against ten of its figures by plotly with its script inside.

Run: python benchmarks/report_size.py          (the comparison needs: pip install plotly)
"""

from __future__ import annotations

import importlib.util
import re
import tempfile
import time
from pathlib import Path

import _timing  # noqa: F401  (one thread, set before numpy is imported)

REPLICATES, RATES, FINES = 8, (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8), (0, 2, 4, 6, 8, 10, 14, 18)
SCENARIO = f"""\
name: benchmark
environment: {{kind: commons, players: 10, horizon: 100, upkeep: {{consumption: 1, initial_wealth: 100}}}}
population: [{{agent: commons.paper_abm, count: 10}}]
replicates: {REPLICATES}
sweep:
  axes:
    environment.growth.rate: {list(RATES)}
    environment.institutions.sanctions.fine: {list(FINES)}
"""


def by_plotly(record: object, out: Path) -> int:
    """Ten figures of the same averages, as one page that carries the script."""
    import plotly.graph_objects as go
    from gamesim_analysis.report.sections.commons_rounds import rounds
    from gamesim_analysis.report.study import Study

    columns = rounds(Study([record]))  # type: ignore[list-item]
    parts = []
    for number, measure in enumerate(
        (
            *(
                m
                for m in ("stock", "norm", "effort", "catch", "living", "complied", "fines", "violations", "wealth")
                if m in columns
            ),
            "stock",
        )
    ):
        figure = go.Figure()
        for condition in range(0, 64, 4):
            mine = columns["condition"] == condition
            figure.add_scatter(x=columns["round"][mine], y=columns[measure][mine], name=str(condition))
        parts.append(figure.to_html(include_plotlyjs=number == 0, full_html=False))
    out.write_text("".join(parts), "utf-8")
    return len(parts)


def main() -> None:
    from gamesim.run.runner import run
    from gamesim.scenario.resolve import load_scenario

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "benchmark.yaml"
        file.write_text(SCENARIO, "utf-8")
        record = run(load_scenario(file), store=Path(folder) / "runs")
        begin = time.process_time()
        from gamesim_analysis.report import build

        page = build(record, Path(folder) / "report.html")
        taken = time.process_time() - begin
        drawings = len(re.findall(r'class="panel"', page.read_text("utf-8")))
        equal = page.read_bytes() == build(record, Path(folder) / "again.html").read_bytes()
        size = page.stat().st_size
        print(
            f"report of {len(record.units)} units: {size / 1e3:.0f} kB, {drawings} drawings, {taken:.1f} CPU-s, rebuilt {'equal' if equal else 'DIFFERENT'}"
        )
        if importlib.util.find_spec("plotly") is None:
            print("plotly is not installed; no comparison")
            return
        other = Path(folder) / "plotly.html"
        figures = by_plotly(record, other)
        print(
            f"plotly, {figures} figures, script inside: {other.stat().st_size / 1e3:.0f} kB; ours is {size / other.stat().st_size:.2f} of it"
        )


if __name__ == "__main__":
    main()
