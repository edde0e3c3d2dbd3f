"""What went wrong with a model server, in one sentence and without the key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import BackendError, ModelAbsentError, SceneR1Error
from .background import one_line

if TYPE_CHECKING:
    from .openai_backend import OpenAIConfig


class WrongReplyError(Exception):
    """The server answered something that the protocol does not know."""


def sentence(
    error: BaseException, base_url: str, model: str, config: OpenAIConfig, key: str
) -> SceneR1Error:
    """The error as this project's own: absent if asking again cannot help, else failed."""
    if isinstance(error, SceneR1Error):
        return error
    kind, text = _explained(error, base_url, model, config)
    if key:
        text = text.replace(key, "***")
    return kind(text)


def _explained(
    error: BaseException, base_url: str, model: str, config: OpenAIConfig
) -> tuple[type[SceneR1Error], str]:
    import openai

    tries = f", asked {config.retries + 1} times" if config.retries else ""
    if isinstance(error, openai.APITimeoutError):
        return BackendError, (
            f"the server {base_url} said nothing for {config.timeout:g} s{tries}; is it "
            "overloaded, or timeout too short?"
        )
    if isinstance(error, openai.APIConnectionError):
        cause = error.__cause__ or error
        if type(cause).__name__ in ("ReadError", "WriteError", "RemoteProtocolError"):
            return BackendError, f"the server {base_url} cut the connection{tries}."
        return ModelAbsentError, (
            f"the server {base_url} cannot be reached ({one_line(cause, 120)}); is it running, and "
            "is base_url right?"
        )
    if isinstance(error, openai.APIStatusError):
        return _status(error, base_url, model, config, tries)
    if isinstance(error, openai.OpenAIError | ValueError | WrongReplyError | AttributeError):
        reason = str(error) if isinstance(error, WrongReplyError) else one_line(error, 160)
        return BackendError, (
            f"the answer of the server {base_url} cannot be read ({reason}); does it speak "
            "OpenAI's chat completions, and does base_url end in /v1?"
        )
    if "httpx" in type(error).__module__ or isinstance(error, OSError):
        return BackendError, (
            f"the server {base_url} cut the connection in the middle of its answer "
            f"({one_line(error, 120)})."
        )
    return BackendError, f"asking the server {base_url} failed: {one_line(error)}"


def _status(
    error: BaseException, base_url: str, model: str, config: OpenAIConfig, tries: str
) -> tuple[type[SceneR1Error], str]:
    status = error.status_code  # type: ignore[attr-defined]
    said = _said(error)
    if status in (401, 403):
        return ModelAbsentError, (
            f"the server {base_url} refuses the key in the environment variable "
            f"{config.api_key_env or '(none is named)'} (HTTP {status}); set it to a valid key."
        )
    if status == 404:
        return ModelAbsentError, (
            f"the server {base_url} has no {model} (HTTP 404): {said}; check model and base_url."
        )
    if status == 429:
        return BackendError, (
            f"the server {base_url} is busy or its quota is used up (HTTP 429){tries}: {said}"
        )
    if status >= 500:
        return BackendError, f"the server {base_url} failed (HTTP {status}){tries}: {said}"
    return BackendError, f"the server {base_url} refuses the request (HTTP {status}): {said}"


def _said(error: BaseException) -> str:
    """The server's own words, wherever it put them."""
    found = getattr(error, "body", None)
    for _ in range(3):
        if isinstance(found, dict):
            found = next((found[k] for k in ("message", "detail", "error") if k in found), None)
    text = " ".join(found.split()) if isinstance(found, str) else one_line(error, 200)
    return text if len(text) <= 200 else text[:197] + "..."
