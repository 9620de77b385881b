/* config_test.c - what a configuration file may be, and what is said of one that it may not be. */
#include "config_world.h"

#define H "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define H0 "0000000000000000000000000000000000000000000000000000000000000000"

#define R P "rules: ["

static const struct {
    const char *text, *problem;
} bad[] = {
    {"", "w.yaml:1:1: the file is empty: it holds no key, and nothing was changed"},
    {" \n# providers:\n", "w.yaml:1:1: the file is empty"},
    {"---\n...\n", "w.yaml:2:1: the file is empty"},
    {"{}\n", "w.yaml:1:1: the file is empty"},
    {"~\n", "w.yaml:1:1: the file is empty"},
    {"ai_providers: {}\n", "w.yaml:1:15: the file is empty"},
    {"ai_providers:\n", "w.yaml:1:14: the file is empty"},
    {"- a\n", "w.yaml:1:1: the file must be a map"},
    {"providers: [\n", "w.yaml:2:1: "},
    {"a: b: c\n", "w.yaml:1:5: "},
    {"x: &a 1\ny: *a\n", "w.yaml:1:1: unknown key `x`"},
    {P "providers: {}\n", "w.yaml:2:1: the key `providers` stands twice: the first is in line 1"},
    {P "lisen: 127.0.0.1:1\n", "w.yaml:2:1: unknown key `lisen`: did you mean `listen`?"},
    {"providers:\n  a: {type: openai, api_key: k, prioritty: 1}\n",
     "w.yaml:2:33: unknown key `prioritty`: did you mean `priority`?"},
    {P "zzzzzzzzz: 1\n", "w.yaml:2:1: unknown key `zzzzzzzzz`"},
    {"providers: {a: {type: opnai, api_key: k}}\n",
     "w.yaml:1:23: unknown provider type `opnai`: did you mean `openai`?"},
    {"providers: {mine: {api_key: k}}\n", "w.yaml:1:19: unknown provider type `mine`: write type: openai"},
    {"providers: {a: {type: openai}}\n", "w.yaml:1:16: provider `a` has no api_key: write api_key: ${OPENAI_API_KEY}"},
    {"providers: {a: {type: openai, api_key: \"${NOPE}\"}}\n", "w.yaml:1:40: the environment variable NOPE is not set"},
    {"providers: {a: {type: openai, api_key: \"${NO PE}\"}}\n", "w.yaml:1:40: `${NO PE}` is no reference"},
    {"providers: {a: {type: openai, api_key: \"${NOPE\"}}\n", "w.yaml:1:40: `${` has no closing brace"},
    {"providers: {a: {type: openai, api_key: file:/bad}}\n", "w.yaml:1:40: cannot read /bad"},
    {"providers: {a: {type: openai, api_key: vault:a}}\n", "w.yaml:1:40: there is no vault here"},
    {"providers: {a: {type: openai, api_key: k, base_url: 'vault:a'}}\n", "w.yaml:1:53: vault:NAME is for a"},
    {"state_dir: vault:a\nproviders: {a: {type: openai, api_key: k}}\n", "w.yaml:1:12: vault:NAME is for a provider's"},
    {"providers: {a: {type: openai, api_key: 'vault:'}}\n", "w.yaml:1:40: `vault:` names no entry"},
    {"providers: {a: {type: openai, api_key: k, base_url: \"ftp://x\"}}\n",
     "w.yaml:1:53: base_url `ftp://x` is not valid: it must begin with"},
    {"providers: {a: {type: openai, api_key: k, base_url: \"http://u:p@x\"}}\n", "w.yaml:1:53: base_url"},
    {"providers: {a: {type: openai, api_key: k, base_url: \"http://x:0\"}}\n", "w.yaml:1:53: base_url"},
    {"providers: {a: {type: openai, api_key: k, priority: high}}\n",
     "w.yaml:1:53: `priority` must be a whole number from 1 to 1000000, not `high`"},
    {"providers: {a: {type: openai, api_key: k, priority: 1.5}}\n", "w.yaml:1:53: `priority` must be a whole number"},
    {"providers: {a: {type: openai, api_key: k, priority: 0}}\n", "w.yaml:1:53: `priority` must be"},
    {"providers: {a: {type: openai, api_key: k, timeout_seconds: 0}}\n",
     "w.yaml:1:60: `timeout_seconds` must be a number of seconds above 0"},
    {"providers: {a: {type: openai, api_key: k, timeout_seconds: [1]}}\n",
     "w.yaml:1:60: `timeout_seconds` must be a number of seconds, not a list"},
    {"providers: {a: {type: openai, api_key: k, insecure: maybe}}\n",
     "w.yaml:1:53: `insecure` must be true or false, not `maybe`"},
    {"providers: {a: {type: openai, api_key: k, models: {x: 1}}}\n", "w.yaml:1:51: `models` must be a list, not a map"},
    {"providers: {a: {type: openai, api_key: k, models: [[x]]}}\n", "w.yaml:1:52: `models` holds plain values only"},
    {"providers: {a: {type: openai, api_key: k, headers: x}}\n", "w.yaml:1:52: `headers` must be a map"},
    {"providers: {a: {type: openai, api_key: k, timeout: 1, timeout_seconds: 1}}\n",
     "w.yaml:1:52: `timeout` is another spelling of `timeout_seconds`, which stands here too"},
    {"providers: {\"a b\": {type: openai, api_key: k}}\n", "w.yaml:1:20: `a b` is no name for a provider"},
    {"providers: {a: openai}\n", "w.yaml:1:16: every entry of `providers` must be a map"},
    {"providers: [a]\n", "w.yaml:1:12: `providers` must be a map of names, not a list"},
    {"providers: {a: {type: openai, enabled: false}}\n", "w.yaml:1:12: there is no enabled provider"},
    {P "routes: {a: b}\n", "w.yaml:2:9: `routes` must be a list, not a map"},
    {P "routes: [{targets: [a/x]}]\n", "w.yaml:2:10: a route needs its `model`"},
    {P "routes: [{model: m}]\n", "w.yaml:2:10: the route `m` has no targets"},
    {P "routes: [{model: m, targets: []}]\n", "w.yaml:2:10: the route `m` has no targets"},
    {P "routes: [{model: m, targets: [x]}]\n", "w.yaml:2:31: a target is written provider/model, not `x`"},
    {P "routes: [{model: m, targets: [b/x]}]\n", "w.yaml:2:31: the target `b/x` names a provider that does not exist"},
    {P "routes: [{model: m, targets: [a/]}]\n", "w.yaml:2:31: a target is written provider/model"},
    {P "routes: [{model: m, targets: [a/x]}, {model: m, targets: [a/y]}]\n",
     "w.yaml:2:38: two routes are for the model `m`"},
    {P "routes: [{model: m, strategy: prioritie, targets: [a/x]}]\n",
     "w.yaml:2:31: `strategy` cannot be `prioritie`: did you mean `priority`?"},
    {P "clients: [{key_hash: x}]\n", "w.yaml:2:11: a client needs a `name`"},
    {P "clients: [{name: c}]\n", "w.yaml:2:11: client `c` needs its `key_hash`"},
    {P "clients: [{name: c, key_hash: abc}]\n", "w.yaml:2:31: client `c` needs its `key_hash`"},
    {P "clients: [{name: c, role: root}]\n", "w.yaml:2:11: client `c` needs its `key_hash`"},
    {P "listen: 0.0.0.0:80\n", "w.yaml:2:9: `0.0.0.0:80` is not a loopback address and there are no clients"},
    {P "listen: [\"127.0.0.1:1\", \"[::]:1\"]\n", "w.yaml:2:25: `[::]:1` is not a loopback address"},
#define AT_CALL(path) "providers: {a: {type: openai, api_key: k, base_url: 'https://h/v1" path "'}}\n"
    {AT_CALL("/chat/completions"),
     "w.yaml:1:53: base_url of `a` ends in `/chat/completions`, which weir adds itself: leave it off"},
    {AT_CALL("/completions//"),
     "w.yaml:1:53: base_url of `a` ends in `/completions`, which weir adds itself: leave it off"},
    {AT_CALL("/embeddings"),
     "w.yaml:1:53: base_url of `a` ends in `/embeddings`, which weir adds itself: leave it off"},
    {AT_CALL("/responses/"), "w.yaml:1:53: base_url of `a` ends in `/responses`, which weir adds itself: leave it off"},
    {AT_CALL("/messages"), "w.yaml:1:53: base_url of `a` ends in `/messages`, which weir adds itself: leave it off"},
    {AT_CALL("/generateContent"),
     "w.yaml:1:53: base_url of `a` ends in `/generateContent`, which weir adds itself: leave it off"},
    {P "fetch: {enabled: true, allow: [here]}\n",
     "w.yaml:2:32: `allow` names networks such as 10.1.0.0/16 or fd00::/8; it says `here`"},
    {P "listen: here\n", "w.yaml:2:9: cannot listen on `here`"},
    {P "listen: 127.0.0.1:99999\n", "w.yaml:2:9: cannot listen on"},
    {P "listen: {address: \"127.0.0.1:1\", tls: {cert: x}}\n", "w.yaml:2:39: `tls` needs both `cert` and `key`"},
    {P "workers: many\n", "w.yaml:2:10: `workers` must be `auto` or a number from 1 to 64"},
    {P "workers: 65\n", "w.yaml:2:10: `workers` must be"},
    {P "workers: 0\n", "w.yaml:2:10: `workers` must be"},
    {P "max_body_bytes: 10\n", "w.yaml:2:17: `max_body_bytes` must be a whole number from 1024"},
    {P "selection_strategy: random\n", "w.yaml:2:21: `selection_strategy` cannot be `random`"},
    {P "retry: {max_retries: -1}\n", "w.yaml:2:22: `max_retries` must be"},
    {P "retry: 3\n", "w.yaml:2:8: `retry` must be a map"},
    {P "log: {level: loud}\n", "w.yaml:2:14: `level` cannot be `loud`"},
    {P "auth: nobody\n", "w.yaml:2:7: `auth` cannot be `nobody`"},
    {P "alerts: {quota: [x]}\n", "w.yaml:2:18: `quota` holds numbers from 0 to 1 only"},
    {P "alerts: {webhook: nowhere, secret: s}\n", "w.yaml:2:19: `webhook` must be a URL"},
    {P "alerts: {webhook: 'http://h/x'}\n", "w.yaml:2:19: warning: alerts are posted without a signature"},
    {P "alerts: {min_healthy: 0.5}\n", "w.yaml:2:10: `min_healthy` is not available yet"},
    {P "cache: {serve_stale_on_outage: perhaps}\n", "w.yaml:2:32: `serve_stale_on_outage` "},
    {P "cache: {max_stale_second: 1}\n",
     "w.yaml:2:9: unknown key `max_stale_second`: did you mean `max_stale_seconds`?"},
    {P "cache: {max_bytes: 1048575}\n", "w.yaml:2:20: `max_bytes` "},
    {P "clients: [{name: c, key_hash: \"" H "\", quota: {requests_per_day: 1}}]\n",
     "w.yaml:2:99: `quota` is not available yet, and what it protects would be open"},
    {"providers: {a: {type: openai, api_key: k, quota: {requests_a_day: 60}}}\n",
     "w.yaml:1:51: unknown key `requests_a_day`: did you mean `requests_per_day`?"},
    {"providers: {a: {type: openai, api_key: k, quota: {requests_per_day: 6, timezone: Nowhere/City}}}\n",
     "w.yaml:1:82: `Nowhere/City` is no time zone"},
    {P "x: !!int 1\n", "w.yaml:2:4: tags (!name) are not understood"},
    {P "log:\n  level: \xff\n", "w.yaml:3:"},
    {P "admin_listen: 127.0.0.1:1\n", "w.yaml:2:1: `admin_listen` is not available yet, and what it protects"},
    {P "listen: []\n", "w.yaml:2:9: `listen` holds no address"},
    {P "listen: [\"127.0.0.1:1\", \"127.0.0.1:1\"]\n", "w.yaml:2:25: `127.0.0.1:1` stands twice"},
    {P "listen: \"::1:80\"\n", "w.yaml:2:9: cannot listen on `::1:80`"},
    {P "listen: \":80\"\n", "w.yaml:2:9: cannot listen on `:80`"},
    {"providers: {a: {type: openai, api_key: a, api_keys: [b]}}\n",
     "w.yaml:1:53: write `api_key` or `api_keys`, not both"},
    {"providers: {a: {type: openai, api_key: \"a b\"}}\n",
     "w.yaml:1:40: provider `a` has an api_key that is empty or holds a blank"},
    {"providers: {a: {type: openai, api_key: k, headers: {\"a b\": c}}}\n", "w.yaml:1:60: `a b` is no header"},
    {"providers: {a: {type: openai, api_key: k, headers: {X-A: \"a\\nb\"}}}\n", "w.yaml:1:58: `X-A` is no header"},
    {"providers: {a: {type: openai, api_key: k, headers: {Content-Length: 3}}}\n",
     "w.yaml:1:69: the header `Content-Length` is written by weir itself"},
    {"providers: {a: {type: openai, api_key: k, priority: 1e300}}\n", "w.yaml:1:53: `priority` must be a whole number"},
    {"providers: {a: {type: openai, base_url: \"http://h/v1\"}}\n",
     "w.yaml:1:16: warning: provider `a` has a base_url or a way of its own and no api_key"},
    {P "routes: [{model: m, targets: [{route: m}]}]\n",
     "w.yaml:2:39: routes are each other's targets in a circle: `m` leads back to itself"},
    {P "routes: [{model: m, targets: [a/x, {route: n}]}, {model: n, targets: [{route: m}]}]\n",
     "w.yaml:2:79: routes are each other's targets in a circle: `m` leads back to itself"},
    {P "routes: [{model: m, targets: [{route: fsat}]}, {model: fast, targets: [a/x]}]\n",
     "w.yaml:2:39: no route is for the model `fsat`: did you mean `fast`?"},
    {P "routes: [{model: m, targets: [{route: elsewhere}]}]\n", "w.yaml:2:39: no route is for the model `elsewhere`"},
    {P "routes: [{model: m, targets: [{route: n, target: a/x}]}, {model: n, targets: [a/x]}]\n",
     "w.yaml:2:31: write `target` or `route`, not both"},
    {P "routes: [{model: m, targets: [{route: n}, {route: n}]}, {model: n, targets: [a/x]}]\n",
     "w.yaml:2:51: the route `n` stands twice in the route `m`"},
    {P "routes: [{model: m, strategy: lock, targets: [{route: n}]}, {model: n, targets: [a/x]}]\n",
     "w.yaml:2:55: the targets of `m` take turns in holding its lock"},
    {P "routes: [{model: m, targets: [{route: n, rpm: 3}]}, {model: n, targets: [a/x]}]\n",
     "w.yaml:2:47: `rpm` is for a target, and `route` names a route: write it there"},
    {P "routes: [{model: m, targets: [{target: a/x, rpn: 3}]}]\n",
     "w.yaml:2:45: unknown key `rpn`: did you mean `rpm`?"},
    {P "routes: [{model: m, targets: [{target: a/x, rpm: 0.5}]}]\n", "w.yaml:2:50: `rpm` must be a whole number"},
    {P "routes: [{model: m, targets: [{target: a/x, max_concurrent: 0}]}]\n",
     "w.yaml:2:61: `max_concurrent` must be a whole number from 1"},
    {P "routes: [{model: n, targets: [a/x]}]\nrules: [{name: r, targets: [{route: o}]}]\n",
     "w.yaml:3:37: no route is for the model `o`: did you mean `n`?"},
    {P "routes: [{model: m, targets: [a/x, a/x]}]\n", "w.yaml:2:36: the target `a/x` stands twice in the route `m`"},
    {P "clients: [{name: c, key_hash: \"" H "\"}, {name: d, key_hash: \"sha256:" H "\"}]\n",
     "w.yaml:2:100: the clients `c` and `d` have the same key"},
    {P "clients: [{name: c, key_hash: \"" H "\"}, {name: c, key_hash: \"" H0 "\"}]\n",
     "w.yaml:2:100: two clients are named `c`"},
    {"providers: {cloudflare: {api_key: k}}\n", "w.yaml:1:25: provider `cloudflare` needs its `account`"},
    {R "{targets: [a/x]}]\n", "w.yaml:2:9: a rule needs a `name`"},
    {R "{name: r}]\n", "w.yaml:2:9: the rule `r` has no targets"},
    {R "{name: r, targets: [a]}]\n", "w.yaml:2:29: a target is written provider/model, not `a`"},
    {R "{name: r, targets: [a/]}]\n", "w.yaml:2:29: a target is written provider/model, not `a/`"},
    {R "{name: r, targets: [b/x]}]\n", "w.yaml:2:29: the target `b/x` names a provider that does not exist"},
    {R "{name: r, targets: [{target: b/x}]}]\n", "w.yaml:2:38: the target `b/x` names"},
    {R "{name: r, when: {time_of_day: \"25:00-06:00\"}, targets: [a/x]}]\n",
     "w.yaml:2:39: `25:00-06:00` is no time of day: write 22:00-06:00"},
    {R "{name: r, when: {days: someday}, targets: [a/x]}]\n",
     "w.yaml:2:32: `someday` are no days: write mon-fri, or sat, sun"},
    {R "{name: r, when: {utc_offset: \"+25:00\"}, targets: [a/x]}]\n",
     "w.yaml:2:38: `+25:00` is no offset: write UTC or +02:00"},
    {P "hedge: {after: soon}\n", "w.yaml:2:16: `after` is p95, or a time such as 800ms or 1.5s; it says `soon`"},
    {P "hedge: {after: 0.5ms}\n", "w.yaml:2:16: `after` is p95"},
    {P "hedge: {after: 3601s}\n", "w.yaml:2:16: `after` is p95"},
    {P "hedge: {after: s}\n", "w.yaml:2:16: `after` is p95"},
    {P "hedge: {after: 3}\n", "w.yaml:2:16: `after` is p95"},
    {P "catalog: /missing\n", "w.yaml:2:10: cannot read /missing"},
    {P "catalog: /good\n", "/good:1:1: "},
};

