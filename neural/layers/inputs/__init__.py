"""Turn inputs other than text into rows for a stack."""
