"""The shop: the built-in system under test. An ordinary system; it never imports the workbench."""
