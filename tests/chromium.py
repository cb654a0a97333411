"""Headless Chromium, driven over a pipe by the DevTools protocol; no port, no package.

Commands go to the browser's file descriptor 3 and answers come from 4, as JSON with a
zero byte behind each.
"""

import base64
import fcntl
import json
import os
import select
import shutil
import time
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless",
    "--remote-debugging-pipe",
    "--no-sandbox",  # there is none for root, as in a container
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--no-first-run",
)
TIMEOUT = 60


def find_chromium():
    """Path of the browser, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """One headless browser process."""

    def __init__(self, profile):
        to_browser, self._out = os.pipe()
        self._in, from_browser = os.pipe()
        # Clear of the numbers that they get in the browser.
        ends = [fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (to_browser, from_browser)]
        silence = (os.devnull, os.O_WRONLY, 0)
        self._pid = os.posix_spawn(
            find_chromium(),
            ["chromium", *FLAGS, f"--user-data-dir={profile}"],
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, ends[0], 3),
                (os.POSIX_SPAWN_DUP2, ends[1], 4),
                (os.POSIX_SPAWN_OPEN, 1, *silence),
                (os.POSIX_SPAWN_OPEN, 2, *silence),
            ],
        )
        for fd in (to_browser, from_browser, *ends):
            os.close(fd)
        self._buffer = b""
        self._n_sent = 0
        self.events = []

    def send(self, method, session=None, **params):
        """Give a command and return its result."""
        self._n_sent += 1
        message = {"id": self._n_sent, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._n_sent:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def wait_for(self, method):
        """Return when the browser has told of an event."""
        while not any(event["method"] == method for event in self.events):
            self.events.append(self._receive())

    def _receive(self):
        until = time.monotonic() + TIMEOUT
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._in], [], [], until - time.monotonic())
            chunk = os.read(self._in, 1 << 20) if ready else b""
            if not chunk:
                raise RuntimeError("Chromium does not answer")
            self._buffer += chunk
        message, self._buffer = self._buffer.split(b"\0", 1)
        return json.loads(message)

    def close(self):
        """End the process."""
        os.write(self._out, b'{"id": 0, "method": "Browser.close"}\0')
        os.waitpid(self._pid, 0)
        os.close(self._in)
        os.close(self._out)


class Page:
    """One page: what it shows, and a user's hands."""

    def __init__(self, browser, path, *, size=(1280, 800), dark=False, fragment=""):
        self._browser = browser
        target = browser.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = browser.send(
            "Target.attachToTarget", targetId=target, flatten=True
        )["sessionId"]
        browser.events.clear()
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._send(f"{domain}.enable")
        self._send(
            "Network.emulateNetworkConditions",
            offline=True,
            latency=0,
            downloadThroughput=0,
            uploadThroughput=0,
        )
        self._send(
            "Emulation.setDeviceMetricsOverride",
            width=size[0],
            height=size[1],
            deviceScaleFactor=1,
            mobile=False,
        )
        features = {
            "prefers-color-scheme": "dark" if dark else "light",
            "prefers-reduced-motion": "reduce",
        }
        self._send(
            "Emulation.setEmulatedMedia",
            features=[{"name": k, "value": v} for k, v in features.items()],
        )
        self._send("Page.navigate", url=Path(path).as_uri() + fragment)
        browser.wait_for("Page.loadEventFired")
        self.settle()

    def _send(self, method, **params):
        return self._browser.send(method, self._session, **params)

    def ask(self, script):
        """Value of an expression, of a promise when it is kept."""
        answer = self._send(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def settle(self):
        """Wait until what has happened is drawn."""
        frame = "requestAnimationFrame"
        self.ask(f"new Promise(done => {frame}(() => {frame}(() => done())))")

    def mouse(self, kind, x, y, **more):
        self._send("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def click(self, x, y):
        for kind in ("mousePressed", "mouseReleased"):
            self.mouse(kind, x, y, button="left", clickCount=1)
        self.settle()

    def touch(self, kind, *points):
        touches = [{"x": x, "y": y, "id": k} for k, (x, y) in enumerate(points)]
        self._send("Input.dispatchTouchEvent", type=kind, touchPoints=touches)

    def type(self, text):
        self._send("Input.insertText", text=text)
        self.settle()

    def press(self, key):
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        self._send("Input.dispatchKeyEvent", type="keyDown", key=key, text=text)
        self._send("Input.dispatchKeyEvent", type="keyUp", key=key)
        self.settle()

    def text(self, selector):
        """Text of an element, empty while it is hidden."""
        found = f"document.querySelector({json.dumps(selector)})"
        return self.ask(f"{found}.checkVisibility() ? {found}.innerText : ''")

    def locate(self, gene):
        """Where a gene is on the screen."""
        return self.ask(f"geneMap.locate({json.dumps(gene)})")

    def complaints(self):
        """Errors and warnings of the console, and exceptions."""
        return [
            event
            for event in self._browser.events
            if event["method"] in ("Runtime.exceptionThrown", "Log.entryAdded")
            or event["method"] == "Runtime.consoleAPICalled"
        ]

    def requests(self):
        """Addresses that the page has asked for."""
        return [
            event["params"]["request"]["url"]
            for event in self._browser.events
            if event["method"] == "Network.requestWillBeSent"
        ]

    def save(self, button, folder):
        """Click a button that saves a file, and return the file's path."""
        folder.mkdir()
        self._browser.send(
            "Browser.setDownloadBehavior",
            behavior="allow",
            downloadPath=str(folder),
            eventsEnabled=True,
        )
        self._browser.events.clear()
        self.ask(f"document.querySelector({json.dumps(button)}).click()")
        progress = "Browser.downloadProgress"
        while not any(
            event["method"] == progress and event["params"]["state"] == "completed"
            for event in self._browser.events
        ):
            self._browser.events.append(self._browser._receive())
        (path,) = folder.iterdir()
        return path

    def to_front(self):
        """Show the page instead of another; one in the background draws nothing."""
        self._send("Page.bringToFront")
        self.settle()

    def screenshot(self, path):
        shot = self._send("Page.captureScreenshot", format="png")["data"]
        Path(path).write_bytes(base64.b64decode(shot))
