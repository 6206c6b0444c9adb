"""Compare the runs of several strategies, and list the languages in which the difference is significant.

Usage: python examples/compare_runs.py out/demo/single out/demo/bon
"""

import sys

import fusion_eval as fe


def main(baseline: str, candidate: str) -> None:
    """Print the comparison, then one line per language that differs."""
    comparison = fe.compare(baseline, candidate)
    print(comparison)
    rows = comparison.to_frame()
    languages = rows[(rows["language"] != "all") & rows["significant"]]
    for row in languages.itertuples():
        print(f"{row.language}: {row.metric} {row.delta:+.2f} [{row.ci_low:+.2f}, {row.ci_high:+.2f}]")
    if languages.empty:
        print("No single language shows a significant difference.")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
