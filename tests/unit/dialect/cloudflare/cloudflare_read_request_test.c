/* cloudflare_read_request_test.c - what a caller of Workers AI says: turns or a prompt, and which of them counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dialect/cloudflare/cloudflare.h"

#define MESSAGES "\"messages\":[{\"role\":\"system\",\"content\":\"turns\"},{\"role\":\"user\",\"content\":\"turns\"}]"
#define PROMPT "\"prompt\":\"alone\""

static void messages_count_beside_a_prompt_whichever_stands_first(void **state) {
    static const struct {
        const char *body, *says;
        size_t count;
    } asked[] = {
        {"{" PROMPT "}", "alone", 1},
        {"{" MESSAGES "}", "turns", 2},
        {"{" MESSAGES "," PROMPT "}", "turns", 2},
        {"{" PROMPT "," MESSAGES "}", "turns", 2},
    };
    (void)state;
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        struct message_request request;
        struct error error;
        struct str param;
        struct arena arena;
        arena_init(&arena, 4096, 1 << 20);
        assert_true(
            cloudflare_read_request(str_from(asked[i].body), STR("m"), false, &arena, &request, &error, &param));
        assert_int_equal(request.message_count, asked[i].count);
        assert_true(str_eq(request.messages[0].parts[0].text, str_from(asked[i].says)));
        arena_free(&arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_count_beside_a_prompt_whichever_stands_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
