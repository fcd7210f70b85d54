"""The lake: a tree of files, in a local directory or in an object store, named by a URL.

Guarantee: a reader of `type=*/day=*/*.parquet` sees a whole file or none. Locally a file is
written under a name that begins with a dot, forced to disk, and renamed; an object store shows an
object when its upload is complete. Writing a path again replaces it by the same rule.
Does not guarantee: that a writer which is killed leaves no file with a dot behind.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from urllib.parse import quote, urlsplit
from uuid import UUID, uuid4

import fsspec
import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet as pq
from fsspec.implementations.arrow import ArrowFSWrapper
from fsspec.implementations.local import LocalFileSystem

from apps.datalake_ingestion import parquet


@dataclass(frozen=True)
class Lake:
    """The file system that holds a lake, and where in it the lake is."""

    files: fsspec.AbstractFileSystem
    root: str

    def path(self, *, type_: str, day: date, file: UUID) -> str:
        """Return where a file of the lake belongs."""
        return f"{self.root}/type={quote(type_, safe='')}/day={day:%Y-%m-%d}/{file}.parquet"

    def put(self, path: str, content: bytes) -> None:
        """Write a file, all or nothing."""
        if isinstance(self.files, LocalFileSystem):
            _put_local(Path(path), content)
        else:
            self.files.pipe_file(path, content)

    def paths(self) -> list[str]:
        """Return every file that a reader's glob finds, sorted."""
        self.files.invalidate_cache()
        return sorted(self.files.glob(f"{self.root}/type=*/day=*/*.parquet"))

    def read(self) -> pa.Table:
        """Return every row of the lake. For tests and small lakes: all of it goes into memory."""
        tables = [_read(self.files.cat_file(path)) for path in self.paths()]
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


def _read(content: bytes) -> pa.Table:
    return pq.read_table(pa.BufferReader(content))


def _put_local(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.stem}-{uuid4().hex}")
    try:
        with draft.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    """Force the new name to disk: a file whose name is lost with the power is lost."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
