"""Whose source records and old golden ids are since a merge or a split."""
