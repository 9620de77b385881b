/* weir_audit.c - what the library writes into the audit (store/audit.h): a row before each change, so that none is made
 * that nobody can find. Each row goes through a connection of its own: a ledger that was mended, moved away or brought
 * back is found as it is now. Blocks on the disk. */
#include <stdio.h>

#include "base/memory.h"
#include "observe/log.h"
#include "runtime/weir_internal.h"

static struct log_writer *audit_log(const struct weir *weir) {
    return weir->reports.log ? log_shared(weir->reports.log) : NULL;
}

/* `path`: where the ledger lies. */
static bool audit_put(const char *path, const struct audit_entry *entry, struct audit_head *head, char *problem,
                      size_t size) {
    struct audit_entry timed = *entry;
    struct ledger *ledger = ledger_open(path, problem, size);
    timed.time_ms = clock_read().wall_ns / (int64_t)NS_PER_MS;
    bool good = ledger && audit_add(ledger, &timed, head, problem, size);
    ledger_close(ledger);
    return good;
}

static void audit_notice_put(struct weir *weir, const struct audit_entry *entry) {
    char members[2 * notice_bytes_max];
    struct text text = text_in_buffer(members, sizeof members);
    text_json_str(&text, STR("action"), audit_facts(entry->action)->word);
    text_json_str(&text, STR("outcome"), entry->failed ? STR("failed") : STR("ok"));
    text_json_str(&text, STR("subject"), str_slice(entry->subject, 0, 200));
    text_json_str(&text, STR("detail"), str_slice(entry->detail, 0, 200));
    text_json_str(&text, STR("actor"), entry->who.actor);
    text_json_str(&text, STR("address"), entry->who.address);
    text_json_str(&text, STR("request_id"), entry->who.request_id);
    notices_put(weir->notices, notice_change, clock_read().wall_ns / (int64_t)NS_PER_MS, text_str(&text));
}

static bool audit_note(struct weir *weir, const struct audit_entry *entry, char *problem, size_t size) {
    char shown[400];
    struct audit_head head;
    char hex[2 * sizeof head.hash];
    const struct str action = audit_facts(entry->action)->word;
    const struct str outcome = entry->failed ? STR("failed") : STR("ok");
    if (audit_put(weir->ledger_place, entry, &head, problem, size)) {
        hash_to_hex(head.hash.bytes, sizeof head.hash.bytes, hex);
        log_info(audit_log(weir), clock_read(), "audited", f_int("seq", head.seq), f_str("action", action),
                 f_str("outcome", outcome), f_str("head", str_make(hex, sizeof hex)));
        return true;
    }
    ledger_place_shown(weir->ledger_place, shown, sizeof shown);
    log_error(audit_log(weir), clock_read(), "audit_failed", f_str("action", action), f_str("outcome", outcome),
              f_str("actor", entry->who.actor), f_str("address", entry->who.address), f_str("subject", entry->subject),
              f_str("detail", entry->detail), f_str("request_id", entry->who.request_id), f_text("path", shown),
              f_text("why", problem),
              f_text("mend", ledger_is_file(weir->ledger_place)
                                 ? "free the disk, or mend the file or its rights: this line is all that there is of it"
                                 : "mend the server, or the way to it: this line is all that there is of it"));
    return false;
}

/* What ends a gateway must be possible on a full disk too. */
static bool audit_goes_on(const struct weir *weir, enum audit_action action) {
    return action == audit_gateway_drain || !atomic_load(&weir->ledger_refuses);
}

bool library_audit(struct weir *weir, const struct audit_entry *entry, struct error *error) {
    char problem[300] = "";
    bool noted = !weir->overlay_path[0] || audit_note(weir, entry, problem, sizeof problem);
    bool goes_on = noted || audit_goes_on(weir, entry->action);
    if (goes_on) audit_notice_put(weir, entry);
    return goes_on ||
           error_set(error, error_storage_failed,
                     "Nothing was changed, as it could not be recorded in the audit: %.120s. Free the disk, or mend "
                     "the ledger or its rights.",
                     problem);
}

void library_audit_failed(struct weir *weir, const struct audit_entry *entry) {
    char problem[300] = "";
    struct audit_entry failed = *entry;
    failed.failed = true;
    audit_notice_put(weir, &failed);
    if (weir->overlay_path[0]) (void)audit_note(weir, &failed, problem, sizeof problem);
}

bool library_audit_alone(const char *ledger_place, const struct audit_entry *entry, struct error *error) {
    char problem[300] = "";
    struct audit_head head;
    return audit_put(ledger_place, entry, &head, problem, sizeof problem) ||
           error_set(error, error_storage_failed,
                     "nothing was changed, as it could not be recorded in the audit: %.200s", problem);
}

/* -- what is said of a configuration -- */

/* Of the texts that it was made of: the first one's path and hash, as `sha256sum` says it, and one of the others
 * together. */
void library_audit_texts(const struct in_force *texts, struct text *text) {
    char hex[2 * sizeof(struct sha256)];
    struct sha256 hashes[2], together = {{0}};
    size_t count = 0;
    for (const struct in_force_text *one = texts->first; one; one = one->next, count++) {
        hashes[0] = together;
        hashes[1] = hash_sha256(one->text);
        if (count) together = hash_sha256(str_make((const char *)hashes, sizeof hashes));
        if (count) continue;
        hash_to_hex(hashes[1].bytes, sizeof hashes[1].bytes, hex);
        text_printf(text, "%.*s sha256 %.*s", STR_ARG(str_slice(one->path, 0, 200)), (int)sizeof hex, hex);
    }
    if (!count) text_put(text, STR("the environment alone"));
    if (count < 2) return;
    hash_to_hex(together.bytes, sizeof together.bytes, hex);
    text_printf(text, ", %zu more %.*s", count - 1, (int)sizeof hex, hex);
}

bool library_audit_start(struct weir *weir, struct error *error) {
    char said[audit_word_most];
    static const struct sha256 none;
    if (!weir->host.keeps_marks) return true;
    struct text text = text_in_buffer(said, sizeof said);
    library_audit_texts(&weir->texts, &text);
    if (!hash_equal(&weir->host.admin_key_hash, &none)) { /* so much of a hash's hash tells one key from another */
        char hex[16];
        struct sha256 twice =
            hash_sha256(str_make((const char *)weir->host.admin_key_hash.bytes, sizeof weir->host.admin_key_hash));
        hash_to_hex(twice.bytes, sizeof hex / 2, hex);
        text_printf(&text, ", admin key %.*s", (int)sizeof hex, hex);
    }
    const struct audit_entry entry = {.action = audit_gateway_start,
                                      .who = weir->host.who,
                                      .subject = str_from(weir_version()),
                                      .detail = text_str(&text)};
    return library_audit(weir, &entry, error);
}
