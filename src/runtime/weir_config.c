/* weir_config.c - a configuration from where it stands: the file, a text or the environment, with the run-time overlay
 * over it. Blocks; control threads only. Texts are wiped after use: they may hold credentials. */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "net/tls.h"
#include "runtime/weir_internal.h"

enum { config_bytes_max = 64 * 1024 * 1024, referenced_bytes_max = 4 * 1024 * 1024 };

/* -- files -- */

/* The configuration itself may come from a pipe, `generate | weir check -c /dev/stdin`, which can be read once: who has
 * read it already is not made to wait for more. */
static int library_config_open(const char *path, bool *piped, const char **problem) {
    struct stat facts;
    *piped = stat(path, &facts) == 0 && S_ISFIFO(facts.st_mode);
    if (!*piped) return file_open(path, 0, problem);
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor >= 0 && fcntl(descriptor, F_SETFL, 0) == 0) return descriptor;
    *problem = strerror(errno);
    if (descriptor >= 0) close(descriptor);
    return -1;
}

/* All of it; closes the descriptor, -1 is none. NULL: *problem is why. */
static char *library_config_file_read(int descriptor, size_t most, size_t *len, const char **problem) {
    if (descriptor < 0) return NULL;
    char *content = memory_take(most + 1);
    *len = 0;
    ssize_t got = 1;
    while (content && *len < most && (got = read(descriptor, content + *len, most - *len)) > 0) *len += (size_t)got;
    int number = errno;
    close(descriptor);
    if (content && got == 0) {
        content[*len] = 0;
        return content;
    }
    *problem = !content ? "out of memory" : got < 0 ? strerror(number) : "the file is too large";
    memory_give(content);
    return NULL;
}

static const char *library_config_environment_of(void *context, const char *name) {
    const struct config_source *source = context;
    return source->host->environment(source->host->context, name);
}

static bool keep(const struct config_source *source, struct str path, struct str text, struct error *error) {
    return !source->keep || in_force_find(source->keep, path) || in_force_keep(source->keep, path, text) ||
           error_set(error, error_out_of_memory, "no memory for %.*s", STR_ARG(path));
}

/* file:PATH in a configuration. */
static bool referenced_read(void *context, struct str path, struct arena *arena, struct str *content,
                            struct error *error) {
    const struct config_source *source = context;
    const struct in_force_text *known = source->texts ? in_force_find(source->texts, path) : NULL;
    if (known) {
        *content = arena_copy(arena, known->text);
        return content->at != NULL || error_set(error, error_out_of_memory, "no memory for %.*s", STR_ARG(path));
    }
    char terminated[1024];
    const char *problem = "";
    size_t len = 0;
    str_copy(terminated, sizeof terminated, path);
    char *bytes = library_config_file_read(file_open(terminated, 0, &problem), referenced_bytes_max, &len, &problem);
    if (!bytes) return error_set(error, error_bad_configuration, "cannot read %s: %s", terminated, problem);
    *content = arena_copy(arena, str_make(bytes, len));
    bool kept = keep(source, path, str_make(bytes, len), error);
    memory_wipe(bytes, len);
    memory_give(bytes);
    if (!content->at) error_set(error, error_out_of_memory, "no memory for %s", terminated);
    return kept && content->at;
}

/* Files of `include`. Where a change is made to what is in force, those that were read then. */
static size_t files_find(void *context, struct str pattern, void (*found)(void *user, struct str path), void *user) {
    const struct config_source *source = context;
    char terminated[1024];
    size_t count = 0;
    glob_t files;
    str_copy(terminated, sizeof terminated, pattern);
    for (const struct in_force_text *text = source->texts ? source->texts->first : NULL; text; text = text->next) {
        char path[1024];
        str_copy(path, sizeof path, text->path);
        if (fnmatch(terminated, path, FNM_PATHNAME | FNM_PERIOD) == 0) count++, found(user, text->path);
    }
    if (source->texts || glob(terminated, 0, NULL, &files) != 0) return count;
    for (; count < files.gl_pathc; count++) found(user, str_from(files.gl_pathv[count]));
    globfree(&files);
    return count;
}

/* -- TLS -- */

