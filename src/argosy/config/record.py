"""The base of everything Argosy keeps: frozen, typed, refusing unknown fields, one sentence under each field."""

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A frozen value that round-trips through JSON or TOML."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)
