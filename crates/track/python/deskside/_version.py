"""The module's version: the same as the program's it came with."""

VERSION = "0.1.0"
