/* vault.c - see vault.h. libsodium does all of it; what is written is vault_file's matter. Must never: leave a key or a
 * secret on the stack, or answer one before its seal was found whole. */
#include "store/vault.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/secret.h"

enum {
    vault_path_max = 1100,
    vault_passes = 3,             /* of Argon2id: what libsodium calls moderate, in less memory */
    vault_memory_kib = 64 * 1024, /* a gateway in a small container has that much */
    vault_passes_max = 16,        /* of a file: more would only make us wait */
    vault_memory_kib_max = 1 << 20,
    vault_passphrase_min = 8,
    vault_bound_max = 64 + vault_id_max + vault_name_max + vault_origin_max,
};

_Static_assert(vault_key_bytes == crypto_aead_xchacha20poly1305_ietf_KEYBYTES &&
                   vault_nonce_bytes == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES &&
                   vault_tag_bytes == crypto_aead_xchacha20poly1305_ietf_ABYTES &&
                   vault_salt_bytes == crypto_pwhash_SALTBYTES,
               "XChaCha20-Poly1305 and Argon2id");

enum vault_by { by_nothing, by_file, by_variable, by_passphrase };

struct vault {
    char folder[vault_path_max - 40];
    struct arena arena; /* no secrets: what is sealed, and names */
    struct vault_content content;
    size_t room;           /* of content.records */
    struct str original;   /* the file as it was read; {NULL,0}: there is none */
    unsigned char *master; /* of vault_key_bytes, in memory for secrets; NULL: locked */
    enum vault_by by;
    bool fresh_file;  /* the key is not in master.key yet */
    bool leaves_file; /* the key was in master.key, and is not from the next save on */
};

static void vault_path(const struct vault *vault, const char *name, char path[vault_path_max]) {
    snprintf(path, vault_path_max, "%s/%s", vault->folder, name);
}

/* -- opening -- */

static bool vault_bytes_read(struct vault *vault, const char *path, struct error *error) {
    const char *problem = "";
    struct stat facts;
    int descriptor = file_open(path, O_NOFOLLOW, &problem);
    if (descriptor < 0 && errno == ENOENT) return true;
    if (descriptor < 0)
        return error_set(error, error_storage_failed, "%s cannot be read: %s: mend its rights", path, problem);
    size_t size = fstat(descriptor, &facts) == 0 && facts.st_size > 0 ? (size_t)facts.st_size : 0, len = 0;
    char *bytes = size <= vault_bytes_max ? arena_take(&vault->arena, size + 1) : NULL;
    ssize_t got = 1;
    while (bytes && len < size && (got = read(descriptor, bytes + len, size - len)) > 0) len += (size_t)got;
    int number = errno;
    close(descriptor);
    if (!bytes || got < 0)
        return error_set(error, error_storage_failed, "%s cannot be read: %s", path,
                         !bytes ? "it is too large, or there is no memory" : strerror(number));
    vault->original = str_make(bytes, len);
    if (vault_file_read(vault->original, &vault->arena, &vault->content, &problem)) return true;
    return error_set(error, error_storage_failed,
                     "%s cannot be read: %s. Put it back from a backup; without one move it away and give the keys "
                     "again (weir key set)",
                     path, problem);
}

struct vault *vault_open(struct str state_dir, struct error *error) {
    char path[vault_path_max];
    struct vault *vault = memory_take_zeroed(sizeof *vault);
    if (!vault || state_dir.len >= sizeof vault->folder) {
        error_set(error, error_storage_failed, vault ? "the name of the state folder is too long" : "no memory");
        memory_give(vault);
        return NULL;
    }
    str_copy(vault->folder, sizeof vault->folder, state_dir);
    arena_init(&vault->arena, 16 * 1024, 4 * (size_t)vault_bytes_max);
    vault_path(vault, "vault", path);
    if (vault_bytes_read(vault, path, error)) {
        vault->room = vault->content.count;
        return vault;
    }
    vault_free(vault);
    return NULL;
}

void vault_free(struct vault *vault) {
    if (!vault) return;
    secret_give(vault->master);
    arena_free(&vault->arena);
    memory_give(vault);
}

size_t vault_count(const struct vault *vault) { return vault->content.count; }

const struct vault_record *vault_at(const struct vault *vault, size_t place) {
    CHECKF(place < vault->content.count, "place=%zu of %zu", place, vault->content.count);
    return &vault->content.records[place];
}

