/* weir_health.c - the history of health, as it is asked for: what the ledger has, and behind it what is not there yet.
 * Blocks on the ledger; not on a loop. */
#include <string.h>

#include "base/memory.h"
#include "runtime/weir_internal.h"

struct health_answer {
    struct text *text;
};

static void health_answer_put(void *context, const struct ledger_health *row) {
    const struct health_answer *answer = context;
    ledger_health_put(row, answer->text);
}

static bool health_is_asked(const struct health_question *question, const struct ledger_health *row) {
    return row->time_ms >= question->since_ms && (!question->until_ms || row->time_ms < question->until_ms) &&
           (!question->subject.len || str_eq(question->subject, row->subject));
}

/* What is pending is copied first: a row that is kept meanwhile is then told once, as pending. */
bool library_health_history(struct weir *weir, struct ledger *ledger, const struct health_question *question,
                            struct text *text) {
    struct health_record *copies = memory_take(health_records_max * sizeof *copies);
    struct ledger_health *rows = memory_take(health_records_max * sizeof *rows);
    size_t count = copies && rows ? health_log_pending(&weir->health, copies, rows, health_records_max) : 0, asked = 0;
    struct health_question before = *question;
    if (count) before.below_id = rows[0].id;
    for (size_t i = 0; i < count; i++)
        if (health_is_asked(question, &rows[i])) rows[asked++] = rows[i];
    size_t first = asked > question->most ? asked - question->most : 0;
    before.most = question->most - (asked - first);
    text_put(text, STR("{\"records\":["));
    bool good = copies && rows && ledger_health(ledger, &before, health_answer_put, &(struct health_answer){text});
    for (size_t i = first; i < asked && good; i++) ledger_health_put(&rows[i], text);
    text_put(text, STR("]}"));
    memory_give(copies);
    memory_give(rows);
    return good && !text->failed;
}

void library_health_history_held(struct weir *weir, struct str subject, struct text *text) {
    text_put(text, STR("{\"records\":"));
    health_log_put(&weir->health, subject, text);
    text_put_byte(text, '}');
}

char *weir_health_history(struct weir *weir, const char *name, int64_t since_ms, int64_t until_ms, unsigned most,
                          struct weir_error *error) {
    const struct health_question question = {.subject = name ? str_from(name) : STR(""),
                                             .since_ms = since_ms > 0 ? since_ms : 0,
                                             .until_ms = until_ms > 0 ? until_ms : 0,
                                             .most = most ? most : ledger_health_usual};
    char problem[300] = "";
    struct arena arena;
    arena_init(&arena, 16 * 1024, SIZE_MAX);
    struct text text = text_in_arena(&arena, 16 * 1024);
    struct ledger *ledger = weir->books ? ledger_open_beside(weir->ledger_place, problem, sizeof problem) : NULL;
    bool good = true;
    if (ledger)
        good = library_health_history(weir, ledger, &question, &text);
    else
        library_health_history_held(weir, question.subject, &text);
    char *copy = good && !text.failed ? memory_take(text.len + 1) : NULL;
    if (copy) str_copy(copy, text.len + 1, text_str(&text));
    if (!good)
        library_error_set(error, error_storage_failed, str_from(ledger_problem(ledger)));
    else if (!copy)
        library_error_set(error, error_out_of_memory, STR_NONE);
    ledger_close(ledger);
    arena_free(&arena);
    return copy;
}
