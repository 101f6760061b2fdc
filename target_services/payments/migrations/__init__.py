"""Revisions of the schema of payments, oldest first. One that was released is never changed."""
