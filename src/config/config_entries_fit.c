/* config_entries_fit.c - which changes of run time fit a configuration that has been changed under them. The most that
 * fits is in force and the rest is said: none of them is a reason not to start. A change that is asked for now must fit
 * beside those that do. */
#include "base/limits.h"
#include "config/config.h"

struct fitting {
    const struct config_input *input;
    struct config *config; /* of the last load */
    struct arena arena;
    struct config_left left;
};

/* Does the configuration do with those that are not left out? */
static bool fits_now(struct fitting *fitting) {
    config_free(fitting->config);
    return config_load_once(fitting->input, &fitting->left, fitting->config) && !fitting->config->protects_count;
}

/* Its first error, with the place. */
static void why_note(struct fitting *fitting, size_t change) {
    char said[1024];
    struct text text = text_in_buffer(said, sizeof said);
    const struct config_problem *problem = fitting->config->problems;
    while (problem && problem->severity != config_error) problem = problem->next;
    if (problem)
        config_problem_write(fitting->input, problem, &text);
    else
        text_put(&text, STR("it asks for a protection that is not available yet"));
    fitting->left.why[change] = arena_copy(&fitting->arena, text_str(&text));
}

/* Puts in what fits of those from `from` to `to` that are out, halving where they do not fit together: few loads where
 * few do not. How many were put in. Recursion: as deep as config_changes_max has bits. */
static size_t fit_some(struct fitting *fitting, const bool *were_out, size_t from, size_t to) {
    size_t put = 0;
    for (size_t i = from; i < to; i++)
        if (were_out[i]) fitting->left.out[i] = false, put++;
    if (!put || fits_now(fitting)) return put;
    for (size_t i = from; i < to; i++)
        if (were_out[i]) fitting->left.out[i] = true;
    if (to - from == 1) {
        why_note(fitting, from);
        return 0;
    }
    size_t middle = from + (to - from) / 2, low = fit_some(fitting, were_out, from, middle);
    return low + fit_some(fitting, were_out, middle, to);
}

/* One may need another behind it: until nothing more fits. */
static void fit_all(struct fitting *fitting, bool *were_out, size_t asked) {
    size_t count = fitting->input->change_count, put = 1;
    while (put) {
        for (size_t i = 0; i < count; i++) were_out[i] = fitting->left.out[i] && i != asked;
        put = fit_some(fitting, were_out, 0, count);
    }
}

bool config_entries_fit(const struct config_input *input, struct config *config) {
    struct fitting fitting = {.input = input, .config = config};
    size_t count = input->change_count, asked = SIZE_MAX;
    arena_init(&fitting.arena, 4096, 64 * 1024 * 1024);
    bool *out = arena_take_zeroed(&fitting.arena, count * sizeof *out),
         *were_out = arena_take_zeroed(&fitting.arena, count * sizeof *were_out);
    struct str *why = arena_take_zeroed(&fitting.arena, count * sizeof *why);
    bool fine = out && were_out && why;
    if (!fine) {
        arena_free(&fitting.arena);
        return false; /* as the load with all has left it */
    }
    fitting.left = (struct config_left){out, why};
    for (size_t i = 0; i < count; i++) out[i] = true;
    for (size_t i = 0; i < count; i++)
        if (input->change_asked == &input->changes[i]) asked = i;
    if (fits_now(&fitting)) { /* else it is the file that is wrong */
        fit_all(&fitting, were_out, asked);
        if (asked != SIZE_MAX) out[asked] = false;
    }
    fine = fits_now(&fitting);
    arena_free(&fitting.arena);
    return fine || config->snapshot;
}