static struct vault_record *vault_record_of(const struct vault *vault, struct str id) {
    for (size_t i = 0; i < vault->content.count; i++)
        if (str_eq(vault->content.records[i].id, id)) return &vault->content.records[i];
    return NULL;
}

const struct vault_record *vault_find(const struct vault *vault, struct str id) { return vault_record_of(vault, id); }

bool vault_is_damaged(const struct vault *vault, struct text *said) {
    if (!vault->content.damaged && !vault->content.torn) return false;
    text_printf(said, "%s/vault is damaged: ", vault->folder);
    if (!vault->content.damaged) {
        text_put(said, STR("all of its entries are whole, and the next change mends it"));
        return true;
    }
    for (size_t i = 0, told = 0; i < vault->content.count; i++) {
        const struct vault_record *record = &vault->content.records[i];
        if (record->sealed_count) continue;
        if (told++) text_put(said, STR(", "));
        if (told > 8) {
            text_put(said, STR("..."));
            break;
        }
        text_put_byte(said, '`');
        text_put(said, record->id);
        text_put_byte(said, '`');
    }
    text_put(said, STR(" cannot be opened, all others can: give them again (weir key set NAME), or put the file back "
                       "from a backup"));
    return true;
}

/* -- the master key -- */

/* What the tag in the header is bound to. */
static struct str vault_header_bound(const struct vault_header *header, char *buffer, size_t size) {
    struct text text = text_in_buffer(buffer, size);
    text_printf(&text, "weir vault 1|%d|%u|%u|", (int)header->kind, header->passes, header->memory_kib);
    text_put(&text, str_make((const char *)header->salt, sizeof header->salt));
    CHECK(!text.failed);
    return text_str(&text);
}

static const unsigned char *vault_bytes_of(struct str bytes) { return (const unsigned char *)bytes.at; }

static void vault_header_seal(struct vault_header *header, const unsigned char *master) {
    char buffer[128];
    struct str bound = vault_header_bound(header, buffer, sizeof buffer);
    random_bytes(header->nonce, sizeof header->nonce);
    crypto_aead_xchacha20poly1305_ietf_encrypt(header->tag, NULL, NULL, 0, vault_bytes_of(bound), bound.len, NULL,
                                               header->nonce, master);
}

static bool vault_key_fits(const struct vault *vault, const unsigned char *master) {
    char buffer[128];
    const struct vault_header *header = &vault->content.header;
    struct str bound = vault_header_bound(header, buffer, sizeof buffer);
    return crypto_aead_xchacha20poly1305_ietf_decrypt(NULL, NULL, NULL, header->tag, sizeof header->tag,
                                                      vault_bytes_of(bound), bound.len, header->nonce, master) == 0;
}

static bool vault_hex_read(struct str hex, unsigned char *master) {
    struct sha256 key;
    bool read = hash_from_hex(str_trim(hex), &key);
    _Static_assert(sizeof key.bytes == vault_key_bytes, "a key is as long as a hash");
    if (read) memcpy(master, key.bytes, sizeof key.bytes);
    memory_wipe(&key, sizeof key);
    return read;
}

static bool vault_variable_read(const char *variable, unsigned char *master, struct error *error) {
    return vault_hex_read(str_from(variable), master) ||
           error_set(error, error_bad_configuration,
                     "WEIR_MASTER_KEY is no master key: 64 hexadecimal digits, as `openssl rand -hex 32` makes them");
}

enum vault_file_key { file_key_read, file_key_absent, file_key_bad };

/* One that others could read, or write, is nobody's secret. */
static bool vault_key_file_is_ours(const char *path, const struct stat *facts, struct error *error) {
    if (facts->st_mode & 077)
        return error_set(error, error_storage_failed,
                         "%s can be read by other users, so that the vault is open to them: chmod 600 it; if any of "
                         "them may have read it, then `weir key rekey`, and new keys from the providers",
                         path);
    return facts->st_uid == geteuid() || facts->st_uid == 0 || geteuid() == 0 ||
           error_set(error, error_storage_failed, "%s belongs to another user: take it over with chown", path);
}

