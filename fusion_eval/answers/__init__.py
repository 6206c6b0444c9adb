"""Reading and comparing final answers."""
