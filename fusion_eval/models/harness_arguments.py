"""Check the model arguments that are meant for models of the harness."""

from __future__ import annotations

from fusion_eval.model_arguments import HARNESS_OWN, ModelArguments, looks_misspelt, unknown_argument


def check_harness_arguments(arguments: ModelArguments) -> None:
    """Raise an error for an argument that none of the named harness models takes."""
    named = (*arguments.model, arguments.fusor or "", arguments.scorer_model or "")
    harness_models = [name for name in named if name.startswith("lm_eval:")]
    for argument in arguments.harness_arguments:
        if argument not in HARNESS_OWN:
            from fusion_eval.models.lm_eval.door import accepts, names_argument

            # Many constructors take any name. A near-misspelling of our own must be declared by name.
            takes = names_argument if looks_misspelt(argument) else accepts
            if not any(takes(name, argument) for name in harness_models):
                raise unknown_argument(argument)
