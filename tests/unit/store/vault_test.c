/* vault_test.c - secrets at rest: opened with the right key for the right provider and by nothing else; whatever
 * happens to the file is said, with what to do, and loses nothing. */
#include "store/vault.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/hash.h"

#define A_KEY "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define ANOTHER_KEY "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define ORIGIN STR("https://api.example:443 proxy=environment ca_file=system insecure=false")

static char folder[64];
static const struct vault_sources none;
static const struct vault_sources by_key = {.key = A_KEY};

static const char *in_folder(const char *name) {
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static int begin(void **state) {
    (void)state;
    str_copy(folder, sizeof folder, STR("/tmp/weir-vault-XXXXXX"));
    return hash_start() && mkdtemp(folder) ? 0 : -1;
}

static int end(void **state) {
    static const char *const names[] = {"vault",           "vault.tmp",          "vault.damaged",
                                        "vault.damaged.1", "master.key",         "master.key.new",
                                        "master.key.tmp",  "master.key.new.tmp", "vault.damaged.tmp"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) unlink(in_folder(names[i]));
    return rmdir(folder);
}

static struct vault *opened(const struct vault_sources *sources) {
    struct error error = {.code = error_none};
    struct vault *vault = vault_open(str_from(folder), &error);
    if (!vault || !vault_unlock(vault, sources, &error)) fail_msg("%s", error.message);
    return vault;
}

static void put(struct vault *vault, const char *id, const char *secret) {
    struct error error = {.code = error_none};
    struct vault_entry entry = {.id = str_from(id), .origin = ORIGIN, .secret = str_from(secret)};
    if (!vault_put(vault, &entry, 1000, &error)) fail_msg("%s", error.message);
}

static void save(struct vault *vault) {
    struct error error = {.code = error_none};
    if (!vault_save(vault, &error)) fail_msg("%s", error.message);
}

static void filled(const struct vault_sources *sources) {
    struct vault *vault = opened(sources);
    put(vault, "openai", "sk-q7-the-first");
    put(vault, "groq/second", "gsk-two");
    put(vault, "gemini", "AI-three");
    save(vault);
    vault_free(vault);
}

static void assert_opens_at(struct vault *vault, const char *id, int64_t now_s, const char *first, const char *old) {
    struct arena arena;
    struct str secrets[2], name = str_from(id);
    size_t count;
    struct error error = {.code = error_none};
    arena_init_secret(&arena, 4096, 1 << 20);
    enum vault_opened how = vault_get(vault, name, str_slice(name, 0, str_find_byte(name, '/')), ORIGIN, now_s, &arena,
                                      secrets, &count, &error);
    if (how != vault_opened) fail_msg("%s", error.message);
    assert_int_equal(count, old ? 2 : 1);
    assert_true(str_eq(secrets[0], str_from(first)));
    if (old) assert_true(str_eq(secrets[1], str_from(old)));
    arena_free(&arena);
}

static void assert_opens(struct vault *vault, const char *id, const char *secret) {
    assert_opens_at(vault, id, 1000, secret, NULL);
}

static void assert_all_open(const struct vault_sources *sources) {
    struct vault *vault = opened(sources);
    assert_int_equal(vault_count(vault), 3);
    assert_opens(vault, "openai", "sk-q7-the-first");
    assert_opens(vault, "groq/second", "gsk-two");
    assert_opens(vault, "gemini", "AI-three");
    vault_free(vault);
}

static enum vault_opened refused(struct vault *vault, const char *id, const char *provider, struct str origin,
                                 const char *words) {
    struct arena arena;
    struct str secrets[2];
    size_t count;
    struct error error = {.code = error_none};
    arena_init_secret(&arena, 4096, 1 << 20);
    enum vault_opened how =
        vault_get(vault, str_from(id), str_from(provider), origin, 0, &arena, secrets, &count, &error);
    if (!strstr(error.message, words)) fail_msg("%s", error.message);
    assert_int_equal(count, 0);
    arena_free(&arena);
    return how;
}

static size_t content_of(const char *name, char *into, size_t size) {
    FILE *file = fopen(in_folder(name), "rb");
    assert_non_null(file);
    size_t len = fread(into, 1, size, file);
    fclose(file);
    return len;
}

static void content_put(const char *name, const char *bytes, size_t len) {
    FILE *file = fopen(in_folder(name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
    chmod(in_folder(name), 0600);
}

static mode_t rights_of(const char *name) {
    struct stat facts;
    return stat(in_folder(name), &facts) == 0 ? facts.st_mode & 0777 : 0;
}

/* -- the stories -- */

static void the_first_entry_makes_a_master_key_and_no_secret_stands_in_the_file(void **state) {
    char bytes[8192];
    (void)state;
    struct vault *vault = opened(&none);
    assert_int_equal(vault_count(vault), 0);
    assert_int_equal(access(in_folder("master.key"), F_OK), -1); /* nothing is made for who only looks */
    vault_free(vault);
    filled(&none);
    assert_int_equal(rights_of("master.key"), 0600);
    assert_int_equal(rights_of("vault"), 0600);
    assert_all_open(&none);
    size_t len = content_of("vault", bytes, sizeof bytes);
    assert_true(str_find(str_make(bytes, len), STR("openai")) != SIZE_MAX); /* names can be listed without the key */
    static const char *const secrets[] = {"sk-q7-the-first", "gsk-two", "AI-three"};
    for (size_t i = 0; i < 3; i++)
        for (size_t from = 0; from + 4 <= strlen(secrets[i]); from++)
            assert_true(str_find(str_make(bytes, len), str_make(secrets[i] + from, 4)) == SIZE_MAX);
}

/* Whoever starts weir may have closed standard input. */
static void a_file_may_be_descriptor_0(void **state) {
    (void)state;
    filled(&none);
    int input = dup(0);
    assert_true(input > 0);
    close(0);
    struct vault *vault = opened(&none);
    assert_int_equal(vault_count(vault), 3);
    vault_free(vault);
    assert_all_open(&none);
    assert_int_equal(dup2(input, 0), 0);
    close(input);
}

static void an_entry_opens_for_its_own_provider_and_origin_alone(void **state) {
    (void)state;
    filled(&by_key);
    struct vault *vault = opened(&by_key);
    assert_int_equal(refused(vault, "nobody", "nobody", ORIGIN, "weir key set nobody"), vault_missing);
    assert_int_equal(refused(vault, "openai", "groq", ORIGIN, "opens for no other"), vault_elsewhere);
    assert_int_equal(refused(vault, "openai", "openai", STR("https://evil:443"), "opens for nothing else"),
                     vault_elsewhere);
    vault_free(vault);
    struct error error = {.code = error_none};
    vault = vault_open(str_from(folder), &error);
    assert_int_equal(refused(vault, "openai", "openai", ORIGIN, "locked"), vault_locked);
    assert_int_equal(vault_count(vault), 3);
    vault_free(vault);
}

/* Who writes the file can change what stands in clear and mend the checksums; the seals do not follow. */
static void what_stands_in_clear_cannot_be_changed_under_a_seal(void **state) {
    static char bytes[8192];
    (void)state;
    filled(&by_key);
    size_t len = content_of("vault", bytes, sizeof bytes);
    for (unsigned change = 0; change < 5; change++) {
        struct arena arena;
        struct vault_content content;
        const char *problem;
        arena_init(&arena, 4096, 1 << 20);
        assert_true(vault_file_read(str_make(bytes, len), &arena, &content, &problem));
        struct vault_record *one = &content.records[0], other = content.records[2];
        if (change == 0) one->origin = STR("https://evil:443");
        if (change == 1) one->rotate_after_days = 7;
        if (change == 2) one->rotated_s++;
        if (change == 3) one->sealed[0] = other.sealed[0];
        if (change == 4) {
            struct str id = one->id, provider = one->provider;
            *one = other;
            one->id = id;
            one->provider = provider;
        }
        struct text out = text_in_arena(&arena, 4096);
        vault_file_write(&content, &out);
        content_put("vault", out.at, out.len);
        struct vault *vault = opened(&by_key);
        assert_int_equal(refused(vault, "openai", "openai", one->origin, "is damaged"), vault_damaged);
        assert_opens(vault, "gemini", "AI-three");
        vault_free(vault);
        arena_free(&arena);
    }
}

static void the_wrong_key_and_a_missing_one_are_told_and_lose_nothing(void **state) {
    static const struct {
        struct vault_sources sources;
        bool by_passphrase;
        const char *words;
    } rows[] = {{{.key = ANOTHER_KEY}, false, "is not the master key"},
                {{.key = "short"}, false, "64 hexadecimal digits"},
                {{0}, false, "master.key of"},
                {{.passphrase = "battery staple"}, true, "not the passphrase"},
                {{.passphrase = "short"}, true, "at least 8"},
                {{0}, true, "WEIR_MASTER_PASSPHRASE"}};
    const struct vault_sources by_words = {.passphrase = "correct horse"};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct vault_sources *right = rows[i].by_passphrase ? &by_words : &by_key;
        struct error error = {.code = error_none};
        if (i == 0 || i == 3) {
            unlink(in_folder("vault"));
            filled(right);
        }
        struct vault *vault = vault_open(str_from(folder), &error);
        assert_non_null(vault);
        assert_false(vault_unlock(vault, &rows[i].sources, &error));
        if (!strstr(error.message, rows[i].words)) fail_msg("%s", error.message);
        assert_int_equal(vault_count(vault), 3); /* names are known all the same */
        vault_free(vault);
    }
    assert_all_open(&by_words);
    assert_int_equal(access(in_folder("master.key"), F_OK), -1);
}

static void a_master_key_that_others_can_read_is_refused_with_its_cure(void **state) {
    struct error error = {.code = error_none};
    (void)state;
    filled(&none);
    chmod(in_folder("master.key"), 0640);
    struct vault *vault = vault_open(str_from(folder), &error);
    assert_false(vault_unlock(vault, &none, &error));
    assert_non_null(strstr(error.message, "chmod 600"));
    chmod(in_folder("master.key"), 0600);
    assert_true(vault_unlock(vault, &none, &error));
    vault_free(vault);
    content_put("master.key", "not hex", 7);
    vault = vault_open(str_from(folder), &error);
    assert_false(vault_unlock(vault, &none, &error));
    assert_non_null(strstr(error.message, "is damaged"));
    vault_free(vault);
}

static bool told(void *context, char *into, size_t size) {
    ++*(int *)context;
    str_copy(into, size, STR("asked for it"));
    return true;
}

static void a_passphrase_is_asked_for_where_somebody_is_there(void **state) {
    int asked = 0;
    const struct vault_sources given = {.passphrase = "asked for it"}, there = {.ask = told, .context = &asked};
    (void)state;
    filled(&given);
    assert_all_open(&there);
    assert_int_equal(asked, 1);
}

static void a_rotated_secret_is_valid_beside_the_new_one_for_its_time(void **state) {
    struct error error = {.code = error_none};
    (void)state;
    filled(&by_key);
    struct vault *vault = opened(&by_key);
    assert_false(vault_rotate(vault, STR("openai"), STR("sk-q7-the-first"), 60, 2000, &error)); /* no rotation */
    assert_true(vault_rotate(vault, STR("openai"), STR("sk-q7-the-next"), 60, 2000, &error));
    assert_int_equal(vault_expires_s(vault), 2060);
    save(vault);
    vault_free(vault);
    vault = opened(&by_key);
    assert_opens_at(vault, "openai", 2059, "sk-q7-the-next", "sk-q7-the-first");
    assert_opens_at(vault, "openai", 2060, "sk-q7-the-next", NULL);
    assert_false(vault_expire(vault, 2059, &error));
    assert_true(vault_expire(vault, 2060, &error));
    assert_int_equal(vault_expires_s(vault), INT64_MAX);
    assert_opens_at(vault, "openai", 2000, "sk-q7-the-next", NULL); /* the old one is gone, whatever the clock says */
    assert_int_equal(vault_find(vault, STR("openai"))->made_s, 1000);
    assert_int_equal(vault_find(vault, STR("openai"))->rotated_s, 2000);
    assert_false(vault_rotate(vault, STR("nobody"), STR("x"), 60, 2000, &error));
    vault_free(vault);
}

static void another_master_key_opens_all_and_the_old_one_nothing(void **state) {
    static const struct vault_sources ways[] = {
        {0}, {.key = ANOTHER_KEY}, {.passphrase = "correct horse"}, {0}, {.key = A_KEY}};
    const struct vault_sources *before = &by_key;
    struct error error = {.code = error_none};
    (void)state;
    filled(&by_key);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct vault *vault = opened(before);
        if (!vault_rekey(vault, &ways[i], &error)) fail_msg("%s", error.message);
        save(vault);
        vault_free(vault);
        vault = vault_open(str_from(folder), &error);
        if (before->key || before->passphrase) {
            struct vault_sources old = *before;
            bool opens = vault_unlock(vault, &old, &error);
            assert_true(!opens || str_eq(vault_unlocked_by(vault), STR("file"))); /* master.key is there to be found */
        }
        vault_free(vault);
        assert_all_open(&ways[i]);
        bool by_file = !ways[i].key && !ways[i].passphrase;
        assert_int_equal(access(in_folder("master.key"), F_OK), by_file ? 0 : -1);
        before = &ways[i];
    }
}

/* Between any two steps of a change of keys there is a pair of files that opens. */
static void a_change_of_master_keys_that_was_cut_short_is_taken_up(void **state) {
    static char old_key[128], old_vault[8192], new_key[128], new_vault[8192];
    struct error error = {.code = error_none};
    (void)state;
    filled(&none);
    size_t old_key_len = content_of("master.key", old_key, sizeof old_key),
           old_len = content_of("vault", old_vault, sizeof old_vault);
    struct vault *vault = opened(&none);
    assert_true(vault_rekey(vault, &none, &error));
    save(vault);
    vault_free(vault);
    size_t new_key_len = content_of("master.key", new_key, sizeof new_key),
           new_len = content_of("vault", new_vault, sizeof new_vault);
    content_put("master.key", old_key, old_key_len); /* the new key is written, the vault is not */
    content_put("master.key.new", new_key, new_key_len);
    content_put("vault", old_vault, old_len);
    assert_all_open(&none);
    assert_int_equal(access(in_folder("master.key.new"), F_OK), -1);
    content_put("master.key", old_key, old_key_len); /* the vault is too, and its key has not moved */
    content_put("master.key.new", new_key, new_key_len);
    content_put("vault", new_vault, new_len);
    assert_all_open(&none);
    assert_int_equal(access(in_folder("master.key.new"), F_OK), -1);
    assert_all_open(&none);
}

static void damaged_entries_are_named_and_the_file_is_kept_aside(void **state) {
    static char bytes[8192], kept[8192], said[512];
    struct error error = {.code = error_none};
    (void)state;
    filled(&by_key);
    size_t len = content_of("vault", bytes, sizeof bytes);
    size_t at = str_find(str_make(bytes, len), STR("WREC"));
    bytes[at + 40] ^= 16;
    content_put("vault", bytes, len);
    struct vault *vault = opened(&by_key);
    struct text text = text_in_buffer(said, sizeof said);
    assert_true(vault_is_damaged(vault, &text));
    assert_true(str_find(text_str(&text), STR("`openai` cannot be opened, all others can")) != SIZE_MAX);
    assert_opens(vault, "gemini", "AI-three");
    assert_opens(vault, "groq/second", "gsk-two");
    assert_int_equal(refused(vault, "openai", "openai", ORIGIN, "weir key set it anew"), vault_damaged);
    assert_false(vault_rekey(vault, &none, &error)); /* it would be lost for good */
    put(vault, "another", "secret");
    save(vault);
    assert_int_equal(content_of("vault.damaged", kept, sizeof kept), len);
    assert_memory_equal(kept, bytes, len);
    vault_free(vault);
    vault = opened(&by_key); /* the file is whole again, and what was lost is still named */
    assert_int_equal(vault_find(vault, STR("openai"))->sealed_count, 0);
    put(vault, "openai", "sk-q7-the-first");
    save(vault);
    vault_free(vault);
    vault = opened(&by_key);
    assert_false(vault_is_damaged(vault, &text));
    assert_opens(vault, "openai", "sk-q7-the-first");
    vault_free(vault);
}

/* Up to ten of them, and none over another. */
static void a_damaged_file_is_kept_aside_ten_times(void **state) {
    static char bytes[8192], kept[8192];
    char name[32];
    (void)state;
    filled(&by_key);
    size_t len = content_of("vault", bytes, sizeof bytes);
    bytes[str_find(str_make(bytes, len), STR("WREC")) + 40] ^= 16;
    for (unsigned i = 0; i <= 10; i++) {
        struct error error = {.code = error_none};
        content_put("vault", bytes, len);
        struct vault *vault = opened(&by_key);
        put(vault, "another", "secret");
        bool good = vault_save(vault, &error);
        vault_free(vault);
        assert_int_equal(good, i < 10);
        if (i == 10) {
            assert_non_null(strstr(error.message, "there are ten vault.damaged already"));
            assert_int_equal(content_of("vault", kept, sizeof kept), len);
            break;
        }
        snprintf(name, sizeof name, i ? "vault.damaged.%u" : "vault.damaged", i);
        assert_int_equal(content_of(name, kept, sizeof kept), len);
        assert_memory_equal(kept, bytes, len);
    }
    for (unsigned i = 2; i < 10; i++) {
        snprintf(name, sizeof name, "vault.damaged.%u", i);
        assert_int_equal(unlink(in_folder(name)), 0);
    }
}

static void of_many_damaged_entries_the_first_eight_are_named(void **state) {
    static char bytes[16384];
    (void)state;
    for (unsigned damaged = 7; damaged <= 10; damaged++) {
        char said[1024], id[8];
        struct vault *vault = opened(&by_key);
        for (unsigned i = 0; i < damaged; i++) {
            snprintf(id, sizeof id, "key%u", i);
            put(vault, id, "secret");
        }
        save(vault);
        vault_free(vault);
        size_t len = content_of("vault", bytes, sizeof bytes), next;
        for (size_t at = 0; (next = str_find(str_make(bytes + at, len - at), STR("WREC"))) != SIZE_MAX; at += next + 4)
            bytes[at + next + 40] ^= 16;
        content_put("vault", bytes, len);
        vault = opened(&by_key);
        struct text text = text_in_buffer(said, sizeof said);
        assert_true(vault_is_damaged(vault, &text));
        unsigned named = 0;
        for (size_t at = 0; at < text.len; at++) named += said[at] == '`';
        assert_int_equal(named, 2 * (damaged < 8 ? damaged : 8));
        assert_int_equal(str_find(text_str(&text), STR("`, ... cannot be opened")) != SIZE_MAX, damaged > 8);
        vault_free(vault);
        unlink(in_folder("vault"));
    }
}

static void a_master_key_that_cannot_be_read_is_told_with_its_reason(void **state) {
    struct error error = {.code = error_none};
    (void)state;
    filled(&none);
    unlink(in_folder("master.key"));
    assert_int_equal(mkdir(in_folder("master.key"), 0700), 0);
    struct vault *vault = vault_open(str_from(folder), &error);
    assert_false(vault_unlock(vault, &none, &error));
    assert_non_null(strstr(error.message, "master.key cannot be read: it is a folder, and no file: mend its rights"));
    vault_free(vault);
    rmdir(in_folder("master.key"));
}

static void what_cannot_be_written_changes_nothing(void **state) {
    struct error error = {.code = error_none};
    (void)state;
    filled(&by_key);
    struct vault *vault = opened(&by_key);
    assert_int_equal(mkdir(in_folder("vault.tmp"), 0700), 0); /* as a read-only folder does, for root too */
    put(vault, "another", "secret");
    assert_false(vault_save(vault, &error));
    assert_non_null(strstr(error.message, "Nothing was changed"));
    vault_free(vault);
    rmdir(in_folder("vault.tmp"));
    assert_all_open(&by_key);
}

/* Whatever the writer has left of the file beside it. */
static void a_writer_that_was_cut_short_leaves_what_was_there(void **state) {
    static char bytes[8192];
    (void)state;
    filled(&by_key);
    size_t len = content_of("vault", bytes, sizeof bytes);
    for (size_t cut = 0; cut <= len; cut += 7) {
        content_put("vault.tmp", bytes, cut);
        assert_all_open(&by_key);
    }
    struct vault *vault = opened(&by_key);
    save(vault);
    vault_free(vault);
    assert_int_equal(access(in_folder("vault.tmp"), F_OK), -1);
}

static void write_on(void) {
    for (unsigned i = 0;; i++) {
        char secret[32];
        struct vault *vault = opened(&none);
        snprintf(secret, sizeof secret, "secret %u", i);
        put(vault, "openai", i % 2 ? "sk-q7-the-first" : secret);
        struct error error = {.code = error_none};
        if (i % 5 == 0 && !vault_rekey(vault, &none, &error)) _exit(1);
        if (!vault_save(vault, &error)) _exit(1);
        vault_free(vault);
    }
}

/* Killed at any moment, in a change of keys too: the next one opens everything. */
static void a_writer_that_is_killed_leaves_a_vault_that_opens(void **state) {
    (void)state;
    filled(&none);
    for (unsigned i = 0; i < 25; i++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) write_on();
        usleep(1000 + i * 1700 % 23000);
        kill(child, SIGKILL);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        struct vault *vault = opened(&none);
        char said[256];
        struct text text = text_in_buffer(said, sizeof said);
        assert_false(vault_is_damaged(vault, &text));
        assert_int_equal(vault_count(vault), 3);
        assert_opens(vault, "gemini", "AI-three");
        assert_opens(vault, "groq/second", "gsk-two");
        vault_free(vault);
    }
}