static void each_problem_is_told_with_its_place(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct config config;
        char said[512];
        load(bad[i].text, NULL, &config);
        first_problem(&config, said, sizeof said);
        if (strncmp(said, bad[i].problem, strlen(bad[i].problem)) != 0)
            fail_msg("%s\n  said   %s\n  wanted %s", bad[i].text, said, bad[i].problem);
        config_free(&config);
    }
}

static void all_problems_are_told_at_once_in_the_order_of_lines(void **state) {
    (void)state;
    struct config config;
    load("workers: x\nproviders: {a: {type: openai}}\nnope: 1\nretry: 3\n", NULL, &config);
    assert_int_equal(config.error_count, 4);
    unsigned line = 0;
    for (const struct config_problem *problem = config.problems; problem; problem = problem->next) {
        assert_true(problem->line >= line);
        line = problem->line;
    }
    config_free(&config);
}

static void a_small_file_becomes_a_snapshot(void **state) {
    (void)state;
    const char *const pairs[] = {"KEY", "from-the-environment", NULL};
    struct config config;
    assert_true(load(
        "ai_providers:\n  providers:\n    b: {type: groq, api_key: \"${KEY}\", priority: 2, models: [m, n]}\n"
        "    a: {type: openai, api_key: file:/good, priority: 1, model: m, timeout: 7, base_url: \"http://h:1/v1/\"}\n"
        "    off: {type: openai, enabled: false, api_key: \"${UNSET}\"}\n"
        "  routes:\n    - {model: fast, targets: [b/x, a/y, off/z]}\n    - {model: \"gpt-*\", targets: [a/z]}\n",
        pairs, &config));
    const struct snapshot *snapshot = config.snapshot;
    assert_int_equal(snapshot->provider_count, 2);
    const struct provider *a = map_find(&snapshot->providers_by_name, STR("a"));
    assert_true(str_eq(a->authorization[0], STR("Bearer from-a-file")));
    assert_true(str_eq(a->base.path, STR("/v1")));
    assert_int_equal(a->first_token_timeout_ns, 7 * NS_PER_S);
    struct arena arena;
    arena_init(&arena, 1024, 1 << 20);
    static const struct {
        const char *model, *targets;
    } routes[] = {{"fast", "a/y b/x"},
                  {"gpt-5", "a/z"},
                  {"m", "a/m b/m"},
                  {"n", "b/n"},
                  {"b/anything/at:all", "b/anything/at:all"},
                  {"a/m", "a/m"}};
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        const struct route *route = snapshot_route(snapshot, str_from(routes[i].model), &arena);
        assert_non_null(route);
        struct text text = text_in_arena(&arena, 64);
        for (size_t t = 0; t < route->target_count; t++) {
            if (t) text_put_byte(&text, ' ');
            text_put(&text, route->targets[t]->name);
        }
        assert_true(str_eq(text_str(&text), str_from(routes[i].targets)));
    }
    assert_null(snapshot_route(snapshot, STR("unknown"), &arena));
    assert_true(snapshot_route(snapshot, STR("default"), &arena)->built_in);
    arena_free(&arena);
    config_free(&config);
}

