/* identities.c - see identities.h. Invariant: an identity in the table has a hold of the table's; what it may do holds
 * it; one that has left the table is never used again. */
#include "runtime/identities.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "config/config_clients.h"
#include "runtime/issuers.h"
#include "runtime/run_clients.h"

enum {
    chains_least = 1,
    bounds_most = 4,
    rest_looks = 64,
    known_tokens_sets = 512,
    known_tokens_set = 4,
    identity_left = -1
};

/* The words of a budget that is, or was, this identity's alone. */
struct identity_budget {
    struct identity_budget *next;
    const struct spend *spend;
    const struct rolling *rolling; /* in its place, or NULL */
    struct values *values;         /* in the place of both: each of them has words of its own */
    const struct money_extra *extras;
    uint64_t bucket_s, longest_s; /* longest_s: no window of its kind is longer */
};

/* The words of a limit that is, or was, this identity's alone. */
struct identity_limit {
    struct identity_limit *next;
    const struct limit_words *words;
    struct values *values; /* in their place: each of them has words of its own */
};

struct identity {
    struct identity *chain; /* of its hash */
    struct list place;      /* among its issuer's */
    struct issuer *issuer;
    uint64_t hash;
    _Atomic uint32_t holds;           /* the table, and each of its bounds */
    _Atomic int32_t uses;             /* requests; identity_left: it has left the table */
    struct cells cells;               /* its own words, and its own budgets' */
    const struct client_cells *words; /* of these its own; NULL: it was never bound */
    struct identity_budget *budgets;
    struct identity_limit *limits;
    const struct sessions *sessions; /* of these its own; NULL: none are counted */
    struct session_rules session_rules;
    struct identity_bound *bounds; /* at most bounds_most, the newest first; by the table's mutex */
    struct str name;               /* behind it */
};

/* What it may do under one snapshot, by one set of claims. */
struct identity_bound {
    struct identity_bound *next;
    struct identity *identity;
    _Atomic uint32_t holds; /* the identity's list, places of loops, requests */
    uint64_t generation;
    struct str settings;
    struct arena arena;
    const struct client *client;
};

struct identities {
    struct weir *weir;
    pthread_mutex_t mutex;
    struct hash_secret secret;
    struct identity **chains;
    size_t chain_count; /* a power of two */
    _Atomic size_t count;
};

/* -- holding -- */

static void identity_give(struct identity *identity) {
    if (atomic_fetch_sub(&identity->holds, 1) > 1) return;
    CHECK(atomic_load(&identity->uses) == identity_left && !identity->bounds);
    for (struct identity_budget *budget = identity->budgets, *next; budget; budget = next) {
        next = budget->next;
        memory_give(budget);
    }
    for (struct identity_limit *limit = identity->limits, *next; limit; limit = next) {
        next = limit->next;
        memory_give(limit);
    }
    cells_free(&identity->cells);
    memory_give(identity);
}

static void bound_give(struct identity_bound *bound) {
    if (atomic_fetch_sub(&bound->holds, 1) > 1) return;
    struct identity *identity = bound->identity;
    arena_free(&bound->arena);
    memory_give(bound);
    identity_give(identity);
}

/* One more request. false: it has left the table. */
static bool identity_use(struct identity *identity) {
    int32_t uses = atomic_load_explicit(&identity->uses, memory_order_relaxed);
    while (uses != identity_left)
        if (atomic_compare_exchange_weak(&identity->uses, &uses, uses + 1)) return true;
    return false;
}

void identity_release(struct identity_bound *bound) {
    int32_t before = atomic_fetch_sub(&bound->identity->uses, 1);
    CHECKF(before > 0, "before=%d", before);
    bound_give(bound);
}

const struct client *identity_client(const struct identity_bound *bound) { return bound->client; }

/* -- what a loop knows -- */

struct known_token {
    struct hash_tag tag;
    struct identity_bound *bound; /* held; NULL: a free place */
    struct issuer *issuer;
    uint64_t generation, epoch; /* of the snapshot, and of the issuer's keys */
    int64_t until_s;            /* since 1970: then it has expired */
};

struct known_tokens {
    struct hash_secret secret;
    struct known_token places[known_tokens_sets * known_tokens_set]; /* a tag's set follows from its first bits */
};

struct known_tokens *known_tokens_new(void) {
    struct known_tokens *tokens = memory_take_zeroed(sizeof *tokens);
    if (tokens) random_bytes(&tokens->secret, sizeof tokens->secret);
    return tokens;
}

