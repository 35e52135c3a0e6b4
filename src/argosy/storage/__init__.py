"""`Run` (path, lock, receipts, results) and atomic, hashed files on the local disk. Torch-free."""

from argosy.storage.files import (
    append_line,
    atomic_folder,
    atomic_write,
    canonical_json,
    commit_folder,
    digest,
    disk_errors,
    file_digest,
    read_json,
    remove_folder,
    write_json,
)
from argosy.storage.run import Output, Receipt, Run, described, since_started, venture_tree

__all__ = [
    "Output",
    "Receipt",
    "Run",
    "append_line",
    "atomic_folder",
    "atomic_write",
    "canonical_json",
    "commit_folder",
    "described",
    "digest",
    "disk_errors",
    "file_digest",
    "read_json",
    "remove_folder",
    "since_started",
    "venture_tree",
    "write_json",
]
