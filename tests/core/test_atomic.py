"""Files are there whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from facsim.core import FacsimError, atomic
from facsim.core.atomic import write_whole


@pytest.mark.parametrize("broken", ["write_bytes", "flush", "replace"])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(broken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "file"
    write_whole(target, b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic if broken == "flush" else Path, broken, full)
    with pytest.raises(FacsimError, match="No space left"):
        write_whole(target, b"new")
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_the_file_is_on_the_disk_before_it_is_renamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    flush, replace = atomic.flush, Path.replace
    monkeypatch.setattr(atomic, "flush", lambda path: (calls.append("file" if path.is_file() else "folder"), flush(path)))
    monkeypatch.setattr(Path, "replace", lambda path, to: (calls.append("rename"), replace(path, to)))
    write_whole(tmp_path / "file", b"new")
    assert calls == ["file", "rename", "folder"]


def test_no_folder_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(FacsimError, match=r"cannot write .*No such file"):
        write_whole(tmp_path / "nowhere" / "file", b"new")
