"""Revisions of the schema of users, oldest first. One that was released is never changed."""