static void under_a_short_name_providers_stand_by_priority_and_equal_ones_as_written(void **state) {
    static const struct {
        int a, b, c;
        const char *targets;
    } rows[] = {
        {3, 1, 2, "b c a "}, {1, 2, 3, "a b c "}, {2, 2, 1, "c a b "}, {5, 5, 5, "a b c "}, {3, 2, 1, "c b a "}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct config config;
        struct arena arena;
        char yaml[512];
        snprintf(yaml, sizeof yaml,
                 "providers:\n"
                 "  a: {type: openai, api_key: k, models: [Mixtral-8x7B-Instruct-v0.1], priority: %d}\n"
                 "  b: {type: openai, api_key: k, models: [x/Mixtral-8x7B-Instruct-v0.1], priority: %d}\n"
                 "  c: {type: openai, api_key: k, models: [Mixtral-8x7B-Instruct-v0.1], priority: %d}\n",
                 rows[i].a, rows[i].b, rows[i].c);
        assert_true(load(yaml, NULL, &config));
        arena_init(&arena, 1024, 1 << 20);
        const struct route *route = snapshot_route(config.snapshot, STR("mixtral-8x7b"), &arena);
        assert_non_null(route);
        struct text text = text_in_arena(&arena, 64);
        for (size_t t = 0; t < route->target_count; t++)
            text_printf(&text, "%.*s ", STR_ARG(route->targets[t]->provider->name));
        if (!str_eq(text_str(&text), str_from(rows[i].targets))) fail_msg("row %zu: %.*s", i, STR_ARG(text_str(&text)));
        arena_free(&arena);
        config_free(&config);
    }
}

