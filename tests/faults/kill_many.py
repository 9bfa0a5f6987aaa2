"""Kills a thousand runs and prints what became of them.

python tests/faults/kill_many.py [KILLS] [SEED]
python tests/faults/kill_many.py each unit|step OPERATIONS     at each of the last disk operations in turn
"""

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from kills import Campaign


def main() -> int:
    each = sys.argv[1:2] == ["each"]
    kills = int(sys.argv[1]) if len(sys.argv) > 1 and not each else 1000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 and not each else 1
    last = [time.monotonic()]

    def tell(tally):
        if time.monotonic() - last[0] > 10:
            last[0] = time.monotonic()
            print(f"... {tally.kills} kills", file=sys.stderr)

    with tempfile.TemporaryDirectory(prefix="gamesim-kills-") as scratch:
        campaign = Campaign(Path(scratch), seed)
        tally = campaign.each_operation(sys.argv[2], int(sys.argv[3])) if each else campaign.go(kills, tell)
    print(tally, *tally.notes, sep="\n")
    for kind, number in sorted(tally.by_kind.items()):
        print(f"  {kind}: {number}")
    return 0 if tally.clean() else 1


if __name__ == "__main__":
    sys.exit(main())
