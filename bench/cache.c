/* cache.c - the share of hits of weir's response cache (S3-FIFO) beside an exact LRU and the optimum of the same room
 * (Belady: what is asked for again latest goes). cache [--json] [REQUESTS] (300,000)
 *
 * Three traces of entries of one size, room for a tenth of the names: zipf (popularity 1/n^0.9 over 20,000 names), scan
 * (the same, with runs of 2,000 names that are asked for once), loop (names one after the other, a fifth more than
 * there is room for, with a zipf request between each two). Drawn from a seed: the figures are the same everywhere. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "core/s3fifo.h"

enum { names = 20000, room = names / 10, entry = 1000, sets = 4096 };

static void *zeroed(size_t count, size_t size) {
    void *at = calloc(count, size);
    if (!at) abort();
    return at;
}

/* -- traces -- */

static double *weights; /* summed up */

static uint32_t zipf(struct prng *prng) {
    double wanted = prng_unit(prng) * weights[names - 1];
    uint32_t low = 0, high = names - 1;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (weights[middle] < wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static uint32_t total; /* names of a trace */

static uint32_t *trace_of(const char *kind, size_t count) {
    enum { scan_every = 10000, scan_len = 2000, loop_len = room + room / 5 };
    uint32_t *trace = zeroed(count, sizeof *trace), once = names;
    struct prng prng;
    prng_seed(&prng, 1);
    for (size_t i = 0; i < count; i++) {
        trace[i] = zipf(&prng);
        if (strcmp(kind, "scan") == 0 && i % scan_every < scan_len) trace[i] = once++;
        if (strcmp(kind, "loop") == 0 && i % 2) trace[i] = names + (uint32_t)(i / 2 % loop_len);
    }
    total = once + (strcmp(kind, "loop") == 0 ? loop_len : 0);
    return trace;
}

/* -- caches -- */

static double s3fifo_share(const uint32_t *trace, size_t count) {
    struct s3fifo queues;
    struct s3fifo_ghost *ghosts = zeroed(sets * s3fifo_ways, sizeof *ghosts);
    struct s3fifo_node *nodes = zeroed(total, sizeof *nodes);
    bool *present = zeroed(total, sizeof *present);
    size_t hits = 0;
    s3fifo_init(&queues, (size_t)room * entry, ghosts, sets);
    for (size_t i = 0; i < count; i++) {
        uint32_t name = trace[i];
        if (present[name]) {
            s3fifo_use(&nodes[name]);
            hits++;
            continue;
        }
        s3fifo_add(&queues, &nodes[name], (name + 1) * UINT64_C(0x9e3779b97f4a7c15), entry);
        present[name] = true;
        for (struct s3fifo_node *gone; (gone = s3fifo_victim(&queues));) present[gone - nodes] = false;
    }
    free(ghosts);
    free(nodes);
    free(present);
    return (double)hits / (double)count;
}

static double lru_share(const uint32_t *trace, size_t count) {
    struct list used, *nodes = zeroed(total, sizeof *nodes);
    size_t hits = 0, kept = 0;
    list_init(&used);
    for (size_t i = 0; i < count; i++) {
        struct list *node = &nodes[trace[i]];
        if (list_linked(node)) {
            hits++;
            list_remove(node);
        } else if (kept++ == room) {
            list_remove(used.prev);
            kept--;
        }
        list_add_first(&used, node);
    }
    free(nodes);
    return (double)hits / (double)count;
}

/* A heap of the kept names by when they are asked for next, the latest on top; entries that have been overtaken stay
 * until they come up. */
struct next_use {
    size_t at;
    uint32_t name;
};

static void heap_up(struct next_use *heap, size_t place) {
    while (place > 0 && heap[(place - 1) / 2].at < heap[place].at) {
        struct next_use other = heap[(place - 1) / 2];
        heap[(place - 1) / 2] = heap[place];
        heap[place] = other;
        place = (place - 1) / 2;
    }
}

static void heap_down(struct next_use *heap, size_t len) {
    for (size_t place = 0, child; (child = 2 * place + 1) < len; place = child) {
        if (child + 1 < len && heap[child + 1].at > heap[child].at) child++;
        if (heap[place].at >= heap[child].at) return;
        struct next_use other = heap[place];
        heap[place] = heap[child];
        heap[child] = other;
    }
}

static double optimum_share(const uint32_t *trace, size_t count) {
    size_t *next = zeroed(count, sizeof *next), *last = zeroed(total, sizeof *last), *due = zeroed(total, sizeof *due);
    struct next_use *heap = zeroed(count, sizeof *heap);
    bool *present = zeroed(total, sizeof *present);
    size_t hits = 0, kept = 0, len = 0;
    for (uint32_t n = 0; n < total; n++) last[n] = SIZE_MAX;
    for (size_t i = count; i-- > 0; last[trace[i]] = i) next[i] = last[trace[i]];
    for (size_t i = 0; i < count; i++) {
        uint32_t name = trace[i];
        hits += present[name];
        kept += !present[name];
        present[name] = true;
        due[name] = next[i];
        heap[len] = (struct next_use){next[i], name};
        heap_up(heap, len++);
        while (kept > room) {
            struct next_use top = heap[0];
            heap[0] = heap[--len];
            heap_down(heap, len);
            if (!present[top.name] || due[top.name] != top.at) continue;
            present[top.name] = false;
            kept--;
        }
    }
    free(next);
    free(last);
    free(due);
    free(heap);
    free(present);
    return (double)hits / (double)count;
}

int main(int argc, char **argv) {
    static const char *const kinds[] = {"zipf", "scan", "loop"};
    bool json = argc > 1 && strcmp(argv[1], "--json") == 0;
    size_t count = argc > 1 + json ? strtoul(argv[1 + json], NULL, 10) : 300000;
    weights = zeroed(names, sizeof *weights);
    for (uint32_t n = 0; n < names; n++) weights[n] = (n ? weights[n - 1] : 0) + 1 / pow(n + 1, 0.9);
    if (json) printf("{");
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        uint32_t *trace = trace_of(kinds[k], count);
        double ours = s3fifo_share(trace, count), lru = lru_share(trace, count), best = optimum_share(trace, count);
        if (json)
            printf("%s\"%s\":{\"s3fifo\":%.4f,\"lru\":%.4f,\"optimum\":%.4f}", k ? "," : "", kinds[k], ours, lru, best);
        else
            printf("%-5s s3fifo %.1f%%  lru %.1f%%  optimum %.1f%%\n", kinds[k], 100 * ours, 100 * lru, 100 * best);
        free(trace);
    }
    if (json) printf("}\n");
    free(weights);
    return 0;
}
