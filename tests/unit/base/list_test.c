/* list_test.c - the ring of nodes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/list.h"

struct item {
    int number;
    struct list node;
};

static int joined(struct list *head) {
    int all = 0;
    LIST_EACH (at, head) all = all * 10 + LIST_OWNER(at, struct item, node)->number;
    return all;
}

static void nodes_keep_their_order(void **state) {
    (void)state;
    struct list head;
    struct item items[4] = {{.number = 1}, {.number = 2}, {.number = 3}, {.number = 4}};
    list_init(&head);
    assert_true(list_empty(&head));
    list_add_last(&head, &items[1].node);
    list_add_last(&head, &items[2].node);
    list_add_first(&head, &items[0].node);
    list_add_before(&items[2].node, &items[3].node);
    assert_int_equal(joined(&head), 1243);
    assert_true(list_linked(&items[3].node));
    list_remove(&items[1].node);
    assert_int_equal(joined(&head), 143);
    assert_false(list_linked(&items[1].node));
    list_add_first(&head, &items[1].node);
    assert_int_equal(joined(&head), 2143);
}

static void removing_what_is_in_no_list_is_fine(void **state) {
    (void)state;
    struct item zeroed = {0}, made = {0};
    list_init(&made.node);
    list_remove(&zeroed.node);
    list_remove(&made.node);
    list_remove(&made.node);
    assert_false(list_linked(&zeroed.node) || list_linked(&made.node));
}

static void all_can_be_removed_on_the_walk(void **state) {
    (void)state;
    struct list head;
    struct item items[5] = {0};
    int seen = 0;
    list_init(&head);
    for (int i = 0; i < 5; i++) list_add_last(&head, &items[i].node);
    LIST_EACH_SAFE (at, following, &head) {
        list_remove(at);
        seen++;
    }
    assert_int_equal(seen, 5);
    assert_true(list_empty(&head));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(nodes_keep_their_order),
                                       cmocka_unit_test(removing_what_is_in_no_list_is_fine),
                                       cmocka_unit_test(all_can_be_removed_on_the_walk)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