static void a_removed_entry_is_gone_and_the_others_stay(void **state) {
    (void)state;
    filled(&by_key);
    struct vault *vault = opened(&by_key);
    assert_true(vault_remove(vault, STR("groq/second")));
    assert_false(vault_remove(vault, STR("groq/second")));
    save(vault);
    vault_free(vault);
    vault = opened(&by_key);
    assert_int_equal(vault_count(vault), 2);
    assert_opens(vault, "gemini", "AI-three");
    vault_free(vault);
}

/* In the order in which they were given; each is sealed as an entry of its own. */
static void what_waits_takes_its_turn(void **state) {
    struct error error = {.code = error_none};
    (void)state;
    filled(&by_key);
    struct vault *vault = opened(&by_key);
    assert_null(vault_next(vault, STR("openai")));
    assert_false(vault_next_turn(vault, STR("openai"), 60, 2000, &error));
    assert_false(vault_next_add(vault, STR("nobody"), STR("x"), 1500, &error));
    assert_true(vault_next_add(vault, STR("openai"), STR("sk-waits-one"), 1500, &error));
    assert_true(vault_next_add(vault, STR("openai"), STR("sk-waits-two"), 1500, &error));
    assert_true(vault_next_add(vault, STR("groq/second"), STR("gsk-waits"), 1500, &error));
    save(vault);
    vault_free(vault);
    vault = opened(&by_key);
    assert_int_equal(vault_count(vault), 6);
    assert_true(str_eq(vault_next(vault, STR("openai"))->id, STR("openai/.next.1")));
    assert_true(str_eq(vault_next(vault, STR("groq/second"))->id, STR("groq/second.next.1")));
    assert_true(vault_next_turn(vault, STR("openai"), 60, 2000, &error));
    assert_opens_at(vault, "openai", 2001, "sk-waits-one", "sk-q7-the-first");
    assert_true(vault_next_add(vault, STR("openai"), STR("sk-waits-three"), 2001, &error));
    assert_true(vault_next_turn(vault, STR("openai"), 60, 3000, &error));
    assert_opens_at(vault, "openai", 3001, "sk-waits-two", "sk-waits-one");
    assert_true(vault_next_turn(vault, STR("openai"), 0, 4000, &error));
    assert_opens_at(vault, "openai", 4001, "sk-waits-three", NULL);
    assert_null(vault_next(vault, STR("openai")));
    for (unsigned i = 0; i < vault_nexts_max; i++)
        assert_true(vault_next_add(vault, STR("openai"), STR("sk-more"), 5000, &error));
    assert_false(vault_next_add(vault, STR("openai"), STR("sk-more"), 5000, &error));
    assert_opens(vault, "groq/second", "gsk-two");
    vault_free(vault);
}

