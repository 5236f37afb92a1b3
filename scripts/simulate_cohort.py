"""Write a simulated cohort: FLAIR pairs with known new, enlarging, gone and shrinking lesions."""

from __future__ import annotations

import argparse
from pathlib import Path

from newlesions.simulate.demo import write_demo
from newlesions.simulate.layouts import write_bids, write_msseg2
from newlesions.simulate.plan import plan_cohort


def main(arguments: list[str] | None = None) -> None:
    """Read the options and write the cohort."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where to write; made if it is not there")
    parser.add_argument("--layout", choices=["bids", "msseg2"], default="bids")
    parser.add_argument("--subjects", type=int, default=10, help="how many; subject n is the same in every cohort")
    parser.add_argument("--visits", type=int, default=2, help="visits per subject (MSSEG-2 folders hold the first two)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--voxel",
        type=float,
        nargs=3,
        metavar="MM",
        help="voxel size of all scans: in plane (2), slice (drawn per visit; 1 1 1 for MSSEG-2 folders)",
    )
    parser.add_argument("--tiny", action="store_true", help="4 mm scans with few, large lesions, for tests")
    parser.add_argument(
        "--no-change", action="store_true", help="the same head at every visit, moved, with other noise"
    )
    parser.add_argument("--demo", action="store_true", help="the demonstration's four subjects instead")
    parser.add_argument("--workers", type=int, default=1, help="processes; each takes about 1.3 GB of memory")
    options = parser.parse_args(arguments)
    if options.subjects < 1 or options.visits < 2 or options.seed < 0 or options.workers < 1:
        parser.error("--subjects and --workers start at 1, --visits at 2, --seed at 0")

    def progress(label: str) -> None:
        print(f"wrote {label}", flush=True)

    if options.demo:
        write_demo(options.folder, options.seed, tiny=options.tiny, progress=progress)
        return
    if options.layout == "msseg2" and not (options.voxel or options.tiny):
        # The challenge's scans are 3D. Thick slices resampled to a fine grid would hide their blur from every method.
        options.voxel = [1.0, 1.0, 1.0]
    plans = plan_cohort(
        options.subjects,
        options.seed,
        visits=options.visits,
        voxel=tuple(options.voxel) if options.voxel else None,
        tiny=options.tiny,
        no_change=options.no_change,
    )
    if options.layout == "msseg2":
        spacing = max(1.0, min(options.voxel)) if options.voxel else 4.0 if options.tiny else 1.0
        write_msseg2(options.folder, plans, spacing=spacing, workers=options.workers, progress=progress)
    else:
        write_bids(options.folder, plans, workers=options.workers, progress=progress)


if __name__ == "__main__":
    main()
