"""Figures and tables, drawn from the result file alone. matplotlib is imported only here."""
