/* vault_file_test.c - the vault's bytes: what was written is read, and what is damaged costs itself alone and is known
 * by its name. */
#include "store/vault_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const char sealed[] = "as if it were sealed, and sixteen more";

static struct vault_record record_of(const char *id, unsigned secrets) {
    struct vault_record record = {.id = str_from(id),
                                  .origin = STR("https://api.example:443 proxy=environment"),
                                  .made_s = 1000,
                                  .rotated_s = -2,
                                  .old_until_s = 1 << 30,
                                  .rotate_after_days = 90,
                                  .sealed_count = secrets};
    record.provider = str_slice(record.id, 0, str_find_byte(record.id, '/'));
    memset(record.key, 7, sizeof record.key);
    for (unsigned i = 0; i < secrets; i++) {
        memset(record.sealed[i].nonce, (int)i + 1, sizeof record.sealed[i].nonce);
        record.sealed[i].bytes = str_make(sealed, 16 + i * 10);
    }
    return record;
}

static struct str written(struct arena *arena) {
    static struct vault_record records[3];
    records[0] = record_of("openai", 1);
    records[1] = record_of("groq/second", 2);
    records[2] = record_of("gemini", 1);
    struct vault_content content = {
        .header = {.kind = vault_by_passphrase, .passes = 3, .memory_kib = 65536}, .records = records, .count = 3};
    struct text out = text_in_arena(arena, 64);
    vault_file_write(&content, &out);
    assert_false(out.failed);
    return text_str(&out);
}

static void what_was_written_is_read(void **state) {
    struct arena arena;
    struct vault_content content;
    const char *problem;
    (void)state;
    arena_init(&arena, 4096, 1 << 20);
    struct str bytes = written(&arena);
    assert_true(vault_file_read(bytes, &arena, &content, &problem));
    assert_int_equal(content.count, 3);
    assert_int_equal(content.damaged, 0);
    assert_false(content.torn);
    assert_int_equal(content.header.kind, vault_by_passphrase);
    assert_int_equal(content.header.memory_kib, 65536);
    const struct vault_record *record = &content.records[1];
    assert_true(str_eq(record->id, STR("groq/second")) && str_eq(record->provider, STR("groq")));
    assert_int_equal(record->sealed_count, 2);
    assert_int_equal(record->rotated_s, -2);
    assert_int_equal(record->rotate_after_days, 90);
    assert_true(str_eq(record->sealed[1].bytes, str_make(sealed, 26)));
    struct text again = text_in_arena(&arena, 64);
    vault_file_write(&content, &again);
    assert_true(str_eq(text_str(&again), bytes));
    arena_free(&arena);
}

/* Every record is whole, or it is among the damaged. */
static void assert_told(const struct vault_content *content) {
    size_t whole = 0;
    for (size_t i = 0; i < content->count; i++) {
        const struct vault_record *record = &content->records[i], wanted = record_of(i == 0   ? "openai"
                                                                                     : i == 1 ? "groq/second"
                                                                                              : "gemini",
                                                                                     i == 1 ? 2 : 1);
        assert_true(str_eq(record->id, wanted.id) && str_eq(record->provider, wanted.provider));
        if (!record->sealed_count) continue;
        whole++;
        assert_int_equal(record->sealed_count, wanted.sealed_count);
        assert_true(str_eq(record->origin, wanted.origin));
        assert_memory_equal(record->key, wanted.key, sizeof record->key);
        assert_true(str_eq(record->sealed[0].bytes, wanted.sealed[0].bytes));
    }
    assert_int_equal(whole + content->damaged, content->count);
}

/* Both headers name every entry, so that one flipped bit, wherever it is, costs one entry at most. */
static void a_flipped_bit_costs_one_entry_at_most_and_is_told(void **state) {
    struct arena arena;
    (void)state;
    arena_init(&arena, 4096, 1 << 26);
    struct str bytes = written(&arena);
    char *copy = arena_take(&arena, bytes.len);
    assert_non_null(copy);
    for (size_t i = 0; i < bytes.len * 8; i++) {
        struct vault_content content;
        const char *problem;
        struct arena scratch;
        arena_init(&scratch, 4096, 1 << 20);
        memcpy(copy, bytes.at, bytes.len);
        copy[i / 8] = (char)(copy[i / 8] ^ 1 << i % 8);
        assert_true(vault_file_read(str_make(copy, bytes.len), &scratch, &content, &problem));
        assert_true(content.torn);
        assert_int_equal(content.count, 3);
        assert_true(content.damaged <= 1);
        assert_told(&content);
        arena_free(&scratch);
    }
    arena_free(&arena);
}

/* Cut anywhere: what stands before the cut is read, and the rest known by its name. */
static void a_file_that_was_cut_is_read_as_far_as_it_goes(void **state) {
    struct arena arena;
    size_t read = 0;
    (void)state;
    arena_init(&arena, 4096, 1 << 26);
    struct str bytes = written(&arena);
    for (size_t len = 0; len < bytes.len; len++) {
        struct vault_content content;
        const char *problem = "";
        struct arena scratch;
        arena_init(&scratch, 4096, 1 << 20);
        if (vault_file_read(str_slice(bytes, 0, len), &scratch, &content, &problem)) {
            assert_true(content.torn);
            assert_told(&content);
            assert_true(content.count - content.damaged >= read);
            read = content.count - content.damaged;
        } else {
            assert_int_equal(read, 0);
            assert_true(problem[0]);
        }
        arena_free(&scratch);
    }
    assert_int_equal(read, 3);
    arena_free(&arena);
}

static void what_is_no_vault_is_said_to_be_none(void **state) {
    static const struct {
        struct str bytes;
        const char *problem;
    } rows[] = {{STR(""), "it is no vault"},
                {STR("providers: {}\n"), "it is no vault"},
                {STR("weirvlt2 and what a later version writes"), "it is of a later version of weir, or damaged"},
                {STR("weirvlt1"), "it is damaged at its beginning and at its end"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena arena;
        struct vault_content content;
        const char *problem = "";
        arena_init(&arena, 4096, 1 << 20);
        assert_false(vault_file_read(rows[i].bytes, &arena, &content, &problem));
        assert_string_equal(problem, rows[i].problem);
        arena_free(&arena);
    }
}

static void names_are_a_providers_and_one_of_its_own(void **state) {
    (void)state;
    static const char *const good[] = {"openai", "groq_2", "a/b", "A.b-c/1"}, *const bad[] = {
                                                                                  "",      "/",        "a/",
                                                                                  "/a",    "a/b/c",    "a b",
                                                                                  "a/b\n", "\xc3\xa4", "a:b"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) assert_true(vault_id_is_valid(str_from(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_false(vault_id_is_valid(str_from(bad[i])));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(a_flipped_bit_costs_one_entry_at_most_and_is_told),
        cmocka_unit_test(a_file_that_was_cut_is_read_as_far_as_it_goes),
        cmocka_unit_test(what_is_no_vault_is_said_to_be_none),
        cmocka_unit_test(names_are_a_providers_and_one_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
