"""Which approach fits a task on private data: fields, rules, predictions, report."""