static bool ca_check(void *context_, struct str ca_file, struct error *error) {
    const struct config_source *source = context_;
    if (source->deployment && deployment_has_ca(source->deployment, ca_file)) return true;
    struct tls_context *context = tls_client_context(ca_file, false, tls_for_providers, error);
    tls_context_release(context);
    return context != NULL;
}

static bool certificate_check(void *context_, struct str cert_file, struct str key_file, struct error *error) {
    (void)context_;
    struct tls_context *context = tls_server_context(cert_file, key_file, error);
    tls_context_release(context);
    return context != NULL;
}

/* -- configuration -- */

static bool ledger_check(void *context, struct str url, struct error *error) {
    char terminated[ledger_place_max], problem[400] = "";
    (void)context;
    str_copy(terminated, sizeof terminated, url);
    bool good = ledger_url_check(terminated, problem, sizeof problem);
    memory_wipe(terminated, sizeof terminated);
    return good || error_set(error, error_bad_configuration, "`ledger`: %.220s", problem);
}

static void problems_write(const struct config_input *input, const struct config *config, char *problems, size_t size) {
    struct text text = text_in_buffer(problems, size ? size - 1 : 0);
    for (const struct config_problem *problem = config->problems; problem && !text.failed; problem = problem->next) {
        size_t before = text.len;
        if (before) text_put_byte(&text, '\n');
        config_problem_write(input, problem, &text);
        if (text.failed) text.len = before; /* whole lines only */
    }
    if (size) problems[text.len] = 0;
    if (text.len == 0 && config->problems) str_copy(problems, size, config->problems->message);
}

struct config_source library_source(struct weir *weir) {
    return (struct config_source){.path = weir->config_path,
                                  .text = weir->config_text,
                                  .host = &weir->host,
                                  .ids = &weir->ids,
                                  .cells = &weir->cells,
                                  .overlay_path = weir->overlay_path,
                                  .ledger_place = weir->ledger_place,
                                  .vault = &weir->vault};
}

/* Where the overlay is and what it says. false: *error. */
static bool overlay_find(const struct config_source *source, const struct config_input *input, struct str *text,
                         struct error *error) {
    *text = STR_NONE;
    if (!source->overlay_path[0]) {
        struct arena arena;
        arena_init(&arena, 1024, 64 * 1024);
        struct str state_dir = config_state_dir(input, &arena);
        bool named = state_dir.len && overlay_path(state_dir, source->overlay_path);
        if (named && source->ledger_place)
            ledger_place_of(state_dir, config_ledger(input, &arena), source->ledger_place);
        arena_wipe(&arena);
        arena_free(&arena);
        if (!named) return true; /* the configuration is not valid: its load says why */
    }
    return overlay_read(source->overlay_path, text, error);
}

struct str library_folder(const char *overlay_path) {
    struct str path = str_from(overlay_path);
    return str_slice(path, 0, path.len - (sizeof "/runtime.yaml" - 1));
}

bool library_marks_keep(struct weir *weir, const struct config *config, struct error *error) {
    struct marks before, marks = {.had_clients = config->had_clients || config->snapshot->client_count > 0 ||
                                                 config->snapshot->issuer_count > 0,
                                  .served_providers = config->served_providers};
    if (!weir->host.keeps_marks) return true;
    for (size_t i = 0; i < config->snapshot->provider_count; i++)
        marks.served_providers = marks.served_providers || !config->snapshot->providers[i].simulated;
    marks_read(library_folder(weir->overlay_path), STR_NONE, &before);
    bool same =
        before.written && before.had_clients == marks.had_clients && before.served_providers == marks.served_providers;
    /* One that cannot be read is for a person to mend: it says yes to everything as it is. */
    return same || before.problem[0] || marks_write(library_folder(weir->overlay_path), &marks, error);
}

