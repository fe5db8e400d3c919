"""The line controller: the only process that owns the instruments, runs equipment phases and writes the journal."""
