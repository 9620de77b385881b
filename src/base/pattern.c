/* pattern.c - a pattern is a list of steps, each by its place relative to the next ones, so that what is repeated is
 * copied as it is. A text is walked once with all the steps that it may be at, those that began first in front.
 *
 * Invariant: no step stands twice in a list, and a list's beginnings never fall. */
#include "base/pattern.h"

#include <string.h>

#include "base/check.h"
#include "base/memory.h"

enum step_kind { step_set, step_split, step_jump, step_begin, step_end, step_word, step_match };

struct step {
    uint8_t kind;
    uint16_t set;        /* step_set */
    int16_t next, other; /* relative to itself: step_split has both, step_jump the first */
};

struct byte_set {
    uint64_t bits[4];
};

struct pattern {
    size_t count, set_count;
    struct step steps[pattern_steps_max];
    struct byte_set sets[pattern_sets_max];
};

/* -- sets of bytes -- */

static void set_add(struct byte_set *set, unsigned char byte) { set->bits[byte / 64] |= UINT64_C(1) << byte % 64; }

static bool set_has(const struct byte_set *set, unsigned char byte) { return set->bits[byte / 64] >> byte % 64 & 1; }

static void set_add_range(struct byte_set *set, unsigned char from, unsigned char to) {
    for (unsigned byte = from; byte <= to; byte++) set_add(set, (unsigned char)byte);
}

static void set_turn(struct byte_set *set) {
    for (size_t i = 0; i < 4; i++) set->bits[i] = ~set->bits[i];
}

static bool pattern_word_byte(unsigned char byte) { return byte_is_alnum((char)byte) || byte == '_'; }

/* \d and the like. false: it is none of them. */
static bool set_add_class(struct byte_set *set, char letter) {
    struct byte_set class = {{0}};
    switch (letter | 0x20) {
    case 'd': set_add_range(&class, '0', '9'); break;
    case 's':
        set_add_range(&class, '\t', '\r');
        set_add(&class, ' ');
        break;
    case 'w':
        for (unsigned byte = 0; byte < 128; byte++)
            if (pattern_word_byte((unsigned char)byte)) set_add(&class, (unsigned char)byte);
        break;
    default: return false;
    }
    if (!(letter & 0x20)) set_turn(&class);
    for (size_t i = 0; i < 4; i++) set->bits[i] |= class.bits[i];
    return true;
}

static void set_any_case(struct byte_set *set) {
    for (unsigned byte = 'a'; byte <= 'z'; byte++) {
        bool either = set_has(set, (unsigned char)byte) || set_has(set, (unsigned char)(byte - 0x20));
        if (either) set_add_range(set, (unsigned char)byte, (unsigned char)byte);
        if (either) set_add_range(set, (unsigned char)(byte - 0x20), (unsigned char)(byte - 0x20));
    }
}

/* -- making -- */

/* An open group: what is written of it so far. */
struct group {
    size_t begin, branch; /* of it; of its last alternative */
};

struct making {
    struct pattern *pattern;
    struct str text;
    size_t at;
    bool any_case;
    struct group groups[pattern_depth_max];
    size_t depth;
    size_t atom; /* where the last one begins; SIZE_MAX: there is none to repeat */
    const char *problem;
};

static bool making_fails(struct making *making, const char *problem) {
    if (!making->problem) making->problem = problem;
    return false;
}

static bool step_insert(struct making *making, size_t at, struct step step) {
    struct pattern *pattern = making->pattern;
    if (pattern->count == pattern_steps_max) return making_fails(making, "it is too long, repeated parts counted");
    memmove(&pattern->steps[at + 1], &pattern->steps[at], (pattern->count - at) * sizeof step);
    pattern->steps[at] = step;
    pattern->count++;
    return true;
}

static bool step_add(struct making *making, struct step step) {
    return step_insert(making, making->pattern->count, step);
}

/* What stood between them is jumped over, or done: a?; what comes behind is not yet written. */
static bool making_optional(struct making *making, size_t from) {
    int16_t len = (int16_t)(making->pattern->count - from);
    return step_insert(making, from, (struct step){.kind = step_split, .next = 1, .other = (int16_t)(len + 1)});
}

static bool making_star(struct making *making, size_t from) {
    int16_t len = (int16_t)(making->pattern->count - from);
    return step_insert(making, from, (struct step){.kind = step_split, .next = 1, .other = (int16_t)(len + 2)}) &&
           step_add(making, (struct step){.kind = step_jump, .next = (int16_t)(-len - 1)});
}