static enum vault_file_key vault_key_file_read(const struct vault *vault, const char *name, unsigned char *master,
                                               struct error *error) {
    char path[vault_path_max], hex[2 * vault_key_bytes + 8];
    const char *problem = "";
    struct stat facts;
    vault_path(vault, name, path);
    int descriptor = file_open(path, O_NOFOLLOW, &problem);
    if (descriptor < 0 && errno == ENOENT) return file_key_absent;
    ssize_t got = descriptor < 0 || fstat(descriptor, &facts) != 0 ? -1 : read(descriptor, hex, sizeof hex);
    if (descriptor >= 0 && got < 0) problem = strerror(errno);
    if (descriptor >= 0) close(descriptor);
    bool fine =
        got >= 0 || error_set(error, error_storage_failed, "%s cannot be read: %s: mend its rights", path, problem);
    fine = fine && vault_key_file_is_ours(path, &facts, error);
    if (fine && !vault_hex_read(str_make(hex, (size_t)got), master))
        fine = error_set(error, error_storage_failed,
                         "%s is damaged: it must hold 64 hexadecimal digits. Put it back from a backup", path);
    memory_wipe(hex, sizeof hex);
    return fine ? file_key_read : file_key_bad;
}

static bool vault_derive(const struct vault_header *header, const char *passphrase, unsigned char *master,
                         struct error *error) {
    size_t len = strlen(passphrase);
    if (header->passes == 0 || header->passes > vault_passes_max || header->memory_kib < 8 ||
        header->memory_kib > vault_memory_kib_max)
        return error_set(error, error_storage_failed, "the vault asks for more work than a passphrase may take");
    if (len < vault_passphrase_min)
        return error_set(error, error_bad_configuration, "the vault's passphrase is too short: at least %d characters",
                         vault_passphrase_min);
    return crypto_pwhash(master, vault_key_bytes, passphrase, len, header->salt, header->passes,
                         (size_t)header->memory_kib * 1024, crypto_pwhash_ALG_ARGON2ID13) == 0 ||
           error_set(error, error_out_of_memory, "no memory for the vault's passphrase: %u MiB are needed",
                     header->memory_kib / 1024);
}

/* The passphrase by variable or, on a terminal, by asking. */
static bool vault_passphrase_read(const struct vault *vault, const struct vault_header *header,
                                  const struct vault_sources *sources, unsigned char *master, struct error *error) {
    bool given = sources->passphrase && *sources->passphrase;
    if (given) return vault_derive(header, sources->passphrase, master, error);
    char *asked = sources->ask ? secret_take(1024) : NULL;
    bool fine = asked && sources->ask(sources->context, asked, 1024);
    if (fine)
        fine = vault_derive(header, asked, master, error);
    else
        error_set(error, error_bad_configuration,
                  "the vault in %s opens with a passphrase: set WEIR_MASTER_PASSPHRASE, or start on a terminal, where "
                  "it is asked for",
                  vault->folder);
    secret_give(asked);
    return fine;
}

static void vault_header_new(struct vault_header *header, enum vault_kind kind) {
    bool passphrase = kind == vault_by_passphrase;
    *header = (struct vault_header){
        .kind = kind, .passes = passphrase ? vault_passes : 0, .memory_kib = passphrase ? vault_memory_kib : 0};
    random_bytes(header->salt, sizeof header->salt);
}

/* Of a vault that holds nothing yet. */
static bool vault_key_choose(struct vault *vault, const struct vault_sources *sources, unsigned char *master,
                             struct error *error) {
    vault_header_new(&vault->content.header, vault_by_key);
    if (sources->key && *sources->key) {
        vault->by = by_variable;
        return vault_variable_read(sources->key, master, error);
    }
    if (sources->passphrase && *sources->passphrase) {
        vault_header_new(&vault->content.header, vault_by_passphrase);
        vault->by = by_passphrase;
        return vault_passphrase_read(vault, &vault->content.header, sources, master, error);
    }
    vault->by = by_file;
    enum vault_file_key read = vault_key_file_read(vault, "master.key", master, error);
    vault->fresh_file = read == file_key_absent;
    if (vault->fresh_file) random_bytes(master, vault_key_bytes);
    return read != file_key_bad;
}

/* master.key.new is of a change of keys that was cut short: after the vault was written, it is the one. */
static bool vault_key_from_files(struct vault *vault, unsigned char *master, bool *tried, struct error *error) {
    char path[vault_path_max], fresh[vault_path_max];
    vault_path(vault, "master.key", path);
    vault_path(vault, "master.key.new", fresh);
    enum vault_file_key read = vault_key_file_read(vault, "master.key", master, error);
    if (read == file_key_read && vault_key_fits(vault, master)) {
        (void)unlink(fresh);
        return true;
    }
    struct error other = {.code = error_none};
    if (vault_key_file_read(vault, "master.key.new", master, &other) == file_key_read &&
        vault_key_fits(vault, master)) {
        (void)rename(fresh, path);
        return true;
    }
    *tried = read == file_key_read;
    return false;
}

