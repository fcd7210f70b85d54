"""The lake: a tree of files, in a local directory or in an object store, named by a URL.

Guarantee: a reader of `type=*/day=*/*.parquet` sees a whole file or none. Locally a file is
written under a name that begins with a dot, forced to disk, and renamed; an object store shows an
object when its upload is complete. Writing a path again replaces it by the same rule. Where a local
file takes the place of others, a reader sees either it or them: the day's directory is built anew
beside the old one, and the two change names at once.
A writer that is stopped, however long, shows its file only while nobody else could have written it,
merged it and cleared it away.
Does not guarantee: that a writer which is killed leaves no file with a dot behind. In an object
store, and where directories cannot change names, that a reader of the pattern sees a file and not
also those whose place it takes, until those are cleared away; `LakeFile` says which count. Nor, in
an object store, that an upload which stood still for that long is not ended afterwards.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from urllib.parse import quote, urlsplit
from uuid import UUID, uuid4

import fsspec
import pyarrow as pa
import pyarrow.fs
from fsspec.implementations.arrow import ArrowFSWrapper
from fsspec.implementations.local import LocalFileSystem

from apps.datalake_ingestion import exchanging, parquet
from wildrydes import crashpoints

Confirm = Callable[[], None]


def _nothing() -> None:
    """Confirm what nobody else may write."""


@dataclass(frozen=True)
class Lake:
    """The file system that holds a lake, and where in it the lake is."""

    files: fsspec.AbstractFileSystem
    root: str

    def path(self, *, type_: str, day: date, file: UUID) -> str:
        """Return where a file of the lake belongs."""
        return f"{self.root}/type={quote(type_, safe='')}/day={day:%Y-%m-%d}/{file}.parquet"

    def archive_path(self, *, day: date, file: UUID) -> str:
        """Return where a file of archived messages belongs: beside what readers' patterns find."""
        return f"{self.root}/archive/{day:%Y-%m}/{file}.parquet"

    def put(self, path: str, content: bytes, *, confirm: Confirm = _nothing) -> None:
        """Write a file, all or nothing; `confirm` is called before it is shown, and may refuse it.

        Locally the draft is there by then, and goes when the file is cleared away. So a writer that
        was stopped after it had confirmed cannot bring a cleared file back.
        """
        if isinstance(self.files, LocalFileSystem):
            _put_local(Path(path), content, confirm=confirm)
        else:
            confirm()
            self.files.pipe_file(path, content)

    def get(self, path: str) -> bytes:
        """Return the content of a file; raises `FileNotFoundError`."""
        content: bytes = self.files.cat_file(path)
        return content

    def has(self, path: str) -> bool:
        """Say whether there is such a file."""
        self.files.invalidate_cache()
        return bool(self.files.exists(path))

    def whereabouts(self, path: str, *, of: UUID) -> str:
        """Return where a file is that `of` takes the place of: there still, or aside."""
        if not isinstance(self.files, LocalFileSystem) or Path(path).exists():
            return path
        return str(_aside(Path(path).parent, of) / Path(path).name)

    def replace(
        self,
        paths: Sequence[str],
        *,
        by: str,
        of: UUID,
        content: bytes,
        confirm: Confirm = _nothing,
    ) -> None:
        """Put the file `of` in the place of others of its directory. May be repeated.

        Nobody may write to the directory meanwhile; `confirm` is called last, and refuses when that
        is so no more. The others are left to `clear`.
        """
        if not isinstance(self.files, LocalFileSystem) or not _replace_local(
            [Path(path) for path in paths], by=Path(by), of=of, content=content, confirm=confirm
        ):
            self.put(by, content, confirm=confirm)

    def clear(self, paths: Sequence[str], *, of: UUID) -> None:
        """Remove the files whose place `of` has taken, wherever they are. May be repeated."""
        is_local = isinstance(self.files, LocalFileSystem) and bool(paths)
        if is_local:
            _clear_drafts([Path(path) for path in paths])
        for path in paths:
            if self.has(path):
                self.files.rm_file(path)
        if is_local:
            shutil.rmtree(_aside(Path(paths[0]).parent, of), ignore_errors=True)

    def paths(self) -> list[str]:
        """Return every file that a reader's glob finds, sorted."""
        self.files.invalidate_cache()
        return sorted(self.files.glob(f"{self.root}/type=*/day=*/*.parquet"))

    def read(self) -> pa.Table:
        """Return every row of the lake. For tests and small lakes: all of it goes into memory."""
        tables = [parquet.read(self.get(path)) for path in self.paths()]
        return pa.concat_tables(tables) if tables else parquet.SCHEMA.empty_table()


def open_lake(url: str) -> Lake:
    """Return the lake at a directory, or at a URL: `s3://bucket/prefix` or any that fsspec knows.

    S3 takes its credentials, region and `AWS_ENDPOINT_URL` from the environment as AWS's own
    tools do.
    """
    if urlsplit(url).scheme == "s3":
        files, root = pyarrow.fs.FileSystem.from_uri(url)
        return Lake(ArrowFSWrapper(files), root.rstrip("/"))
    files, root = fsspec.core.url_to_fs(url)
    return Lake(files, root.rstrip("/"))


def _put_local(path: Path, content: bytes, *, confirm: Confirm = _nothing) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.stem}-{uuid4().hex}")
    try:
        with draft.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        confirm()
        crashpoints.reach("lake.drafted")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    _sync_directory(path.parent)


def _clear_drafts(paths: Sequence[Path]) -> None:
    """Remove the drafts of a directory's files before these go: no draft becomes one afterwards."""
    files = {path.stem for path in paths}
    for draft in paths[0].parent.glob(".*-*"):
        if draft.name[1:].rpartition("-")[0] in files:
            draft.unlink(missing_ok=True)


def _aside(day: Path, of: UUID) -> Path:
    return day.with_name(f".{day.name}-{of}")


def _replace_local(
    paths: Sequence[Path], *, by: Path, of: UUID, content: bytes, confirm: Confirm
) -> bool:
    """Let a directory with the new file, and without the others, take the place of the day's.

    What is replaced is then in the directory with a dot. Return False where that cannot be done.
    """
    day, aside = by.parent, _aside(by.parent, of)
    if by.exists():
        return True
    shutil.rmtree(aside, ignore_errors=True)
    for path in day.glob("*.parquet"):
        if path not in paths:
            aside.mkdir(exist_ok=True)
            (aside / path.name).hardlink_to(path)
    _put_local(aside / by.name, content)
    crashpoints.reach("lake.built")
    confirm()
    if not exchanging.exchange(aside, day):
        shutil.rmtree(aside)
        return False
    _sync_directory(day.parent)
    return True


def _sync_directory(directory: Path) -> None:
    """Force the new name to disk: a file whose name is lost with the power is lost."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
