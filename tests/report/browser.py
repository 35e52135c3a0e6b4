"""A headless Chromium driven over its debugging pipe: no port, no driver, no network."""

import base64
import fcntl
import itertools
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

SWITCHES = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
)
ANSWER_S = 60.0


class Page:
    """One open page."""

    def __init__(self, reader: int, writer: int) -> None:
        self._reader, self._writer, self._buffer = reader, writer, b""
        self._numbers, self._session = itertools.count(1), ""
        self.messages: list[dict[str, Any]] = []
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable")

    def view(self, width: int, *, dark: bool = False, height: int = 900) -> None:
        """Take the size of a window, and the theme of a system."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self._call("Emulation.setDeviceMetricsOverride", **metrics)
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self._call("Emulation.setEmulatedMedia", features=scheme)

    def open(self, path: Path) -> None:
        """Go to a file and wait until it is loaded."""
        self._call("Page.navigate", url=path.resolve().as_uri())
        self._wait(lambda: self.value("document.readyState") == "complete")

    def value(self, expression: str) -> Any:
        """The value of a JavaScript expression; a promise is awaited."""
        result = self._call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait_for(self, expression: str) -> None:
        """Wait until a JavaScript expression is true."""
        self._wait(lambda: bool(self.value(expression)))

    def errors(self) -> list[str]:
        """What the console holds against the page."""
        found = []
        for message in self.messages:
            method, parameters = message["method"], message["params"]
            if method == "Runtime.exceptionThrown":
                found.append(json.dumps(parameters["exceptionDetails"]))
            elif method == "Log.entryAdded" and parameters["entry"]["level"] == "error":
                found.append(parameters["entry"]["text"])
            elif method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "assert"):
                found.append(json.dumps(parameters["args"]))
        return found

    def requests(self) -> list[str]:
        """Addresses the page asked for."""
        sent = [m["params"]["request"]["url"] for m in self.messages if m["method"] == "Network.requestWillBeSent"]
        return [url for url in sent if not url.startswith("data:")]

    def picture(self, path: Path, *, whole: bool = True) -> None:
        """Save a picture of the page."""
        data = self._call("Page.captureScreenshot", captureBeyondViewport=whole)["data"]
        path.write_bytes(base64.b64decode(data))

    def _wait(self, done: Any) -> None:
        deadline = time.monotonic() + ANSWER_S
        while not done():
            assert time.monotonic() < deadline, "the page did not get there in time"
            time.sleep(0.05)

    def _call(self, method: str, **parameters: Any) -> Any:
        number = next(self._numbers)
        command = {"id": number, "method": method, "params": parameters}
        if self._session:
            command["sessionId"] = self._session
        os.write(self._writer, json.dumps(command).encode() + b"\0")
        while (message := self._receive()).get("id") != number:
            if "method" in message:
                self.messages.append(message)
        assert "error" not in message, f"{method}: {message['error']}"
        return message["result"]

    def _receive(self) -> dict[str, Any]:
        deadline = time.monotonic() + ANSWER_S
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._reader], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, "Chromium did not answer in time"
            received = os.read(self._reader, 1 << 20)
            assert received, "Chromium ended"
            self._buffer += received
        line, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        return message


@contextmanager
def browser() -> Iterator[Page]:
    """Start Chromium with a profile of its own, yield a page, and end it."""
    chromium = shutil.which("chromium")
    assert chromium is not None
    commands, results = os.pipe(), os.pipe()

    def give_pipes() -> None:  # Chromium reads commands from descriptor 3 and answers on 4
        reader, writer = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in (commands[0], results[1]))
        os.dup2(reader, 3)
        os.dup2(writer, 4)

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [chromium, *SWITCHES, f"--user-data-dir={profile}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            close_fds=False,
            preexec_fn=give_pipes,
        )
        os.close(commands[0])
        os.close(results[1])
        try:
            yield Page(results[0], commands[1])
        finally:
            os.close(commands[1])  # Chromium leaves when the pipe closes
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()
            process.wait()
            os.close(results[0])