void known_tokens_free(struct known_tokens *tokens) {
    for (size_t i = 0; tokens && i < known_tokens_sets * known_tokens_set; i++)
        if (tokens->places[i].bound) bound_give(tokens->places[i].bound);
    memory_give(tokens);
}

static struct known_token *known_tokens_set_of(struct known_tokens *tokens, const struct hash_tag *tag) {
    return &tokens->places[tag->words[0] % known_tokens_sets * known_tokens_set];
}

/* Is what was verified still so? */
static bool known_token_stands(const struct known_token *place, const struct snapshot *snapshot, struct now now) {
    return place->bound && place->generation == snapshot->generation &&
           now.wall_ns / (int64_t)NS_PER_S < place->until_s && issuer_stands(place->issuer, place->epoch, now);
}

struct identity_bound *known_tokens_find(struct known_tokens *tokens, const struct snapshot *snapshot, struct str token,
                                         struct now now) {
    if (!tokens || token.len > jwt_bytes_max) return NULL;
    struct hash_tag tag = hash_tag_of(&tokens->secret, token);
    const struct known_token *place = known_tokens_set_of(tokens, &tag), *end = place + known_tokens_set;
    while (place < end && (!place->bound || place->tag.words[0] != tag.words[0] || place->tag.words[1] != tag.words[1]))
        place++;
    if (place == end || !known_token_stands(place, snapshot, now) || !identity_use(place->bound->identity)) return NULL;
    atomic_fetch_add_explicit(&place->bound->holds, 1, memory_order_relaxed);
    return place->bound;
}

/* In the place of the same token, of one that counts no more, or else of any of its set. */
static void known_tokens_put(struct known_tokens *tokens, const struct snapshot *snapshot, struct str token,
                             struct now now, struct known_token known) {
    if (!tokens) return;
    known.tag = hash_tag_of(&tokens->secret, token);
    struct known_token *set = known_tokens_set_of(tokens, &known.tag), *place = NULL;
    for (size_t i = 0; i < known_tokens_set && !place; i++)
        if (set[i].tag.words[0] == known.tag.words[0] && set[i].tag.words[1] == known.tag.words[1]) place = &set[i];
    for (size_t i = 0; i < known_tokens_set && !place; i++)
        if (!known_token_stands(&set[i], snapshot, now)) place = &set[i];
    if (!place) place = &set[known.tag.words[1] % known_tokens_set];
    atomic_fetch_add_explicit(&known.bound->holds, 1, memory_order_relaxed);
    if (place->bound) bound_give(place->bound);
    *place = known;
}

/* -- who is at rest -- */

/* Nothing is spent or reserved in a window that may still be open. */
static bool words_are_at_rest(const struct identity_budget *budget, const struct spend *spend,
                              const struct rolling *rolling, uint64_t now_s) {
    struct spend_view view = rolling ? rolling_look(rolling, budget->bucket_s, now_s) : spend_look(spend, 0);
    bool over = !rolling && budget->longest_s && view.start_s + budget->longest_s <= now_s;
    return view.committed == view.spent && (view.spent == 0 || over);
}

struct values_look {
    const struct identity_budget *budget;
    uint64_t now_s;
    bool at_rest;
};

static void identity_value_look(void *context, struct money_value *value) {
    struct values_look *look = context;
    bool rolls = look->budget->bucket_s != 0;
    look->at_rest = look->at_rest && words_are_at_rest(look->budget, rolls ? NULL : value_spend(value),
                                                       rolls ? value_rolling(value) : NULL, look->now_s);
}

/* And nothing was added by an operator. */
static bool budget_is_at_rest(const struct identity_budget *budget, uint64_t now_s) {
    struct values_look look = {.budget = budget, .now_s = now_s, .at_rest = true};
    for (unsigned kind = 0; budget->extras && kind < money_extra_kinds; kind++)
        if (cell_load(&budget->extras[kind].until_s) > now_s) return false;
    if (!budget->values) return words_are_at_rest(budget, budget->spend, budget->rolling, now_s);
    values_each(budget->values, budget->bucket_s ? values_of_rolling : values_of_spend, identity_value_look, &look);
    return look.at_rest;
}

struct limits_rest_look {
    uint64_t mono_ns;
    bool at_rest;
};

static void limit_value_look(void *context, struct money_value *value) {
    struct limits_rest_look *look = context;
    look->at_rest = look->at_rest && limit_words_rest(value_limit(value), look->mono_ns);
}

