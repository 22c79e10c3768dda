"""`facsim study`: what it lists and shows, and what it refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from facsim.cli.main import run
from facsim.studies.table import STUDIES


def test_list_imports_no_network() -> None:
    code = "import sys; from facsim.cli.main import run; run(['study', 'list', '--json']); assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert [study["name"] for study in json.loads(done.stdout)] == list(STUDIES)


def test_show_tells_what_was_published(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["study", "show", "toy-distributions", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    found = {(e["model"], e["observable"]): e["published"] for e in shown["expected"]}
    assert found["gan-dp", "kl of x, gaussian"] == 0.52
    assert found["flow", "kl of x, beta"] is None
    assert run(["study", "show", "toy-distributions"]) == 0
    assert "0.52" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["toy-distribution"], "did you mean 'toy-distributions'"),
        (["toy-distributions", "--model", "wgan-pg"], "did you mean 'wgan-gp'"),
        (["toy-distributions", "--quick", "--full"], "--quick or --full"),
    ],
)
def test_refusals(arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["study", "run", *arguments, "--out", str(tmp_path / "out")]) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_run_prints_one_document_and_writes_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert run(["study", "run", "conditional-gaussian", "--model", "flow", "--quick", "--out", str(out), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows == json.loads((out / "summary.json").read_text())
    assert {row["model"] for row in rows} == {"flow"}
    assert (out / "flow" / "scorecard.json").is_file()


def test_names_in_brackets_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    from facsim.cli.show import show_table

    show_table("title", ("name",), [("hits[x]",)])
    assert "hits[x]" in capsys.readouterr().out