static bool making_copy(struct making *making, const struct step *steps, size_t len) {
    for (size_t i = 0; i < len; i++)
        if (!step_add(making, steps[i])) return false;
    return true;
}

static bool making_repeat(struct making *making, unsigned least, unsigned most, bool endless) {
    struct pattern *pattern = making->pattern;
    struct step once[pattern_steps_max];
    size_t from = making->atom, len = pattern->count - from;
    memcpy(once, &pattern->steps[from], len * sizeof *once);
    pattern->count = from;
    for (unsigned i = 0; i < least; i++)
        if (!making_copy(making, once, len)) return false;
    for (unsigned i = least; i < most && !endless; i++) {
        size_t begin = pattern->count;
        if (!making_copy(making, once, len) || !making_optional(making, begin)) return false;
    }
    size_t begin = pattern->count;
    return !endless || (making_copy(making, once, len) && making_star(making, begin));
}

static bool making_number(struct making *making, unsigned *number) {
    bool any = false;
    for (*number = 0; making->at < making->text.len; making->at++, any = true) {
        char digit = making->text.at[making->at];
        if (digit < '0' || digit > '9') break;
        *number = *number * 10 + (unsigned)(digit - '0');
        if (*number > pattern_repeats_max) return making_fails(making, "a repeat is at most 255 times");
    }
    return any;
}

static bool making_byte_is(struct making *making, char byte) {
    if (making->at >= making->text.len || making->text.at[making->at] != byte) return false;
    making->at++;
    return true;
}

/* Behind `{`. */
static bool making_bounds(struct making *making) {
    unsigned least, most;
    bool endless = false;
    if (!making_number(making, &least)) return making_fails(making, "`{` wants a number: {3}, {3,} or {3,9}");
    most = least;
    if (making_byte_is(making, ',')) endless = !making_number(making, &most);
    if (making->problem) return false;
    if (!making_byte_is(making, '}') || (!endless && most < least))
        return making_fails(making, "`{` wants its end: {3}, {3,} or {3,9}, the least first");
    return making_repeat(making, least, most, endless);
}

static bool making_set(struct making *making, const struct byte_set *set) {
    struct pattern *pattern = making->pattern;
    struct byte_set made = *set;
    size_t number = 0;
    if (making->any_case) set_any_case(&made);
    while (number < pattern->set_count && memcmp(&pattern->sets[number], &made, sizeof made) != 0) number++;
    if (number == pattern_sets_max) return making_fails(making, "it has too many different marks");
    if (number == pattern->set_count) pattern->sets[pattern->set_count++] = made;
    making->atom = pattern->count;
    return step_add(making, (struct step){.kind = step_set, .set = (uint16_t)number});
}

/* A byte of a class, or behind `\` what it stands for; *class: it was \d or the like. */
static bool making_class_byte(struct making *making, struct byte_set *set, unsigned char *byte, bool *class) {
    char letter = making->text.at[making->at++];
    *class = false;
    if (letter == '\\') {
        if (making->at == making->text.len) return making_fails(making, "`\\` stands at the end");
        letter = making->text.at[making->at++];
        *class = set_add_class(set, letter);
        if (!*class && pattern_word_byte((unsigned char)letter))
            return making_fails(making, "`\\` and a letter or digit is \\d, \\w, \\s, \\D, \\W, \\S or \\b");
    }
    *byte = (unsigned char)letter;
    return true;
}

/* Behind `[`. */
static bool making_class(struct making *making) {
    struct byte_set set = {{0}};
    bool turned = making_byte_is(making, '^'), first = true;
    for (; making->at < making->text.len && (first || making->text.at[making->at] != ']'); first = false) {
        unsigned char from, to;
        bool class;
        if (!making_class_byte(making, &set, &from, &class)) return false;
        if (class) continue;
        to = from;
        bool ranges = making->at + 1 < making->text.len && making->text.at[making->at] == '-' &&
                      making->text.at[making->at + 1] != ']';
        making->at += ranges;
        if (ranges && (!making_class_byte(making, &set, &to, &class) || class || to < from))
            return making_fails(making, "a range of `[ ]` goes from the lower to the higher");
        set_add_range(&set, from, to);
    }
    if (!making_byte_is(making, ']')) return making_fails(making, "`[` has no `]`");
    if (turned && making->any_case) set_any_case(&set); /* what is none of them is none in either case */
    if (turned) set_turn(&set);
    return making_set(making, &set);
}

