"""What goes on around the requests: reloads with good and bad files, providers edited, faults set at the mocks, bursts,
and those who only look. Each has an outcome that it must have."""
import asyncio
import copy
import json
import random
import signal

from callers import PLAIN_FAULTS, Caller
from wire import once

BAD_FILES = ("providers: [", "no_such_key: 1\n", "providers: {x: {type: nobody-knows-this}}\n",
             "listen: 127.0.0.1:0\nproviders: {x: {type: openai, api_key: \"${NO_SUCH_NAME_HERE}\"}}\n", "\x00\x01\x02",
             "a: &a [*a]\n", "providers: 5\n", "- 1\n- 2\n", "", "\n", "# cut and not yet written\n", "{}\n")
STRATEGIES = ("round_robin", "least_loaded", "fastest_response", "cost_optimal", "cost_optimized", "priority",
              "adaptive", "weighted", "sticky")


def reload_is_wrong(outcome, good):
    return outcome is None or (outcome["event"] == "reloaded") != good


def edit_is_wrong(reply, wanted):
    return reply is None or reply.status not in wanted


class Upsets:
    def __init__(self, world, record, name):
        self.world, self.record, self.name = world, record, name
        self.draw = random.Random(f"{world.seed}/upsets/{name}")
        self.upset = [p for p in world.config["providers"] if not p.startswith("steady")]
        self.edited = 0

    def start(self, until):
        return [
            asyncio.create_task(t(until))
            for t in (self.reloads, self.edits, self.doctor, self.faults, self.bursts, self.looks)
        ]

    async def pause(self, until, draw, least, most):
        """Waits; false when the time is over."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(min(draw.uniform(least, most), max(0.0, until() - loop.time())))
        return loop.time() < until() and not self.world.stopping

    # -- reloads

    def good_file(self, draw):
        config = copy.deepcopy(self.world.config)
        for route in config["routes"]:
            if route["model"] in ("any", "pair", "hedged") and draw.random() < 0.5:
                route["strategy"] = draw.choice(STRATEGIES)
                route.pop("hedge", None) if draw.random() < 0.3 else None
        if draw.random() < 0.4:
            del config["providers"]["c-huggingface"]
            config["routes"] = [r for r in config["routes"] if r["model"] != "only-huggingface"]
            for route in config["routes"]:
                route["targets"] = [t for t in route["targets"] if not t.startswith("c-huggingface/")]
        if draw.random() < 0.5:
            config["providers"][f"extra-{draw.randrange(50)}"] = dict(config["providers"]["d-openai"], priority=90)
        for name in self.upset:
            if name in config["providers"] and draw.random() < 0.3:
                config["providers"][name].update(max_concurrent=draw.randrange(1, 20),
                                                 queue={"max": 20, "wait_ms": 200})
        if draw.random() < 0.3:
            config["rules"] = [{
                "name": "streams", "when": {"streaming": True, "model": "any"},
                "targets": ["d-openai/m", "c-anthropic/m"]
            }]
        return config

    async def reloads(self, until):
        draw = random.Random(f"{self.draw.random()}/reloads")
        at = 0
        _, at = self.world.log()
        while await self.pause(until, draw, 0.5, 3):
            good = draw.random() < 0.7
            self.world.write(self.good_file(draw) if good else draw.choice(BAD_FILES))
            self.world.weir.process.send_signal(signal.SIGHUP)
            outcome = None
            for _ in range(1500):
                found, at = self.world.log(at)
                outcome = next((e for e in found if e["event"] in ("reloaded", "reload_failed")), None)
                if outcome or not self.world.weir.alive:
                    break
                await asyncio.sleep(0.02)
            if not self.world.weir.alive:
                return
            if reload_is_wrong(outcome, good):
                self.record.violation(
                    "changes", None,
                    f"a reload with a {'good' if good else 'bad'} file: {outcome}\n"
                    f"{(self.world.folder / 'weir.yaml').read_text()[:500]!r}"
                )
            if not good:
                await asyncio.sleep(draw.uniform(0, 0.6))  # it stands there while providers are edited
                self.world.write(self.world.config)
        self.world.write(self.world.config)

    # -- edits

    async def edits(self, until):
        draw = random.Random(f"{self.draw.random()}/edits")
        added = []
        while await self.pause(until, draw, 0.05, 0.8):
            name, kind = draw.choice(self.upset), draw.random()
            path, body, wanted = f"/admin/v1/providers/{name}", None, (200, 404)
            if kind < 0.15:
                added.append(f"edit-{self.name}-{self.edited}")
                self.edited += 1
                block = dict(self.world.config["providers"][draw.choice(("c-openai", "d-openai"))],
                             priority=draw.randrange(1, 99), name=added[-1])
                method, path, body, wanted = "POST", "/admin/v1/providers", block, (201,)
            elif kind < 0.25 and added:
                method, path = "DELETE", f"/admin/v1/providers/{added.pop(draw.randrange(len(added)))}"
            elif kind < 0.45:
                method, body = ("PATCH",
                                draw.choice(
                                    ({"priority": draw.randrange(1, 50)}, {"timeout_seconds": draw.randrange(1, 4)},
                                     {"max_concurrent": draw.randrange(1, 9)}, {"rate_limit_rpm": 600
                                                                                }, {"weight": draw.randrange(1, 5)},
                                     {"circuit_breaker": {"failure_threshold": draw.randrange(1, 9)}
                                      }, {"priority": None})))
            elif kind < 0.55:
                method, body, wanted = ("PATCH",
                                        draw.choice(
                                            ({"priority": "first"}, {"no_such_key": 1}, {"base_url": "gopher://x"}, [],
                                             {"api_key": "${HOME}"})), (400, 404))
            elif kind < 0.62:
                method, wanted = "DELETE", (200, 404)
            else:
                action = draw.choice(("drain", "maintenance", "resume", "reset", "resume", "reset", "probe"))
                method, path = "POST", f"{path}/{action}"
            # whatever stands on the disk: an edit is of what is in force
            reply = await self.world.ask(method, path, body)
            if edit_is_wrong(reply, wanted):
                self.record.violation("changes", None, f"{method} {path} {json.dumps(body)[:300]}: {reply}")
            if kind < 0.62 and method == "DELETE" and name in path:
                await asyncio.sleep(draw.uniform(0, 0.5))
                await self.world.ask("POST", f"/admin/v1/providers/{name}/reset")
        for name in self.upset + added:
            await self.world.ask("POST", f"/admin/v1/providers/{name}/reset")

    async def doctor(self, until):
        """Keys that rest and breakers that are open would leave nothing to try."""
        draw = random.Random(f"{self.draw.random()}/doctor")
        while await self.pause(until, draw, 0.7, 1.5):
            for name in self.upset:
                await self.world.ask("POST", f"/admin/v1/providers/{name}/resume")

    # -- faults of a whole provider, bursts, looks

    async def faults(self, until):
        draw = random.Random(f"{self.draw.random()}/faults")
        while await self.pause(until, draw, 0.5, 3):
            mock = self.world.mocks[draw.choice(("one", "two"))]
            # not slow-bytes: whoever asks for thousands of tokens would hear them for minutes
            spec = draw.choice(
                tuple(f for f in PLAIN_FAULTS if f != "no-usage") +
                ("status=503", "status=500", "status=429,retry-after-ms=50", "reset-mid-stream=5", "refuse=150"))
            await once(mock.endpoint, "POST", "/mock/fault",
                       json.dumps({"spec": spec, "count": draw.randrange(1, 12)}).encode())
        for mock in ("one", "two"):
            await once(self.world.mocks[mock].endpoint, "DELETE", "/mock/fault")

    async def bursts(self, until):
        draw = random.Random(f"{self.draw.random()}/bursts")
        number, loop = 0, asyncio.get_running_loop()
        while await self.pause(until, draw, 2, 6):
            soon = min(until(), loop.time() + 0.02)  # one request each
            callers = [
                Caller(self.world, f"{self.name}b{number}x{i}", False, self.record)
                for i in range(draw.randrange(20, 70))
            ]
            await asyncio.gather(*(caller.run(lambda: soon) for caller in callers))
            number += 1

    async def looks(self, until):
        draw = random.Random(f"{self.draw.random()}/looks")
        while await self.pause(until, draw, 0.1, 1):
            known = list(self.record.ids)
            path = draw.choice(
                ("/metrics", "/admin/v1/status", "/admin/v1/providers", "/admin/v1/health", "/admin/v1/health/history",
                 "/admin/v1/route/any", "/admin/v1/lock", "/v1/models", "/healthz", "/admin/v1/requests/" +
                 (known[-1 - draw.randrange(min(200, len(known)))] if known else "none")))
            key = None
            reply = await self.world.ask("GET", path, key=key)
            wanted = (200, 404) if "/requests/" in path else (200,)
            if reply is None or reply.status not in wanted or b"sk-chaos" in reply.body:
                self.record.violation("changes", None, f"GET {path}: {reply}")
            elif path not in ("/metrics", "/healthz") and reply.status == 200:
                json.loads(reply.body)