static void the_environment_alone_makes_providers(void **state) {
    (void)state;
    const char *const pairs[] = {"GROQ_API_KEY", "g",           "OPENAI_API_KEY", "o", "PRIMARY_PROVIDER",
                                 "groq",         "WEIR_LISTEN", "127.0.0.1:0",    NULL};
    struct config config;
    assert_true(load(NULL, pairs, &config));
    assert_int_equal(config.snapshot->provider_count, 2);
    assert_true(str_eq(config.process.listens[0].address, STR("127.0.0.1:0")));
    struct arena arena;
    arena_init(&arena, 1024, 1 << 20);
    assert_null(snapshot_route(config.snapshot, STR("whatever"), &arena));
    const struct route *route = snapshot_route(config.snapshot, STR("default"), &arena);
    assert_true(str_eq(route->targets[0]->provider->name, STR("groq")));
    arena_free(&arena);
    config_free(&config);
}

static void nothing_at_all_makes_the_simulated_provider(void **state) {
    (void)state;
    struct config config;
    assert_true(load(NULL, NULL, &config));
    assert_int_equal(config.snapshot->provider_count, 1);
    assert_true(config.snapshot->providers[0].simulated);
    config_free(&config);
}

static void a_target_keeps_its_id_across_loads(void **state) {
    (void)state;
    struct config before, after;
    assert_true(load("providers: {a: {type: openai, api_key: k, models: [x, y]}}\n", NULL, &before));
    assert_true(
        load("providers: {b: {type: openai, api_key: k, models: [z]}, a: {type: openai, api_key: k, models: [y, x]}}\n",
             NULL, &after));
    const struct target *one = map_find(&before.snapshot->targets_by_name, STR("a/x")),
                        *two = map_find(&after.snapshot->targets_by_name, STR("a/x"));
    assert_int_equal(one->id, two->id);
    config_free(&before);
    config_free(&after);
}

