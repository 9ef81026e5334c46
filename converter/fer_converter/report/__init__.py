"""``report.json`` for programs and ``report.html`` for people, from the same facts."""
