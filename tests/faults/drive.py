"""Plays the trial in a process of its own, to be killed: drive.py STORE JOURNAL WORKERS [HORIZON]. Prints the digest."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from trial import REFERENCE, trial_scenario

from gamesim.run.interrupts import Interrupted
from gamesim.run.runner import run


def main() -> None:
    store, journal, workers = sys.argv[1:4]
    horizon = int(sys.argv[4]) if len(sys.argv) > 4 else 8
    try:
        record = run(trial_scenario(journal, horizon=horizon), store=store, workers=int(workers), experiment=REFERENCE)
    except Interrupted as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
    print(record.digest())


if __name__ == "__main__":
    main()
