"""What GET /v1/models lists is what this client may ask for: over drawn configurations each listed name is served, and
each name of the configuration that is not listed is refused."""
import hashlib
import random

import pytest

from weirlib import chat, http, provider

MODELS = ["plain", "Mixtral-8x7B-Instruct-v0.1", "org/llama-3.1-8b-instruct", "one/inside", "gpt-4o", "any-model"]


def key(name):
    return {"authorization": f"Bearer key-{name}"}


def draw(dice, mock):
    """A configuration, and every name that it holds."""
    providers = {name: provider(mock, dice.sample(MODELS, dice.randint(1, 4)), priority=dice.randint(1, 2),
                                enabled=dice.random() > 0.15) for name in ("one", "two", "three")}
    routes = [{
        "model": model,
        "targets": dice.sample(["one/x", "two/x", "three/plain"], dice.randint(1, 3))
    } for model in dice.sample(["gpt-4o", "default", "fast", "any-*", "mixtral-8x7b", "one/route"], dice.randint(0, 3))]
    clients = [{
        "name": f"c{i}", "key_hash": hashlib.sha256(f"key-c{i}".encode()).hexdigest(),
        "models": dice.sample(["*", "gpt-*", "plain", "default", "one/*", "mixtral*", "fast", "org/*"],
                              dice.randint(1, 3)),
        "providers": dice.choice([["*"], ["one"], ["t*"], ["two", "three"]]),
        "may_steer": dice.random() < 0.5
    } for i in range(4)]
    names = {model for model in MODELS} | {route["model"] for route in routes if "*" not in route["model"]}
    names |= {"default", "mixtral-8x7b", "llama-3.1-8b", "fast", "any-thing"}
    names |= {f"{p}/{model}" for p, block in providers.items() for model in block["models"]}
    return {"providers": providers, "routes": routes, "clients": clients}, names


@pytest.fixture
def mock(mocks):
    mocks[0].reset()
    return mocks[0]


@pytest.mark.parametrize("seed", range(8))
def test_what_is_listed_may_be_asked_for_and_what_is_not_may_not(start, mock, seed):
    config, names = draw(random.Random(seed), mock)
    if not any(block["enabled"] for block in config["providers"].values()):
        config["providers"]["one"]["enabled"] = True
    weir = start(config)
    patterns = any("*" in route["model"] for route in config["routes"])
    for client in config["clients"]:
        who = key(client["name"])
        listed = [model["id"] for model in http(weir.port, "GET", "/v1/models", headers=who).json["data"]]
        assert len(listed) == len(set(listed)) and all(listed), (seed, client, listed)
        for other, member, strip in (("anthropic-version", "data", ""), ("x-goog-api-key", "models", "models/")):
            path = "/v1beta/models" if strip else "/v1/models"
            shaped = http(weir.port, "GET", path, headers={**who, other: "2023-06-01"}).json[member]
            assert [model["name" if strip else "id"].removeprefix(strip) for model in shaped] == listed
        for name in sorted(names | set(listed)):
            one = http(weir.port, "GET", f"/v1/models/{name}", headers=who)
            reply = chat(weir.port, model=name, headers=who)
            assert (one.status == 200) == (reply.status == 200), (seed, client, name, one, reply)
            assert reply.status in (200, 403, 404, 503), (seed, name, reply)
            if name in listed:
                assert reply.status == 200, (seed, client, name, reply)
                served = f"{reply.headers['x-weir-provider']}/{reply.headers['x-weir-model']}"
                assert served in one.json["weir"]["targets"]
            elif reply.status == 200:  # only what has no end is left out: a pattern's names, second names of a model
                # that is listed, models of a provider that it does not list
                first, _, rest = name.partition("/")
                endless = rest and rest not in config["providers"].get(first, {"models": [rest]})["models"]
                assert rest in listed or endless or patterns, (seed, client, name, listed)


def test_the_default_model_and_short_names_are_listed(start, mock):
    weir = start({"providers": {"one": provider(mock, ["Mixtral-8x7B-Instruct-v0.1", "plain", "plain"])}})
    listed = [model["id"] for model in http(weir.port, "GET", "/v1/models").json["data"]]
    assert listed == ["default", "Mixtral-8x7B-Instruct-v0.1", "plain", "mixtral-8x7b"]


def test_a_client_sees_the_models_of_its_providers_alone(start, mock):
    weir = start({
        "providers": {"one": provider(mock, ["here", "shared"]), "two": provider(mock, ["there", "shared"])},
        "clients": [{
            "name": "app", "key_hash": hashlib.sha256(b"key-app").hexdigest(), "providers": ["two"]
        }]
    })
    reply = http(weir.port, "GET", "/v1/models", headers=key("app")).json["data"]
    assert {model["id"]: model["weir"]["targets"] for model in reply} == {
        "default": ["two/there"], "there": ["two/there"], "shared": ["two/shared"]
    }
    assert http(weir.port, "GET", "/v1/models/here", headers=key("app")).status == 404
    missed = chat(weir.port, model="heer", headers=key("app"))
    assert "`here`" not in missed.error["message"] and "`there`" in missed.error["message"]


def test_a_route_of_a_pinned_models_name_is_listed_once(start, mock):
    """A route may have the name by which a client that may steer asks one provider for its model."""
    weir = start({
        "providers": {"one": provider(mock, models=["x"]), "two": provider(mock, models=["one/y", "y"])},
        "routes": [{"model": "one/x", "targets": ["two/y"]}],
        "clients": [{"name": "c", "key_hash": hashlib.sha256(b"key-c").hexdigest(), "models": ["one/*", "two/*"],
                     "may_steer": True}]
    })
    listed = [model["id"] for model in http(weir.port, "GET", "/v1/models", headers=key("c")).json["data"]]
    assert sorted(listed) == sorted(set(listed)) and {"one/x", "one/y", "two/y"} <= set(listed), listed


def test_a_model_that_has_one_name_only_is_listed_by_that(start, mock):
    weir = start({
        "providers": {"one": provider(mock, ["here", "other"])},
        "clients": [{
            "name": "app", "key_hash": hashlib.sha256(b"key-app").hexdigest(), "models": ["one/here"],
            "may_steer": True
        }]
    })
    reply = http(weir.port, "GET", "/v1/models", headers=key("app")).json["data"]
    assert [model["id"] for model in reply] == ["one/here"]
    assert chat(weir.port, model="one/here", headers=key("app")).status == 200


def test_forecast_models_are_told_by_their_short_names(start, mock):
    """They are no chat models, and stand in no provider's list; who serves forecasts has them by name."""
    weir = start({"providers": {"native": {"type": "huggingface-native", "base_url": mock.base_url, "api_key": "k"}}})
    listed = {model["id"]: model["weir"] for model in http(weir.port, "GET", "/v1/models").json["data"]}
    for short, whole in (("chronos-t5-large", "amazon/chronos-t5-large"),
                         ("lag-llama", "time-series-foundation-models/Lag-Llama")):
        facts = http(weir.port, "GET", f"/v1/models/{short}").json["weir"]
        assert facts == listed[short] and facts["targets"] == [f"native/{whole}"]
        assert facts["time_series"] and facts["use"] == ["time_series"] and not facts["embeddings"]
