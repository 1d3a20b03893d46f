"""The front door: `import psiselect`. Loads nothing until a name is used, so that importing it is quick."""
