"""What models cost by weir's catalogue equals what the two collections of facts that it is written from say, to the
nano-dollar: each model of both, in each tier, step, lifetime and modality that they tell, reckoned here anew with
fractions. What is not compared has its reason.

The facts are not part of the project: WEIR_FACTS names their folder, else a folder `shared` beside the project."""

import collections
import json
import math
import os
import random
import subprocess
from datetime import datetime, timezone
from fractions import Fraction

import pytest

BUILD = os.environ.get("WEIR_BUILD", "")
ROOT = os.environ.get(
    "WEIR_SOURCE_ROOT", os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
)
HELPER = os.path.join(BUILD, "snapshot-price_facts_test")
DAY = int(datetime(2026, 11, 22, 12, 30, tzinfo=timezone.utc).timestamp())  # at no dear hour
OURS = {  # the sources' names for providers of ours
    "together_ai": "together",
    "nvidia_nim": "nvidia",
    "dashscope": "alibaba",
    "cohere_chat": "cohere",
    "fireworks_ai": "fireworks",
    "google": "gemini",
    "x-ai": "xai",
    "moonshotai": "moonshot",
    "voyageai": "voyage",
}
STEMS = {
    "input": "input_cost_per_token",
    "output": "output_cost_per_token",
    "cached": "cache_read_input_token_cost",
    "written": "cache_creation_input_token_cost",
    "written_1h": "cache_creation_input_token_cost_above_1hr",
    "written_12h": "cache_creation_input_token_cost_above_12hr",
    "audio_input": "input_cost_per_audio_token",
    "image_input": "input_cost_per_image_token",
    "video_input": "input_cost_per_video_token",
    "audio_output": "output_cost_per_audio_token",
    "image_output": "output_cost_per_image_token",
    "video_output": "output_cost_per_video_token",
    "audio_cached": "cache_read_input_audio_token_cost",
    "image_cached": "cache_read_input_image_token_cost",
    "reasoning": "output_cost_per_reasoning_token",
}
MTOK = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cached": "cache_read_mtok",
    "written": "cache_write_mtok",
    "written_1h": "cache_write_1h_mtok",
    "audio_input": "input_audio_mtok",
    "image_input": "input_image_mtok",
    "video_input": "input_video_mtok",
    "audio_output": "output_audio_mtok",
    "image_output": "output_image_mtok",
    "video_output": "output_video_mtok",
    "audio_cached": "cache_audio_read_mtok",
    "image_cached": "cache_image_read_mtok",
    "reasoning": "output_reasoning_mtok",
}
SERVED = {
    "flex": {"tier": "flex"},
    "priority": {"tier": "priority"},
    "ultrafast": {"tier": "ultrafast"},
    "batches": {"batch": 1},
    "": {},
}


def folder():
    for path in (
        os.environ.get("WEIR_FACTS", ""),
        os.path.join(ROOT, "..", "shared"),
        os.path.join(ROOT, "..", "..", "shared"),
    ):
        if path and os.path.exists(os.path.join(path, "model-facts.json")):
            return path
    pytest.skip("no model-facts.json and model-prices.json: WEIR_FACTS names their folder")


def exact(value):
    return Fraction(repr(value))


def line_of(provider, model, counts, served, second=DAY, region="", speed=""):
    """A bill as the helper asks for it: `counts` are apart, the helper's are each inside another."""
    count = collections.Counter(counts)
    cached = count["cached"] + count["audio_cached"] + count["image_cached"]
    written = count["written"] + count["written_1h"] + count["written_12h"]
    total = count["input"] + cached + written + sum(count[m + "_input"] for m in ("audio", "image", "video"))
    output = count["output"] + count["reasoning"] + sum(count[m + "_output"] for m in ("audio", "image", "video"))
    more = {
        "cache_write_1h": count["written_1h"],
        "cache_write_12h": count["written_12h"],
        "audio_cached": count["audio_cached"],
        "image_cached": count["image_cached"],
    }
    for m in ("audio", "image", "video"):
        more[m + "_input"] = count[m + "_input"] + count[m + "_cached"]
        more[m + "_output"] = count[m + "_output"]
    more.update(
        {
            unit: count[unit]
            for unit in ("searches", "maps", "file_searches", "citations", "queries", "characters", "milliseconds")
        }
    )
    fields = [
        provider,
        model,
        second,
        total,
        output,
        cached,
        written,
        count["reasoning"],
        served.get("tier", ""),
        speed,
        region,
        served.get("batch", 0),
    ]
    return "\t".join(map(str, fields + ["%s=%d" % (k, v) for k, v in more.items() if v])), total


