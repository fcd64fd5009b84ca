#!/usr/bin/python3
"""Accuracies of finished runs and of their PyTorch twins, as a Markdown table: accuracy_table.py RUN... SEED...

Reads RUN-seed<SEED>/result.json (Lyceum) and RUN-seed<SEED>/pytorch.json (accuracy.py); percent, mean ± deviation.
"""
import json
import pathlib
import statistics
import sys


def cell(values):
    deviation = f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.2f}{deviation} ({', '.join(f'{v:.2f}' for v in values)})"


def main():
    runs = [a for a in sys.argv[1:] if not a.isdigit()]
    seeds = [a for a in sys.argv[1:] if a.isdigit()]
    print("| recipe | Lyceum, test % | PyTorch, test % | difference |\n|---|---|---|---|")
    for run in runs:
        own, other = ([json.loads(pathlib.Path(f"{run}-seed{seed}/{name}").read_text()) for seed in seeds]
                      for name in ("result.json", "pytorch.json"))
        tests = [[100 * result["test"]["accuracy"] for result in side] for side in (own, other)]
        print(f"| `{pathlib.Path(run).name}` | {cell(tests[0])} | {cell(tests[1])} "
              f"| {statistics.mean(tests[0]) - statistics.mean(tests[1]):+.2f} |")


main()
