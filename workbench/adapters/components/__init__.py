"""Programs that are not ours: which releases are meant, where one is found, how it is fetched on command."""
