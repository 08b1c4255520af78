"""Generated parts of the client of Kubeflow Pipelines (kfp-server-api 2.0.5 and 2.16.1) that are not documented.

Nothing here imports the SDK, so a pod does not need it.
"""

from typing import Any


def limit_request_time(api: Any, timeout_s: tuple[float, float]) -> None:
    """Limit each request of an ``ApiClient``: seconds to connect, and seconds between bytes of the response.

    Why: the SDK waits for ever for a server that does not answer, and ``kfp.Client`` has no setting for it.
    Upstream: ``RESTClientObject.request`` in kfp_server_api/rest.py takes ``_request_timeout`` and hands it to urllib3.
    If it goes: ``AttributeError`` or ``TypeError`` at the first request of every command.
    """
    send = api.rest_client.request

    def request(method: str, url: str, **options: Any) -> Any:
        options["_request_timeout"] = options.get("_request_timeout") or timeout_s
        return send(method, url, **options)

    api.rest_client.request = request


def get_json(api: Any, path: str) -> Any:
    """The decoded JSON of a path, or the text of a response that is not JSON.

    Why: the model classes of the two versions of the SDK parse different fields of the health of a server.
    Upstream: ``ApiClient.call_api`` in kfp_server_api/api_client.py, which its generated methods call.
    If it goes: no command can connect.
    """
    return api.call_api(path, "GET", header_params={"Accept": "application/json"}, response_type="object",
                        auth_settings=["Bearer"], _return_http_data_only=True)  # fmt: skip


def get_response(api: Any, path: str) -> Any:
    """The urllib3 response of a path, for one that the SDK has no method for; otherwise as ``get_json``."""
    return api.call_api(path, "GET", header_params={"Accept": "*/*"}, auth_settings=["Bearer"], _preload_content=False,
                        _return_http_data_only=True)  # fmt: skip