/* The catalogue that was taken at run time, beside the overlay. *bytes: to be given back. false: it cannot be read. */
static bool catalog_find(const struct config_source *source, struct arena *arena, struct config_input *input,
                         char **bytes, struct error *error) {
    struct str path = source->overlay_path[0]
                          ? arena_printf(arena, "%.*s/catalog.jsonl", STR_ARG(library_folder(source->overlay_path)))
                          : STR_NONE;
    const struct in_force_text *known = source->texts && path.at ? in_force_find(source->texts, path) : NULL;
    const char *problem = "";
    size_t len = 0;
    *bytes = NULL;
    input->catalog_asked = source->catalog_text.at != NULL;
    input->catalog_path = input->catalog_asked ? source->catalog_path : path;
    input->catalog_text = input->catalog_asked ? source->catalog_text : known ? known->text : STR_NONE;
    if (input->catalog_text.at || source->texts || !path.at || access(path.at, F_OK) != 0) return true;
    *bytes = library_config_file_read(file_open(path.at, 0, &problem), referenced_bytes_max, &len, &problem);
    if (!*bytes)
        return error_set(error, error_bad_configuration,
                         "%s cannot be read: %s. `weir catalog reset` drops it, and the built-in catalogue is used",
                         path.at, problem);
    input->catalog_text = str_make(*bytes, len);
    return keep(source, path, input->catalog_text, error);
}

/* Those that cannot be read there may be: so a key is wanted of everybody. */
static bool clients_find(struct config_source *source, struct config_input *input, struct error *error) {
    if (library_clients_loading(source, &input->run_time_clients, error)) return true;
    if (!source->clients_unread) return false;
    library_clients_loading_end(source);
    input->run_time_clients = *source->clients_unread = true;
    return true;
}

static bool load(struct config_source *source, struct config_input *input, struct config *config, char *problems,
                 size_t problems_size) {
    struct error error = {.code = error_none};
    struct str read = STR_NONE;
    if (!source->overlay_text.at && !overlay_find(source, input, &read, &error)) {
        str_copy(problems, problems_size, str_from(error.message));
        return false;
    }
    struct marks marks = {.written = false};
    if (source->overlay_path[0]) marks_read(library_folder(source->overlay_path), read, &marks);
    input->had_clients = marks.had_clients;
    input->served_providers = marks.served_providers;
    input->marks_problem = str_from(marks.problem);
    input->overlay_path = str_from(source->overlay_path);
    input->overlay_text = source->overlay_text.at ? source->overlay_text : read;
    struct arena arena;
    char *bytes = NULL;
    arena_init(&arena, 2048, (size_t)config_changes_max * (config_change_settings_max + 1024));
    library_entries_loading(source, &arena, input);
    bool loaded = catalog_find(source, &arena, input, &bytes, &error) && clients_find(source, input, &error);
    if (loaded) {
        loaded = config_load(input, config);
        problems_write(input, config, problems, problems_size);
    } else {
        str_copy(problems, problems_size, str_from(error.message));
    }
    library_clients_loading_end(source);
    memory_give(bytes);
    arena_free(&arena);
    overlay_text_free(read);
    return loaded;
}

/* The configuration's own text. false: it cannot be read, or kept, which *problem says. */
static bool text_find(const struct config_source *source, struct str *text, char **read, const char **problem) {
    struct error error;
    struct str path = str_from(source->path);
    const struct in_force_text *known = source->path && source->texts ? in_force_find(source->texts, path) : NULL;
    size_t len = 0;
    *read = NULL;
    *text = known ? known->text : source->text ? str_from(source->text) : STR_NONE;
    if (!source->path || known) return true;
    bool piped;
    int descriptor = library_config_open(source->path, &piped, problem);
    if (!(*read = library_config_file_read(descriptor, config_bytes_max, &len, problem))) return false;
    *text = str_make(*read, len);
    *problem = "it is a pipe, and empty: what is read more than once, as `serve` does, must be a file";
    if (piped && !len) return false;
    *problem = "out of memory";
    return keep(source, path, *text, &error);
}

