"""The report: one offline HTML file about a sheet, and the same page live."""