static bool limit_is_at_rest(const struct identity_limit *limit, uint64_t mono_ns) {
    struct limits_rest_look look = {.mono_ns = mono_ns, .at_rest = true};
    if (!limit->values) return limit_words_rest(limit->words, mono_ns);
    values_each(limit->values, values_of_limit, limit_value_look, &look);
    return look.at_rest;
}

/* Of one that nobody uses. A limiter whose word lies in the past has given everything back. */
static bool identity_is_at_rest(const struct identity *identity, struct now now) {
    const struct client_cells *words = identity->words;
    for (const struct identity_budget *budget = identity->budgets; budget; budget = budget->next)
        if (!budget_is_at_rest(budget, (uint64_t)now.wall_ns / NS_PER_S)) return false;
    for (const struct identity_limit *limit = identity->limits; limit; limit = limit->next)
        if (!limit_is_at_rest(limit, now.mono_ns)) return false;
    int64_t now_s = now.wall_ns / (int64_t)NS_PER_S;
    if (identity->sessions && !sessions_rest(identity->sessions, &identity->session_rules, now_s)) return false;
    return !words ||
           (cell_load(&words->requests_minute) <= now.mono_ns && cell_load(&words->requests_hour) <= now.mono_ns &&
            cell_load(&words->tokens_minute) <= now.mono_ns && atomic_load(&words->memory.taken) == 0);
}

/* -- the table; under its mutex -- */

static struct identity *identity_find(const struct identities *identities, uint64_t hash, struct str name) {
    struct identity *at = identities->chain_count ? identities->chains[hash & (identities->chain_count - 1)] : NULL;
    while (at && (at->hash != hash || !str_eq(at->name, name))) at = at->chain;
    return at;
}

static bool chains_grow(struct identities *identities) {
    size_t count = identities->chain_count ? identities->chain_count * 2 : chains_least;
    struct identity **chains = memory_take_zeroed(count * sizeof *chains);
    if (!chains) return identities->chain_count > 0; /* longer chains, then */
    for (size_t i = 0; i < identities->chain_count; i++)
        for (struct identity *at = identities->chains[i], *next; at; at = next) {
            next = at->chain;
            at->chain = chains[at->hash & (count - 1)];
            chains[at->hash & (count - 1)] = at;
        }
    memory_give(identities->chains);
    identities->chains = chains;
    identities->chain_count = count;
    return true;
}

/* What is not among the newest goes. */
static void bounds_cut(struct identity *identity, size_t most) {
    struct identity_bound **place = &identity->bounds;
    for (size_t i = 0; *place && i < most; i++) place = &(*place)->next;
    struct identity_bound *bound = *place;
    *place = NULL;
    for (struct identity_bound *next; bound; bound = next) {
        next = bound->next;
        bound_give(bound);
    }
}

static void identity_leave(struct identities *identities, struct identity *identity) {
    struct identity **place = &identities->chains[identity->hash & (identities->chain_count - 1)];
    while (*place != identity) place = &(*place)->chain;
    *place = identity->chain;
    list_remove(&identity->place);
    identity->issuer->identity_count--;
    atomic_fetch_sub(&identities->count, 1);
    bounds_cut(identity, 0);
    identity_give(identity);
}

/* One that is at rest makes room; those that are not are looked at later. */
static bool room_made(struct identities *identities, struct issuer *issuer, struct now now) {
    for (size_t looks = 0; looks < rest_looks && !list_empty(&issuer->identities); looks++) {
        struct identity *identity = LIST_OWNER(issuer->identities.next, struct identity, place);
        int32_t none = 0;
        list_remove(&identity->place);
        list_add_last(&issuer->identities, &identity->place);
        /* It leaves first and is looked at then: whoever comes meanwhile waits for the table, and spends nothing. */
        if (!atomic_compare_exchange_strong(&identity->uses, &none, identity_left)) continue;
        if (identity_is_at_rest(identity, now)) {
            identity_leave(identities, identity);
            return true;
        }
        atomic_store(&identity->uses, 0);
    }
    return false;
}

