"""An HTTP server on loopback that misbehaves as told."""

import threading
from collections import defaultdict
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server(ThreadingHTTPServer):
    """Answers with `answers[path]`, one after the other, the last one forever.

    `log` holds the path of every request. A path without answers is a 404.
    """

    daemon_threads = False  # so that closing waits for every answer

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.answers = defaultdict(list)
        self.log = []
        self.stopping = threading.Event()
        self.lock = threading.Lock()

    def next_answer(self, path):
        with self.lock:
            self.log.append(path)
            answers = self.answers[path]
            if not answers:
                return status(404)
            return answers.pop(0) if len(answers) > 1 else answers[0]


@contextmanager
def running_server():
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.stopping.set()
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.close_connection = True
        self.server.next_answer(self.path)(self)

    do_CONNECT = do_GET  # what a proxy is asked for https; the path is host and port

    def log_message(self, *args):
        pass

    def head(self, code, **headers):
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Connection", "close")
        self.end_headers()


def good(body, code=200, **headers):
    """Send the body; a code other than 200 says that it is something else."""

    def answer(handler):
        handler.head(code, **({"Content_Length": str(len(body))} | headers))
        handler.wfile.write(body)

    return answer


def status(code):
    def answer(handler):
        handler.head(code, Content_Length="4")
        handler.wfile.write(b"oops")

    return answer


def truncated(body):
    """Promise more bytes than come."""

    def answer(handler):
        handler.head(200, Content_Length=str(len(body) + 100))
        handler.wfile.write(body)

    return answer


def truncated_chunks(body):
    """Send one chunk and no last chunk."""

    def answer(handler):
        handler.head(200, Transfer_Encoding="chunked")
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(body), body))

    return answer


def without_length(body, **headers):
    """Send no length; the end of the connection is the end of the file."""

    def answer(handler):
        handler.head(200, **headers)
        handler.wfile.write(body)

    return answer


def hanging(body=None):
    """Go silent, before the headers or after the first bytes of the body."""

    def answer(handler):
        if body is not None:
            handler.head(200, Content_Length=str(len(body) + 100))
            handler.wfile.write(body)
            handler.wfile.flush()
        handler.server.stopping.wait()

    return answer


def redirect(target):
    def answer(handler):
        handler.head(302, Location=target, Content_Length="0")

    return answer


def together(barrier, body):
    """Answer when as many requests as the barrier counts have come."""

    def answer(handler):
        barrier.wait(timeout=60)
        good(body)(handler)

    return answer
