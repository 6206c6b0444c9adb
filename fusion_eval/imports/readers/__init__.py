"""The kinds of sources that can be imported, one file each. Others join by the entry points `fusion_eval.importers`."""
