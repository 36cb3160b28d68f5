"""The commands of the command line, one file each; a file is imported when its command is used."""