static bool vault_key_find(struct vault *vault, const struct vault_sources *sources, unsigned char *master,
                           struct error *error) {
    bool variable = sources->key && *sources->key, tried = false;
    if (vault->content.header.kind == vault_by_passphrase) {
        vault->by = by_passphrase;
        if (!vault_passphrase_read(vault, &vault->content.header, sources, master, error)) return false;
        return vault_key_fits(vault, master) ||
               error_set(error, error_bad_configuration,
                         "this is not the passphrase of the vault in %s. Nothing is lost: give "
                         "the one that it was made with",
                         vault->folder);
    }
    vault->by = by_variable;
    if (variable && !vault_variable_read(sources->key, master, error)) return false;
    if (variable && vault_key_fits(vault, master)) return true;
    vault->by = by_file;
    if (vault_key_from_files(vault, master, &tried, error)) return true;
    if (error->code) return false;
    return error_set(
        error, error_bad_configuration,
        tried || variable
            ? "%s of %s is not the master key that the vault there was made with. Nothing is lost: put the "
              "right one back from your backup"
            : "%s of %s is missing, and its vault cannot be opened without it. Put it back from your "
              "backup, or set WEIR_MASTER_KEY",
        variable ? (tried ? "neither WEIR_MASTER_KEY nor master.key" : "WEIR_MASTER_KEY") : "master.key",
        vault->folder);
}

bool vault_unlock(struct vault *vault, const struct vault_sources *sources, struct error *error) {
    if (vault->master) return true;
    error->code = error_none;
    unsigned char *master = secret_take(vault_key_bytes);
    if (!master) return error_set(error, error_out_of_memory, "no memory for the vault's key");
    bool begun = vault->original.at != NULL;
    bool fine = begun ? vault_key_find(vault, sources, master, error) : vault_key_choose(vault, sources, master, error);
    if (!fine) {
        secret_give(master);
        return false;
    }
    if (!begun) vault_header_seal(&vault->content.header, master);
    vault->master = master;
    return true;
}

bool vault_unlock_as(struct vault *vault, const struct vault *other) {
    if (vault->master || !other || !other->master || !vault->original.at || !vault_key_fits(vault, other->master))
        return vault->master != NULL;
    if (!(vault->master = secret_take(vault_key_bytes))) return false;
    memcpy(vault->master, other->master, vault_key_bytes);
    vault->by = other->by;
    return true;
}

struct str vault_unlocked_by(const struct vault *vault) {
    static const struct str names[] = {STR("locked"), STR("file"), STR("variable"), STR("passphrase")};
    return vault->master ? names[vault->by] : names[by_nothing];
}

/* -- seals -- */

/* "weir key" or "weir secret N", and what of the record they are bound to. */
static struct str vault_bound(const struct vault_record *record, const char *what, unsigned place, char *buffer) {
    struct text text = text_in_buffer(buffer, vault_bound_max);
    text_printf(&text, "weir %s %u|", what, place);
    vault_file_write_bound(record, &text);
    CHECK(!text.failed);
    return text_str(&text);
}

static bool vault_key_unwrap(const struct vault *vault, const struct vault_record *record, unsigned char *key) {
    char buffer[vault_bound_max];
    struct str bound = vault_bound(record, "key", 0, buffer);
    return crypto_aead_xchacha20poly1305_ietf_decrypt(key, NULL, NULL, record->key, sizeof record->key,
                                                      vault_bytes_of(bound), bound.len, record->key_nonce,
                                                      vault->master) == 0;
}

static void vault_key_wrap(const struct vault *vault, struct vault_record *record, const unsigned char *key) {
    char buffer[vault_bound_max];
    struct str bound = vault_bound(record, "key", 0, buffer);
    random_bytes(record->key_nonce, sizeof record->key_nonce);
    crypto_aead_xchacha20poly1305_ietf_encrypt(record->key, NULL, key, vault_key_bytes, vault_bytes_of(bound),
                                               bound.len, NULL, record->key_nonce, vault->master);
}

