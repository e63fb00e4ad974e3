from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from earmark.cli import app

REFERENCE = """filename\tonset\toffset\tevent_label
a.wav\t1.0\t2.0\tcar
a.wav\t5.0\t8.0\tbird
b.wav\t0.0\t4.0\tcar
c.wav\t\t\t
"""
ESTIMATED = """filename\tonset\toffset\tevent_label
a.wav\t1.1\t2.1\tcar
b.wav\t6.0\t7.0\tbird
"""
DURATIONS = "filename\tduration\na.wav\t10\nb.wav\t10\nc.wav\t10\nd.wav\t10\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ref.tsv").write_text(REFERENCE)
    (tmp_path / "est.tsv").write_text(ESTIMATED)
    (tmp_path / "durations.tsv").write_text(DURATIONS)
    return tmp_path


def evaluate(folder: Path, *arguments: str, estimated: str = "est.tsv", reference: str = "ref.tsv"):
    given = ["evaluate", "--reference", str(folder / reference), "--estimated", str(folder / estimated)]
    return CliRunner().invoke(app, [*given, "--resamples", "20", *map(str, arguments)])


def scores(folder: Path, *arguments: str, **sides: str) -> dict[tuple[str, str], float]:
    """Values by kind of criterion and average or class, with the score."""
    ran = evaluate(folder, "--output", folder / "o.json", "--quiet", *arguments, **sides)
    assert ran.exit_code == 0, ran.stderr
    assert ran.stdout == ""
    rows = json.loads((folder / "o.json").read_text())["scores"]
    return {
        (row["criterion"].split("_")[0], f"{row['score']} {row['label'] or row['average']}"): row["value"]
        for row in rows
    }


def test_scores_of_all_four_criteria_are_those_counted_by_hand(folder) -> None:
    value = scores(folder, "--durations", folder / "durations.tsv")
    # Segments of 1 s: car 1, 2 and 3 more in b.wav; the estimate touches 1 and 2 of a.wav; bird is elsewhere.
    assert value["segment", "fscore car"] == pytest.approx(2 * 1 / (1 + 4 + 2))
    assert value["segment", "fscore bird"] == 0
    assert value["event", "fscore micro"] == pytest.approx(2 * 1 / (3 + 2))
    assert value["event", "fscore macro"] == pytest.approx((2 / 3 + 0) / 2)
    assert value["event", "error_rate micro"] == 1  # two misses, one false alarm, three events
    assert value["intersection", "recall car"] == 0.5
    assert value["clip", "fscore car"] == pytest.approx(2 / 3)
    assert value["clip", "precision bird"] == 0


def test_tables_say_what_was_evaluated_and_with_what(folder) -> None:
    ran = evaluate(folder, "--durations", folder / "durations.tsv")
    assert ran.exit_code == 0, ran.stderr
    for text in (
        "est: F-score by class, %",
        "[on=0.2 s, off=max(0.2 s, 20%)]",
        "4 recordings of 40 s; 2 without a reference event.",
        "est: nothing detected in 2 recordings.",
        "In brackets: 95 % intervals, bootstrap over recordings, 20 resamples, seed 0.",
    ):
        assert text in ran.stdout


def test_merged_cut_and_absent_events_are_said(folder) -> None:
    (folder / "ref.tsv").write_text(REFERENCE + "a.wav\t1.5\t3.0\tcar\nb.wav\t9\t10.1\tcar\n")
    ran = evaluate(folder, "--duration", "10", "--events", "bird,car,siren")
    assert ran.exit_code == 0, ran.stderr
    assert "reference: 1 event united with an overlapping one of the same name." in ran.stdout
    assert "reference: 1 event cut at the end of the recording." in ran.stdout
    assert "Absent from the reference, left out of macro averages: siren." in ran.stdout
    assert scores(folder, "--duration", "10", "--events", "bird,car,siren")["clip", "fscore siren"] is None


def test_two_systems_are_compared_on_the_same_draws(folder) -> None:
    again = f"again={folder / 'ref.tsv'}"
    arguments = ["--duration", "10", "--estimated", again]
    ran = evaluate(folder, *arguments, "--output", folder / "o.csv")
    assert ran.exit_code == 0, ran.stderr
    assert "Differences from est, %" in ran.stdout
    rows = list(csv.DictReader((folder / "o.csv").read_text().splitlines()))
    chosen = [r for r in rows if r["compared_with"] and r["score"] == "fscore" and r["average"] == "micro"]
    assert {(r["system"], r["compared_with"]) for r in chosen} == {("again", "est")}
    event = next(r for r in chosen if r["criterion"].startswith("event"))
    assert float(event["value"]) == pytest.approx(1 - 2 / 5)
    assert 0 <= float(event["sign_flips"]) <= 1
    assert float(event["low"]) <= float(event["value"]) <= float(event["high"])