/* It is used by the caller's request. NULL: no memory. */
static struct identity *identity_add(struct identities *identities, struct issuer *issuer, uint64_t hash,
                                     struct str name) {
    if (atomic_load(&identities->count) >= identities->chain_count && !chains_grow(identities)) return NULL;
    struct identity *identity = memory_take_zeroed(sizeof *identity + name.len);
    if (!identity) return NULL;
    memcpy(identity + 1, name.at, name.len);
    identity->name = str_make((char *)(identity + 1), name.len);
    identity->hash = hash;
    identity->issuer = issuer;
    atomic_init(&identity->holds, 1);
    atomic_init(&identity->uses, 1);
    struct identity **chain = &identities->chains[hash & (identities->chain_count - 1)];
    identity->chain = *chain;
    *chain = identity;
    list_add_last(&issuer->identities, &identity->place);
    issuer->identity_count++;
    atomic_fetch_add(&identities->count, 1);
    return identity;
}

/* Its issuer's keys come from another place now: it is counted there. */
static void identity_move(struct identity *identity, struct issuer *issuer) {
    if (identity->issuer == issuer) return;
    list_remove(&identity->place);
    identity->issuer->identity_count--;
    identity->issuer = issuer;
    list_add_last(&issuer->identities, &identity->place);
    issuer->identity_count++;
}

static enum jwt_answer identity_take(struct identities *identities, struct issuer *issuer, size_t most, struct str name,
                                     struct now now, struct identity **taken) {
    uint64_t hash = hash_keyed(&identities->secret, name);
    *taken = identity_find(identities, hash, name);
    if (*taken && identity_use(*taken)) { /* who leaves does so under this mutex */
        identity_move(*taken, issuer);
        return jwt_good;
    }
    while (issuer->identity_count >= most)
        if (!room_made(identities, issuer, now)) return jwt_too_many;
    *taken = identity_add(identities, issuer, hash, name);
    return *taken ? jwt_good : jwt_memory;
}

/* -- what it may do -- */

static struct str settings_of(const struct jwt_who *who, struct arena *arena) {
    struct text text = text_in_arena(arena, 256);
    text_put_byte(&text, '{');
    text_json_str(&text, STR("role"), role_word(who->role));
    if (who->team.len) text_json_str(&text, STR("in"), who->team);
    if (who->template.len) text_json_str(&text, STR("template"), who->template);
    text_put_byte(&text, '}');
    return text.failed ? STR_NONE : text_str(&text);
}

/* The words that it has beside those that it had. false: no memory. */
static bool budgets_note(struct identity *identity, const struct money_budget *list) {
    static const uint64_t longest_s[window_kinds] = {[window_hour] = 2 * 3600,
                                                     [window_day] = 26 * 3600,
                                                     [window_week] = 170 * 3600,
                                                     [window_month] = 32 * 86400,
                                                     [window_lifetime] = 0};
    for (const struct money_budget *from = list; from; from = from->next) {
        struct identity_budget *known = identity->budgets;
        if (!from->spend && !from->rolling && !from->values) continue;
        while (known &&
               (known->spend != from->spend || known->rolling != from->rolling || known->values != from->values))
            known = known->next;
        if (known) continue;
        struct identity_budget *budget = memory_take_zeroed(sizeof *budget);
        if (!budget) return false;
        *budget = (struct identity_budget){.next = identity->budgets,
                                           .spend = from->spend,
                                           .rolling = from->rolling,
                                           .values = from->values,
                                           .extras = from->extras,
                                           .bucket_s = from->bucket_s,
                                           .longest_s = longest_s[from->window.kind]};
        identity->budgets = budget;
    }
    return true;
}

static bool limits_note(struct identity *identity, const struct client *client) {
    for (size_t i = 0; i < client->own_limits; i++) {
        const struct rate_limit *from = client->limits.list[i];
        struct identity_limit *known = identity->limits;
        while (known && (known->words != from->words || known->values != from->values)) known = known->next;
        if (known) continue;
        struct identity_limit *limit = memory_take_zeroed(sizeof *limit);
        if (!limit) return false;
        *limit = (struct identity_limit){.next = identity->limits, .words = from->words, .values = from->values};
        identity->limits = limit;
    }
    return true;
}