/* The secrets of a record, in the arena for secrets. false: a seal is broken, or there is no memory. */
static bool vault_record_open(const struct vault *vault, const struct vault_record *record, struct arena *arena,
                              struct str secrets[2]) {
    unsigned char *key = arena_take(arena, vault_key_bytes);
    char buffer[vault_bound_max];
    if (!key || !record->sealed_count || !vault_key_unwrap(vault, record, key)) return false;
    bool fine = true;
    for (unsigned i = 0; i < record->sealed_count && fine; i++) {
        const struct vault_sealed *sealed = &record->sealed[i];
        struct str bound = vault_bound(record, "secret", i, buffer);
        size_t len = sealed->bytes.len - vault_tag_bytes;
        char *secret = arena_take(arena, len + 1);
        fine = secret && crypto_aead_xchacha20poly1305_ietf_decrypt(
                             (unsigned char *)secret, NULL, NULL, vault_bytes_of(sealed->bytes), sealed->bytes.len,
                             vault_bytes_of(bound), bound.len, sealed->nonce, key) == 0;
        if (!fine) break;
        secret[len] = 0;
        secrets[i] = str_make(secret, len);
    }
    memory_wipe(key, vault_key_bytes);
    return fine;
}

/* A key of its own anew, and these secrets under it. false: no memory, and the record is as it was. */
static bool vault_record_seal(struct vault *vault, struct vault_record *record, const struct str *secrets) {
    unsigned char *key = secret_take(vault_key_bytes);
    char buffer[vault_bound_max];
    struct vault_record sealed = *record;
    bool fine = key != NULL;
    if (fine) random_bytes(key, vault_key_bytes);
    for (unsigned i = 0; i < record->sealed_count && fine; i++) {
        size_t len = secrets[i].len + vault_tag_bytes;
        char *bytes = arena_take(&vault->arena, len);
        struct str bound = vault_bound(&sealed, "secret", i, buffer);
        fine = bytes != NULL;
        if (!fine) break;
        random_bytes(sealed.sealed[i].nonce, vault_nonce_bytes);
        crypto_aead_xchacha20poly1305_ietf_encrypt((unsigned char *)bytes, NULL, vault_bytes_of(secrets[i]),
                                                   secrets[i].len, vault_bytes_of(bound), bound.len, NULL,
                                                   sealed.sealed[i].nonce, key);
        sealed.sealed[i].bytes = str_make(bytes, len);
    }
    if (fine) vault_key_wrap(vault, &sealed, key);
    if (fine) *record = sealed;
    secret_give(key);
    return fine;
}

static enum vault_opened vault_refuse(enum vault_opened why, const struct vault_record *record, struct str id,
                                      struct str origin, struct error *error) {
    id = str_slice(id, 0, vault_id_max);
    switch (why) {
    case vault_missing:
        error_set(error, error_bad_configuration, "the vault has no entry `%.*s`: weir key set %.*s", STR_ARG(id),
                  STR_ARG(id));
        break;
    case vault_elsewhere:
        if (str_eq(record->origin, origin))
            error_set(error, error_bad_configuration,
                      "the vault's `%.*s` is the provider %.*s's and opens for no other: weir key set one of this "
                      "provider's own name",
                      STR_ARG(id), STR_ARG(record->provider));
        else
            error_set(error, error_bad_configuration,
                      "the vault's `%.*s` was given for %.*s and opens for nothing else, here it is wanted for %.*s: "
                      "weir key set it anew",
                      STR_ARG(str_slice(id, 0, 40)), STR_ARG(str_slice(record->origin, 0, 60)),
                      STR_ARG(str_slice(origin, 0, 60)));
        break;
    case vault_damaged:
        error_set(error, error_bad_configuration,
                  "the vault's `%.*s` is damaged and cannot be opened: weir key set it anew, or put STATE_DIR/vault "
                  "back from a backup",
                  STR_ARG(id));
        break;
    default: error_set(error, error_bad_configuration, "the vault is locked"); break;
    }
    return why;
}

enum vault_opened vault_get(const struct vault *vault, struct str id, struct str provider, struct str origin,
                            int64_t now_s, struct arena *arena, struct str secrets[2], size_t *count,
                            struct error *error) {
    const struct vault_record *record = vault_record_of(vault, id);
    *count = 0;
    if (!record) return vault_refuse(vault_missing, NULL, id, origin, error);
    if (!record->sealed_count) return vault_refuse(vault_damaged, record, id, origin, error);
    if (!str_eq(record->provider, provider) || !str_eq(record->origin, origin))
        return vault_refuse(vault_elsewhere, record, id, origin, error);
    if (!vault->master) return vault_refuse(vault_locked, record, id, origin, error);
    if (!vault_record_open(vault, record, arena, secrets))
        return vault_refuse(vault_damaged, record, id, origin, error);
    *count = record->sealed_count == 2 && now_s < record->old_until_s ? 2 : 1;
    return vault_opened;
}

