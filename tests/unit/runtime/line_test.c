/* line_test.c - a place that is free goes to the loops in turn, and past those where nobody waits. */
#include "runtime/line.h"

#include "../net/net_bench.h"

enum { workers = 4 };

/* The workers share one loop. Whoever waited has left when a place arrives. */
struct line_story {
    struct net_bench net;
    struct worker workers[workers];
    struct provider_cells cells;
    struct provider provider;
};

static void line_story_open(struct line_story *story, unsigned count, unsigned places) {
    memset(story, 0, sizeof *story);
    net_bench_open(&story->net);
    story->provider.cells = &story->cells;
    cell_store(&story->cells.gate, (uint64_t)(uint32_t)-places << 32 | places); /* all in use, each on its way */
    for (unsigned i = 0; i < count; i++) {
        story->workers[i] =
            (struct worker){.index = i, .loop = story->net.loop, .peers = story->workers, .peer_count = count};
        list_init(&story->workers[i].line);
    }
}

static void places_go_to_the_loops_in_turn_and_past_those_where_nobody_waits(void **state) {
    static const struct {
        const char *waiting; /* how many on each loop */
        unsigned from;       /* the loop on which places get free */
        const char *turns;   /* the loop that each goes to; the first one was served last */
    } rows[] = {
        {"3", 0, "000"},    {"0", 0, "00"},      {"11", 0, "101"},      {"01", 1, "111"},      {"10", 1, "000"},
        {"010", 2, "11"},   {"101", 1, "2020"},  {"1111", 0, "123012"}, {"1010", 2, "202020"}, {"0001", 1, "333"},
        {"1101", 3, "130"}, {"9011", 0, "2302"}, {"0000", 3, "00"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct line_story story;
        line_story_open(&story, (unsigned)strlen(rows[i].waiting), (unsigned)strlen(rows[i].turns));
        for (size_t w = 0; rows[i].waiting[w]; w++) story.cells.waiting[w] = (uint32_t)(rows[i].waiting[w] - '0');
        for (const char *turn = rows[i].turns; *turn; turn++) {
            line_advance(&story.workers[rows[i].from], &story.provider);
            unsigned served = (unsigned)cell_load(&story.cells.served);
            if (served != (unsigned)(*turn - '0')) fail_msg("row %zu, \"%s\": %u", i, turn, served);
        }
        memset(story.cells.waiting, 0, sizeof story.cells.waiting);
        assert_true(loop_post(story.net.loop, net_bench_stop, &story.net)); /* behind the places */
        net_bench_run(&story.net, NULL, NULL);
        assert_int_equal(gate_in_use(&story.cells.gate), 0); /* nobody wanted them any more: they are free */
        assert_int_equal(gate_waiting(&story.cells.gate), 0);
        loop_free(story.net.loop);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_go_to_the_loops_in_turn_and_past_those_where_nobody_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
