"""Cap tables as Open Cap Format folders."""
