"""Reduce a reply to the text that it shows: without reasoning, without tokens of chat templates, without markup."""

from __future__ import annotations

import re
import unicodedata

_TAG = re.compile(
    r"(?<!`)(?:<(?P<close>/)?(?:[\w-]{1,30}[:_])?(?:think|thinking|thought|thoughts|reasoning|analysis|reflection)>"
    r"|\[(?P<close2>/)?(?:THINK|REASONING)\]|◁(?P<close3>/)?think▷"
    r"|<\|(?:begin_of_thought|START_THINKING|inner_prefix)\|>"
    r"|(?P<close4><\|(?:end_of_thought|END_THINKING|inner_suffix)\|>))(?!`)",
    re.IGNORECASE,
)
"""Tags around reasoning: `<think>`, `<seed:think>`, `[THINK]`, Kimi's, OpenThinker's, Cohere's and Apertus's."""
_HARMONY = re.compile(r"<\|channel\|>|<\|start\|>\s*assistant")
_HARMONY_FINAL = re.compile(r"<\|channel\|>\s*final\b[^<]{0,100}(?:<\|constrain\|>[^<]{0,100})?<\|message\|>")
_HARMONY_TOKEN = re.compile(r"<\|(?:end|return|call|start|channel|message)\|>")
_HARMONY_PLAIN_MESSAGE = re.compile(r"\s*<\|start\|>\s*assistant\s*<\|message\|>")
_BARE_HARMONY = re.compile(r"\s*analysis(?=\S).*assistant\s*final", re.DOTALL)
"""Channels of gpt-oss whose special tokens the server has removed."""

_END_OF_TURN = re.compile(
    r"</s>|\[EOS\]|</?(?:eos|end_of_turn|end_of_text|endoftext|eot)>|\|im_end\|>"
    r"|<[|｜](?!end[_▁]of[_▁](?:box|thought|solution|image))(?:end(?:[_▁]?of[_▁]\w{1,20}|oftext|)|im_end|eo[tms](?:_id)?|eot|return|call|END_OF_TURN_TOKEN|[\w▁]{1,20}[_▁]end)[|｜]>",
    re.IGNORECASE,
)
_BOX_TOKENS = re.compile(
    r"<\|begin_of_box\|>([^\n{}]{1,500}?)<\|end_of_box\|>|<(?:final_)?answer>\s{0,9}([^<>\n{}]{1,500})(?:\s{0,9}</(?:final_)?answer>|\s*$)",
    re.IGNORECASE,
)
"""Tags around an answer. The server has removed the closing one if it was a stop string."""
_LEFT_OVER = re.compile(r"</?(?:final_)?(?:answer|response|output|solution|result)>", re.IGNORECASE)
_SPECIAL_TOKEN = re.compile(r"<[|｜][\w▁]{1,40}[|｜]>|<(?:s|bos|pad|unk)>", re.IGNORECASE)
_HTML = re.compile(
    r"</?(?:b|strong|i|em|u|p|span|div|font|mark|center|h[1-6]|big|code)(?: [^<>\n]{0,100})?/?>|&nbsp;",
    re.IGNORECASE,
)
_HEADING = re.compile(r"<h[1-6](?: [^<>\n]{0,100})?>", re.IGNORECASE)
_LINE_BREAK = re.compile(r"<br ?/?>", re.IGNORECASE)
_STYLE = re.compile(r"\\(?:textbf|textit|emph|underline)\s?\{([^{}\n]{0,500})\}")


def visible_text(reply: str) -> str:
    r"""Return what a reply says, in NFC: its first turn without reasoning, markup and special tokens.

    Tokens and tags around an answer, such as `<answer>18</answer>`, become `\boxed{18}`.
    """
    turns = _END_OF_TURN.split(without_reasoning(reply))
    text = next((turn for turn in turns if turn.strip()), "")
    if "<" in text or "&" in text:
        text = _BOX_TOKENS.sub(lambda match: rf"\boxed{{{(match[1] or match[2]).strip()}}}", text)
        text = _HEADING.sub("# ", _LEFT_OVER.sub("", text))
        text = _HTML.sub("", _LINE_BREAK.sub("\n", _SPECIAL_TOKEN.sub("", text)))
    if "\\" in text:
        text = _STYLE.sub(r"\1", text)
    return unicodedata.normalize("NFC", text)


def without_reasoning(reply: str) -> str:
    """Return a reply without its reasoning: blocks between tags, or all channels of gpt-oss but the final one.

    If the chat template opens the reasoning, the reply holds only the closing tag. If such a reply ends with the tag, its
    last line is kept. A reply that was cut off inside its first reasoning is empty.
    """
    if _HARMONY.search(reply):
        return _final_channel(reply)
    if (bare := _BARE_HARMONY.match(reply)) is not None:
        return reply[bare.end() :]
    kept: list[str] = []
    start, end = 0, len(reply.rstrip())
    opened: int | None = None
    for tag in _TAG.finditer(reply):
        if not any(tag[name] for name in ("close", "close2", "close3", "close4")):
            opened = tag.start() if opened is None else opened
            continue
        if opened is not None:
            kept.append(reply[start:opened])
        elif tag.end() >= end:  # left over behind the answer: Answer: 18</think>
            text = reply[start : tag.start()]
            kept.append(text if start else text.rstrip().rpartition("\n")[2])
        start, opened = tag.end(), None
    unfinished = opened is not None and not "".join([*kept, reply[start:opened]]).strip()
    return "" if unfinished else "\n".join([*kept, reply[start:]])


def _final_channel(reply: str) -> str:
    """Return the messages of the final channel, or of no channel, one below the other."""
    starts = [match.end() for match in _HARMONY_FINAL.finditer(reply)]
    if not starts and (plain := _HARMONY_PLAIN_MESSAGE.match(reply)):
        starts = [plain.end()]
    messages = []
    for start in starts:
        end = _HARMONY_TOKEN.search(reply, start)
        messages.append(reply[start : end.start() if end else len(reply)])
    return "\n".join(messages)
