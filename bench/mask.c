/* mask.c - what it costs to look for a provider's credentials in what it answers: gigabytes a second, of a stream's
 * events as they come (300 bytes), of prose in whole reads (64 KB), and of base64. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mask.h"
#include "base/prng.h"

enum { text_bytes = 64 * 1024, rounds_bytes = 1 << 30, keys_max = 100 };

static uint64_t clock_ns(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (uint64_t)at.tv_sec * 1000000000ull + (uint64_t)at.tv_nsec;
}

static const char event[] =
    "data: {\"id\":\"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT\",\"object\":\"chat.completion.chunk\",\"created\":"
    "1741570283,\"model\":\"gpt-4.1\",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_6dd05565ef\","
    "\"choices\":"
    "[{\"index\":0,\"delta\":{\"content\":\" The quick brown fox\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n";

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void measure(const char *name, const struct mask *mask, struct str text, size_t piece) {
    struct mask_stream stream = {.held = NULL};
    struct arena scratch;
    struct str out;
    size_t passed = 0, done = 0;
    arena_init(&scratch, 16 * 1024, SIZE_MAX);
    uint64_t began = clock_ns();
    while (done < rounds_bytes) {
        for (size_t at = 0; at < text.len; at += piece) {
            if (!mask_pass(mask, &stream, str_slice(text, at, at + piece), &scratch, &out)) exit(1);
            passed += out.len;
        }
        done += text.len;
        if (scratch.newest) arena_reset(&scratch);
    }
    uint64_t took = clock_ns() - began;
    printf("%-28s %6.2f GB/s  %7.1f ns a piece of %zu\n", name, (double)done / (double)took,
           (double)took * (double)piece / (double)done, piece);
    if (passed + stream.held_len != done) printf("  %zu bytes of %zu passed\n", passed, done);
    mask_stream_free(&stream);
}

int main(void) {
    static char events[text_bytes], prose[text_bytes], base64[text_bytes], keys[keys_max][64];
    struct str credentials[keys_max];
    struct prng prng;
    struct arena arena;
    size_t len = sizeof event - 1, many = text_bytes / len * len;
    prng_seed(&prng, 3);
    arena_init(&arena, 64 * 1024, SIZE_MAX);
    for (size_t i = 0; i < many; i++) events[i] = event[i % len];
    for (size_t i = 0; i < text_bytes; i++) {
        prose[i] = prng_below(&prng, 6) ? letters[26 + prng_below(&prng, 26)] : ' ';
        base64[i] = letters[prng_below(&prng, 64)];
    }
    for (size_t k = 0; k < keys_max; k++) {
        for (size_t i = 0; i < 64; i++) keys[k][i] = i < 8 ? "sk-proj-"[i] : letters[prng_below(&prng, 62)];
        credentials[k] = str_make(keys[k], 64);
    }
    for (size_t count = 1; count <= keys_max; count *= 10) {
        const struct mask *mask;
        if (!mask_new(credentials, count, mask_shortest_anywhere, &arena, &mask)) return 1;
        printf("%zu key%s\n", count, count == 1 ? "" : "s");
        measure("events, one a read", mask, str_make(events, many), len);
        measure("events, in reads of 16 KB", mask, str_make(events, many), 16 * 1024);
        measure("prose", mask, str_make(prose, text_bytes), text_bytes);
        measure("base64", mask, str_make(base64, text_bytes), text_bytes);
    }
    arena_free(&arena);
    return 0;
}
