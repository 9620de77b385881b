/* flight_inputs.c - embeddings are kept by the input: a batch asks only for those that nobody has asked for, and its
 * answer is put together in its order. What is given and what is asked for are of one target, as vectors of two models
 * say nothing to each other: another target is asked for all of them.
 *
 *   body [a b c d] -- a and c are kept, made by T --> T is asked [b d], others [a b c d] --> [a b c d], b and d are
 * kept
 *
 * Must never: give a vector for another input, of another model, or in another form than was asked for. */
#include <string.h>

#include "base/check.h"
#include "dialect/json.h"
#include "flight/flight_internal.h"

enum { inputs_most = 2048, inputs_body_max = 512 * 1024, joined_bytes_max = 4 * 1024 * 1024 };

/* -- what is asked for -- */

static const char *inputs_member(const struct flight *flight) {
    return flight->endpoint == endpoint_generate_embed_batch ? "requests" : "input";
}

/* A list of inputs, or one that is none: a text, or tokens. */
static bool is_list(const struct json_value *value) {
    size_t place = 0;
    return json_kind(value) == json_array && json_count(value) > 0 &&
           json_kind(json_each(value, &place, NULL)) != json_number;
}

/* Its inputs, in scratch. 0: they are none that can be told apart, or too many. */
static size_t inputs_take(struct flight *flight, const struct json_value *root,
                          const struct json_value *const **inputs) {
    const struct json_value *said =
        flight->endpoint == endpoint_generate_embed ? root : json_member(root, inputs_member(flight));
    size_t count = is_list(said) ? json_count(said) : 1, place = 0;
    if (!said || count > inputs_most) return 0;
    const struct json_value **list = arena_take(flight->host->scratch, count * sizeof *list);
    if (!list) return 0;
    *inputs = list;
    list[0] = said;
    for (size_t i = 0; is_list(said) && i < count; i++) list[i] = json_each(said, &place, NULL);
    return count;
}

void inputs_admit(struct flight *flight) {
    const struct json_value *const *said;
    struct flight_inputs *inputs = &flight->inputs;
    const char *problem;
    size_t at;
    bool embeds = endpoint_facts(flight->endpoint)->operation == operation_embed;
    if (!embeds || flight->cache.named.at || !flight->codec->write_embed_reply) return;
    if (flight->body.whole.len > inputs_body_max) return; /* its trees take memory */
    const struct json_value *root = json_parse_in(flight->host->scratch, flight->body.whole, &problem, &at);
    size_t count = inputs_take(flight, root, &said);
    struct flight_input *list = count ? arena_take_zeroed(&flight->arena, count * sizeof *list) : NULL;
    bool of_root = flight->endpoint == endpoint_generate_embed; /* and nothing stands beside it */
    if (of_root) root = json_parse_in(flight->host->scratch, STR("{}"), &problem, &at);
    if (!list || !cache_key_inputs(flight, root, str_from(inputs_member(flight)), said, list, count)) return;
    inputs->list = list;
    inputs->count = count;
    inputs->single = of_root;
    inputs->base64 = str_eq(json_str(json_member(root, "encoding_format"), STR("")), STR("base64"));
    inputs->whole = flight->body.whole;
    inputs->saved_nano_usd = -1;
}

/* The body with those alone that are not given; {NULL,0}: no memory. */
static struct str rest_made(struct flight *flight) {
    const struct json_value *root, *value;
    const char *problem;
    size_t at, place = 0;
    struct str name, listed = str_from(inputs_member(flight));
    struct text text = text_in_arena(&flight->arena, flight->inputs.whole.len / 2 + 64);
    root = json_parse_in(flight->host->scratch, flight->inputs.whole, &problem, &at);
    text_put_byte(&text, '{');
    while ((value = json_each(root, &place, &name))) {
        text_json_key(&text, name);
        if (!str_eq(name, listed)) {
            json_put(&text, value);
            continue;
        }
        size_t inner = 0;
        text_put_byte(&text, '[');
        for (size_t i = 0; i < flight->inputs.count; i++) {
            const struct json_value *input = json_each(value, &inner, NULL);
            if (flight->inputs.list[i].answer) continue;
            text_json_comma(&text);
            json_put(&text, input);
        }
        text_put_byte(&text, ']');
    }
    text_put_byte(&text, '}');
    return !root || text.failed ? STR_NONE : text_str(&text);
}

/* -- what is kept -- */

static int64_t inputs_sum(int64_t sum, int64_t more) { return sum < 0 || more < 0 ? -1 : sum + more; }

