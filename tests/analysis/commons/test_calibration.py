"""Calibration: where findings hold on a small grid, with the fine rate, censoring and deaths beside every score."""

from __future__ import annotations

from pathlib import Path

import pytest
from gamesim_analysis.commons.calibration import AXES, calibrate, grid_cells, read_grid

from gamesim.core.errors import ScenarioError, UnknownKindError
from gamesim.run.parquet import read_parquet

GRID = {"alpha": [0.03, 0.05], "c": [1.0, 2.0], "P0": [10.0, 100.0]}


@pytest.mark.slow
def test_a_small_grid_is_finished_written_and_honest(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    found = calibrate(grid=GRID, replicates=20, seed=4, on_cell=lambda done, of: seen.append((done, of)))
    assert seen[-1] == (8, 8)
    files = found.write(tmp_path)
    assert [file.name for file in files] == ["calibration.parquet", "calibration_map.html"]
    table = read_parquet([tmp_path / "calibration.parquet"])
    assert len(table["alpha"]) == 8
    for column in ("fine_rate", "censored_share", "deaths_share", "F1_score", "F4_verdict", "F2_effect", "F3_size"):
        assert column in table
    assert not any(name.startswith("F5") for name in table)
    lines = list(found.lines())
    text = "\n".join([*lines, *found.warnings(), files[1].read_text()])
    assert "fine rate" in text
    assert "censoring share" in text
    assert "F5 reproduced" not in text
    assert "reproduced" not in text


def test_equal_seeds_give_equal_maps() -> None:
    grid = {"alpha": [0.03]}
    one, two = (calibrate(("F3",), grid, replicates=5, seed=9).table().rows() for _ in range(2))
    assert one == two
    assert one != calibrate(("F3",), grid, replicates=5, seed=10).table().rows()


def test_bad_targets_and_grids_are_named() -> None:
    with pytest.raises(UnknownKindError, match="F5"):
        calibrate(("F5",))
    with pytest.raises(ScenarioError, match=r"alhpa.*Did you mean 'alpha'"):
        grid_cells({"alhpa": [0.03]})
    with pytest.raises(ScenarioError, match=r"grid\.c: an axis is a list"):
        grid_cells({"c": []})
    with pytest.raises(ScenarioError, match=r"grid\.alpha: 'x' is not a number"):
        grid_cells({"alpha": ["x"]})
    with pytest.raises(ScenarioError, match="table3, text"):
        grid_cells({"punish_init": ["both"]})
    with pytest.raises(ScenarioError, match="no interval"):
        calibrate(("F3",), {"alpha": [0.03]}, replicates=1)


def test_a_grid_file_is_read_with_its_places(tmp_path: Path) -> None:
    file = tmp_path / "grid.yaml"
    file.write_text("alpha: [0.03, 0.05]\npunish_init: [table3, text]\n")
    assert read_grid(file) == {"alpha": [0.03, 0.05], "punish_init": ["table3", "text"]}
    assert len(grid_cells(read_grid(file))) == 4
    assert set(grid_cells({})[0]) == set(AXES)
