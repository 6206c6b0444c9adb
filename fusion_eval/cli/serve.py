"""`fusion-eval serve`: strategies as models of an OpenAI-compatible server."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from fusion_eval.argument_values import DEFAULT_STRATEGIES
from fusion_eval.cli import options as shared


def add_serve(commands: Any) -> None:
    """Add the command `serve` to the parser."""
    parser = shared.add_command(
        commands,
        "serve",
        help="serve strategies as models of an OpenAI-compatible server",
        description="Chat completions, completions and models, as OpenAI's API has them. The models' names are "
        "strategies; the header x-fusion-eval: true adds candidates and scores to a reply.",
        epilog="fusion-eval serve --strategies 'fusion,bon(scorer=chrf)' --model_args model=NAME,base_url=URL --port 8000",
    )
    add = parser.add_argument
    add(
        "--strategies",
        default=",".join(DEFAULT_STRATEGIES),
        metavar="S,…",
        help="strategies, with options in parentheses; clients can ask for these only (default: %(default)s)",
    )
    add(
        "--model_args",
        default="",
        metavar="K=V,…",
        help="model=, n=, temperature=, fusor=, … (default: the embedded model)",
    )
    add("--host", default="127.0.0.1", metavar="ADDRESS", help="address to listen on (default: %(default)s)")
    add(
        "--port",
        type=shared.count,
        default=8000,
        metavar="P",
        help="port; 0 takes a free one (default: %(default)s)",
    )
    add("--api_key_env", metavar="NAME", help="environment variable with the key that clients must send")
    add(
        "--max_requests",
        type=shared.positive,
        default=1000,
        metavar="N",
        help="requests in work or waiting; further ones get status 429 (default: %(default)s)",
    )
    add(
        "--max_body",
        type=shared.positive,
        default=4 * 2**20,
        metavar="BYTES",
        help="longest body of a request (default: %(default)s)",
    )
    parser.set_defaults(run=serve_strategies)


def serve_strategies(options: argparse.Namespace) -> int:
    """Carry out `fusion-eval serve`. It ends with code 0 after SIGTERM or Ctrl-C."""
    from fusion_eval.serve.options import ServeOptions
    from fusion_eval.serve.server import serve
    from fusion_eval.strategies.specs import read_strategies
    from fusion_eval.text.printable import terminal_line

    settings = ServeOptions(
        strategies=read_strategies(options.strategies),
        model_args=shared.read_model_args(options.model_args),
        host=options.host,
        port=options.port,
        api_key_env=options.api_key_env,
        max_requests=options.max_requests,
        max_body=options.max_body,
    )

    def report(line: str) -> None:
        print(terminal_line(line), flush=True)
        if settings.key is None:
            print(
                "any program of this machine can send requests; --api_key_env asks for a key", file=sys.stderr
            )

    serve(settings, report)
    return 0
