/* weir_limit_views.c - rates and places as who has them sees them: a client's own, those of the owners above it, and
 * limits by model, route, tag or end user with the values that have least left. */
#include "runtime/weir_internal.h"

/* limit 0: there is none. */
static void one_limit_put(struct text *text, struct str name, uint64_t limit, uint64_t left) {
    if (limit == 0) return;
    text_json_key(text, name);
    text_put_byte(text, '{');
    text_json_u64(text, STR("limit"), limit);
    if (left != UINT64_MAX) text_json_u64(text, STR("left"), left);
    text_put_byte(text, '}');
}

static uint64_t rate_left(const struct cell *cell, const struct limiter_rules *rules, struct now now) {
    return cell ? limiter_left(cell, rules, now.mono_ns) : UINT64_MAX;
}

static uint64_t places_left(const struct cell *gate, uint32_t most) {
    uint32_t used = gate ? gate_in_use(gate) : 0;
    if (!gate) return UINT64_MAX;
    return used < most ? most - used : 0;
}

static void rates_put(const struct client_cells *cells, const struct rate_rules *rates, uint32_t most, struct now now,
                      struct text *text) {
    text_put(text, STR(",\"limits\":{"));
    one_limit_put(text, STR("rate_limit_rpm"), rates->requests_minute.limit,
                  rate_left(&cells->requests_minute, &rates->requests_minute, now));
    one_limit_put(text, STR("rate_limit_rph"), rates->requests_hour.limit,
                  rate_left(&cells->requests_hour, &rates->requests_hour, now));
    one_limit_put(text, STR("rate_limit_tpm"), rates->tokens_minute.limit,
                  rate_left(&cells->tokens_minute, &rates->tokens_minute, now));
    one_limit_put(text, STR("max_concurrent"), most, places_left(&cells->gate, most));
    text_put_byte(text, '}');
}

/* words NULL: what each value may. */
static void limit_words_put(const struct limit_words *words, const struct limit_rules *rules, struct now now,
                            struct text *text) {
    const struct rate_rules *rates = &rules->rates;
    one_limit_put(text, STR("rpm"), rates->requests_minute.limit,
                  rate_left(words ? &words->requests_minute : NULL, &rates->requests_minute, now));
    one_limit_put(text, STR("rph"), rates->requests_hour.limit,
                  rate_left(words ? &words->requests_hour : NULL, &rates->requests_hour, now));
    one_limit_put(text, STR("tpm"), rates->tokens_minute.limit,
                  rate_left(words ? &words->tokens_minute : NULL, &rates->tokens_minute, now));
    one_limit_put(text, STR("concurrent"), rules->max_concurrent,
                  places_left(words ? &words->gate : NULL, rules->max_concurrent));
}

/* -- values -- */

/* Copied while it is held. */
struct limit_value_near {
    char said[value_said_max + 1];
    struct limit_words words;
    const struct limit_rules *rules;
    uint64_t left_permille; /* the least of its rates and places */
};
enum { limit_values_told = 20 };
struct limit_values_near {
    const struct rate_limit *limit;
    struct now now;
    struct limit_value_near list[limit_values_told];
    size_t count, all; /* all: of those that have taken anything */
};

static void least_of(uint64_t *least, uint64_t limit, uint64_t left) {
    uint64_t permille = limit ? (uint64_t)((unsigned __int128)left * 1000 / limit) : 1000;
    if (permille < *least) *least = permille;
}

static uint64_t least_left(const struct limit_words *words, const struct limit_rules *rules, struct now now) {
    const struct rate_rules *rates = &rules->rates;
    uint64_t least = 1000;
    least_of(&least, rates->requests_minute.limit, rate_left(&words->requests_minute, &rates->requests_minute, now));
    least_of(&least, rates->requests_hour.limit, rate_left(&words->requests_hour, &rates->requests_hour, now));
    least_of(&least, rates->tokens_minute.limit, rate_left(&words->tokens_minute, &rates->tokens_minute, now));
    least_of(&least, rules->max_concurrent, places_left(&words->gate, rules->max_concurrent));
    return least;
}

