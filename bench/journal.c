/* journal.c - records a second that one worker writes into its journal, each as an attempt that is sent and settled,
 * with what makes the room for them; by the time of the processor. journal [RECORDS] (1,000,000) */
#include "store/journal.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool take(void *context, struct journal_source source, const struct record *record) {
    (void)source, (void)record;
    ++*(uint64_t *)context;
    return true;
}

static struct record record_of(const struct journal *journal, uint64_t number) {
    struct record record = {.texts = {[record_request_id] = STR("req_6afb4d67fc2243de3a639a2a"),
                                      [record_endpoint] = STR("chat"),
                                      [record_outcome] = STR("ok"),
                                      [record_provider] = STR("openai"),
                                      [record_model] = STR("gpt-4o-mini"),
                                      [record_client] = STR("app"),
                                      [record_route] = STR("fast"),
                                      [record_owner] = STR("search|acme"),
                                      [record_metered] = STR("")},
                            .words = {[record_asked] = journal_word(journal, STR("fast"))}};
    for (size_t i = 0; i < record_numbers; i++) record.numbers[i] = i < record_provider_nano_usd ? (int64_t)number : -1;
    return record;
}

static int drop(const char *path, const struct stat *facts, int kind, struct FTW *place) {
    (void)facts, (void)kind, (void)place;
    return remove(path);
}

int main(int argc, char **argv) {
    char folder[] = "/tmp/weir-journal-XXXXXX", problem[512] = "";
    const uint64_t records = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    uint64_t told = 0, number = 0;
    double working = 0;
    if (!hash_start() || !mkdtemp(folder)) return 1;
    struct journal *journal = journal_open(folder, 1, 64u << 20, problem, sizeof problem);
    bool good = journal != NULL;
    double began = seconds();
    while (good && number < records) {
        double from = seconds();
        for (; good && number < records && !journal_wants_room(journal, 0); number++) {
            struct record record = record_of(journal, number);
            struct journal_sent *sent = journal_send(journal, 0, &record, 0);
            good = sent && journal_add(journal, 0, &record);
            if (sent) journal_settled(journal, 0, sent);
        }
        working += seconds() - from;
        while (journal_tell(journal, 8192, take, &told)) continue;
        journal_keep(journal);
        good = good && journal_provide(journal, problem, sizeof problem);
    }
    double all = seconds() - began;
    if (good)
        printf("{\"records\": %llu, \"per_second\": %.0f, \"per_second_with_reading\": %.0f}\n",
               (unsigned long long)number, (double)number / working, (double)number / all);
    else
        fprintf(stderr, "journal: after %llu: %s\n", (unsigned long long)number, problem);
    journal_close(journal);
    (void)nftw(folder, drop, 16, FTW_DEPTH | FTW_PHYS);
    return !good;
}
