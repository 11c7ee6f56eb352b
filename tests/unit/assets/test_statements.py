"""Statements as trees: a name or a value cannot end one."""

from __future__ import annotations

import sqlglot
from sqlglot import exp

from assets.statements import create_table_as, drawn


def test_a_name_cannot_end_the_statement() -> None:
    made = create_table_as('x"; DROP TABLE y; --', "SELECT 1 AS one", location="s3://b/it's/")
    (tree,) = sqlglot.parse(made, dialect="athena")
    assert isinstance(tree, exp.Create)
    assert tree.this.name == 'x"; DROP TABLE y; --'
    assert "s3://b/it''s/" in made
    (picked,) = sqlglot.parse(drawn('t"; --', ['a"b'], "id", seed="s", rows=5), dialect="athena")
    assert picked.selects[0].name == 'a"b'