static void inputs_release(struct flight *flight) {
    struct flight_inputs *inputs = &flight->inputs;
    for (size_t i = 0; i < inputs->count; i++) {
        cache_release(inputs->list[i].answer);
        inputs->list[i].answer = NULL;
    }
    inputs->given = 0;
    inputs->target = NULL;
}

/* Those that may be given: of one target, the first's. Answers how long their vectors are. */
static size_t inputs_hold(struct flight *flight, int64_t stale_s, int64_t now_s) {
    struct flight_inputs *inputs = &flight->inputs;
    const int64_t age_max_s = flight->cache.age_max_s;
    size_t bytes = 0;
    for (size_t i = 0; i < inputs->count; i++) {
        struct cache_answer *answer = stale_s
                                          ? cache_find_stale(flight->host->cache, &inputs->list[i].key, now_s, stale_s)
                                          : cache_find(flight->host->cache, &inputs->list[i].key, now_s);
        const struct target *target = answer ? cache_maker(flight, &answer->facts) : NULL;
        bool old = answer && age_max_s >= 0 && now_s - answer->facts.made_s >= age_max_s;
        if (!target || old || (inputs->target && target != inputs->target)) {
            cache_release(answer);
            continue;
        }
        inputs->target = target;
        inputs->list[i].answer = answer;
        inputs->given++;
        bytes += answer->body.len;
    }
    return bytes;
}

/* What all that are given took. */
static struct cache_facts given_sum(const struct flight_inputs *inputs) {
    struct cache_facts sum = {.output_tokens = 0, .cached_tokens = -1};
    for (size_t i = 0; i < inputs->count; i++) {
        const struct cache_answer *answer = inputs->list[i].answer;
        if (!answer) continue;
        for (unsigned t = 0; t < cache_texts && !sum.texts[t].at; t++) sum.texts[t] = answer->facts.texts[t];
        sum.estimated = sum.estimated || answer->facts.estimated;
        sum.input_tokens = inputs_sum(sum.input_tokens, answer->facts.input_tokens);
        sum.cost_nano_usd = inputs_sum(sum.cost_nano_usd, answer->facts.cost_nano_usd);
    }
    return sum;
}

/* All of them in their order: those that are kept, and between them what was made; NULL: nothing was. {NULL,0}: no
 * memory. */
static struct str all_written(struct flight *flight, const struct embed_reply *made, struct str model, struct now now) {
    const struct flight_inputs *inputs = &flight->inputs;
    const struct embed_request asked = {.base64 = inputs->base64, .single = inputs->single};
    const struct codec_caller caller = {
        .model = model, .request_id = flight->request_id, .now_s = now.wall_ns / (int64_t)NS_PER_S};
    struct embed_reply all = {.model = model, .usage = USAGE_NONE};
    struct text text = text_in_arena(flight->host->scratch, 4096);
    size_t next = 0;
    all.vectors = arena_take(flight->host->scratch, inputs->count * sizeof *all.vectors);
    if (!all.vectors) return STR_NONE;
    for (; all.vector_count < inputs->count; all.vector_count++) {
        const struct cache_answer *answer = inputs->list[all.vector_count].answer;
        all.vectors[all.vector_count] = answer ? answer->body : made->vectors[next++];
    }
    all.usage.input_tokens = inputs_sum(given_sum(inputs).input_tokens, made ? made->usage.input_tokens : 0);
    flight->codec->write_embed_reply(&all, &asked, &caller, &text);
    return text.failed ? STR_NONE : text_str(&text);
}

/* All are kept. */
static bool inputs_give(struct flight *flight, enum cached state, struct now now, struct actions *out) {
    struct cache_facts facts = given_sum(&flight->inputs);
    struct str body = all_written(flight, NULL, flight->inputs.target->model, now);
    for (unsigned t = 0; t < cache_texts; t++) facts.texts[t] = arena_copy(&flight->arena, facts.texts[t]);
    if (!body.at || !facts.texts[cache_text_type].at) return false;
    flight->cache.why = state == cached_stale ? "every target is out" : NULL;
    given_facts(flight, state, flight->inputs.target, &facts);
    given_counts(flight, &facts);
    actions_add(out, action_given);
    answer_given_head(flight, (int64_t)body.len, now, out);
    answer_bytes(flight, body, out);
    answer_end(flight, now, out);
    return true;
}