static bool making_escape(struct making *making) {
    struct byte_set set = {{0}};
    unsigned char byte;
    bool class;
    if (making->at < making->text.len && making->text.at[making->at] == 'b') {
        making->at++;
        making->atom = SIZE_MAX;
        return step_add(making, (struct step){.kind = step_word});
    }
    making->at--;
    if (!making_class_byte(making, &set, &byte, &class)) return false;
    if (!class) set_add(&set, byte);
    return making_set(making, &set);
}

/* The last alternative of a group ends: all before it end where it does. */
static void making_join(struct making *making, const struct group *group) {
    struct pattern *pattern = making->pattern;
    for (size_t i = group->begin; i < group->branch; i++)
        if (pattern->steps[i].kind == step_jump && pattern->steps[i].next == 0)
            pattern->steps[i].next = (int16_t)(pattern->count - i);
}

static bool making_open(struct making *making) {
    if (making->depth == pattern_depth_max) return making_fails(making, "its groups are nested too deep");
    if (making_byte_is(making, '?') && !making_byte_is(making, ':'))
        return making_fails(making, "of `(?` there is `(?:` , and `(?i)` in front");
    making->groups[making->depth++] = (struct group){making->pattern->count, making->pattern->count};
    making->atom = SIZE_MAX;
    return true;
}

static bool making_close(struct making *making) {
    if (making->depth <= 1) return making_fails(making, "`)` has no `(`");
    const struct group *group = &making->groups[--making->depth];
    making_join(making, group);
    making->atom = group->begin;
    return true;
}

/* A jump of 0 is one whose end is not known yet. */
static bool making_or(struct making *making) {
    struct group *group = &making->groups[making->depth - 1];
    int16_t len = (int16_t)(making->pattern->count - group->branch);
    if (!step_insert(making, group->branch,
                     (struct step){.kind = step_split, .next = 1, .other = (int16_t)(len + 2)}) ||
        !step_add(making, (struct step){.kind = step_jump}))
        return false;
    group->branch = making->pattern->count;
    making->atom = SIZE_MAX;
    return true;
}

static bool making_quantity(struct making *making, char mark) {
    if (making->atom == SIZE_MAX) return making_fails(making, "`*`, `+`, `?` or `{` has nothing before it");
    size_t from = making->atom;
    bool good = false;
    switch (mark) {
    case '*': good = making_star(making, from); break;
    case '+':
        good = step_add(
            making,
            (struct step){.kind = step_split, .next = (int16_t) - (int)(making->pattern->count - from), .other = 1});
        break;
    case '?': good = making_optional(making, from); break;
    default: good = making_bounds(making); break;
    }
    making->atom = SIZE_MAX;
    return good;
}

static bool making_mark(struct making *making, char mark) {
    struct byte_set set = {{0}};
    switch (mark) {
    case '(': return making_open(making);
    case ')': return making_close(making);
    case '|': return making_or(making);
    case '*':
    case '+':
    case '?':
    case '{': return making_quantity(making, mark);
    case '[': return making_class(making);
    case '\\': return making_escape(making);
    case '^':
    case '$':
        making->atom = SIZE_MAX;
        return step_add(making, (struct step){.kind = mark == '^' ? step_begin : step_end});
    case '.': set_turn(&set); break;
    default: set_add(&set, (unsigned char)mark); break;
    }
    return making_set(making, &set);
}

static bool making_expression(struct making *making, struct str text) {
    making->text = text;
    making->at = 0;
    making->any_case = str_starts(text, STR("(?i)"));
    making->atom = SIZE_MAX;
    if (making->any_case) making->at = 4;
    if (making->at == text.len) return making_fails(making, "it is empty");
    size_t outside = making->depth;
    while (making->at < text.len && making_mark(making, text.at[making->at++]))
        if (making->depth < outside) return making_fails(making, "`)` has no `(`");
    if (!making->problem && making->depth > outside) making_fails(making, "`(` has no `)`");
    return !making->problem;
}

/* -- walking -- */

/* The steps that a text may be at, and where each began. */
struct walkers {
    size_t count;
    uint16_t steps[pattern_steps_max];
    size_t from[pattern_steps_max];
    uint16_t places[pattern_steps_max]; /* of a step in the list, if it is there */
};

static bool walkers_have(const struct walkers *walkers, size_t step) {
    return walkers->places[step] < walkers->count && walkers->steps[walkers->places[step]] == step;
}

static bool at_word_edge(struct str text, size_t at) {
    bool before = at > 0 && pattern_word_byte((unsigned char)text.at[at - 1]),
         behind = at < text.len && pattern_word_byte((unsigned char)text.at[at]);
    return before != behind;
}

