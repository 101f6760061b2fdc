"""Revisions of the schema of catalog, oldest first. One that was released is never changed."""