/* -- changes -- */

static struct vault_record *vault_record_new(struct vault *vault) {
    if (vault->content.count >= vault_entries_max) return NULL;
    if (vault->content.count == vault->room) {
        size_t room = vault->room * 2 + 8;
        struct vault_record *records = arena_take_zeroed(&vault->arena, room * sizeof *records);
        if (!records) return NULL;
        if (vault->content.count) memcpy(records, vault->content.records, vault->content.count * sizeof *records);
        vault->content.records = records;
        vault->room = room;
    }
    return &vault->content.records[vault->content.count];
}

static bool vault_secret_is_good(struct str secret, struct error *error) {
    return (secret.len > 0 && secret.len <= vault_secret_max) ||
           error_set(error, error_invalid_request, "A secret has from 1 to %d bytes.", vault_secret_max);
}

bool vault_put(struct vault *vault, const struct vault_entry *entry, int64_t now_s, struct error *error) {
    CHECK(vault->master);
    if (!vault_id_is_valid(entry->id))
        return error_set(error, error_invalid_request,
                         "`%.*s` is no name for an entry: PROVIDER or PROVIDER/NAME, of letters, digits, `-`, `_` and "
                         "`.`, 64 at most each",
                         STR_ARG(str_slice(entry->id, 0, 64)));
    if (!vault_secret_is_good(entry->secret, error)) return false;
    if (entry->origin.len > vault_origin_max)
        return error_set(error, error_invalid_request, "the provider's base URL is too long");
    struct vault_record *known = vault_record_of(vault, entry->id), *record = known ? known : vault_record_new(vault);
    if (!record)
        return error_set(error, error_invalid_request, "The vault holds %d entries, and no more: remove one.",
                         vault_entries_max);
    struct vault_record fresh = {.id = arena_copy(&vault->arena, entry->id),
                                 .origin = arena_copy(&vault->arena, entry->origin),
                                 .flags = entry->flags,
                                 .made_s = now_s,
                                 .rotated_s = now_s,
                                 .rotate_after_days = entry->rotate_after_days,
                                 .sealed_count = 1};
    fresh.provider = str_slice(fresh.id, 0, str_find_byte(fresh.id, '/'));
    if (!fresh.id.at || !fresh.origin.at || !vault_record_seal(vault, &fresh, &entry->secret))
        return error_set(error, error_out_of_memory, "No memory for this.");
    vault->content.damaged -= known && !known->sealed_count;
    vault->content.count += !known;
    *record = fresh;
    return true;
}

/* The record with its secrets under new seals; `change` has been made in *record. */
static bool vault_reseal(struct vault *vault, struct vault_record *into, struct vault_record *changed,
                         const struct str *secrets, struct error *error) {
    if (!vault_record_seal(vault, changed, secrets))
        return error_set(error, error_out_of_memory, "No memory for this.");
    *into = *changed;
    return true;
}

bool vault_rotate(struct vault *vault, struct str id, struct str secret, int64_t grace_s, int64_t now_s,
                  struct error *error) {
    CHECK(vault->master);
    struct arena arena;
    struct str secrets[2];
    struct vault_record *record = vault_record_of(vault, id);
    if (!record) return vault_refuse(vault_missing, NULL, id, STR(""), error) == vault_opened;
    if (!vault_secret_is_good(secret, error)) return false;
    arena_init_secret(&arena, 4096, 1024 * 1024);
    bool fine = vault_record_open(vault, record, &arena, secrets);
    if (!fine) vault_refuse(vault_damaged, record, id, STR(""), error);
    if (fine && str_eq(secrets[0], secret))
        fine = error_set(error, error_invalid_request,
                         "This is the secret that `%.*s` has already: nothing was changed.", STR_ARG(id));
    struct vault_record changed = *record;
    struct str both[2] = {secret, fine ? secrets[0] : secret};
    changed.sealed_count = grace_s > 0 ? 2 : 1;
    changed.rotated_s = now_s;
    changed.old_until_s = grace_s > 0 ? now_s + grace_s : 0;
    fine = fine && vault_reseal(vault, record, &changed, both, error);
    arena_free(&arena);
    return fine;
}