static void a_vault_opens_by_the_key_of_the_one_before_it(void **state) {
    struct error error = {.code = error_none};
    (void)state;
    filled(&none);
    struct vault *first = opened(&none), *second = vault_open(str_from(folder), &error);
    assert_true(vault_unlock_as(second, first));
    assert_opens(second, "openai", "sk-q7-the-first");
    assert_true(vault_rekey(second, &none, &error));
    save(second);
    struct vault *third = vault_open(str_from(folder), &error);
    assert_false(vault_unlock_as(third, first)); /* it has another one now */
    assert_true(vault_unlock_as(third, second));
    vault_free(first);
    vault_free(second);
    vault_free(third);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        STORY(the_first_entry_makes_a_master_key_and_no_secret_stands_in_the_file),
        STORY(a_file_may_be_descriptor_0),
        STORY(an_entry_opens_for_its_own_provider_and_origin_alone),
        STORY(what_stands_in_clear_cannot_be_changed_under_a_seal),
        STORY(the_wrong_key_and_a_missing_one_are_told_and_lose_nothing),
        STORY(a_master_key_that_others_can_read_is_refused_with_its_cure),
        STORY(a_passphrase_is_asked_for_where_somebody_is_there),
        STORY(a_rotated_secret_is_valid_beside_the_new_one_for_its_time),
        STORY(another_master_key_opens_all_and_the_old_one_nothing),
        STORY(a_change_of_master_keys_that_was_cut_short_is_taken_up),
        STORY(damaged_entries_are_named_and_the_file_is_kept_aside),
        STORY(a_damaged_file_is_kept_aside_ten_times),
        STORY(of_many_damaged_entries_the_first_eight_are_named),
        STORY(a_master_key_that_cannot_be_read_is_told_with_its_reason),
        STORY(what_cannot_be_written_changes_nothing),
        STORY(a_writer_that_was_cut_short_leaves_what_was_there),
        STORY(a_writer_that_is_killed_leaves_a_vault_that_opens),
        STORY(a_removed_entry_is_gone_and_the_others_stay),
        STORY(what_waits_takes_its_turn),
        STORY(a_vault_opens_by_the_key_of_the_one_before_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