static enum jwt_answer bound_made(struct identities *identities, const struct snapshot *snapshot,
                                  const struct identity_issuer *issuer, struct identity *identity, struct str settings,
                                  struct now now, struct identity_bound **made) {
    struct weir *weir = identities->weir;
    struct config_client_made client;
    struct error why = {.code = error_none};
    struct identity_bound *bound = memory_take_zeroed(sizeof *bound);
    if (!bound) return jwt_memory;
    if (!run_clients_token(weir->clients, snapshot, identity->name, settings, &identity->cells, &client, &why)) {
        log_warn(weir->reports.log ? log_shared(weir->reports.log) : NULL, now, "identity_unfit",
                 f_str("client", identity->name), f_text("why", why.message));
        memory_give(bound);
        return why.code == error_out_of_memory ? jwt_memory : jwt_unfit;
    }
    client.client->metrics_id = metrics_client_register(weir->reports.metrics, issuer->issuer);
    *bound = (struct identity_bound){.next = identity->bounds,
                                     .identity = identity,
                                     .generation = snapshot->generation,
                                     .arena = client.arena,
                                     .client = client.client};
    client.client->own_cells = &identity->cells;
    identity->words = client.client->cells;
    if (client.client->sessions) identity->sessions = client.client->sessions;
    identity->session_rules = session_caps_rules(&client.client->caps);
    bool noted = budgets_note(identity, client.budgets) && limits_note(identity, client.client);
    bound->settings = arena_copy(&bound->arena, settings);
    atomic_init(&bound->holds, 1);
    atomic_fetch_add(&identity->holds, 1);
    if (!bound->settings.at || !noted) {
        bound_give(bound);
        return jwt_memory;
    }
    identity->bounds = bound;
    bounds_cut(identity, bounds_most);
    *made = bound;
    return jwt_good;
}

/* Of the identity's list, by this snapshot and these settings ({NULL,0}: whichever is newest). NULL: none. */
static struct identity_bound *identity_bound_find(const struct identity *identity, const struct snapshot *snapshot,
                                                  struct str settings) {
    struct identity_bound *bound = identity->bounds;
    while (bound && (bound->generation != snapshot->generation || (settings.at && !str_eq(bound->settings, settings))))
        bound = bound->next;
    return bound;
}

static enum jwt_answer bound_take(struct identities *identities, const struct snapshot *snapshot,
                                  const struct identity_issuer *issuer, struct str name, struct str settings,
                                  struct now now, struct identity_bound **bound) {
    struct identity *identity;
    pthread_mutex_lock(&identities->mutex);
    enum jwt_answer answer = identity_take(identities, issuer->keys, issuer->identities_max, name, now, &identity);
    *bound = answer == jwt_good ? identity_bound_find(identity, snapshot, settings) : NULL;
    if (answer == jwt_good && !*bound) {
        answer = bound_made(identities, snapshot, issuer, identity, settings, now, bound);
        if (answer != jwt_good) atomic_fetch_sub(&identity->uses, 1);
    }
    if (*bound) atomic_fetch_add(&(*bound)->holds, 1);
    pthread_mutex_unlock(&identities->mutex);
    return answer;
}

static const struct identity_issuer *issuer_named(const struct snapshot *snapshot, struct str name) {
    for (size_t i = 0; name.len && i < snapshot->issuer_count; i++)
        if (str_eq(snapshot->issuers[i].issuer, name)) return &snapshot->issuers[i];
    return NULL;
}

/* What it may do under this snapshot; NULL: its issuer is gone, or there is no memory. */
static struct identity_bound *bound_now(struct identities *identities, const struct snapshot *snapshot,
                                        struct identity *identity) {
    const struct identity_issuer *issuer =
        identity->bounds ? issuer_named(snapshot, str_from(identity->issuer->name)) : NULL;
    struct identity_bound *bound = issuer ? identity_bound_find(identity, snapshot, STR_NONE) : NULL;
    if (issuer && !bound) /* it has not come since the last change of the configuration */
        (void)!bound_made(identities, snapshot, issuer, identity, identity->bounds->settings, clock_read(), &bound);
    return bound;
}

const struct money_budget *identities_budget(struct identities *identities, const struct snapshot *snapshot,
                                             struct str owner, struct str name, struct identity_bound **held) {
    static const struct str of_client = STR("client ");
    struct str who = str_slice(owner, of_client.len, owner.len);
    const struct money_budget *budget = NULL;
    *held = NULL;
    if (!identities || !str_starts(owner, of_client)) return NULL;
    pthread_mutex_lock(&identities->mutex);
    struct identity *identity = identity_find(identities, hash_keyed(&identities->secret, who), who);
    struct identity_bound *bound = identity ? bound_now(identities, snapshot, identity) : NULL;
    for (size_t i = 0; bound && i < bound->client->money.count && !budget; i++)
        if (str_eq(bound->client->money.list[i]->owner, owner) && str_eq(bound->client->money.list[i]->name, name))
            budget = bound->client->money.list[i];
    if (budget && identity_use(identity)) {
        atomic_fetch_add(&bound->holds, 1);
        *held = bound;
    }
    pthread_mutex_unlock(&identities->mutex);
    return *held ? budget : NULL;
}