class Case:
    """One bill: what is asked, what it must be, and of what it is."""

    def __init__(self, source, provider, model, counts, prices, served="", second=DAY, **how):
        factor, how_fee = how.pop("factor", 1), how.pop("fee", 0)
        self.listed = how.pop("listed", {})
        self.source, self.provider, self.model, self.counts, self.served = source, provider, model, counts, served
        self.line, self.total = line_of(provider, model, counts, SERVED[served], second, **how)
        self.wanted = math.ceil(
            (sum(count * prices[what] for what, count in counts.items()) * factor + how_fee) * 10**9
        )
        self.prices = prices

    def __repr__(self):
        return "%s: %s/%s %s %s %s" % (
            self.source,
            self.provider,
            self.model,
            self.served,
            self.counts,
            {k: float(v) for k, v in self.prices.items()},
        )


def draw(prng, prices, least, most):
    """Counts of all that has a price, with a whole input in (least, most]."""
    counts = {what: prng.randrange(1, 5000) for what in prices}
    inputs = [what for what in counts if what.endswith("input") or "cached" in what or "written" in what]
    if not inputs:
        return counts
    share = max(1, (most - least) // 3 // len(inputs)) if most > least else 1
    for what in inputs:
        counts[what] = prng.randrange(1, min(share, 20000) + 1)
    total = sum(counts[what] for what in inputs)
    counts[inputs[0]] += least
    return counts if least < total + least <= most else None


def cases_of_ability(prng, provider, model, row):
    """Bills of a row of model-facts.json, in each combination that it prices itself."""
    fee = exact(row.get("input_cost_per_request") or 0)
    if provider == "perplexity" and "citation_cost_per_token" not in row:  # of each request, at the least size
        fee = exact((row.get("search_context_cost_per_query") or {}).get("search_context_size_low", 0)) or fee
    steps = sorted({int(key.split("_above_")[-1].split("k_")[0]) * 1000 for key in row if "k_tokens" in key})
    for served in SERVED:
        for step in [0] + steps:
            prices = {}
            for what, stem in STEMS.items():
                key = stem + ("_above_%dk_tokens" % (step // 1000) if step else "") + ("_" + served if served else "")
                if isinstance(row.get(key), (int, float)) and (what != "reasoning" or "output_cost_per_token" in row):
                    prices[what] = exact(row[key])
            if "reasoning" in prices and served:
                del prices["reasoning"]
            most = ([s for s in steps if s > step] or [10**7])[0]
            counts = draw(prng, prices, step, most) if prices else None
            if counts:
                yield Case("facts", provider, model, counts, prices, served, fee=fee)
                entry = row.get("provider_specific_entry") or {}
                if not served and "us" in entry:
                    yield Case(
                        "facts", provider, model, counts, prices, served, region="us", factor=exact(entry["us"])
                    )
    searches = row.get("search_context_cost_per_query") or {}
    if len(set(searches.values())) == 1 and provider != "perplexity":
        yield Case("facts", provider, model, {"searches": 3}, {"searches": exact(list(searches.values())[0])})
    for key, unit, each in (
        ("google_maps_grounding_cost_per_query", "maps", 1),
        ("input_cost_per_query", "queries", 1),
        ("input_cost_per_character", "characters", 1),
    ):
        if row.get(key) and "k_tokens" not in key:
            yield Case("facts", provider, model, {unit: 7}, {unit: exact(row[key]) / each})


def standing(entry, second):
    """The price list of model-prices.json at that second."""
    prices = entry["prices"]
    if isinstance(prices, dict):
        return prices
    moment = datetime.fromtimestamp(second, timezone.utc)
    best = prices[0]["prices"]
    for listed in prices:
        limits = listed.get("constraint") or {}
        if "start_date" in limits and limits["start_date"] > moment.strftime("%Y-%m-%d"):
            continue
        if (
            "start_time" in limits
            and not limits["start_time"][:5] <= moment.strftime("%H:%M") < limits["end_time"][:5]
        ):
            continue
        best = listed["prices"]
    return best


def cases_of_listed(prng, provider, model, listed, served, second):
    steps = sorted({tier["start"] for value in listed.values() if isinstance(value, dict) for tier in value["tiers"]})
    for step in [0] + steps:
        prices = {}
        for what, key in MTOK.items():
            value = listed.get(key)
            if isinstance(value, dict):
                value = (
                    ([tier["price"] for tier in value["tiers"] if tier["start"] <= step] or [value["base"]])[-1]
                    if step
                    else value["base"]
                )
            if value is not None and (not step or isinstance(listed.get(key), dict)):
                prices[what] = exact(value) / 10**6
        if "reasoning" in prices and "output" not in prices:
            del prices["reasoning"]
        most = ([s for s in steps if s > step] or [10**7])[0]
        counts = draw(prng, prices, step, most) if prices else None
        if counts:
            yield Case("prices", provider, model, counts, prices, served, second, listed=listed)


def cases_of_prices(prng, provider, model, entry):
    """Bills of a row of model-prices.json: as it stands now, on days to come, at dear hours, and its variants."""
    seconds = [DAY]
    for listed in entry["prices"] if isinstance(entry["prices"], list) else []:
        limits = listed.get("constraint") or {}
        if limits.get("start_date", "") > "2026-11-22":
            seconds.append(int(datetime.fromisoformat(limits["start_date"]).replace(tzinfo=timezone.utc).timestamp()))
            seconds.append(seconds[-1] - 1)
        if "start_time" in limits:
            seconds += [
                DAY - DAY % 86400 + int(limits[end][:2]) * 3600 + int(limits[end][3:5]) * 60
                for end in ("start_time", "end_time")
            ]
    for second in seconds:
        yield from cases_of_listed(prng, provider, model, standing(entry, second), "", second)
    begun = [
        v for v in entry.get("price_variants", []) if v.get("constraint", {}).get("start_date", "") <= "2026-11-22"
    ]
    newest = {str(v["when"]): v for v in sorted(begun, key=lambda v: v.get("constraint", {}).get("start_date", ""))}
    for variant in newest.values():
        ((by, word),) = variant["when"].items()
        served = {"flex": "flex", "priority": "priority", "batch": "batches"}.get(word)
        if served:
            yield from cases_of_listed(prng, provider, model, variant["prices"], served, DAY)
    for key, unit, each in (
        ("web_searches_kcount", "searches", 1000),
        ("storage_searches_kcount", "file_searches", 1000),
    ):
        value = standing(entry, DAY).get(key)
        if value and provider != "perplexity":
            yield Case("prices", provider, model, {unit: 3}, {unit: exact(value) / each})


def catalogue():
    """The rows of the built-in catalogue, by provider and model."""
    rows, provider = {}, None
    with open(os.path.join(ROOT, "catalog/built_in.jsonl"), encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            provider = row.get("provider", provider)
            rows[provider, row.get("model")] = row
    return rows


def billed(tmp_path, lines):
    asked, answers = tmp_path / "bills", tmp_path / "billed"
    asked.write_text("".join(line + "\n" for line in lines))
    env = dict(os.environ, WEIR_BILLS=str(asked), WEIR_BILLED=str(answers))
    run = subprocess.run([HELPER], env=env, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stdout + run.stderr
    out = answers.read_text().splitlines()
    assert len(out) == len(lines)
    return [None if word == "unknown" else int(word) for word in out]


def same_base(source, row, price):
    """Is the catalogue's base price this source's?"""
    if source == "facts":
        base = [
            exact(row[key]) * 10**6 if isinstance(row.get(key), (int, float)) else None
            for key in ("input_cost_per_token", "output_cost_per_token")
        ]
        steps = [entry for entry in row.get("tiered_pricing", []) if "range" in entry and not entry["range"][0]]
        base = (
            [exact(steps[0][key]) * 10**6 for key in ("input_cost_per_token", "output_cost_per_token")]
            if steps
            else base
        )
    else:
        listed = standing(row, DAY)
        base = [listed.get(key) for key in ("input_mtok", "output_mtok")]
        base = [
            exact(value["base"] if isinstance(value, dict) else value) if value is not None else None
            for value in base
        ]
    return all(
        (ours is None and not theirs)
        or (ours is not None and theirs is not None and abs(exact(ours) - theirs) < Fraction(1, 10**8))
        for ours, theirs in zip((price.get("input"), price.get("output")), base)
    )


def sources():
    """(source, provider, model, row) of all models of both files."""
    with open(os.path.join(folder(), "model-facts.json"), encoding="utf-8") as file:
        for name, row in json.load(file).items():
            theirs = row.get("litellm_provider", "")
            bare = (
                name.split("/", 1)[-1]
                if theirs in name.split("/")[0] or OURS.get(theirs) in name.split("/")[:1]
                else name
            )
            yield "facts", OURS.get(theirs, theirs), bare, row
    with open(os.path.join(folder(), "model-prices.json"), encoding="utf-8") as file:
        for provider in json.load(file):
            for row in provider["models"]:
                ours = OURS.get(provider["id"], provider["id"])
                yield "prices", ours, ("accounts/fireworks/models/" if ours == "fireworks" else "") + row["id"], row


def test_every_model_costs_what_the_sources_say_or_is_listed_with_the_reason(tmp_path):
    if not os.path.exists(HELPER):
        pytest.skip("the unit tests are not built: %s" % HELPER)
    prng, rows, cases, reasons = random.Random(12), catalogue(), [], collections.Counter()
    providers, models = {provider for provider, _ in rows}, set()
    for source, provider, model, row in sources():
        if provider not in providers:
            reasons["a provider that is in no row of the catalogue"] += 1
        elif (provider, model) not in rows:
            reasons["a model that is in no row of the catalogue (another use, size or age)"] += 1
        elif "price" not in rows[provider, model]:
            reasons["a model without a price in the catalogue"] += 1
        elif "checked" in rows[provider, model]:
            reasons["a row that was looked up by hand"] += 1
        elif not same_base(source, row, rows[provider, model]["price"]):
            reasons["a base price that another source tells otherwise, and newer"] += 1
        else:
            make = cases_of_ability if source == "facts" else cases_of_prices
            made = list(make(prng, provider, model, row))
            models.update({(source, provider, model)} if made else ())
            reasons["a row that prices nothing a reply tells"] += not made
            cases += made
    got = billed(tmp_path, [case.line for case in cases])
    wrong = [i for i, case in enumerate(cases) if got[i] != case.wanted]
    unexplained = []
    for i in wrong:
        case = cases[i]
        if any(price * 10**15 % 1 for price in case.prices.values()):
            reasons["a price of more than nine decimals a million"] += 1
            continue
        if case.source == "prices" and "requests_kcount" in case.listed:
            reasons["a fee of a request that depends on the size of its search: the least is taken"] += 1
            continue
        if disagree(case, cases):
            reasons["a price of which the two sources say different things: the other one's is taken"] += 1
            continue
        unexplained.append((case, got[i], case.wanted))
    print("\n%d bills of %d models are the same to the nano-dollar" % (len(cases) - len(wrong), len(models)))
    for reason, count in sorted(reasons.items(), key=lambda item: -item[1]):
        print("%6d %s" % (count, reason))
    for case, ours, wanted in unexplained[:40]:
        print("  %r: %s, not %s" % (case, ours, wanted))
    assert not unexplained
    assert len(models) > 800 and len(cases) - len(wrong) > 1500


def disagree(case, cases):
    """Does the other source tell another price of one of its parts?"""
    for other in cases:
        if (
            (other.provider, other.model) == (case.provider, case.model)
            and other.source != case.source
            and other.served == case.served
        ):
            if any(what in other.prices and other.prices[what] != price for what, price in case.prices.items()):
                return True
    return False
