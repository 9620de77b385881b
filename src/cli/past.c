/* past.c - see past.h. */
#include "cli/past.h"

#include <stdio.h>
#include <string.h>

#include "gateway/usage_query.h"

bool cli_folder_find(const char *config, const char *given, char *into, unsigned long size,
                     char place[ledger_place_max], char *problem, unsigned long problem_size) {
    char buffer[1024];
    struct arena arena;
    struct config_where where;
    struct str why = STR("");
    if (given) str_copy(into, size, str_from(given));
    if (given) ledger_place_of(str_from(given), STR(""), place);
    if (given) return true;
    arena_init(&arena, 4096, 1024 * 1024);
    bool found = library_config_where(cli_config_path(config, buffer, sizeof buffer), &arena, &where, &why);
    str_copy(found ? into : problem, found ? size : problem_size, found ? where.state_dir : why);
    if (found) ledger_place_of(where.state_dir, where.ledger, place);
    arena_wipe(&arena);
    arena_free(&arena);
    return found;
}

static bool past_times_read(const struct past_said *said, struct past_question *question, struct error *error) {
    const int64_t now_ms = clock_read().wall_ns / (int64_t)NS_PER_MS;
    question->until_ms = now_ms;
    return usage_time_read(STR("--since"), str_from(said->since), now_ms, &question->since_ms, error) &&
           (!said->until || usage_time_read(STR("--until"), str_from(said->until), now_ms, &question->until_ms, error));
}

/* As `serve` would read it, with what was changed at run time in its own state folder. */
static bool past_config_load(struct past_view *view, const char *given, char *problems, size_t size) {
    char buffer[1024], overlay[overlay_path_max] = "", ledger[ledger_place_max] = "";
    struct weir_host host = weir_host_default;
    host.simulated_base_url = STR("http://127.0.0.1:1/v1");
    struct config_source source = {.path = cli_config_path(given, buffer, sizeof buffer),
                                   .host = &host,
                                   .ids = &view->ids,
                                   .overlay_path = overlay,
                                   .ledger_place = ledger};
    bool loaded = library_config_load(&source, &view->config, problems, size) && view->config.snapshot;
    memory_wipe(ledger, sizeof ledger);
    return loaded;
}

static bool past_ledger_open(struct past_view *view) {
    char problem[640] = "";
    if (!ledger_is_there(view->place)) {
        fprintf(stderr, "weir: %s: there is no ledger: name its state folder by --state-dir\n", view->place);
        return false;
    }
    view->owned = state_is_owned(view->state_dir);
    view->ledger = (view->owned ? ledger_open_beside : ledger_open)(view->place, problem, sizeof problem);
    if (!view->ledger) fprintf(stderr, "weir: %s\n", problem);
    return view->ledger != NULL;
}

bool past_view_begin(struct past_view *view, const struct past_said *said) {
    static char problems[64 * 1024];
    char problem[640] = "";
    struct error error = {.code = error_none};
    *view = (struct past_view){.owned = false};
    if (!hash_start()) return false;
    if (!past_times_read(said, &view->question, &error)) {
        fprintf(stderr, "weir: %s\n", error.message);
        return false;
    }
    if (!past_config_load(view, said->config, problems, sizeof problems)) {
        fprintf(stderr, "%s\n", problems);
        return false;
    }
    if (!cli_folder_find(said->config, said->state_dir, view->state_dir, sizeof view->state_dir, view->place, problem,
                         sizeof problem)) {
        fprintf(stderr, "weir: %s\n", problem);
        return false;
    }
    if (past_ledger_open(view) && past_prices_begin(&view->prices, view->config.snapshot)) return true;
    if (view->ledger) fprintf(stderr, "weir: out of memory\n");
    return false;
}

void past_view_end(struct past_view *view) {
    ledger_close(view->ledger);
    past_prices_end(&view->prices);
    config_free(&view->config);
    config_ids_free(&view->ids);
}