bool inputs_find(struct flight *flight, enum cached state, int64_t stale_s, struct now now, struct actions *out) {
    struct flight_inputs *inputs = &flight->inputs;
    if (!inputs->list) return false;
    inputs_release(flight);
    size_t bytes = inputs_hold(flight, stale_s, now.wall_ns / (int64_t)NS_PER_S);
    if (inputs->given == inputs->count && inputs_give(flight, state, now, out)) return true;
    size_t left = inputs->count - inputs->given;
    bool asks = inputs->given && left && !stale_s && bytes / inputs->given < joined_bytes_max / left;
    if (asks) inputs->rest = rest_made(flight); /* else what comes may be too long to be held */
    if (!asks || !inputs->rest.at) {
        inputs_release(flight);
        return false;
    }
    flight->cache.why = "some of its inputs are kept: of the target that made them the others alone are asked for";
    inputs->saved_nano_usd = given_sum(inputs).cost_nano_usd;
    return false;
}

/* -- an attempt -- */

size_t inputs_held_max(const struct flight *flight, const struct attempt *attempt) {
    if (attempt->asks_rest) return limit_held_stored;
    return flight->inputs.list && flight->cache.keeps ? joined_bytes_max : 0;
}

/* In scratch; NULL: it is not what was asked for, or there is no memory. */
static struct embed_reply *made_read(struct flight *flight, struct str body, size_t wanted) {
    struct embed_reply *made = arena_take_zeroed(flight->host->scratch, sizeof *made);
    bool inside = false;
    if (!made || !flight->codec->read_embed_reply(body, flight->host->scratch, made, &inside) || inside) return NULL;
    return made->vector_count == wanted ? made : NULL;
}

enum failure inputs_join(struct flight *flight, const struct attempt *attempt, struct now now, struct str *body) {
    struct flight_inputs *inputs = &flight->inputs;
    inputs->made = NULL;
    if (!inputs->list || (!flight->cache.keeps && !attempt->asks_rest)) return failure_none;
    if (body->len > joined_bytes_max && !attempt->asks_rest) return failure_none;
    inputs->made = made_read(flight, *body, inputs->count - (attempt->asks_rest ? inputs->given : 0));
    if (!attempt->asks_rest) return failure_none;
    if (!inputs->made) return flight_starved(flight) ? failure_system : failure_invalid_json;
    inputs->made->usage.input_tokens = attempt->usage.input_tokens;
    *body =
        all_written(flight, inputs->made, inputs->made->model.len ? inputs->made->model : attempt->target->model, now);
    return body->at ? failure_none : failure_system;
}

/* Of what all took together one's share, by how long it is; what has no parts is the first's. */
static int64_t inputs_share(int64_t all, size_t before, size_t after, size_t bytes) {
    if (all < 0 || !bytes) return all;
    return (int64_t)((double)all * (double)after / (double)bytes) -
           (int64_t)((double)all * (double)before / (double)bytes);
}

void inputs_keep(struct flight *flight, const struct attempt *attempt, struct now now, struct actions *out) {
    const struct flight_inputs *inputs = &flight->inputs;
    const struct embed_reply *made = inputs->made;
    size_t bytes = 0, before = 0, next = 0;
    bool otherwise = attempt->candidate->instead || attempt->candidate->stands_in;
    if (!made || !flight->cache.keeps || attempt->failure != failure_none || otherwise) return;
    struct cache_facts facts = making_facts(flight, attempt);
    facts.made_s = now.wall_ns / (int64_t)NS_PER_S;
    facts.expires_s = facts.made_s + flight->cache.ttl_s;
    facts.stale_s = flight->cache.rules.stale_s;
    facts.estimated = facts.estimated || made->vector_count > 1;
    facts.texts[cache_text_type] = STR("application/json");
    for (size_t i = 0; i < inputs->count; i++)
        if (!attempt->asks_rest || !inputs->list[i].answer) bytes += inputs->list[i].bytes;
    for (size_t i = 0; i < inputs->count; i++) {
        if (attempt->asks_rest && inputs->list[i].answer) continue;
        struct str vector = made->vectors[next++];
        const size_t after = before + inputs->list[i].bytes;
        facts.input_tokens = inputs_share(attempt->usage.input_tokens, before, after, bytes);
        facts.cost_nano_usd = inputs_share(attempt->cost_nano_usd, before, after, bytes);
        before = after;
        struct cache_answer *answer = cache_answer_new(&inputs->list[i].key, &facts, vector.len);
        if (!answer) return;
        memcpy((char *)(uintptr_t)answer->body.at, vector.at, vector.len);
        answer->round = flight->cache.round;
        actions_add(out, action_cache)->answer = answer;
    }
}

void inputs_shed(struct flight *flight) {
    inputs_release(flight);
    flight->inputs.list = NULL;
    flight->inputs.count = 0;
}
