"""The subcommands of `w2v`: each function parses its options, calls one public function and prints what it returns.

Results go to standard output, progress and notes to standard error. Whatever is slow to import is imported inside the
command that needs it, so that `w2v --help` answers at once.
"""