/* Some that were found, each held: the table is not held up while they are told. */
enum { identities_piece = 16, identities_chain = 64 };
struct identities_found {
    struct identity_bound *bounds[identities_piece + identities_chain];
    size_t count;
};

static void chain_find(struct identities *identities, const struct snapshot *snapshot, struct identity *at,
                       struct identities_found *found) {
    for (size_t looked = 0; at && looked < identities_chain; at = at->chain, looked++) {
        struct identity_bound *bound = bound_now(identities, snapshot, at);
        if (!bound || !identity_use(at)) continue;
        atomic_fetch_add(&bound->holds, 1);
        found->bounds[found->count++] = bound;
    }
}

size_t identities_each(struct identities *identities, const struct snapshot *snapshot, size_t most,
                       void (*tell)(void *context, const struct client *client), void *context) {
    size_t told = 0, at = 0,
           chains = 0; /* as many as there were: one that was divided since is looked at in all parts */
    do {
        struct identities_found found = {.count = 0};
        pthread_mutex_lock(&identities->mutex);
        if (!chains) chains = identities->chain_count;
        for (; at < chains && found.count < identities_piece && told + found.count < most; at++)
            for (size_t part = at; part < identities->chain_count && found.count < identities_piece; part += chains)
                chain_find(identities, snapshot, identities->chains[part], &found);
        pthread_mutex_unlock(&identities->mutex);
        for (size_t i = 0; i < found.count; i++) {
            if (told < most) tell(context, found.bounds[i]->client);
            told += told < most;
            identity_release(found.bounds[i]);
        }
    } while (at < chains && told < most);
    return told;
}

enum jwt_answer identity_ask(struct identities *identities, struct known_tokens *tokens, struct snapshot *snapshot,
                             struct str token, struct now now, struct arena *arena, struct identity_bound **bound) {
    struct jwt jwt;
    struct jwt_who who;
    struct known_token known = {.generation = snapshot->generation};
    *bound = NULL;
    enum jwt_answer answer = jwt_read(token, arena, &jwt);
    if (answer != jwt_good) return answer;
    const struct identity_issuer *issuer = issuer_named(snapshot, jwt.issuer);
    if (!issuer) return jwt_issuer;
    answer = jwt_times(&jwt, now.wall_ns / (int64_t)NS_PER_S, &known.until_s);
    known.issuer = issuer->keys;
    known.epoch = issuer->keys ? atomic_load_explicit(&issuer->keys->epoch, memory_order_acquire) : 0;
    if (answer == jwt_good) answer = issuer_verify(issuer->keys, &jwt, now);
    if (answer == jwt_good) answer = jwt_judge(&jwt, issuer, &snapshot->owners_by_name, &who);
    if (answer != jwt_good) return answer;
    struct str name = arena_printf(arena, "%.*s#%.*s", STR_ARG(issuer->issuer), STR_ARG(who.subject)),
               settings = settings_of(&who, arena);
    if (!name.at || !settings.at) return jwt_memory;
    answer = bound_take(identities, snapshot, issuer, name, settings, now, bound);
    known.bound = *bound;
    if (answer == jwt_good) known_tokens_put(tokens, snapshot, token, now, known);
    return answer;
}

/* -- beginning and end -- */

struct identities *identities_new(struct weir *weir) {
    struct identities *identities = memory_take_zeroed(sizeof *identities);
    if (!identities) return NULL;
    identities->weir = weir;
    pthread_mutex_init(&identities->mutex, NULL);
    random_bytes(&identities->secret, sizeof identities->secret);
    return identities;
}

void identities_free(struct identities *identities) {
    if (!identities) return;
    for (size_t i = 0; i < identities->chain_count; i++)
        while (identities->chains[i]) {
            struct identity *identity = identities->chains[i];
            int32_t none = 0;
            CHECK(atomic_compare_exchange_strong(&identity->uses, &none, identity_left));
            identity_leave(identities, identity);
        }
    memory_give(identities->chains);
    pthread_mutex_destroy(&identities->mutex);
    memory_give(identities);
}

size_t identities_count(struct identities *identities) { return atomic_load(&identities->count); }