/* Every key of the table in one file: all are taken, and those without their feature are named once each. */
static const char everything[] =
    "ai_providers:\n"
    "  listen: [\"127.0.0.1:0\", \"unix:/run/weir.sock\"]\n"
    "  workers: auto\n  state_dir: ./weir-state\n  selection_strategy: adaptive\n  health_check_interval: 300\n"
    "  request_timeout_seconds: 120\n  max_body_bytes: 33554432\n  on_disconnect: cancel\n  reserve_output_tokens: "
    "4096\n"
    "  adaptive: {health: 0.4, quota: 0.3, response_time: 0.3}\n"
    "  retry: {max_retries: 3, base_ms: 200, max_ms: 10000, budget: 0.2}\n"
    "  hedge: {after: p95, max_share: 0.05}\n"
    "  cache: {enabled: true, ttl_seconds: 300, max_bytes: 268435456, serve_stale_on_outage: true}\n"
    "  providers:\n"
    "    openai:\n      type: openai\n      enabled: true\n      api_key: ${OPENAI_API_KEY}\n"
    "      base_url: https://api.openai.com/v1\n      models: [gpt-4o, gpt-4o-mini]\n      priority: 1\n      weight: "
    "1.0\n"
    "      timeout_seconds: 30\n      reply_timeout_seconds: 600\n      stall_timeout_seconds: 15\n"
    "      connect_timeout_seconds: 5\n      max_retries: 3\n      max_concurrent: 10\n      rate_limit_rpm: 60\n"
    "      rate_limit_tpm: 10000\n      rate_limit_rph: 3600\n      burst_allowance: 10\n      adaptive_throttling: "
    "true\n"
    "      daily_budget: 10.0\n"
    "      quota: {requests_per_day: 14400, tokens_per_day: 0, characters_per_month: 0, timezone: UTC}\n"
    "      cost_per_request: 0.0\n      prices: {\"gpt-4o\": {input: 2.50, output: 10.00, cached_input: 1.25}}\n"
    "      circuit_breaker: {failure_threshold: 5, timeout_seconds: 60, half_open_max_calls: 3, success_threshold: 1}\n"
    "      health_check_interval: 300\n      headers: {OpenAI-Organization: org-1}\n"
    "    groq_1: {type: groq, api_key: \"${GROQ_API_KEY}\", quota: {requests_per_day: 14400}}\n"
    "  routes:\n"
    "    - model: fast\n      strategy: fastest_response\n"
    "      targets: [groq_1/llama-3.3-70b-versatile, {target: openai/gpt-4o-mini, weight: 2}]\n"
    "    - model: questions\n      strategy: exclusive\n      failover_after: 3\n      resume_streams: true\n"
    "      targets: [openai/gpt-4o, groq_1/llama-3.3-70b-versatile]\n"
    "  rules:\n"
    "    - {name: images, when: {has_image: true}, targets: [openai/gpt-4o]}\n"
    "    - {name: long, when: {prompt_tokens_over: 100000}, targets: [openai/gpt-4o]}\n"
    "  clients:\n"
    "    - {name: app, key_hash: \"" H "\", role: user, models: [\"*\"], providers: [\"*\"],\n"
    "       rate_limit_rpm: 600, daily_budget: 25.0, may_steer: true, raw: false}\n"
    "  log: {level: info, format: json, redact: true, bodies: false}\n"
    "  alerts: {quota: [0.8, 0.9, 1.0], webhook: null}\n";

static size_t told(const struct config *config, const char *start) {
    size_t count = 0;
    for (const struct config_problem *problem = config->problems; problem; problem = problem->next)
        count += str_starts(problem->message, str_from(start));
    return count;
}

static void the_file_of_the_manual_is_taken_whole(void **state) {
    (void)state;
    const char *const pairs[] = {"OPENAI_API_KEY", "o", "GROQ_API_KEY", "g", NULL};
    struct config config;
    assert_true(load(everything, pairs, &config));
    assert_int_equal(config.error_count, 0);
    assert_int_equal(told(&config, "not available yet"), 0);
    assert_int_equal(told(&config, "`ttl_seconds`"), 0); /* its section was named */
    assert_int_equal(told(&config, "`redact`"), 0);
    assert_int_equal(told(&config, "`alerts`"), 0);
    assert_int_equal(config.protects_count, 0);
    const struct target *target = map_find(&config.snapshot->targets_by_name, STR("openai/gpt-4o"));
    assert_int_equal(target->prices.input, 2500000000);
    assert_int_equal(target->prices.cached_input, 1250000000);
    config_free(&config);
}

#define A(more) "providers: {a: {type: openai, api_key: k, " more "}}\n"

