"""The morning page: one offline HTML file that says what became of a sheet."""