def test_the_seed_decides_the_intervals(folder) -> None:
    lines = [f"{index}.wav\t0\t{index + 1}\t{'car' if index % 3 else 'bird'}\n" for index in range(30)]
    (folder / "ref.tsv").write_text(REFERENCE + "".join(lines))
    (folder / "est.tsv").write_text(ESTIMATED + "".join(lines[::2]))
    texts = []
    for seed in (1, 1, 2):
        assert evaluate(folder, "--duration", "30", "--seed", seed, "--output", folder / "o.csv").exit_code == 0
        texts.append((folder / "o.csv").read_text())
    assert texts[0] == texts[1] != texts[2]


def test_silent_files_count_only_where_the_table_of_durations_names_them(folder) -> None:
    (folder / "est.tsv").write_text(ESTIMATED + "d.wav\t0\t1\tcar\n")
    value = scores(folder, "--durations", folder / "durations.tsv", "--criterion", "event")
    assert value["event", "precision micro"] == pytest.approx(1 / 3)
    ran = evaluate(folder, "--duration", "10")
    assert ran.exit_code == 1
    assert "The estimate est: 1 recordings are not among the 3 that are evaluated, first 'd.wav'." in ran.stderr


def test_options_of_a_criterion_are_set_and_stand_in_its_name(folder) -> None:
    ran = evaluate(
        folder,
        "--duration",
        "10",
        "--criterion",
        "segment",
        "--set",
        "segment.segment_s=0.5",
        "--output",
        folder / "o.json",
    )
    assert ran.exit_code == 0, ran.stderr
    rows = json.loads((folder / "o.json").read_text())["scores"]
    assert {row["criterion"] for row in rows} == {"segment_based[0.5 s, touched]"}


def test_scenes_are_scored_where_both_sides_name_them(folder) -> None:
    (folder / "ref.tsv").write_text("filename\tscene_label\na.wav\thome\nb.wav\tbus\nc.wav\thome\n")
    (folder / "est.tsv").write_text("filename\tscene_label\na.wav\thome\nb.wav\thome\nc.wav\thome\n")
    value = scores(folder, "--duration", "10")
    assert value["scene", "accuracy micro"] == pytest.approx(2 / 3)
    assert value["scene", "accuracy macro"] == 0.5
    assert "scene" in evaluate(folder, "--duration", "10").stdout


def test_weak_labels_are_judged_by_presence_only(folder) -> None:
    (folder / "ref.tsv").write_text("filename\tevent_labels\na.wav\tcar,bird\nb.wav\tcar\n")
    refused = evaluate(folder, "--duration", "10")
    assert refused.exit_code == 1
    assert refused.stderr.startswith("earmark: The reference names events without times")
    assert scores(folder, "--duration", "10", "--criterion", "clip")["clip", "recall car"] == 0.5


def test_folders_of_label_tracks_are_compared_by_the_names_of_their_files(folder) -> None:
    (folder / "tracks" / "night").mkdir(parents=True)
    (folder / "tracks" / "a.txt").write_text("1.0\t2.0\tcar\n5.0\t8.0\tbird\n")
    (folder / "tracks" / "night" / "b.txt").write_text("0.0\t4.0\tcar\n")
    (folder / "ref.tsv").write_text(REFERENCE.replace("b.wav", "night/b.wav"))
    value = scores(folder, "--duration", "10", estimated="tracks")
    assert value["event", "fscore micro"] == 1


def test_two_files_of_one_recording_without_a_name_are_compared(folder) -> None:
    for name in ("mine.txt", "theirs.txt"):
        (folder / name).write_text("1.0\t2.0\tcar\n")
    value = scores(folder, "--duration", "10", "--format", "audacity", reference="mine.txt", estimated="theirs.txt")
    assert value["event", "fscore micro"] == 1


