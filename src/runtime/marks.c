/* marks.c - see marks.h. */
#include "runtime/marks.h"

#include <stdio.h>
#include <unistd.h>

#include "base/text.h"
#include "config/config_overlay.h"
#include "runtime/overlay.h"
#include "store/response_db.h"

static const struct str first_line = STR("weir marks 1");

static bool marks_path_of(struct str state_dir, const char *name, char path[overlay_path_max]) {
    int len = snprintf(path, overlay_path_max, "%.*s/%s", STR_ARG(state_dir), name);
    return len > 0 && len < overlay_path_max - 8;
}

static void closed(struct marks *marks, const char *path, const char *why) {
    struct text text = TEXT_IN_STRING(marks->problem);
    text_printf(&text,
                "%s: %s: taken as if clients and providers had been there; mend it, or delete it if there were none",
                path, why);
    marks->problem[text.failed ? 0 : text.len] = 0;
    if (text.failed)
        str_copy(marks->problem, sizeof marks->problem, STR("the marks of the state folder cannot be read"));
    marks->had_clients = marks->served_providers = true;
}

/* A folder of a version that wrote no marks. */
static void marks_derive(struct str state_dir, struct str overlay, struct marks *marks) {
    char path[overlay_path_max], problem[160] = "";
    struct arena arena;
    arena_init(&arena, 4096, 64 * 1024 * 1024);
    marks->served_providers = overlay.len && config_overlay_names_providers(overlay, &arena);
    arena_wipe(&arena);
    arena_free(&arena);
    bool any = false, of_clients = false;
    if (!marks_path_of(state_dir, "responses.db", path) || access(path, F_OK) != 0) return;
    if (!response_db_peek(path, &any, &of_clients, problem, sizeof problem)) {
        closed(marks, path, problem);
        return;
    }
    marks->served_providers = marks->served_providers || any;
    marks->had_clients = of_clients;
}

void marks_read(struct str state_dir, struct str overlay, struct marks *marks) {
    char path[overlay_path_max];
    struct error error = {.code = error_none};
    struct str text = STR_NONE, line;
    *marks = (struct marks){.written = false};
    if (!marks_path_of(state_dir, "marks", path)) return; /* then nothing stands in it */
    if (!overlay_read(path, &text, &error)) {
        closed(marks, path, "it cannot be read");
        return;
    }
    if (!text.at) {
        marks_derive(state_dir, overlay, marks);
        return;
    }
    struct str rest = text;
    if (!str_split_next(&rest, '\n', &line) || !str_eq(line, first_line)) closed(marks, path, "it is damaged");
    while (!marks->problem[0] && str_split_next(&rest, '\n', &line)) {
        marks->had_clients = marks->had_clients || str_eq(line, STR("had_clients"));
        marks->served_providers = marks->served_providers || str_eq(line, STR("served_providers"));
    }
    marks->written = !marks->problem[0];
    overlay_text_free(text);
}

bool marks_write(struct str state_dir, const struct marks *marks, struct error *error) {
    char path[overlay_path_max], content[128];
    struct text text = text_in_buffer(content, sizeof content);
    if (!marks_path_of(state_dir, "marks", path))
        return error_set(error, error_storage_failed, "the name of the state folder is too long");
    text_put(&text, first_line);
    text_put_byte(&text, '\n');
    if (marks->had_clients) text_put(&text, STR("had_clients\n"));
    if (marks->served_providers) text_put(&text, STR("served_providers\n"));
    return overlay_write(path, text_str(&text), error);
}
