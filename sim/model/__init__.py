"""`vesiflow model`: case files evaluated by the functions that the twins step.

evaluate.evaluate(unit, path) gives the results, table.rows(result) the lines for people, plot.plot(unit, case, path)
the picture. `source`, `scalars` and `fields` read and refuse input; one module per unit holds its calculations;
`validation` turns tables of known numbers into cases and verdicts.
"""