@pytest.mark.parametrize(
    ("content", "arguments", "message"),
    [
        (ESTIMATED, [], "How long are the recordings? False alarms in silence"),
        (ESTIMATED.replace("bird", "brid"), ["--duration", "10"],
         "line 3: the event 'brid' is not in the vocabulary. Did you mean 'bird'?"),
        (ESTIMATED.replace("7.0", "11"), ["--duration", "10"],
         "est.tsv, line 3: 'bird' ends at 11 s, but only 10 s are evaluated."),
        (ESTIMATED, ["--duration", "10", "--criterion", "evnt"], "no criterion named 'evnt'. Did you mean 'event'?"),
        (ESTIMATED, ["--duration", "10", "--set", "event.colar_s=1"], "no option 'colar_s'. Did you mean 'collar_s'?"),
        (ESTIMATED, ["--duration", "10", "--format", "tvs"], "no annotation format named 'tvs'. Did you mean 'tsv'?"),
        (ESTIMATED, ["--duration", "10", "--events", "car,car"], "--events car,car: a name stands there twice."),
        (ESTIMATED, ["--durations", "nowhere.tsv"], "nowhere.tsv: no such table of durations."),
        (ESTIMATED, ["--duration", "10", "--output", "nowhere/o.csv"], "nowhere/o.csv cannot be written (No such file"),
        (ESTIMATED, ["--duration", "10", "--estimated", "x=nowhere"], "--estimated: nowhere: no such file or folder."),
    ],
)  # fmt: skip
def test_what_cannot_be_evaluated_is_one_sentence(folder, content, arguments, message) -> None:
    (folder / "est.tsv").write_text(content)
    ran = evaluate(folder, *arguments)
    assert ran.exit_code == 1
    assert message in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--duration", "10", "--durations", "d.tsv"], "say either --durations or --duration"),
        (["--duration", "10", "--output", "o.txt"], "a file that ends in .csv or .json is wanted"),
        (["--duration", "10", "--set", "segment_s=1"], "--set wants CRITERION.OPTION=VALUE"),
        (["--duration", "10", "--set", "sgment.segment_s=1"], "no criterion 'sgment' here"),
        (["--duration", "10", "--estimated", "other/est.tsv"], "two systems are named 'est'"),
    ],
)
def test_misused_options_are_said(folder, arguments, message) -> None:
    ran = evaluate(folder, *arguments)
    assert ran.exit_code == 2
    assert message in " ".join(ran.stderr.replace("│", " ").split())


def test_help_answers() -> None:
    shown = CliRunner().invoke(app, ["evaluate", "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0
    assert "--durations durations.tsv" in " ".join(shown.stdout.split())


def test_a_long_list_of_names_is_no_file(folder) -> None:
    names = ",".join(["car", "bird", *(f"another event {index}" for index in range(60))])
    assert scores(folder, "--duration", "10", "--events", names)["clip", "recall car"] == 0.5


def test_a_file_of_names_is_a_vocabulary(folder) -> None:
    (folder / "events.txt").write_text("siren\nbird\n\ncar\n")
    value = scores(folder, "--duration", "10", "--events", str(folder / "events.txt"))
    assert value["clip", "fscore siren"] is None


def test_names_in_brackets_are_printed_as_they_are(folder) -> None:
    (folder / "ref.tsv").write_text(REFERENCE.replace("bird", "[red] bird"))
    (folder / "est.tsv").write_text(ESTIMATED.replace("bird", "[red] bird"))
    assert "[red] bird" in evaluate(folder, "--duration", "10").stdout


def test_recordings_of_which_the_reference_says_nothing_are_refused(folder) -> None:
    (folder / "both").mkdir()
    (folder / "both" / "events.tsv").write_text(REFERENCE)
    (folder / "both" / "scenes.tsv").write_text("filename\tscene_label\nd.wav\thome\n")
    ran = evaluate(folder, "--duration", "10", reference="both")
    assert ran.exit_code == 1
    assert "The reference says nothing of the events in 1 recordings, first 'd'" in ran.stderr


def test_nothing_to_evaluate_is_said(folder) -> None:
    (folder / "ref.tsv").write_text("filename\tonset\toffset\tevent_label\na.wav\t\t\t\n")
    (folder / "est.tsv").write_text("filename\tonset\toffset\tevent_label\n")
    assert "There is nothing to evaluate: the reference names no event" in evaluate(folder, "--duration", "10").stderr
    silent = scores(folder, "--duration", "10", "--events", "car")
    assert silent["event", "fscore micro"] is None
