"""Runs `laperm bench` and its baseline in PyTorch alternately, and prints times, memory and ratios as Markdown.

usage: compare.py [--laperm PROGRAM] [--python PYTHON] [--networks NAME …] [--rounds N] [--seconds S] [--json FILE]

PYTHON must have PyTorch 2.9; this script needs only the standard library. A ratio is laperm's time or memory divided by
PyTorch's, so less than 1 is better. Each number is the median of all rounds.
"""

import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys

PEER = pathlib.Path(__file__).with_name("pytorch.py")
NETWORKS = ["mlp", "conv7", "conv2", "conv4", "conv13", "resnet50"]
MEASURES = ["step_ms", "forward_ms", "backward_ms", "optimizer_ms", "sync_ms", "evaluate_ms", "peak_memory_mb"]


def run(command):
    """The JSON object that a command prints. Its standard error is passed through."""
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


def ours(arguments, network):
    threads, backend = str(arguments.threads), arguments.backend
    command = [arguments.laperm, "bench", "--json", "--network", network, "--threads", threads]
    return run([*command, "--seconds", str(arguments.seconds), "--backend", backend])


def theirs(arguments, network):
    options = ["--threads", str(arguments.threads), "--seconds", str(arguments.seconds)]
    return run([arguments.python, str(PEER), network, *options])


def timed(measured):
    """Adds the time per 1,000 evaluated images."""
    return {**measured, "evaluate_ms": 1e6 / measured["evaluate_images_per_second"]}


def medians(rounds):
    """The median of each measure that all rounds have."""
    known = [m for m in MEASURES if all(r.get(m) is not None for r in rounds)]
    return {measure: statistics.median(r[measure] for r in rounds) for measure in known}


def compare(arguments):
    """Measures each network in each round, laperm and PyTorch one after the other."""
    ours_of, theirs_of = ({network: [] for network in arguments.networks} for _ in range(2))
    about = {"machine": platform.machine(), "system": platform.platform(), "threads": arguments.threads}
    peaks = []
    for i in range(arguments.rounds):
        for network in arguments.networks:
            print(f"round {i + 1} of {arguments.rounds}: {network}", file=sys.stderr, flush=True)
            report = ours(arguments, network)
            ours_of[network].append(timed(report["networks"][0]))
            peaks.append(report["peak_gflops"])
            peer = theirs(arguments, network)
            theirs_of[network].append(timed(peer))
            assert report["networks"][0]["parameters"] == peer["parameters"], "the networks differ"
            about |= {key: report[key] for key in ("version", "cpu", "backend", "instruction_set")}
            about["torch"] = peer["torch"]
    networks = []
    for network in arguments.networks:
        us, them = medians(ours_of[network]), medians(theirs_of[network])
        ratios = {measure: us[measure] / them[measure] for measure in us if measure in them}
        share = statistics.median(r["share_of_peak"] for r in ours_of[network])
        networks.append({"network": network, "laperm": us, "pytorch": them, "ratio": ratios, "share_of_peak": share})
    return {**about, "rounds": arguments.rounds, "peak_gflops": max(peaks), "networks": networks}


def shown(number):
    """Three significant digits, or all digits before the point."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def in_markdown(result):
    titles = {"step_ms": "step", "sync_ms": "sync", "evaluate_ms": "1,000 images evaluated", "peak_memory_mb": "memory"}
    lines = ["| | share of peak |" + "".join(f" {title} |" for title in titles.values()), "|---" * 6 + "|"]
    for entry in result["networks"]:
        cells = [entry["network"], f"{entry['share_of_peak']:.0%}"]
        for measure in titles:
            us, them, ratio = (entry[side].get(measure) for side in ("laperm", "pytorch", "ratio"))
            unit = "MB" if measure == "peak_memory_mb" else "ms"
            cells.append("" if ratio is None else f"{shown(us)} / {shown(them)} {unit} = **{ratio:.2f}**")
        lines.append(f"| {' | '.join(cells)} |")
    backend = f"laperm {result['version']} (backend {result['backend']}, {result['instruction_set']})"
    machine = f"{result['cpu']}, {result['threads']} threads, {result['system']}"
    peak = f"matrix-product peak {result['peak_gflops']:.0f} GFLOP/s"
    lines += ["", f"{backend} / PyTorch {result['torch']}; {machine}; {peak}; medians of {result['rounds']} rounds."]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--laperm", default="target/release/laperm", help="the program")
    parser.add_argument("--python", default="python3", help="a Python that has PyTorch")
    parser.add_argument("--networks", nargs="+", default=NETWORKS, metavar="NAME")
    parser.add_argument("--backend", default="flex", help="laperm's backend")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="threads of both")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="duration of each measurement")
    parser.add_argument("--json", metavar="FILE", help="also write all results to this file")
    arguments = parser.parse_args()
    result = compare(arguments)
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(result, indent=1) + "\n")
    print(in_markdown(result))


main()