bool library_config_load(const struct config_source *asked, struct config *config, char *problems,
                         size_t problems_size) {
    struct vault_loading loading = {.tried = false};
    struct config_source with_loading = *asked, *source = &with_loading;
    const char *problem = "", *path = source->path;
    struct str text;
    char *read;
    memset(config, 0, sizeof *config);
    config->error_count = 1; /* until a load says otherwise */
    source->loading = &loading;
    bool loaded = text_find(source, &text, &read, &problem);
    if (loaded) {
        bool edits = source->texts != NULL; /* listeners stay as they are */
        struct config_input input = {.path = path           ? str_from(path)
                                             : source->text ? STR("text")
                                                            : STR(""),
                                     .text = text,
                                     .environment = library_config_environment_of,
                                     .read_file = referenced_read,
                                     .find_files = files_find,
                                     .vault_open = library_vault_asked,
                                     .client_change = library_client_changed,
                                     .context = source,
                                     .ca_check = ca_check,
                                     .certificate_check = source->host->serves && !edits ? certificate_check : NULL,
                                     .alert_kind = alert_kind_fits,
                                     .ledger_check = ledger_check,
                                     .ids = source->ids,
                                     .cells = source->cells,
                                     .simulated_base_url = source->host->simulated_base_url,
                                     .admin_key_hash = source->host->admin_key_hash};
        loaded = load(source, &input, config, problems, problems_size);
    } else {
        snprintf(problems, problems_size, "%s: cannot be read: %s", path, problem);
    }
    library_vault_loading_end(&loading, source);
    if (read) memory_wipe(read, text.len);
    memory_give(read);
    return loaded;
}

bool library_config_check(const char *path, const char *text, const struct weir_host *host, struct config *config,
                          char *problems, size_t problems_size) {
    struct config_ids ids = {NULL, 0, 0};
    char overlay[overlay_path_max] = "", ledger[ledger_place_max] = "";
    bool unread = false;
    struct config_source source = {.path = path,
                                   .text = text,
                                   .host = host,
                                   .ids = &ids,
                                   .overlay_path = overlay,
                                   .ledger_place = ledger,
                                   .clients_unread = &unread};
    bool loaded = library_config_load(&source, config, problems, problems_size);
    if (loaded && unread && config->process.ledger_refuses) { /* then it is one, in the words of a load */
        source.clients_unread = NULL;
        config_free(config);
        loaded = library_config_load(&source, config, problems, problems_size);
    }
    memory_wipe(ledger, sizeof ledger);
    config_ids_free(&ids);
    return loaded;
}

bool library_config_where(const char *path, struct arena *arena, struct config_where *where, struct str *problem) {
    const struct config_source source = {.path = path, .host = &weir_host_default};
    const char *why = "";
    char *read;
    struct str text;
    if (!text_find(&source, &text, &read, &why)) {
        *problem = arena_printf(arena, "%s: cannot be read: %s", path, why);
        return false;
    }
    const struct config_input input = {.path = path ? str_from(path) : STR(""),
                                       .text = text,
                                       .environment = library_config_environment_of,
                                       .read_file = referenced_read,
                                       .find_files = files_find,
                                       .context = (void *)(uintptr_t)&source};
    *problem = STR("out of memory");
    bool found = config_where_find(&input, arena, where, problem);
    if (read) memory_wipe(read, text.len);
    memory_give(read);
    return found;
}

/* -- the file and what is in force -- */

/* Does it say on the disk what it said? */
static bool stands_as_read(const struct in_force_text *known) {
    char path[overlay_path_max];
    const char *problem = "";
    size_t len = 0;
    str_copy(path, sizeof path, known->path);
    char *bytes = library_config_file_read(file_open(path, 0, &problem), known->text.len + 1, &len, &problem);
    bool same = bytes && str_eq(str_make(bytes, len), known->text);
    if (bytes) memory_wipe(bytes, len);
    memory_give(bytes);
    return same;
}

void library_file_look(struct weir *weir) {
    char said[sizeof weir->file_said] = "", problems[640] = "";
    const struct in_force_text *known = weir->texts.first;
    while (known && stands_as_read(known)) known = known->next;
    if (known) {
        struct config config;
        struct config_ids ids = {NULL, 0, 0};
        struct config_source source = library_source(weir);
        source.ids = &ids;
        source.cells = NULL;
        bool good = library_config_load(&source, &config, problems, sizeof problems) && !config.protects_count;
        config_free(&config);
        config_ids_free(&ids);
        struct text text = TEXT_IN_STRING(said);
        text_printf(&text, "%.*s has changed and is not in force: ", STR_ARG(str_slice(known->path, 0, 255)));
        text_printf(&text, "%s", good ? "reload to take it" : "mend it and reload: ");
        if (!good) text_printf(&text, "%s", problems);
        said[text.len] = 0;
    }
    pthread_mutex_lock(&weir->mutex);
    memcpy(weir->file_said, said, sizeof said);
    pthread_mutex_unlock(&weir->mutex);
}
