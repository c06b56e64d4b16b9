"""What a database answers that has no schema, and one that does not let us look."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import DBAPIError

from api.schema import _is_missing


class Answer(Exception):
    """What a driver raises."""

    def __init__(self, words: str, sqlstate: str | None = None) -> None:
        super().__init__(words)
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("answer", "missing"),
    [
        (Answer('relation "_yoyo_migration" does not exist', "42P01"), True),
        (Answer("no such table: _yoyo_migration"), True),
        (Answer("permission denied for table _yoyo_migration", "42501"), False),
    ],
)
def test_only_a_table_that_is_not_there_makes_a_database_empty(answer: Answer, missing: bool) -> None:
    assert _is_missing(DBAPIError("SELECT migration_id FROM _yoyo_migration", None, answer)) is missing
