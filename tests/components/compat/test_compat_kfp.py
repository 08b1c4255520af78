"""The generated client of Kubeflow Pipelines."""

import http.server
import threading
from collections.abc import Iterator

import kfp_server_api
import pytest

from components.compat.kfp import get_json, get_response, limit_request_time

PAGES = {"/json": b'{"tag_name": "2.5.0"}', "/text": b"Log in"}


class Pages(http.server.BaseHTTPRequestHandler):
    """Answers for a few paths; ``/never`` does not answer until the test ends."""

    def do_GET(self) -> None:
        if self.path == "/never":
            self.server.ended.wait(30)  # type: ignore[attr-defined]
            return
        body = PAGES[self.path]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def api() -> Iterator[kfp_server_api.ApiClient]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        server.ended = threading.Event()  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        configuration = kfp_server_api.Configuration()
        configuration.host = f"http://127.0.0.1:{server.server_port}"
        configuration.retries = False
        yield kfp_server_api.ApiClient(configuration)
        server.ended.set()  # type: ignore[attr-defined]
        server.shutdown()


def test_json_is_decoded_and_other_text_is_returned(api):
    assert get_json(api, "/json") == {"tag_name": "2.5.0"}
    assert get_json(api, "/text") == "Log in"


def test_a_response_is_returned_with_its_bytes(api):
    assert get_response(api, "/text").data == b"Log in"


def test_a_server_that_never_answers_times_out(api):
    limit_request_time(api, (5.0, 0.2))
    with pytest.raises(Exception, match=r"(?i)timed? ?out"):
        get_response(api, "/never")