bool vault_remove(struct vault *vault, struct str id) {
    struct vault_record *record = vault_record_of(vault, id);
    if (!record) return false;
    vault->content.damaged -= !record->sealed_count;
    size_t place = (size_t)(record - vault->content.records);
    memmove(record, record + 1, (vault->content.count - place - 1) * sizeof *record);
    vault->content.count--;
    return true;
}

/* -- the next ones: entries of their own, ID/.next.N or ID.next.N, opened for none but a turn -- */

static bool vault_waits_for(const struct vault_record *record, struct str id, uint64_t *place) {
    struct str rest = str_slice(record->id, id.len, record->id.len);
    struct str mark = str_find_byte(id, '/') == SIZE_MAX ? STR("/.next.") : STR(".next.");
    return record->flags & vault_flag_next && str_starts(record->id, id) && str_starts(rest, mark) &&
           str_to_u64(str_slice(rest, mark.len, rest.len), place);
}

const struct vault_record *vault_next(const struct vault *vault, struct str id) {
    const struct vault_record *first = NULL;
    uint64_t place, least = UINT64_MAX;
    for (size_t i = 0; i < vault->content.count; i++) {
        const struct vault_record *record = &vault->content.records[i];
        if (!vault_waits_for(record, id, &place) || place >= least) continue;
        least = place;
        first = record;
    }
    return first;
}

bool vault_next_add(struct vault *vault, struct str id, struct str secret, int64_t now_s, struct error *error) {
    const struct vault_record *record = vault_record_of(vault, id);
    char name[vault_id_max + 32];
    uint64_t place, last = 0, count = 0;
    if (!record) return vault_refuse(vault_missing, NULL, id, STR(""), error) == vault_opened;
    for (size_t i = 0; i < vault->content.count; i++) {
        if (!vault_waits_for(&vault->content.records[i], id, &place)) continue;
        count++;
        if (place > last) last = place;
    }
    if (count >= vault_nexts_max)
        return error_set(error, error_invalid_request, "%d secrets wait for `%.*s`, and no more may.", vault_nexts_max,
                         STR_ARG(id));
    snprintf(name, sizeof name, "%.*s%s%llu", STR_ARG(id), str_find_byte(id, '/') == SIZE_MAX ? "/.next." : ".next.",
             (unsigned long long)last + 1);
    const struct vault_entry entry = {
        .id = str_from(name), .origin = record->origin, .secret = secret, .flags = vault_flag_next};
    return vault_put(vault, &entry, now_s, error);
}

bool vault_next_turn(struct vault *vault, struct str id, int64_t grace_s, int64_t now_s, struct error *error) {
    const struct vault_record *next = vault_next(vault, id);
    struct arena arena;
    struct str secrets[2];
    if (!next) return error_set(error, error_invalid_request, "No secret waits for `%.*s`.", STR_ARG(id));
    arena_init_secret(&arena, 4096, 1024 * 1024);
    bool fine = vault_record_open(vault, next, &arena, secrets);
    if (!fine) vault_refuse(vault_damaged, next, next->id, STR(""), error);
    struct str waits = next->id;
    fine = fine && vault_rotate(vault, id, secrets[0], grace_s, now_s, error) && vault_remove(vault, waits);
    arena_free(&arena);
    return fine;
}

int64_t vault_expires_s(const struct vault *vault) {
    int64_t first = INT64_MAX;
    for (size_t i = 0; i < vault->content.count; i++) {
        const struct vault_record *record = &vault->content.records[i];
        if (record->sealed_count == 2 && record->old_until_s < first) first = record->old_until_s;
    }
    return first;
}

bool vault_expire(struct vault *vault, int64_t now_s, struct error *error) {
    CHECK(vault->master);
    bool any = false;
    struct arena arena;
    arena_init_secret(&arena, 4096, 64 * 1024 * 1024);
    for (size_t i = 0; i < vault->content.count; i++) {
        struct vault_record *record = &vault->content.records[i], changed = *record;
        struct str secrets[2];
        if (record->sealed_count != 2 || record->old_until_s > now_s) continue;
        if (!vault_record_open(vault, record, &arena, secrets)) continue; /* for who asks for it to be told */
        changed.sealed_count = 1;
        changed.old_until_s = 0;
        if (vault_reseal(vault, record, &changed, secrets, error)) any = true;
    }
    arena_free(&arena);
    return any;
}

