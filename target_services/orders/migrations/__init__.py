"""Revisions of the schema of orders, oldest first. One that was released is never changed."""
