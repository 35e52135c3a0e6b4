"""An OpenAI-compatible endpoint answers questions: asked again when it is busy, never twice for the same answer."""

import contextlib
import http.client
import os
import threading
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import orjson

from argosy.config import RivalConfig, RunFailed, TaskConfig, UserError
from argosy.evaluation.questions import LETTERS, Answer, Question, judged
from argosy.progress import Advance
from argosy.storage import append_line, canonical_json, digest

WORKERS, TRIES, PAUSE_S, LONGEST_PAUSE_S = 4, 5, 1.0, 60.0
LATE_TRIES = 2  # an answer that is late may be written, and billed, all the same
BUSY = (408, 409, 425, 429)
REPLY_BYTES = 1 << 22


class _AsItComes(urllib.request.HTTPErrorProcessor):
    """No redirects, because the key is for the address that was given; errors are answers like others."""

    def http_response(self, request: urllib.request.Request, response: Any) -> Any:
        return response

    https_response = http_response


_OPENER = urllib.request.build_opener(_AsItComes)


class _Busy(Exception):
    """Why there was no answer this time, and how many seconds to wait at least."""

    def __init__(self, reason: str, pause_s: float = 0.0, *, late: bool = False) -> None:
        super().__init__(reason)
        self.pause_s, self.late = pause_s, late


def api_key(rival: RivalConfig) -> str | None:
    """The key from the environment, or None where none is needed; raises `UserError` `missing-api-key`."""
    if rival.api_key_env is None:
        return None
    key = os.environ.get(rival.api_key_env, "").strip()
    if not (key and key.isascii() and key.isprintable()):
        reason = f"the environment variable {rival.api_key_env} holds no key for {rival.title}"
        raise UserError("missing-api-key", reason, hint=f"export {rival.api_key_env}=…")
    return key


class Endpoint:
    """The chat completions of one model at one address; `replies` keeps each reply as it comes."""

    def __init__(self, rival: RivalConfig, replies: Path) -> None:
        assert rival.url is not None
        self._rival, self._replies = rival, replies
        self._address = f"{rival.url.rstrip('/').removesuffix('/chat/completions')}/chat/completions"
        self._known: dict[str, dict[str, Any]] = {}
        for line in replies.read_bytes().splitlines() if replies.exists() else []:
            with contextlib.suppress(orjson.JSONDecodeError, LookupError, TypeError):  # a line that a kill cut
                record = orjson.loads(line)
                self._known[record["request_sha256"]] = record
        self._lock, self._stopped = threading.Lock(), threading.Event()

    def answers(self, task: TaskConfig, questions: Sequence[Question], advance: Advance) -> list[Answer]:
        """Ask what is not known yet, a few questions at a time.

        Raises:
            UserError: `missing-api-key`, or `endpoint-refused` with what the endpoint said.
            RunFailed: `endpoint-failed` after several tries, or `bad-reply`. Replies that came are kept.
        """
        requests = [self._request(question) for question in questions]
        missing = {key: request for key, request in requests if key not in self._known}
        advance(len(requests) - len(missing))
        self._ask_all(missing, advance)
        return [
            judged(question, self._known[key]["reply"], self._cost_usd(self._known[key]), asked_for_letter=True)
            for question, (key, _) in zip(questions, requests, strict=True)
        ]

    def _request(self, question: Question) -> tuple[str, bytes]:
        """(identity, body) of the request for one question."""
        message = {"role": "user", "content": _wording(question)}
        body = canonical_json({**self._rival.request, "model": self._rival.model, "messages": [message]})
        return digest(self._address.encode() + b"\n" + body), body

    def _ask_all(self, requests: dict[str, bytes], advance: Advance) -> None:
        key = api_key(self._rival) if requests else None
        with ThreadPoolExecutor(WORKERS) as pool:
            try:
                for done in as_completed([pool.submit(self._ask, *each, key) for each in requests.items()]):
                    done.result()
                    advance(1)
            except BaseException:
                self._stopped.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _ask(self, identity: str, body: bytes, key: str | None) -> None:
        attempt, late = 0, 0
        while True:
            try:
                reply = self._post(body, key)
            except _Busy as busy:
                reason, attempt, late = str(busy), attempt + 1, late + busy.late
                last = attempt == TRIES or late == LATE_TRIES
                if last or self._stopped.wait(min(LONGEST_PAUSE_S, max(busy.pause_s, PAUSE_S * 2 ** (attempt - 1)))):
                    break
            else:
                with self._lock:
                    append_line(self._replies, {"request_sha256": identity, "model": self._rival.model, **reply})
                    self._known[identity] = reply
                return
        raise RunFailed(
            "endpoint-failed",
            f"{self._address} ({self._rival.title}) gave no answer in {attempt} tries: {reason}",
            hint="raise timeout_s of this rival, or ask it for shorter answers; replies so far are kept"
            if late == LATE_TRIES
            else "run the same command again: only what is missing is asked; replies so far are kept",
        )

    def _post(self, body: bytes, key: str | None) -> dict[str, Any]:
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}
        request = urllib.request.Request(self._address, data=body, headers=headers)
        try:
            with _OPENER.open(request, timeout=self._rival.timeout_s) as response:
                status, pause = response.status, response.headers.get("Retry-After", "")
                data = response.read(REPLY_BYTES)
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            cause = getattr(error, "reason", error)
            if isinstance(cause, TimeoutError):
                raise _Busy(f"nothing came for {self._rival.timeout_s:g} s (timeout_s)", late=True) from None
            raise _Busy(str(cause)) from None
        if status == http.client.OK:
            return self._parse(data)
        said = f"HTTP {status}: {data[:300].decode(errors='replace')}".replace(key or "\0", "…")
        if status in BUSY or status >= 500:
            raise _Busy(said, float(pause) if pause.isdecimal() else 0.0)
        raise UserError(
            "endpoint-refused",
            f"{self._address} ({self._rival.title}) refused: {said}",
            hint="look at `url`, `model`, `request` and `api_key_env` of this rival; replies so far are kept",
        )

    def _parse(self, data: bytes) -> dict[str, Any]:
        try:
            tree = orjson.loads(data)
            text = tree["choices"][0]["message"]["content"]
            usage = tree.get("usage") or {}
            tokens = [usage.get("prompt_tokens"), usage.get("completion_tokens")]
            if not isinstance(text, str | None) or not all(isinstance(count, int | None) for count in tokens):
                raise TypeError
        except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError):
            raise RunFailed(
                "bad-reply",
                f"{self._address} ({self._rival.title}) answered what is no chat completion: {data[:200]!r}",
                hint="`url` is the base of the API, such as https://api.openai.com/v1; replies so far are kept",
            ) from None
        return {"reply": text or "", "input_tokens": tokens[0], "output_tokens": tokens[1]}

    def _cost_usd(self, reply: dict[str, Any]) -> float | None:
        prices, tokens = self._rival.usd_per_million_tokens, (reply["input_tokens"], reply["output_tokens"])
        if prices is None or None in tokens:
            return None
        return float(sum(price * count for price, count in zip(prices, tokens, strict=True))) / 1e6


def _wording(question: Question) -> str:
    if not question.choices:
        return f"{question.text}\n\nReply with the answer only, as short as possible."
    listed = "\n".join(f"{letter}. {choice}" for letter, choice in zip(LETTERS, question.choices, strict=False))
    return f"{question.text}\n\n{listed}\n\nReply with the letter of the best answer, and nothing else."
