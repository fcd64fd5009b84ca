"""Tables of docs/results.md, "Credit", in Markdown, from what `scripts/credit` has run:

    credit_tables.py demo/planted/rules/table.json ...

A row a rule or an agent, a column an ensemble: test accuracy in percent, mean over the seeds, and in brackets the 95 %
interval of the difference to the table's reference, paired by seed. A star: the difference is from 0 by its p-value
corrected for all comparisons of the ablation (Holm, 0.05). Where `learned` is among the rules, a second table has its
differences to the rules that are hardest to beat, in points, with their 95 % intervals, paired by seed. For what learns, a
last table has the largest weight over the seeds that a teacher had on average in the last quarter of a run.
"""
import json
import math
import statistics
import sys

RIVALS = ("best_single", "validated", "confidence")
STUDENT_T = {2: 4.303, 3: 3.182, 4: 2.776, 9: 2.262}  # 0.975 quantiles by degrees of freedom


def cell(setting):
    text = f"{100 * setting['accuracy_mean']:.2f}"
    if setting["difference_low"] is not None:
        star = "*" if setting["p_holm"] is not None and setting["p_holm"] < 0.05 else ""
        text += f" ({100 * setting['difference_low']:+.1f} to {100 * setting['difference_high']:+.1f}){star}"
    return text if setting["finished"] == setting["runs"] else f"{text} [{setting['finished']} of {setting['runs']}]"


def label(setting):
    values = setting["values"]
    name = values.get("agent", values.get("agent.strategy"))
    more = {"same": "", "labels": ", with the labels of `reward`", "flops": ", with the FLOPs"}
    return f"`{name}`" + more[setting["budget"]]


def print_table(title, columns, rows):
    print(f"| {title} | " + " | ".join(columns) + " |\n|" + "---|" * (len(columns) + 1))
    for name, cells in rows.items():
        print(f"| {name} | " + " | ".join(cells.get(column, "") for column in columns) + " |")
    print()


def by_seed(content, setting):
    """Test accuracies in percent of a setting's finished runs."""
    return {run["seed"]: 100 * run["test_accuracy"] for run in content["runs"]
            if run["setting"] == setting["setting"] and run["state"] == "finished"}


def difference(of, to):
    values = [of[seed] - to[seed] for seed in of if seed in to]
    mean, freedom = statistics.mean(values), len(values) - 1
    if freedom not in STUDENT_T:
        return f"{mean:+.2f}"
    half = STUDENT_T[freedom] * statistics.stdev(values) / math.sqrt(len(values))
    return f"{mean:+.2f} ({mean - half:+.2f} to {mean + half:+.2f})"


def print_differences(content, columns):
    """`learned` less its rivals, as they are: with the same labels and steps."""
    accuracy = {(label(setting), setting["values"].get("teachers", "test %")): by_seed(content, setting)
                for setting in content["settings"]}
    rows = {}
    for rival in RIVALS:
        for column in columns:
            of, to = accuracy.get(("`learned`", column)), accuracy.get((f"`{rival}`", column))
            if of and to:
                rows.setdefault(f"`{rival}`", {})[column] = difference(of, to)
    if rows:
        print_table("`learned` less", columns, rows)


def tables(path):
    with open(path) as file:
        content = json.load(file)
    columns, accuracy = [], {}
    for setting in content["settings"]:
        column = setting["values"].get("teachers", "test %")
        columns += [column] if column not in columns else []
        accuracy.setdefault(label(setting), {})[column] = cell(setting)
    print(f"**{content['name']}**\n")
    print_table("", columns, accuracy)
    print_differences(content, columns)
    most = {}
    for run in content["runs"]:
        setting = next(s for s in content["settings"] if s["setting"] == run["setting"])
        if "learned" not in label(setting) and "agent" not in setting["values"]:
            continue
        if run["state"] == "finished" and run["last_quarter_weight"]:
            seen = most.setdefault((label(setting), setting["values"].get("teachers", "")), {})
            for teacher, weight in run["last_quarter_weight"].items():
                seen[teacher] = max(seen.get(teacher, 0.0), weight)
    ensembles = list(dict.fromkeys(ensemble for _, ensemble in most))
    rows = {}
    for (name, ensemble), seen in most.items():
        rows.setdefault(name, {})[ensemble or "largest weight"] = " / ".join(f"{weight:.2f}" for weight in seen.values())
    if most:
        print_table("largest weight: " + " / ".join(next(iter(most.values()))), [ensemble or "largest weight" for ensemble in ensembles],
                    rows)


for path in sys.argv[1:]:
    tables(path)
