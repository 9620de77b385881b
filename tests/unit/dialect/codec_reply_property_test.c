/* codec_reply_property_test.c - whole replies at random, which come back as they were; see codec_property.h. */
#include "codec_property.h"

/* -- whole replies -- */

static void citations_make(struct message_part *part) {
    size_t count = one_in(4) ? 1 + below(2) : 0;
    part->citations = take(count * sizeof *part->citations);
    while (part->citation_count < count) {
        struct message_citation *citation = &part->citations[part->citation_count++];
        *citation =
            (struct message_citation){.url = said(), .title = words(), .start = MESSAGE_NO_INT, .end = MESSAGE_NO_INT};
        if (is(dialect_anthropic) || !codec) citation->cited_text = words();
        if (!is(dialect_anthropic) && one_in(2)) citation->start = (int64_t)below(100);
        if (!is(dialect_anthropic) && citation->start >= 0) citation->end = citation->start + (int64_t)below(100);
        if (is(dialect_anthropic) && one_in(2)) {
            struct text raw = text_in_arena(&arena, 64);
            citation->url = STR_NONE;
            text_put(&raw, STR("{\"type\":\"char_location\""));
            text_json_str(&raw, STR("document_title"), citation->title);
            text_json_str(&raw, STR("cited_text"), citation->cited_text);
            text_put_byte(&raw, '}');
            citation->raw = text_str(&raw);
        }
    }
}

static void choice_make(struct message_choice *choice) {
    enum { parts_most = 6 };
    choice->parts = take(parts_most * sizeof *choice->parts);
    for (uint64_t i = below(parts_most); i > 0; i--) {
        struct message_part *part = &choice->parts[choice->part_count++];
        bool foreign = !codec || is(dialect_anthropic) || is(dialect_gemini);
        switch (below(7)) {
        case 0: *part = reasoning_part(false); break;
        case 1: *part = (struct message_part){.kind = part_refusal, .of = whose(), .text = words()}; break;
        case 2:
        case 3: *part = call_part(); break;
        case 4:
            if (foreign) {
                *part = foreign_part();
                break;
            } /* fall through */
        default: *part = (struct message_part){.kind = part_text, .of = whose(), .text = words()};
        }
        if (part->kind == part_tool_call && is(dialect_cloudflare))
            part->arguments = raw_object(); /* in replies only */
        part->cache_mark = false;
        part->cache_ttl = STR_NONE;
        if (part->kind == part_text && part->text.len) citations_make(part);
        if (part->kind == part_text && is(dialect_gemini) && one_in(4)) part->signature = words();
        if (!codec && one_in(8)) *part = any_part();
    }
    choice->finish = (enum message_finish)below(finishes);
    if (is(dialect_openai) && choice->finish == finish_error) choice->finish = finish_stop; /* is an error there */
    if (choice->finish == finish_stop_sequence) choice->stop_sequence = words();
    if ((!codec || is(dialect_openai)) && one_in(4)) choice->logprobs = raw_object();
}

static struct message_reply reply_make(void) {
    struct message_reply reply = {.id = said(), .model = said(), .created_s = MESSAGE_NO_INT, .usage = usage_make()};
    bool several = !codec || is(dialect_openai) || is(dialect_gemini);
    reply.choice_count = !several ? 1 : one_in(2) ? 1 : below(4);
    reply.choices = take(reply.choice_count * sizeof *reply.choices);
    for (size_t i = 0; i < reply.choice_count; i++) choice_make(&reply.choices[i]);
    if (one_in(2)) reply.created_s = whole();
    reply.service_tier = maybe();
    reply.fingerprint = maybe();
    return reply;
}

/* -- what a reply is in a dialect's words: the same value, said as the dialect says it -- */

static bool has_call(const struct message_part *parts, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (parts[i].kind == part_tool_call) return true;
    return false;
}

static void citations_append(struct message_part *to, const struct message_part *from) {
    struct message_citation *all = take((to->citation_count + from->citation_count) * sizeof *all);
    if (to->citation_count) memcpy(all, to->citations, to->citation_count * sizeof *all);
    if (from->citation_count) memcpy(all + to->citation_count, from->citations, from->citation_count * sizeof *all);
    to->citations = all;
    to->citation_count += from->citation_count;
}

/* All of these kinds as one part, where there is any text. */
static void joined_add(struct message_choice *into, const struct message_choice *choice, enum part_kind kind,
                       enum part_kind also) {
    struct message_part part = {.kind = kind};
    struct text text = text_in_arena(&arena, 64);
    for (size_t i = 0; i < choice->part_count; i++) {
        if (choice->parts[i].kind != kind && choice->parts[i].kind != also) continue;
        text_put(&text, choice->parts[i].text);
        if (is(dialect_openai)) citations_append(&part, &choice->parts[i]);
    }
    part.text = text_str(&text);
    if (part.text.len) into->parts[into->part_count++] = part;
}

static struct message_part call_in(struct message_part part) {
    if (!part.arguments.len) part.arguments = STR("{}");
    if (!is(dialect_gemini)) part.signature = STR_NONE;
    return part;
}

/* Dialects that say one text: reasoning, text, refusal, calls. */
static void joined_in(struct message_choice *into, const struct message_choice *choice) {
    bool openai = is(dialect_openai);
    if (says_reasoning()) joined_add(into, choice, part_reasoning, part_reasoning);
    joined_add(into, choice, part_text, openai ? part_text : part_refusal);
    if (openai) joined_add(into, choice, part_refusal, part_refusal);
    for (size_t i = 0; i < choice->part_count; i++)
        if (choice->parts[i].kind == part_tool_call && says_calls())
            into->parts[into->part_count++] = call_in(choice->parts[i]);
}