/* Wherever it stands in the file, and whatever else is wrong with it. */
/* To the last byte of a path, and the first and the last port. */
static void an_address_to_listen_on_is_good_up_to_its_limits(void **state) {
    static const struct {
        const char *address;
        size_t padded; /* with so many more letters */
        bool good;
    } rows[] = {
        {"unix:", 0, false},          {"unix:x", 0, true},           {"unix:/", 91, true},
        {"unix:/", 106, true},        {"unix:/", 107, false},        {"127.0.0.1:0", 0, true},
        {"127.0.0.1:65535", 0, true}, {"127.0.0.1:65536", 0, false}, {"127.0.0.1:", 0, false},
        {"127.0.0.1:1x", 0, false},   {"127.0.0.1:-1", 0, false},    {"localhost:80", 0, true},
        {"[::1]:80", 0, true},        {"[::1:80", 0, false},         {"::1]:80", 0, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[512], address[256] = "";
        struct config config;
        snprintf(address, sizeof address, "%s", rows[i].address);
        memset(address + strlen(address), 'p', rows[i].padded);
        snprintf(text, sizeof text, P "listen: \"%s\"\n", address);
        if (load(text, NULL, &config) != rows[i].good) {
            char first[512];
            first_problem(&config, first, sizeof first);
            fail_msg("%s: %s", address, first);
        }
        if (!rows[i].good) assert_true(told(&config, "cannot listen on"));
        config_free(&config);
    }
}

static void each_of_these_is_said(void **state) {
    static const struct {
        const char *text, *sentence;
    } rows[] = {
        {A("pool: {max_idle: 9, max_connections: 2}"), "`max_idle` is 9, and `max_connections` allows 2 in all"},
        {"providers: {c: {type: cloudflare, api_key: k}}\n", "provider `c` needs its `account`"},
        {A("forward_headers: [authorization]"),
         "`forward_headers`: `authorization` is weir's own or holds a credential"},
        {A("forward_headers: [X-Weir-Tags]"), "`forward_headers`: `X-Weir-Tags` is weir's own or holds a credential"},
        {A("headers: {\"bad name\": x}"), "`bad name` is no header: a name of letters, digits and `-`"},
        {A("headers: {X: \"a\\nb\"}"), "`X` is no header: a name of letters, digits and `-`"},
        {P "on_disconnect: finish\n", "`on_disconnect: finish` is not available yet"},
        {P "clients: [{name: a, key_hash: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855}]\n",
         "the `key_hash` of client `a` is that of an empty key"},
        {P "listen: [[1]]\n", "`listen` holds addresses, not lists"},
        {P "listen: nowhere\n", "cannot listen on `nowhere`: write ADDRESS:PORT"},
        {"providers: [a]\n", "`providers` must be a map of names, not"},
        {P "clients: [a]\n", "every entry of `clients` must be a map, such as {name: ...}"},
        {P "auth: maybe\n", "`auth` cannot be `maybe`: it is one of"},
        {A("base_url: \"${1x}\""), "`${1x}` is no reference: write ${NAME} or ${NAME:-default}"},
        {A("base_url: \"${NOWHERE}\""), "the environment variable NOWHERE is not set"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct config config;
        (void)load(rows[i].text, NULL, &config);
        if (!told(&config, rows[i].sentence)) {
            char first[512] = "nothing";
            first_problem(&config, first, sizeof first);
            fail_msg("%s is not said of %s, but %s", rows[i].sentence, rows[i].text, first);
        }
        config_free(&config);
    }
}

static void a_provider_has_so_many_headers_and_no_more(void **state) {
    (void)state;
    for (size_t over = 0; over < 2; over++) {
        struct config config;
        char bytes[2048];
        struct text text = text_in_buffer(bytes, sizeof bytes - 1);
        text_put(&text, STR("providers: {a: {type: openai, api_key: k, headers: {"));
        for (size_t i = 0; i < limit_headers / 2 + over; i++) text_printf(&text, "%sX-%zu: y", i ? ", " : "", i);
        text_put(&text, STR("}}}\n"));
        assert_false(text.failed);
        bytes[text.len] = 0;
        (void)load(bytes, NULL, &config);
        assert_int_equal(told(&config, "more than 64 `headers`"), over);
        config_free(&config);
    }
}

/* In the order of their first mention, each once: the map's own win, wherever in the merged one they stand. */
static void what_is_merged_stands_once_and_behind_its_own(void **state) {
    static const struct {
        const char *theirs, *own, *headers, *of_both;
    } cases[] = {
        {"X-A: 1, X-B: 2, X-C: 3", "X-C: 9", "X-C: 9, X-A: 1, X-B: 2", "X-C: 9, X-A: 1, X-B: 2"},
        {"X-A: 1, X-B: 2, X-C: 3", "X-A: 9", "X-A: 9, X-B: 2, X-C: 3", "X-A: 9, X-B: 2, X-C: 3"},
        {"X-A: 1, X-B: 2, X-C: 3", "X-B: 9", "X-B: 9, X-A: 1, X-C: 3", "X-B: 9, X-A: 1, X-C: 3"},
        {"X-A: 1, X-B: 2", "X-B: 9, X-A: 8", "X-B: 9, X-A: 8", "X-B: 9, X-A: 8"},
        {"X-A: 1", "X-B: 9", "X-B: 9, X-A: 1", "X-B: 9, X-A: 1"},
        {"X-D: 1", "X-C: 9", "X-C: 9, X-D: 1", "X-C: 9, X-D: 1, X-A: 5, X-B: 6"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct config config;
        char yaml[512], bytes[256];
        snprintf(yaml, sizeof yaml,
                 "providers:\n  a: {type: openai, api_key: k, headers: &h {%s}}\n"
                 "  b: {type: openai, api_key: k, headers: {<<: *h, %s}}\n"
                 "  c: {type: openai, api_key: k, headers: {<<: [*h, {X-A: 5, X-B: 6}], %s}}\n", /* the first has it */
                 cases[i].theirs, cases[i].own, cases[i].own);
        assert_true(load(yaml, NULL, &config));
        for (const char *name = "b\0c\0"; *name; name += 2) {
            struct text text = text_in_buffer(bytes, sizeof bytes);
            const struct provider *provider = map_find(&config.snapshot->providers_by_name, str_from(name));
            for (size_t h = 0; h < provider->header_count; h++)
                text_printf(&text, "%s%.*s: %.*s", h ? ", " : "", STR_ARG(provider->headers[h].name),
                            STR_ARG(provider->headers[h].value));
            const char *wanted = *name == 'b' ? cases[i].headers : cases[i].of_both;
            if (!str_eq(text_str(&text), str_from(wanted)))
                fail_msg("%s: %.*s and not %s", name, STR_ARG(text_str(&text)), wanted);
        }
        config_free(&config);
    }
}

static void a_list_of_numbers_holds_numbers_within_its_range(void **state) {
    static const struct {
        const char *list;
        size_t wrong;
    } rows[] = {{"[0, 0.5, 1]", 0}, {"[x]", 1}, {"[1.5]", 1}, {"[-0.5, 2, 1]", 2}, {"[[1]]", 0}, {"0.5", 0}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct config config;
        char text[128];
        snprintf(text, sizeof text, P "alerts: {quota: %s}\n", rows[i].list);
        (void)load(text, NULL, &config);
        if (told(&config, "`quota` holds numbers from 0 to 1 only") != rows[i].wrong) fail_msg("%s", rows[i].list);
        config_free(&config);
    }
}

/* Else whoever deletes the last one would let everybody in. */
static void where_clients_were_it_is_said_that_nobody_is_let_in(void **state) {
    static const struct {
        const char *text;
        bool had, told;
    } rows[] = {{P, true, true},
                {P, false, false},
                {P "clients: []\n", true, true},
                {P "auth: none\n", true, false},
                {P "clients: [{name: a, key_hash: " H "}]\n", true, false}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct config config;
        struct config_input input = {.path = STR("w.yaml"),
                                     .text = str_from(rows[i].text),
                                     .environment = environment,
                                     .ids = &ids,
                                     .had_clients = rows[i].had};
        assert_true(config_load(&input, &config));
        assert_int_equal(told(&config, "there were clients and there are none now"), rows[i].told);
        config_free(&config);
    }
}

static void a_key_of_the_environment_goes_to_the_types_own_server_only(void **state) {
    (void)state;
    const char *const pairs[] = {"OPENAI_API_KEY", "secret", "TOGETHERAI_API_KEY", "t", NULL};
    struct config config;
    assert_true(load("providers:\n  mine: {type: openai, base_url: \"http://elsewhere/v1\", models: [m]}\n"
                     "  openai:\n  together:\n",
                     pairs, &config));
    const struct provider *mine = map_find(&config.snapshot->providers_by_name, STR("mine")),
                          *openai = map_find(&config.snapshot->providers_by_name, STR("openai")),
                          *together = map_find(&config.snapshot->providers_by_name, STR("together"));
    assert_int_equal(mine->key_count, 0);
    assert_true(str_eq(openai->authorization[0], STR("Bearer secret")));
    assert_true(str_eq(together->authorization[0], STR("Bearer t")));
    config_free(&config);
}

static void what_a_variable_holds_is_no_reference_and_is_never_shown(void **state) {
    (void)state;
    const char *const pairs[] = {"V", "file:/good", "S", "sk-very-secret", "OPENAI_API_KEY", "${V}", NULL};
    struct config config;
    assert_true(load("providers: {a: {type: openai, api_key: \"${V}\"}, b: {type: openai, api_key: \"${X:-d}\"}}\n",
                     pairs, &config));
    assert_true(str_eq(config.snapshot->providers[0].authorization[0], STR("Bearer file:/good")));
    assert_true(str_eq(config.snapshot->providers[1].authorization[0], STR("Bearer d")));
    config_free(&config);
    assert_true(load(NULL, pairs, &config));
    assert_true(str_eq(config.snapshot->providers[0].authorization[0], STR("Bearer ${V}")));
    config_free(&config);
    assert_false(
        load("providers: {a: {type: openai, api_key: k, priority: \"${S}\", base_url: \"${S}\", insecure: \"${S}\"}}\n"
             "log: {level: \"${S}\"}\nworkers: \"${S}\"\nlisten: \"${S}\"\nroutes: [{model: m, targets: [\"${S}\"]}]\n",
             pairs, &config));
    assert_true(config.error_count >= 6);
    for (const struct config_problem *problem = config.problems; problem; problem = problem->next)
        assert_int_equal(str_find(problem->message, STR("very-secret")), SIZE_MAX);
    config_free(&config);
}

static void a_first_provider_without_a_key_is_told(void **state) {
    (void)state;
    const char *const pairs[] = {"GROQ_API_KEY", "g", "PRIMARY_PROVIDER", "openai", "PROVIDER_TIMEOUT", "soon", NULL};
    struct config config;
    assert_false(load(NULL, pairs, &config));
    assert_int_equal(told(&config, "PRIMARY_PROVIDER names `openai`"), 1);
    assert_int_equal(told(&config, "`timeout_seconds` must be a number of seconds"), 1);
    config_free(&config);
}

static void nothing_written_is_as_nothing_there(void **state) {
    (void)state;
    struct config config;
    assert_true(load("providers: {a: {type: openai, api_key: k, base_url: null, models: ~, proxy: }}\nworkers: null\n",
                     NULL, &config));
    assert_true(str_eq(config.snapshot->providers[0].base_url, STR("https://api.openai.com/v1")));
    assert_true(config.snapshot->providers[0].model_count > 1);
    config_free(&config);
}

static void shares_that_alert_are_kept_in_their_order(void **state) {
    static const struct {
        const char *written;
        size_t count;
        uint32_t permille[8];
    } rows[] = {
        {"", 3, {800, 900, 1000}},
        {"alerts: {budget: [0.5, 0.75, 0.9], quota: [0.1]}\n", 3, {500, 750, 900}},
        {"alerts: {budget: 0.25}\n", 1, {250}},
        {"alerts: {budget: [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]}\n", 8, {100, 200, 300, 400, 500, 600, 700, 800}}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct config config;
        char text[300];
        snprintf(text, sizeof text, P "%s", rows[i].written);
        assert_true(load(text, NULL, &config));
        const struct alert_rules *alerts = &config.snapshot->alerts;
        assert_int_equal(alerts->budget_count, rows[i].count);
        assert_memory_equal(alerts->budget_permille, rows[i].permille, rows[i].count * sizeof *rows[i].permille);
        assert_int_equal(alerts->quota_count, i == 1 ? 1 : 3);
        config_free(&config);
    }
}

static void a_hedge_waits_for_a_time_or_the_95th_percentile(void **state) {
    static const struct {
        const char *after;
        uint64_t wanted_ns;
    } rows[] = {{"p95", 0}, {"1ms", 1000000}, {"800ms", 800000000}, {"1.5s", 1500000000}, {"3600s", 3600000000000}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct config config;
        char text[200];
        snprintf(text, sizeof text, P "hedge: {after: %s}\n", rows[i].after);
        assert_true(load(text, NULL, &config));
        assert_true(config.snapshot->hedge.on && config.snapshot->hedge.after_ns == rows[i].wanted_ns);
        assert_int_equal(config.snapshot->hedge.share_permille, 50);
        config_free(&config);
    }
    struct config config;
    assert_true(load(P "hedge: {max_share: 0}\n", NULL, &config));
    assert_false(config.snapshot->hedge.on); /* none at all is off */
    config_free(&config);
    assert_true(load(P, NULL, &config));
    assert_false(config.snapshot->hedge.on);
    config_free(&config);
}

static void rules_stand_by_priority_and_equal_ones_as_written(void **state) {
    struct config config;
    (void)state;
    assert_true(load(P "rules:\n"
                       "  - {name: late, priority: 200, targets: [a/x]}\n"
                       "  - {name: usual, targets: [a/x]}\n"
                       "  - {name: first, priority: 1, targets: [a/y, a/x]}\n"
                       "  - {name: usual-too, priority: 100, enabled: false, targets: [a/x], strategy: weighted}\n",
                     NULL, &config));
    static const char *const names[] = {"first", "usual", "usual-too", "late"};
    const struct snapshot *snapshot = config.snapshot;
    assert_int_equal(snapshot->rule_count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_true(str_eq(snapshot->rules[i].name, str_from(names[i])));
        assert_int_equal(snapshot->rules[i].enabled, i != 2);
        assert_int_equal(snapshot->rules[i].has_strategy, i == 2);
        assert_int_equal(snapshot->rule_routes[i].target_count, i == 0 ? 2 : 1); /* its own route */
    }
    config_free(&config);
}

/* Of a state folder that has served real providers: a start without any key is a mistake. */
static void the_simulated_provider_takes_no_real_ones_place(void **state) {
    static const char *const none[] = {NULL}, *const off[] = {"ENABLE_PROVIDER_SYSTEM", "false", NULL},
                             *const one[] = {"GROQ_API_KEY", "k", NULL};
    (void)state;
    for (int i = 0; i < 6; i++) {
        const char *const *pairs = i % 3 == 0 ? none : i % 3 == 1 ? off : one;
        struct config config;
        struct config_input input = {.path = STR("w.yaml"),
                                     .environment = environment,
                                     .context = (void *)(uintptr_t)pairs,
                                     .ids = &ids,
                                     .served_providers = i >= 3,
                                     .simulated_base_url = STR("http://127.0.0.1:1/v1")};
        bool loaded = config_load(&input, &config);
        if (loaded != (i != 3)) fail_msg("%d: %d", i, loaded);
        config_free(&config);
    }
}

static void a_timeout_that_is_written_bounds_whole_replies_too(void **state) {
    (void)state;
    static const struct {
        const char *text;
        unsigned first_token_s, reply_s;
        bool told;
    } cases[] = {{"", 30, 600, false},
                 {", timeout_seconds: 7", 7, 7, true},
                 {", timeout: 900", 900, 900, true},
                 {", timeout_seconds: ~", 30, 600, false},
                 {", reply_timeout_seconds: 50", 30, 50, false},
                 {", timeout_seconds: 7, reply_timeout_seconds: 50", 7, 50, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[256];
        struct config config;
        snprintf(text, sizeof text, "providers: {a: {type: openai, api_key: k%s}}\n", cases[i].text);
        assert_true(load(text, NULL, &config));
        const struct provider *provider = &config.snapshot->providers[0];
        assert_int_equal(provider->first_token_timeout_ns, cases[i].first_token_s * NS_PER_S);
        assert_int_equal(provider->reply_timeout_ns, cases[i].reply_s * NS_PER_S);
        assert_int_equal(config.warning_count, cases[i].told);
        if (cases[i].told) {
            char said[512];
            first_problem(&config, said, sizeof said);
            assert_non_null(strstr(said, "w.yaml:1:"));
            assert_non_null(strstr(said, "`a` bounds a whole reply that is not streamed too: write"));
        }
        config_free(&config);
    }
}

static void the_environments_timeout_is_told_once(void **state) {
    (void)state;
    static const char *const pairs[] = {"GROQ_API_KEY", "g", "OPENAI_API_KEY", "o", "PROVIDER_TIMEOUT", "9", NULL};
    struct config config;
    assert_true(load(NULL, pairs, &config));
    assert_int_equal(config.snapshot->provider_count, 2);
    for (size_t i = 0; i < 2; i++) assert_int_equal(config.snapshot->providers[i].reply_timeout_ns, 9 * NS_PER_S);
    assert_int_equal(config.warning_count, 1);
    assert_int_equal(told(&config, "PROVIDER_TIMEOUT=9 bounds a whole reply that is not streamed too"), 1);
    config_free(&config);
}

static void the_environment_says_where_how_loud_and_how_often(void **state) {
    static const char *const pairs[] = {"GROQ_API_KEY",
                                        "k",
                                        "WEIR_LISTEN",
                                        "127.0.0.1:9",
                                        "WEIR_LOG",
                                        "debug",
                                        "PROVIDER_RETRY_ATTEMPTS",
                                        "7",
                                        "PROVIDER_LOAD_BALANCE",
                                        "true",
                                        NULL};
    static const struct {
        const char *said;
        enum strategy strategy;
    } rows[] = {{"true", strategy_round_robin}, {"TRUE", strategy_round_robin}, {"1", strategy_round_robin},
                {"false", strategy_priority},   {"0", strategy_priority},       {"weighted", strategy_weighted}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *with[sizeof pairs / sizeof *pairs];
        memcpy(with, pairs, sizeof pairs);
        with[9] = rows[i].said;
        struct config config;
        assert_true(load(NULL, with, &config));
        assert_int_equal(config.snapshot->strategy, rows[i].strategy);
        assert_int_equal(config.snapshot->retry.max_retries, 7);
        assert_true(config.process.listen_count == 1 && str_eq(config.process.listens[0].address, STR("127.0.0.1:9")));
        config_free(&config);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_problem_is_told_with_its_place),
        cmocka_unit_test(all_problems_are_told_at_once_in_the_order_of_lines),
        cmocka_unit_test(the_file_of_the_manual_is_taken_whole),
        cmocka_unit_test(each_of_these_is_said),
        cmocka_unit_test(a_provider_has_so_many_headers_and_no_more),
        cmocka_unit_test(what_is_merged_stands_once_and_behind_its_own),
        cmocka_unit_test(a_list_of_numbers_holds_numbers_within_its_range),
        cmocka_unit_test(where_clients_were_it_is_said_that_nobody_is_let_in),
        cmocka_unit_test(a_key_of_the_environment_goes_to_the_types_own_server_only),
        cmocka_unit_test(what_a_variable_holds_is_no_reference_and_is_never_shown),
        cmocka_unit_test(a_first_provider_without_a_key_is_told),
        cmocka_unit_test(nothing_written_is_as_nothing_there),
        cmocka_unit_test(a_small_file_becomes_a_snapshot),
        cmocka_unit_test(under_a_short_name_providers_stand_by_priority_and_equal_ones_as_written),
        cmocka_unit_test(the_environment_alone_makes_providers),
        cmocka_unit_test(nothing_at_all_makes_the_simulated_provider),
        cmocka_unit_test(a_target_keeps_its_id_across_loads),
        cmocka_unit_test(shares_that_alert_are_kept_in_their_order),
        cmocka_unit_test(a_hedge_waits_for_a_time_or_the_95th_percentile),
        cmocka_unit_test(rules_stand_by_priority_and_equal_ones_as_written),
        cmocka_unit_test(the_simulated_provider_takes_no_real_ones_place),
        cmocka_unit_test(a_timeout_that_is_written_bounds_whole_replies_too),
        cmocka_unit_test(the_environments_timeout_is_told_once),
        cmocka_unit_test(an_address_to_listen_on_is_good_up_to_its_limits),
        cmocka_unit_test(the_environment_says_where_how_loud_and_how_often),
    };
    return cmocka_run_group_tests(tests, sodium_begin, ids_end);
}