static bool vault_rewrap(struct vault *vault, unsigned char *fresh, struct error *error) {
    unsigned char *key = secret_take(vault_key_bytes), *before = vault->master;
    struct vault_record *records = arena_take(&vault->arena, (vault->content.count + 1) * sizeof *records);
    bool fine = key && records;
    if (!fine) error_set(error, error_out_of_memory, "No memory for this.");
    for (size_t i = 0; i < vault->content.count && fine; i++) {
        records[i] = vault->content.records[i];
        vault->master = before;
        fine = records[i].sealed_count && vault_key_unwrap(vault, &records[i], key);
        vault->master = fresh;
        if (fine)
            vault_key_wrap(vault, &records[i], key);
        else
            error_set(
                error, error_storage_failed,
                "the vault's `%.*s` is damaged, and would be lost with another master key: weir key set it anew, or "
                "remove it, first",
                STR_ARG(records[i].id));
    }
    vault->master = fine ? fresh : before;
    if (fine) {
        vault->content.records = records;
        vault->room = vault->content.count;
    }
    secret_give(key);
    return fine;
}

bool vault_rekey(struct vault *vault, const struct vault_sources *to, struct error *error) {
    CHECK(vault->master);
    unsigned char *fresh = secret_take(vault_key_bytes), *before = vault->master;
    bool passphrase = to->passphrase && *to->passphrase, variable = !passphrase && to->key && *to->key, fine = fresh;
    struct vault_header header;
    if (!fresh) return error_set(error, error_out_of_memory, "No memory for this.");
    vault_header_new(&header, passphrase ? vault_by_passphrase : vault_by_key);
    if (passphrase)
        fine = vault_derive(&header, to->passphrase, fresh, error);
    else if (variable)
        fine = vault_variable_read(to->key, fresh, error);
    else
        random_bytes(fresh, vault_key_bytes);
    if (!fine || !vault_rewrap(vault, fresh, error)) {
        secret_give(fresh);
        return false;
    }
    vault_header_seal(&header, fresh);
    vault->content.header = header;
    vault->leaves_file = vault->by == by_file && (passphrase || variable);
    vault->fresh_file = !passphrase && !variable;
    vault->by = passphrase ? by_passphrase : variable ? by_variable : by_file;
    secret_give(before);
    return true;
}

/* -- onto the disk -- */

/* What could not be read may be read by another hand. */
static bool vault_keep_aside(const struct vault *vault, struct error *error) {
    char path[vault_path_max], name[32];
    for (unsigned i = 0; i < 10; i++) {
        snprintf(name, sizeof name, i ? "vault.damaged.%u" : "vault.damaged", i);
        vault_path(vault, name, path);
        if (access(path, F_OK) != 0) return file_replace(path, vault->original, error);
    }
    return error_set(
        error, error_storage_failed,
        "%s/vault is damaged, and there are ten vault.damaged already: move them away. Nothing was changed.",
        vault->folder);
}

static bool vault_key_write(const struct vault *vault, const char *path, struct error *error) {
    char hex[2 * vault_key_bytes + 1];
    hash_to_hex(vault->master, vault_key_bytes, hex);
    hex[sizeof hex - 1] = '\n';
    bool written = file_replace(path, str_make(hex, sizeof hex), error);
    memory_wipe(hex, sizeof hex);
    return written;
}

bool vault_save(struct vault *vault, struct error *error) {
    char path[vault_path_max], key[vault_path_max], fresh[vault_path_max];
    CHECK(vault->master);
    vault_path(vault, "vault", path);
    vault_path(vault, "master.key", key);
    vault_path(vault, "master.key.new", fresh);
    struct text out = text_in_arena(&vault->arena, vault->original.len + 4096);
    vault_file_write(&vault->content, &out);
    if (out.failed || out.len > vault_bytes_max)
        return error_set(error, error_storage_failed, "the vault would become too large. Nothing was changed.");
    if (vault->original.at && vault->content.torn && !vault_keep_aside(vault, error)) return false;
    if (vault->fresh_file && !vault_key_write(vault, fresh, error)) return false;
    if (!file_replace(path, text_str(&out), error)) {
        if (vault->fresh_file) (void)unlink(fresh);
        return false;
    }
    if (vault->fresh_file) (void)rename(fresh, key); /* else the next unlocking does it */
    if (vault->leaves_file) (void)unlink(key);
    vault->fresh_file = vault->leaves_file = false;
    vault->original = text_str(&out);
    vault->content.torn = false;
    return true;
}
