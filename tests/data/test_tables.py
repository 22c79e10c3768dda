"""Flat tables: the same numbers through every format, units in names, and one line for everything that cannot be a table of events."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from facsim.cli.main import run
from facsim.core import Events, FacsimError, RegularGrid, Variable, Vector, stream
from facsim.data import read, write
from facsim.data.table_formats import TABLES
from facsim.data.tables import Choice, open_table, read_table, write_table
from facsim.simulators import Rich

uproot = pytest.importorskip("uproot", reason="extra root")
pyarrow = pytest.importorskip("pyarrow", reason="extra parquet")
ENDINGS = sorted(TABLES)
CHOICE = Choice(("pdg", "p", "eta", "n_tracks"), ("dllE", "dllMu", "dllK", "dllP", "dllBT"))


def tracks(n: int = 50, seed: int = 0) -> Events:
    rich = Rich()
    events = rich.simulate(rich.prior(n, stream(seed, "c")), stream(seed, "x"))
    return replace(events, weight=stream(0, "w").normal(1, 1, n))


@pytest.mark.parametrize("ending", ENDINGS)
def test_written_and_read_again_bit_by_bit(ending: str, tmp_path: Path) -> None:
    events, path = tracks(), tmp_path / f"tuple{ending}"
    write_table(events, path)
    again = read_table(path, replace(CHOICE, weight="weight"))
    assert [(v.name, v.unit) for v in again.variables] == [(v.name, v.unit) for v in events.variables]
    assert again.variables[0].choices == (11, 13, 211, 321, 2212)
    assert again.variables[1].low == events.column("p").min()
    assert again.detector == events.detector
    for name in ("condition", "response", "weight"):
        assert np.array_equal(getattr(again, name), getattr(events, name))
    assert read_table(path, CHOICE).weight is None


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(numbers=arrays(np.float32, (3, 2), elements=st.floats(-(2.0**90), 2.0**90, width=32)), ending=st.sampled_from(ENDINGS))
def test_any_float32_survives(numbers: np.ndarray, ending: str, tmp_path: Path) -> None:
    events = Events(numbers[:, :1], numbers[:, 1:], Vector(("y",)), (Variable("x"),))
    write_table(events, tmp_path / f"t{ending}")
    again = read_table(tmp_path / f"t{ending}", Choice(["x"], ["y"]))
    assert np.array_equal(again.condition, events.condition)
    assert np.array_equal(again.response, events.response)


def test_units_in_names_are_converted(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("p_GeV,x_cm,dE_keV,q\n2.5,1,3,7\n3,2,4,8\n")
    events = read_table(path, Choice(["p", "x_cm"], ["dE", "q"]))
    assert events.condition.tolist() == [[2500.0, 10.0], [3000.0, 20.0]]
    assert events.response == pytest.approx(np.array([[3e-3, 7.0], [4e-3, 8.0]]))
    assert [(v.name, v.unit) for v in events.variables] == [("p", "MeV"), ("x", "mm")]
    assert events.detector == Vector(("dE", "q"), ("MeV", "1"))


def test_a_tree_of_several_types_and_only_the_chosen_branches(tmp_path: Path) -> None:
    """Whole numbers, truth values and doubles are numbers; jagged and fixed arrays and strings do no harm where they are not asked for."""
    import awkward

    path = tmp_path / "t.root"
    with uproot.recreate(path) as file:
        file.mktree("T", {"i": "int32", "b": "bool", "d": "float64", "v": np.dtype(("f8", (3,))), "j": "var * float64"}).extend(
            {
                "i": np.arange(3, dtype=np.int32),
                "b": np.array([True, False, True]),
                "d": np.ones(3),
                "v": np.zeros((3, 3)),
                "j": awkward.Array([[1.0], [], [2.0, 3.0]]),
            }
        )
        file.mktree("other", {"x": "float64"})
    events = read_table(path, Choice(["i", "b"], ["d"], tree="T"))
    assert events.condition.tolist() == [[0, 1], [1, 0], [2, 1]]
    with pytest.raises(FacsimError, match=r"'v' of .* is not a plain number: expected one number in each row, got double\[3\]"):
        read_table(path, Choice(["i"], ["v"], tree="T"))
    with pytest.raises(FacsimError, match=r"'j' of .* is not a plain number"):
        read_table(path, Choice(["i"], ["j"], tree="T"))
    with pytest.raises(FacsimError, match=r"several trees: expected one, got T, other; choose one with --tree"):
        read_table(path, Choice(["i"], ["d"]))
    with pytest.raises(FacsimError, match="no tree 'U'"):
        read_table(path, Choice(["i"], ["d"], tree="U"))


@pytest.mark.parametrize("ending", ENDINGS)
def test_unknown_columns_name_the_nearest(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"t{ending}"
    write_table(tracks(), path)
    with pytest.raises(FacsimError, match=r"no column 'dllk'.*nearest are dllK") as caught:
        read_table(path, Choice(["p"], ["dllk"]))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("ending", ENDINGS)
def test_numbers_that_are_not_finite_are_told_with_their_row(ending: str, tmp_path: Path) -> None:
    path, x = tmp_path / f"t{ending}", np.array([1.0, np.nan, 2.0, np.inf])
    path.write_bytes(TABLES[ending].dump({"x": x, "y": np.ones(4)}, None))
    with pytest.raises(FacsimError, match=r"column 'x' of .* not finite: .*nan in row 1, 2 such rows"):
        read_table(path, Choice(["y"], ["x"]))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the names of the columns"),
        ("x,y\n1,2\n1\n", "cannot read"),
        ("x,y\n1,two\n", "cannot read .*two"),
        ("x,y\n1,\n", "cannot read"),
    ],
)
def test_csv_that_is_no_table(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(FacsimError, match=said) as caught:
        read_table(tmp_path / "t.csv", Choice(["x"], ["y"]))
    assert "\n" not in str(caught.value)


def test_csv_without_rows_and_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes("\ufeffx, y\n".encode())
    assert len(read_table(tmp_path / "t.csv", Choice(["x"], ["y"]))) == 0


def test_gaps_and_words_in_parquet(tmp_path: Path) -> None:
    from pyarrow import parquet

    path = tmp_path / "t.parquet"
    parquet.write_table(pyarrow.table({"x": [1.0, None], "s": ["a", "b"], "l": [[1.0], [2.0]], "y": [1, 2]}), path)
    for name, said in (("x", "has gaps: expected a number in each row, got 1 nulls"), ("s", "not a plain number"), ("l", "not a plain number")):
        with pytest.raises(FacsimError, match=said):
            read_table(path, Choice(["y"], [name]))


@pytest.mark.parametrize("ending", ENDINGS)
def test_damaged_and_missing_files_are_one_line(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"t{ending}"
    with pytest.raises(FacsimError, match="no such file"):
        read_table(path, Choice(["x"], ["y"]))
    path.write_bytes(b"\x00\x01 no table at all \xff\xfe" * 20)
    with pytest.raises(FacsimError) as caught:
        read_table(path, Choice(["x"], ["y"]))
    assert "\n" not in str(caught.value)


def test_refusals(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    write_table(tracks(), path)
    with pytest.raises(FacsimError, match="does not say what its columns are"):
        read_table(path, Choice([], ["dllK"]))
    with pytest.raises(FacsimError, match="p_MeV twice"):
        read_table(path, Choice(["p", "p_MeV"], ["dllK"]))
    grid = RegularGrid((2, 2), (1.0, 1.0))
    with pytest.raises(FacsimError, match=r"no flat table.*RegularGrid of 4 cells"):
        write_table(Events(np.ones((1, 1)), np.ones((1, 2, 2)), grid, (Variable("x"),)), path)
    with pytest.raises(FacsimError, match="one name"):
        write_table(Events(np.ones((1, 1)), np.ones((1, 1)), Vector(("x",)), (Variable("x"),)), path)
    with pytest.raises(FacsimError, match="no table by its name"):
        write_table(tracks(), tmp_path / "t.txt")


@pytest.mark.parametrize(("library", "ending", "extra"), [("uproot", ".root", "root"), ("pyarrow", ".parquet", "parquet")])
def test_missing_libraries_are_told_with_the_remedy(library: str, ending: str, extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / f"t{ending}").touch()
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(FacsimError, match=rf"pip install 'facsim\[{extra}\]'"):
        read_table(tmp_path / f"t{ending}", Choice(["x"], ["y"]))


def test_source_fingerprint_depends_on_file_and_columns(tmp_path: Path) -> None:
    write_table(tracks(), tmp_path / "t.csv")
    first = open_table(tmp_path / "t.csv", CHOICE)
    assert (first.n, first.detector) == (50, tracks().detector)
    assert first.read(3, 5).response.shape == (2, 5)
    assert first.fingerprint != open_table(tmp_path / "t.csv", replace(CHOICE, response=("dllK",))).fingerprint


COLUMNS = ["--condition", "pdg,p,eta,n_tracks", "--response", "dllE,dllMu,dllK,dllP,dllBT"]


def test_convert_both_ways(tmp_path: Path) -> None:
    events = tracks()
    write(events, tmp_path / "a.h5")
    for source, target in (("a.h5", "b.root"), ("b.root", "c.csv"), ("c.csv", "d.parquet"), ("d.parquet", "e.h5")):
        flags = [] if source == "a.h5" else [*COLUMNS, "--weight", "weight"]
        assert run(["convert", str(tmp_path / source), str(tmp_path / target), *flags]) == 0
    again = read(tmp_path / "e.h5")
    assert np.array_equal(again.response, events.response)
    assert np.array_equal(again.weights, events.weights)
    assert run(["convert", str(tmp_path / "a.h5"), str(tmp_path / "f.root"), "--tree", "T"]) == 0
    with uproot.open(tmp_path / "f.root") as file:
        assert file.keys(cycle=False) == ["T"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_fit_from_a_table(ending: str, tmp_path: Path) -> None:
    from facsim.surrogate import load_bundle

    write_table(tracks(400), tmp_path / f"t{ending}")
    out = tmp_path / "run"
    columns = ["--condition", "pdg,p,eta", "--response", "dllK,dllP", "--weight", "weight"]
    assert run(["fit", str(tmp_path / f"t{ending}"), "--model", "flow", "--epochs", "1", "--out", str(out), *columns]) == 0
    surrogate = load_bundle(out / "bundle")
    assert surrogate.detector == Vector(("dllK", "dllP"))
    assert [v.name for v in surrogate.variables] == ["pdg", "p", "eta"]


@pytest.fixture(scope="module")
def trained_on_table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tables")
    write_table(tracks(400), folder / "t.root", "T")
    out = ["--model", "flow", "--epochs", "1", "--out", str(folder / "run")]
    assert run(["fit", str(folder / "t.root"), "--condition", "pdg,p,eta", "--response", "dllK,dllP", "--weight", "weight", *out]) == 0
    return folder


@pytest.mark.parametrize("ending", ENDINGS)
def test_sample_like_a_table_in_other_units_and_order(ending: str, trained_on_table: Path, tmp_path: Path) -> None:
    wanted = tracks(20)
    columns = {"other": np.arange(20.0), "eta": wanted.column("eta"), "p_GeV": wanted.column("p") / 1e3, "pdg": wanted.column("pdg")}
    (tmp_path / f"like{ending}").write_bytes(TABLES[ending].dump(columns, None))
    like = ["--like", str(tmp_path / f"like{ending}"), "--extrapolate"]
    assert run(["sample", str(trained_on_table / "run"), *like, "--out", str(tmp_path / "s.h5")]) == 0
    assert run(["sample", str(trained_on_table / "run"), *like, "--out", str(tmp_path / f"s{ending}")]) == 0
    made = read(tmp_path / "s.h5")
    assert np.allclose(made.condition, wanted.condition[:, :3], rtol=1e-6)
    names = Choice(("pdg", "p", "eta"), ("dllK", "dllP"))
    assert np.array_equal(read_table(tmp_path / f"s{ending}", names).response, made.response)


def test_a_sample_like_a_table_is_refused_in_one_line(trained_on_table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.csv").write_text("pdg,eta,momentum\n211,3,1e4\n")
    (tmp_path / "b.csv").write_text("pdg,eta,p_cm\n211,3,1e4\n")
    out = ["--out", str(tmp_path / "s.h5")]
    for arguments, message in (
        (["--like", str(tmp_path / "a.csv")], "has no column 'p'"),
        (["--like", str(tmp_path / "b.csv")], "column 'p_cm' of"),
        (["--like", str(tmp_path / "a.csv"), "--tree", "T"], "--tree names a tree of a ROOT file"),
        (["--like", str(trained_on_table / "t.root"), "--tree", "U"], "has no tree 'U'"),
    ):
        assert run(["sample", str(trained_on_table / "run"), *arguments, *out]) == 1
        told = capsys.readouterr().err
        assert message in told
        assert told.count("\n") == 1
    assert not (tmp_path / "s.h5").exists()


def test_tables_are_evaluated_as_the_same_events_in_native_files(tmp_path: Path) -> None:
    truth, own = tracks(1200), replace(tracks(1200, seed=1), weight=None)
    write(truth, tmp_path / "t.h5")
    write(own, tmp_path / "own.h5")
    write_table(truth, tmp_path / "t.root", "T")
    write_table(own, tmp_path / "own.csv")
    sections = ["--recipe", "observables"]
    assert run(["evaluate", str(tmp_path / "own.h5"), "--truth", str(tmp_path / "t.h5"), *sections, "--out", str(tmp_path / "a")]) == 0
    columns = [*COLUMNS, "--weight", "weight", "--tree", "T"]
    assert run(["evaluate", str(tmp_path / "own.csv"), "--truth", str(tmp_path / "t.root"), *columns, *sections, "--out", str(tmp_path / "b")]) == 0
    assert (tmp_path / "a" / "scorecard.json").read_bytes() == (tmp_path / "b" / "scorecard.json").read_bytes()


def test_tables_without_names_are_not_evaluated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_table(tracks(), tmp_path / "t.csv")
    write(tracks(), tmp_path / "t.h5")
    table, native, out = str(tmp_path / "t.csv"), str(tmp_path / "t.h5"), ["--out", str(tmp_path / "r")]
    for arguments, message in (
        ([table, "--truth", table], "name them: --condition"),
        ([native, "--truth", native, "--condition", "p"], "columns are named for tables alone"),
        ([table, "--truth", table, *COLUMNS, "--weight", "sw"], "has no column 'sw'"),
    ):
        assert run(["evaluate", *arguments, *out]) == 1
        assert message in capsys.readouterr().err


def test_command_line_refusals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tracks(), tmp_path / "a.h5")
    write_table(tracks(), tmp_path / "t.csv")
    out = ["--out", str(tmp_path / "r")]
    assert run(["fit", str(tmp_path / "a.h5"), "--condition", "p", *out]) == 1
    assert "columns are named for tables alone" in capsys.readouterr().err
    assert run(["fit", str(tmp_path / "t.csv"), *out]) == 1
    assert "name them: --condition" in capsys.readouterr().err
