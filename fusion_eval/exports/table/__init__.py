"""Tables of scores as papers print them, in Markdown and LaTeX."""