static void value_near_note(void *context, struct money_value *value) {
    struct limit_values_near *near = context;
    struct limit_value_near one = {.rules = &near->limit->rules};
    const struct limit_words *words = value_limit(value);
    struct text said = TEXT_IN_STRING(one.said);
    if (limit_words_rest(words, near->now.mono_ns)) return;
    near->all++;
    text_put(&said, str_from(value->said));
    if (!value->said[0]) text_printf(&said, "#%016llx", (unsigned long long)value->tag.words[0]);
    bool is_word = !tag_is(&value->tag, &value_other) && !tag_is(&value->tag, &value_none);
    if (!is_word || value->said[0] != '(') one.rules = limit_rules_of(near->limit, text_str(&said));
    cell_store(&one.words.gate, cell_load(&words->gate));
    cell_store(&one.words.requests_minute, cell_load(&words->requests_minute));
    cell_store(&one.words.requests_hour, cell_load(&words->requests_hour));
    cell_store(&one.words.tokens_minute, cell_load(&words->tokens_minute));
    one.left_permille = least_left(&one.words, one.rules, near->now);
    size_t at = near->count;
    while (at && near->list[at - 1].left_permille > one.left_permille) at--;
    if (at == limit_values_told) return;
    if (near->count < limit_values_told) near->count++;
    for (size_t i = near->count - 1; i > at; i--) near->list[i] = near->list[i - 1];
    near->list[at] = one;
}

static void limit_values_put(const struct rate_limit *limit, struct now now, struct text *text) {
    struct limit_values_near near = {.limit = limit, .now = now};
    values_each(limit->values, values_of_limit, value_near_note, &near);
    text_json_u64(text, STR("value_count"), near.all);
    text_json_key(text, STR("values"));
    text_put_byte(text, '[');
    for (size_t i = 0; i < near.count; i++) {
        text_json_comma(text);
        text_put_byte(text, '{');
        text_json_str(text, STR("value"), str_from(near.list[i].said));
        limit_words_put(&near.list[i].words, near.list[i].rules, now, text);
        text_put_byte(text, '}');
    }
    text_put_byte(text, ']');
}

/* -- what is told -- */

static void limit_views_globs_put(struct text *text, struct str name, const struct str *globs, size_t count) {
    if (!count) return;
    text_json_key(text, name);
    text_put_byte(text, '[');
    for (size_t i = 0; i < count; i++) {
        text_json_comma(text);
        text_put_json(text, globs[i]);
    }
    text_put_byte(text, ']');
}

static void rate_limit_put(const struct rate_limit *limit, struct now now, struct text *text) {
    text_json_comma(text);
    text_put_byte(text, '{');
    text_json_str(text, STR("owner"), limit->owner);
    text_json_str(text, STR("name"), limit->name);
    limit_views_globs_put(text, STR("models"), limit->models, limit->model_count);
    limit_views_globs_put(text, STR("routes"), limit->routes, limit->route_count);
    if (limit->per) text_json_str(text, STR("per"), limit->per_word);
    limit_words_put(limit->words, &limit->rules, now, text);
    if (limit->per && limit->own) limit_values_put(limit, now, text); /* others' values are others' */
    text_put_byte(text, '}');
}

void library_owner_limits_put(const struct owner *owner, struct now now, struct text *text) {
    rates_put(owner->cells, &owner->rates, owner->max_concurrent, now, text);
}

void library_client_limits_put(const struct client *client, struct now now, struct text *text) {
    const struct session_caps *caps = &client->caps;
    rates_put(client->cells, &client->rates, client->max_concurrent, now, text);
    text_put(text, STR(",\"rate_limits\":["));
    for (size_t i = 0; i < client->limits.count; i++) rate_limit_put(client->limits.list[i], now, text);
    text_put_byte(text, ']');
    if (!caps->loop_warn.most && !caps->loop_refuse.most) return;
    text_put(text, STR(",\"loop_guard\":{"));
    if (caps->loop_warn.most) text_json_i64(text, STR("warn"), caps->loop_warn.most);
    if (caps->loop_refuse.most) text_json_i64(text, STR("refuse"), caps->loop_refuse.most);
    text_put_byte(text, '}');
}
