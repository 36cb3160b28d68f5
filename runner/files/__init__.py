"""Pictures in and out: attach, resize, download, save, name, verify."""