/* The step, and all that it leads to without a byte. */
static void walkers_add(const struct pattern *pattern, struct walkers *walkers, size_t step, size_t from,
                        struct str text, size_t at) {
    uint16_t open[pattern_steps_max + 1];
    size_t opened = 0;
    open[opened++] = (uint16_t)step;
    while (opened) {
        size_t next = open[--opened];
        const struct step *here = &pattern->steps[next];
        if (walkers_have(walkers, next)) continue;
        walkers->places[next] = (uint16_t)walkers->count;
        walkers->steps[walkers->count] = (uint16_t)next;
        walkers->from[walkers->count++] = from;
        bool goes = here->kind == step_split || here->kind == step_jump || (here->kind == step_begin && at == 0) ||
                    (here->kind == step_end && at == text.len) || (here->kind == step_word && at_word_edge(text, at));
        if (!goes) continue;
        size_t into = here->kind == step_split || here->kind == step_jump ? next + (size_t)here->next : next + 1;
        size_t other = next + (size_t)here->other;
        if (here->kind == step_split && !walkers_have(walkers, other) && opened < pattern_steps_max)
            open[opened++] = (uint16_t)other;
        if (!walkers_have(walkers, into) && opened < pattern_steps_max) open[opened++] = (uint16_t)into;
    }
}

struct pattern_match pattern_find(const struct pattern *pattern, struct str text, size_t at, size_t *work) {
    struct walkers lists[2], *now = &lists[0], *next = &lists[1];
    struct pattern_match best = {text.len, text.len, false};
    bool found = false;
    memset(now->places, 0, sizeof now->places);
    memset(next->places, 0, sizeof next->places);
    now->count = 0;
    for (;; at++) {
        if (!found) walkers_add(pattern, now, 0, at, text, at);
        next->count = 0;
        for (size_t i = 0; i < now->count; i++) {
            const struct step *step = &pattern->steps[now->steps[i]];
            if (found && now->from[i] > best.from) break;
            if (step->kind == step_match && (!found || at > best.to)) {
                best.from = now->from[i];
                best.to = at;
                found = true;
            }
            if (step->kind == step_set && at < text.len &&
                set_has(&pattern->sets[step->set], (unsigned char)text.at[at]))
                walkers_add(pattern, next, now->steps[i] + 1u, now->from[i], text, at + 1);
        }
        size_t done = now->count + next->count + 1;
        if (done > *work) { /* from where the first of them began nothing is known */
            size_t from = now->count ? now->from[0] : at;
            if (found && best.from < from) from = best.from;
            *work = 0;
            return (struct pattern_match){from, text.len, true};
        }
        *work -= done;
        if (at >= text.len || (found && next->count == 0)) return best;
        struct walkers *walked = now;
        now = next;
        next = walked;
    }
}

/* -- all together -- */

static bool pattern_matches_nothing(const struct pattern *pattern) {
    size_t work = pattern_work_max;
    struct pattern_match match = pattern_find(pattern, STR("x x"), 1, &work);
    return match.from == match.to && match.from < 3;
}

static bool pattern_check(struct making *making, struct pattern *alone, struct str text) {
    *alone = (struct pattern){.count = 0};
    making->pattern = alone;
    making->groups[0] = (struct group){0, 0};
    making->depth = 1;
    if (!making_expression(making, text)) return false;
    making_join(making, &making->groups[0]);
    if (!step_add(making, (struct step){.kind = step_match})) return false;
    return !pattern_matches_nothing(alone) || making_fails(making, "it matches nothing at all, and so everywhere");
}

struct pattern *pattern_new(const struct str *expressions, size_t count, size_t *bad, const char **problem) {
    struct pattern *pattern = memory_take_zeroed(sizeof *pattern), *alone = memory_take_zeroed(sizeof *alone);
    struct making making = {.problem = NULL};
    bool good = pattern && alone;
    *problem = good ? NULL : "there is no memory for it";
    for (*bad = 0; good && *bad < count; ++*bad)
        if (!(good = pattern_check(&making, alone, expressions[*bad]))) break;
    making = (struct making){.pattern = pattern, .problem = making.problem, .depth = 1};
    for (size_t i = 0; good && i < count; i++) {
        *bad = i;
        good = (i == 0 || making_or(&making)) && making_expression(&making, expressions[i]);
    }
    if (good) {
        making_join(&making, &making.groups[0]);
        good = step_add(&making, (struct step){.kind = step_match});
    }
    memory_give(alone);
    if (good) return pattern;
    if (!*problem) *problem = making.problem;
    memory_give(pattern);
    return NULL;
}

void pattern_free(struct pattern *pattern) { memory_give(pattern); }
