/* alarm.c - see alarm.h. */
#include "core/alarm.h"

#include <stdlib.h>

bool alarm_holds(const struct alarm *alarm) {
    const double calm = 0.8;
    if (alarm->count < alarm->least) return alarm->lasts && alarm->young;
    return alarm->threshold > 0 && alarm->value >= (alarm->lasts ? calm * alarm->threshold : alarm->threshold);
}

static void trend_note(struct trend *trend, const struct trend_counts *counts, uint64_t now_s) {
    trend->samples[trend->next] = *counts;
    trend->at_s[trend->next] = now_s;
    trend->next = (trend->next + 1) % trend_samples;
    if (trend->count < trend_samples) trend->count++;
}

/* Of the notes, from the oldest on. */
static size_t trend_place(const struct trend *trend, size_t i) {
    return (trend->next + trend_samples - trend->count + i) % trend_samples;
}

/* Counts that fell are another's: of a process that began anew. */
static uint64_t grown(uint64_t now, uint64_t before) { return now > before ? now - before : 0; }

void trend_look(struct trend *trend, const struct trend_counts *counts, uint64_t now_s, uint64_t window_s,
                struct trend_window *window) {
    size_t last = (trend->next + trend_samples - 1) % trend_samples;
    if (trend->count == 0 || now_s >= trend->at_s[last] + (window_s + 9) / 10) trend_note(trend, counts, now_s);
    size_t base = trend_place(trend, 0);
    *window = (struct trend_window){.young = trend->at_s[base] + window_s > now_s};
    for (size_t i = 1; i < trend->count; i++)
        if (trend->at_s[trend_place(trend, i)] + window_s <= now_s) base = trend_place(trend, i);
    window->before = trend->samples[base];
    window->within.good = grown(counts->good, window->before.good);
    window->within.bad = grown(counts->bad, window->before.bad);
    for (size_t i = 0; i < trend_buckets; i++)
        window->within.buckets[i] = grown(counts->buckets[i], window->before.buckets[i]);
}

uint64_t trend_answers(const struct trend_counts *counts) {
    uint64_t answers = 0;
    for (size_t i = 0; i < trend_buckets; i++) answers += counts->buckets[i];
    return answers;
}

uint64_t trend_quantile(const struct trend_counts *counts, const uint64_t most[trend_buckets - 1], double share) {
    double wanted = share * (double)trend_answers(counts), below = 0;
    for (size_t i = 0; i < trend_buckets; i++) {
        double here = (double)counts->buckets[i], lowest = i ? (double)most[i - 1] : 0;
        if (here > 0 && below + here >= wanted) {
            double highest = i < trend_buckets - 1 ? (double)most[i] : lowest;
            return (uint64_t)(lowest + (highest - lowest) * (wanted - below) / here);
        }
        below += here;
    }
    return 0;
}

static int hours_order(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

int64_t spend_usual(int64_t *hours, size_t count) {
    size_t spent = 0;
    for (size_t i = 0; i < count; i++)
        if (hours[i] > 0) hours[spent++] = hours[i];
    if (spent < spend_hours_least) return 0;
    qsort(hours, spent, sizeof *hours, hours_order);
    return hours[(spent * 9 + 9) / 10 - 1];
}

bool spend_burns(int64_t start_s, int64_t end_s, int64_t now_s, uint32_t after_permille, int64_t reached_s) {
    if (!after_permille || end_s == INT64_MAX || end_s <= start_s) return false;
    return (double)(now_s - start_s) * 1000 >= (double)(end_s - start_s) * after_permille && reached_s < end_s;
}
