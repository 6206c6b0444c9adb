"""OpenAI's batch files, both ways: write what a job would ask next, and take the answers into the store.

A batch costs half, and its answers come within a day. A job needs one batch for its pools, and one for each round of
calls that its strategies make after that. The rows are then written by the same command without the two options.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from fusion_eval.errors import ConfigError, FusionEvalError, RequestError
from fusion_eval.models import Model
from fusion_eval.models.endpoint import Endpoint
from fusion_eval.models.event_loop import run_anywhere
from fusion_eval.models.keys import OPENAI_URL, KeySource
from fusion_eval.models.limited import Limited
from fusion_eval.models.openai.candidates import candidates_of
from fusion_eval.models.openai.decoding import decode_reply
from fusion_eval.models.openai.wire import payload_of
from fusion_eval.models.opener import Opener, open_store
from fusion_eval.models.prices import Price
from fusion_eval.models.store.store import Store
from fusion_eval.runs.writing import whole_file
from fusion_eval.synth.batch_answers import Answers
from fusion_eval.synth.engine import in_order
from fusion_eval.synth.job import Job
from fusion_eval.synth.prompts import Source
from fusion_eval.synth.run import Reader, check_job
from fusion_eval.synth.stages import Stages
from fusion_eval.types import Candidate, Prompt, Sampling

DISCOUNT = 0.5
"""What a batch costs, as a share of the usual price."""
MOST_REQUESTS = 50_000
"""The most that OpenAI takes in one file."""
_WAITS = "the request waits for a batch"


class Requests:
    """The requests that no answer is known to, written to a file as they come."""

    def __init__(self, file: BinaryIO | None) -> None:
        self._file = file
        self._ids: set[bytes] = set()
        self.models: set[str] = set()
        """The models that the requests name."""

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, custom_id: str, url: str, body: dict[str, object]) -> None:
        """Write a request, unless it is there already."""
        key = bytes.fromhex(custom_id)
        if key in self._ids:
            return
        self._ids.add(key)
        self.models.add(str(body["model"]))
        if self._file:
            line = {"custom_id": custom_id, "method": "POST", "url": url, "body": body}
            self._file.write(msgspec.json.encode(line) + b"\n")


class BatchModel(Limited):
    """Answers requests from a batch's replies, and records those that have none. It sends nothing."""

    def __init__(
        self,
        door: Model,
        address: str,
        requests: Requests,
        answers: Answers | None,
        price: Price | None,
        urgent: bool,
    ) -> None:
        super().__init__(door, Endpoint(concurrency=1), urgent=urgent)
        self._requests, self._answers, self._price = requests, answers, price
        self._length = (
            "max_completion_tokens" if address.startswith(OPENAI_URL) and door.chat else "max_tokens"
        )

    async def request(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        """Return the candidates of the batch's reply.

        Raises:
            RequestError: There is no reply yet.
        """
        body = payload_of(self.name.removeprefix("openai/"), prompt, sampling, n, self.chat, self._length)
        body.pop("stream", None)
        url = "/v1/chat/completions" if self.chat else "/v1/completions"
        custom_id = hashlib.sha256(msgspec.json.encode((self.identity, body))).hexdigest()[:32]
        reply = self._answers.body(custom_id) if self._answers else None
        if reply is None:
            self._requests.add(custom_id, url, body)
            raise RequestError(_WAITS)
        try:
            candidates = candidates_of(decode_reply(reply), self.name, sampling, 0.0)
        except FusionEvalError:  # the reply holds an error, so the request goes into the next batch
            self._requests.add(custom_id, url, body)
            raise RequestError(_WAITS) from None
        if self._price is None:
            return candidates
        price = self._price
        return [
            msgspec.structs.replace(one, cost=DISCOUNT * price.of(one.prompt_tokens, one.completion_tokens))
            for one in candidates
        ]


class BatchOpener(Opener):
    """Opens models that answer from a batch's replies alone."""

    asks = False

    def __init__(self, arguments: Any, store: Store, requests: Requests, answers: Answers | None) -> None:
        super().__init__(arguments, store)
        self._requests, self._answers = requests, answers

    def _limited(self, name: str, address: str | None, urgent: bool, spread: bool, role: str) -> Limited:
        if not (address or name.startswith("openai/")):
            raise ConfigError(
                f"Batch files are OpenAI's, and {name} is no model of such an endpoint; use openai/NAME or base_url="
            )
        door = self._door(name, address, KeySource())
        return BatchModel(
            door, address or OPENAI_URL, self._requests, self._answers, self.price(name, address), urgent
        )

    def _limited_own(self, door: Model) -> Limited:
        raise ConfigError(f"Batch files are OpenAI's, and the scorer's own model {door.name} takes none")


@dataclass(frozen=True, slots=True)
class Exchanged:
    """What went in and out."""

    taken: int
    """Replies that went into the store, or were there."""
    failed: int
    """Replies that are errors."""
    unknown: int
    """Replies to no request of this job."""
    written: int
    """Requests that no answer is known to."""
    finished: int
    """Prompts that need no further request."""
    prompts: int
    models: tuple[str, ...] = ()
    """The models that the written requests name."""


def exchange(job: Job, source: Source, batch_out: Path | None, batch_in: Path | None) -> Exchanged:
    """Take a batch's replies into the store, and write the requests that a job would send next.

    Args:
        job: The job. Its output is not touched.
        source: Its prompts.
        batch_out: Where the requests go.
        batch_in: A batch's replies.

    Raises:
        ConfigError: A file cannot be read or written, or a model takes no batch files.
    """
    arguments = check_job(job)
    answers = Answers(batch_in) if batch_in else None
    finished = 0

    def deliver(waits: bool) -> None:
        nonlocal finished
        finished += not waits

    def exchange_through(file: BinaryIO | None) -> tuple[Requests, Reader]:
        requests, reader = Requests(file), Reader(job, source)
        with open_store(arguments) as store:
            opener = BatchOpener(arguments, store, requests, answers)
            # A candidate that is asked for alone would be paid for again in the request for its pool.
            stages = Stages(job.strategies, arguments, opener, stop=job.stop, checks_first=False)

            async def answer(prompt: Any) -> bool:
                before = len(requests)
                await stages.answer(prompt)
                return len(requests) > before

            run_anywhere(lambda: in_order(iter(reader), answer, deliver, 1))
        return requests, reader

    if batch_out:
        with (
            whole_file(batch_out, "name another file with --batch_out") as partial,
            partial.open("wb") as file,
        ):
            requests, reader = exchange_through(file)
    else:
        requests, reader = exchange_through(None)
    taken, failed = (answers.used, answers.failed) if answers else (0, 0)
    unknown = len(answers.places) - taken if answers else 0
    models = tuple(sorted(requests.models))
    return Exchanged(taken, failed, max(unknown, 0), len(requests), finished, reader.own, models)
