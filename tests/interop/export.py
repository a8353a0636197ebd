"""Reads the output of `laperm export` with pandas, PyArrow, DuckDB and TensorBoard, and compares it with the log.

    pip install -r tests/interop/requirements-export.txt
    python tests/interop/export.py target/release/laperm
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import pandas
import pyarrow.parquet
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

EXPERIMENT = """
[data]
dataset = "glyphs"
glyphs = { train_examples = 600, test_examples = 200 }
[network]
name = "f2"
[wrapper]
k = 20
[train]
batch = 50
epochs = 5
[evaluate]
before_sync = true
syncs = 1
train_examples = 100
"""


def main(laperm: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "small.toml").write_text(EXPERIMENT)

        def run(*arguments: str) -> str:
            command = [str(Path(laperm).resolve()), *arguments]
            return subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout

        summary = json.loads(run("run", "small.toml", "--json"))
        log = [json.loads(line) for line in (folder / summary["run"] / "events.jsonl").open()]
        files = {}
        for form in ["csv", "parquet", "tensorboard"]:
            report = json.loads(run("export", summary["run"], "--format", form, "-o", form, "--json"))
            files[form] = {Path(file["file"]).stem: file["rows"] for file in report["files"]}
        tables(folder, files, log)
        events(folder, log)
    print("pandas, PyArrow, DuckDB and TensorBoard read what laperm exports")


def tables(folder: Path, files: dict, log: list) -> None:
    steps = [event for event in log if event["type"] == "step"]
    for table, rows in files["parquet"].items():
        arrow = pyarrow.parquet.read_table(folder / "parquet" / f"{table}.parquet").to_pandas()
        comma = pandas.read_csv(folder / "csv" / f"{table}.csv")
        assert len(arrow) == len(comma) == rows == files["csv"][table], table
        assert list(arrow.columns) == list(comma.columns), table
        for column in arrow.columns:
            if pandas.api.types.is_numeric_dtype(arrow[column]) and rows:
                # pandas reads numbers from text as 64 bits, also those of 32 bits.
                arrow[column], comma[column] = arrow[column].astype(float), comma[column].astype(float)
                same = (arrow[column] - comma[column]).abs() <= 1e-6 * comma[column].abs()
                assert (same | arrow[column].isna()).all(), (table, column)
        for form in ["csv", "parquet"]:
            path = folder / form / f"{table}.{form}"
            # In a file without rows DuckDB cannot tell that the first line is the header.
            source = f"read_csv('{path}', header = true)" if form == "csv" else f"'{path}'"
            [(counted,)] = duckdb.sql(f"select count(*) from {source}").fetchall()
            assert counted == rows, (table, form, counted)
    losses = pyarrow.parquet.read_table(folder / "parquet" / "steps.parquet").to_pandas()
    assert list(losses.step) == [event["step"] for event in steps]
    for written, event in zip(losses.loss, steps):
        assert abs(written - event["loss"]) <= 1e-6 * abs(event["loss"])
    query = f"select layer, avg(mean_ratio) from '{folder}/parquet/distances.parquet' group by layer order by layer"
    assert [name for name, _ in duckdb.sql(query).fetchall()] == ["dense1", "dense2", "dense3"]
    evaluations = pyarrow.parquet.read_table(folder / "parquet" / "evaluations.parquet").to_pandas()
    assert set(evaluations.weights) == {"synced", "inner"}
    assert (evaluations.test_examples == 200).all() and evaluations.test_accuracy.between(0, 1).all()


def events(folder: Path, log: list) -> None:
    accumulator = EventAccumulator(str(folder / "tensorboard"), size_guidance={"scalars": 0, "tensors": 0})
    accumulator.Reload()
    tags = accumulator.Tags()["scalars"]
    for tag in ["loss/batch", "accuracy/batch", "accuracy/test", "accuracy/test_before_sync", "accuracy/train",
                "loss/test", "distance_mean/dense1", "distance_sd/dense3", "sync_moved/dense2", "sync/milliseconds",
                "schedule/lr", "schedule/k", "schedule/p"]:
        assert tag in tags, (tag, tags)
    steps = [event for event in log if event["type"] == "step"]
    batch = accumulator.Scalars("loss/batch")
    assert [value.step for value in batch] == [event["step"] for event in steps]
    begun = batch[0].wall_time - steps[0]["seconds"]
    for value, event in zip(batch, steps):
        assert abs(value.value - event["loss"]) <= 1e-6 * abs(event["loss"])
        assert abs(value.wall_time - begun - event["seconds"]) < 1e-3
    assert accumulator.FirstEventTimestamp() <= batch[0].wall_time
    assert abs(time.time() - batch[-1].wall_time) < 600, "wall times are those of the run"


if __name__ == "__main__":
    main(sys.argv[1])
