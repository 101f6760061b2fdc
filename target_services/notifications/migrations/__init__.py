"""Revisions of the schema of notifications, oldest first. One that was released is never changed."""