/* false: it is not said. */
static bool part_in(struct message_part *part) {
    bool responses = is(dialect_responses), anthropic = is(dialect_anthropic);
    if (part->kind == part_refusal && !responses) part->kind = part_text;
    if (part->kind == part_tool_call) *part = call_in(*part);
    if (part->kind == part_text && is(dialect_gemini)) return part->text.len || part->signature.at;
    if (part->kind != part_reasoning) return true;
    if (anthropic && !part->data.at) part->signature = part->signature.at ? part->signature : STR("");
    if (responses && !part->text.at) part->text = STR("");
    return part->text.len || (part->data.at && !is(dialect_gemini));
}

static void parts_in(struct message_choice *into, const struct message_choice *choice) {
    struct message_part cited = {.kind = part_text}, *first = NULL;
    for (size_t i = 0; i < choice->part_count; i++) {
        struct message_part part = choice->parts[i];
        citations_append(&cited, &part);
        if (is(dialect_gemini)) part.citation_count = 0;
        if (!part_in(&part)) continue;
        into->parts[into->part_count] = part;
        if (part.kind == part_text && !first) first = &into->parts[into->part_count];
        into->part_count++;
    }
    if (is(dialect_gemini) && first) citations_append(first, &cited);
    for (size_t i = 0; is(dialect_responses) && i < into->part_count; i++)
        for (size_t c = 0; c < into->parts[i].citation_count; c++)
            if (into->parts[i].citations[c].start == MESSAGE_NO_INT)
                into->parts[i].citations[c].start = into->parts[i].citations[c].end = 0;
}

static struct message_reply reply_in(const struct message_reply *reply) {
    struct message_reply in = {.id = reply->id,
                               .model = reply->model,
                               .created_s = MESSAGE_NO_INT,
                               .choices = take(reply->choice_count * sizeof *in.choices),
                               .choice_count = reply->choice_count,
                               .usage = usage_in(reply->usage)};
    bool openai = is(dialect_openai);
    if (openai) in.service_tier = reply->service_tier;
    if (openai) in.fingerprint = reply->fingerprint;
    if (openai) in.created_s = reply->created_s == MESSAGE_NO_INT ? caller.now_s : reply->created_s;
    if (is(dialect_responses)) in.created_s = caller.now_s;
    if (is(dialect_responses)) in.id = STR("resp_req_1");
    bool unnamed = is(dialect_cloudflare) || is(dialect_huggingface);
    if (is(dialect_ollama) || unnamed) in.id = STR_NONE;
    if (unnamed) in.model = STR_NONE;
    for (size_t i = 0; i < reply->choice_count; i++) {
        const struct message_choice *choice = &reply->choices[i];
        struct message_choice *into = &in.choices[i];
        into->parts = take((choice->part_count + 3) * sizeof *into->parts);
        into->finish = finish_in(choice->finish, has_call(choice->parts, choice->part_count));
        if (is(dialect_anthropic)) into->stop_sequence = choice->stop_sequence;
        if (openai) into->logprobs = choice->logprobs;
        if (openai || is(dialect_ollama) || unnamed)
            joined_in(into, choice);
        else
            parts_in(into, choice);
    }
    return in;
}

static struct str reply_say(const struct codec *by, const struct message_reply *reply) {
    struct text text = text_in_arena(&arena, 1024);
    by->write_reply(reply, &caller, &text);
    assert_false(text.failed);
    if (!is_json(text_str(&text))) wrong_tell("a reply is no JSON", by->name.at, STR(""), text_str(&text));
    return text_str(&text);
}

static void reply_comes_back(const struct codec *by) {
    struct message_reply back;
    bool error_inside = false;
    codec = by;
    struct message_reply reply = reply_make(), in = reply_in(&reply);
    struct str want = reply_dump(&in), written = reply_say(by, &reply);
    if (!by->read_reply(written, &arena, quirks_of(STR(""), STR("")), &back, &error_inside) || error_inside) {
        wrong_tell("the reply is not read", by->name.at, want, written);
        return;
    }
    struct str got = reply_dump(&back);
    if (!str_eq(want, got)) wrong_tell("the reply differs", by->name.at, want, got);
}

static void reply_of_everything(void) {
    codec = NULL;
    struct message_reply reply = reply_make(), back;
    bool error_inside = false;
    reply_say(&codec_completions, &reply);
    for (unsigned d = 0; d < dialects; d++) {
        const struct codec *by = codec_of((enum dialect)d);
        if (!by || !by->write_reply) continue;
        struct str told[3] = {reply_say(by, &reply)};
        for (size_t i = 1; i < 3; i++) {
            if (!by->read_reply(told[i - 1], &arena, quirks_of(STR(""), STR("")), &back, &error_inside) || error_inside)
                break;
            told[i] = reply_say(by, &back);
        }
        if (!told[2].at) continue;
        struct str twice = normal(told[1]), thrice = normal(told[2]); /* the first may number what is not said */
        if (!str_eq(twice, thrice)) wrong_tell("a reply said twice", by->name.at, twice, thrice);
    }
}

/* -- the property -- */

static bool has_reply(const struct codec *by) { return by->read_reply && by->write_reply; }

static void replies_come_back(void **state) {
    (void)state;
    property_check("replies", has_reply, reply_comes_back, reply_of_everything);
}

int main(void) {
    const struct CMUnitTest test = cmocka_unit_test(replies_come_back);
    return property_main(&test);
}
