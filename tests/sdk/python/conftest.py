"""A mock that speaks every dialect, and a gateway that asks it as each kind of provider: `m-KIND` goes to that kind."""
import hashlib
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "integration"))
from weirlib import Mock, Weir  # noqa: E402

KEY = "test-client-key"
KINDS = ("openai", "anthropic", "gemini", "ollama-native", "cloudflare-native", "huggingface-native")
MODELS = {
    "m": "m",
    "reason": "reason-m",
    "embed": "embed-m",
    "limited": "mock-fault-status=429",
    "breaking": "mock-fault-error-in-stream=3"
}


@pytest.fixture(scope="session")
def gateway(tmp_path_factory):
    """The gateway's URL."""
    mock = Mock()
    base = mock.base_url.removesuffix("/v1")
    paths = {"openai": "/v1", "gemini": "/v1beta"}
    providers = {
        name: {
            "type": kind,
            "base_url": base + paths.get(kind, ""),
            "api_key": "provider-key",
            "models": list(MODELS.values()),
            "circuit_breaker": {
                "failure_threshold": 1000
            },
            "adaptive_throttling": False
        } for kind in KINDS for name in (kind, kind + "-limited")
    }
    routes = [{
        "model": f"{name}-{kind}",
        "targets": [f"{kind}{'-limited' if name == 'limited' else ''}/{model}"],
        "retry": {
            "max_retries": 0
        }
    } for kind in KINDS for name, model in MODELS.items()]
    weir = Weir(
        tmp_path_factory.mktemp("weir"), {
            "providers": providers,
            "routes": routes,
            "clients": [{
                "name": "app",
                "key_hash": hashlib.sha256(KEY.encode()).hexdigest(),
                "raw": True
            }]
        })
    yield f"http://127.0.0.1:{weir.port}"
    weir.stop()
    mock.stop()


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param
