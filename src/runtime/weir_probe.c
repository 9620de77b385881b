/* weir_probe.c - weir_provider_probe: asks the prober, which is the first worker's, and waits for it. */
#include "base/memory.h"
#include "net/loop.h"
#include "runtime/weir_internal.h"

struct asking {
    struct weir *weir;
    struct str name, entry;
    struct probe_result result;
    bool unknown;
    struct latch latch;
};

static void asking_done(void *context, const struct probe_result *result) {
    struct asking *asking = context;
    asking->result = *result;
    latch_down(&asking->latch);
}

static void asking_run(void *context) {
    struct asking *asking = context;
    if (prober_probe(&asking->weir->prober, asking->name, asking->entry, asking_done, asking)) return;
    asking->unknown = true;
    latch_down(&asking->latch);
}

static char *asking_told(const struct asking *asking) {
    char buffer[512];
    struct text text = text_in_buffer(buffer, sizeof buffer);
    text_put_byte(&text, '{');
    text_json_str(&text, STR("provider"), asking->name);
    if (asking->entry.len) text_json_str(&text, STR("credential"), asking->entry);
    text_json_bool(&text, STR("good"), asking->result.good);
    text_json_i64(&text, STR("status"), asking->result.status);
    text_json_u64(&text, STR("took_us"), asking->result.took_ns / NS_PER_US);
    if (asking->result.said[0]) text_json_str(&text, STR("said"), str_from(asking->result.said));
    text_put_byte(&text, '}');
    char *copy = text.failed ? NULL : memory_take(text.len + 1);
    if (copy) str_copy(copy, text.len + 1, text_str(&text));
    return copy;
}

static char *asked(struct asking *asking, enum error_code unknown, struct weir_error *error) {
    char *told = NULL;
    latch_init(&asking->latch, 1);
    if (loop_post(asking->weir->prober.worker->loop, asking_run, asking)) {
        latch_wait(&asking->latch);
        told = asking->unknown ? NULL : asking_told(asking);
        if (!told) library_error_set(error, asking->unknown ? unknown : error_out_of_memory, STR_NONE);
    } else {
        library_error_set(error, error_shutting_down, STR_NONE);
    }
    latch_free(&asking->latch);
    return told;
}

char *weir_provider_probe(struct weir *weir, const char *name, struct weir_error *error) {
    struct asking asking = {.weir = weir, .name = str_from(name)};
    return asked(&asking, error_unknown_provider, error);
}

char *weir_key_validate(struct weir *weir, const char *name, struct weir_error *error) {
    struct str entry = str_from(name);
    struct asking asking = {.weir = weir, .name = str_slice(entry, 0, str_find_byte(entry, '/')), .entry = entry};
    return asked(&asking, error_unknown_credential, error);
}
