"""Revisions of the schema of provider, oldest first. One that was released is never changed."""
