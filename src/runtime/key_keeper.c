/* key_keeper.c - see key_keeper.h. Takes the weir's `control` for each look, as a reload and an edit do. */
#include "runtime/key_keeper.h"

#include <signal.h>
#include <stdio.h>

#include "base/file.h"
#include "net/loop.h"
#include "observe/log.h"
#include "runtime/weir_internal.h"

enum { keeper_looks_every_s = 60, keeper_warns_days = 90, keeper_day_s = 86400 };

static struct log_writer *keeper_log(const struct weir *weir) {
    return weir->reports.log ? log_shared(weir->reports.log) : NULL;
}

static bool keeper_path(const struct weir *weir, char path[overlay_path_max]) {
    struct str folder = library_folder(weir->overlay_path);
    int len = snprintf(path, overlay_path_max, "%.*s/vault.uses", STR_ARG(folder));
    return len > 0 && len < overlay_path_max - 8;
}

/* Of a folder that may be another process's as well nothing is written. */
void key_keeper_write(struct weir *weir) {
    char path[overlay_path_max];
    struct arena arena;
    struct error error = {.code = error_none};
    if (!weir->vault || !weir->deployment) return;
    key_uses_gather(&weir->key_uses, weir->deployment->snapshot);
    arena_init(&arena, 8 * 1024, 16 * 1024 * 1024);
    struct text text = text_in_arena(&arena, 4096);
    if (weir->host.keeps_marks && key_uses_save(&weir->key_uses, &text) && keeper_path(weir, path) &&
        !file_replace(path, text_str(&text), &error))
        log_warn(keeper_log(weir), clock_read(), "credential_uses_not_saved", f_text("why", error.message));
    arena_free(&arena);
}

static void keeper_warn(struct weir *weir, int64_t now_s) {
    for (size_t i = 0; i < vault_count(weir->vault); i++) {
        const struct vault_record *record = vault_at(weir->vault, i);
        int64_t days = (now_s - record->rotated_s) / keeper_day_s;
        int64_t most = record->rotate_after_days ? record->rotate_after_days : keeper_warns_days;
        if (!record->sealed_count || record->flags & vault_flag_next || days < most) continue;
        alerts_credential_old(weir->alerts, record->id, days, most);
        if (!key_uses_warn(&weir->key_uses, record->id, now_s)) continue;
        log_warn(keeper_log(weir), clock_read(), "credential_old", f_str("credential", record->id),
                 f_str("provider", record->provider), f_int("age_days", days), f_int("rotate_after_days", most),
                 f_text("said", "give the provider's next key: weir key rotate"));
    }
}

/* Is it the time of one that another waits for? */
static bool keeper_is_due(const struct weir *weir, int64_t now_s) {
    bool due = false;
    for (size_t i = 0; i < vault_count(weir->vault) && !due && weir->host.keeps_marks; i++)
        due = library_key_is_due(vault_at(weir->vault, i), now_s) &&
              vault_next(weir->vault, vault_at(weir->vault, i)->id);
    return due;
}

/* Under `control`. When to look again, in seconds. */
static int64_t keeper_look(struct weir *weir) {
    struct error error = {.code = error_none};
    int64_t now_s = library_now_s();
    key_keeper_write(weir);
    if (!weir->vault) return keeper_looks_every_s;
    if ((vault_expires_s(weir->vault) <= now_s || keeper_is_due(weir, now_s)) && !library_keys_expire(weir, &error))
        log_error(keeper_log(weir), clock_read(), "credential_not_ended", f_text("why", error.message));
    keeper_warn(weir, now_s);
    int64_t left_s = vault_expires_s(weir->vault) - now_s;
    return left_s <= 0                     ? 5
           : left_s < keeper_looks_every_s ? left_s
                                           : keeper_looks_every_s; /* what failed: soon again */
}

static void keeper_wait(struct key_keeper *keeper, int64_t wait_s) {
    uint64_t deadline_ns = clock_read().mono_ns + (uint64_t)wait_s * NS_PER_S;
    struct timespec until = {.tv_sec = (time_t)(deadline_ns / NS_PER_S), .tv_nsec = (long)(deadline_ns % NS_PER_S)};
    int waited = 0;
    while (!keeper->ends && !keeper->woken && waited == 0)
        waited = pthread_cond_timedwait(&keeper->changed, &keeper->mutex, &until);
    keeper->woken = false;
}

static void *keeper_run(void *context) {
    struct key_keeper *keeper = context;
    pthread_mutex_lock(&keeper->mutex);
    while (!keeper->ends) {
        pthread_mutex_unlock(&keeper->mutex);
        pthread_mutex_lock(&keeper->weir->control);
        int64_t wait_s = keeper_look(keeper->weir);
        pthread_mutex_unlock(&keeper->weir->control);
        pthread_mutex_lock(&keeper->mutex);
        keeper_wait(keeper, wait_s);
    }
    pthread_mutex_unlock(&keeper->mutex);
    return NULL;
}

void key_keeper_make(struct key_keeper *keeper, struct weir *weir) {
    pthread_condattr_t attributes;
    *keeper = (struct key_keeper){.weir = weir, .made = true};
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&keeper->mutex, NULL);
    pthread_cond_init(&keeper->changed, &attributes);
    pthread_condattr_destroy(&attributes);
}

static void keeper_uses_read(struct weir *weir) {
    char path[overlay_path_max];
    struct str text = STR_NONE;
    struct error error = {.code = error_none};
    if (!weir->host.keeps_marks || !keeper_path(weir, path)) return;
    if (overlay_read(path, &text, &error) && key_uses_read(&weir->key_uses, text))
        log_warn(keeper_log(weir), clock_read(), "credential_uses_damaged", f_text("path", path));
    overlay_text_free(text);
}

void key_keeper_wake(struct key_keeper *keeper) {
    if (!keeper->made || !keeper->weir->vault) return;
    pthread_mutex_lock(&keeper->mutex);
    if (!keeper->running && !keeper->ends) {
        sigset_t all, before;
        keeper_uses_read(keeper->weir);
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, &before);
        keeper->running = pthread_create(&keeper->thread, NULL, keeper_run, keeper) == 0;
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    keeper->woken = true;
    pthread_cond_signal(&keeper->changed);
    pthread_mutex_unlock(&keeper->mutex);
}

void key_keeper_end(struct key_keeper *keeper) {
    if (!keeper->made) return;
    pthread_mutex_lock(&keeper->mutex);
    keeper->ends = true;
    bool running = keeper->running;
    pthread_cond_signal(&keeper->changed);
    pthread_mutex_unlock(&keeper->mutex);
    if (running) pthread_join(keeper->thread, NULL);
    keeper->made = false;
    pthread_mutex_destroy(&keeper->mutex);
    pthread_cond_destroy(&keeper->changed);
}
